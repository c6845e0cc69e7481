//! A snapshot on its way into a file.

use std::task::Poll;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::poll;
use towline_core::seams::snapshot::SnapshotWriteError;
use towline_core::seams::{SnapshotWriter, Storage, StorageError};

/// So much is given to the disk at once: it writes while more is made, and little is
/// left to wait for at the end.
const SYNC_BYTES: usize = 16 << 20;

/// Writes beside the present file and puts the new one in its place at the end,
/// so that there is a whole one at every moment.
pub struct FileWriter<'a> {
    storage: &'a dyn Storage,
    temporary: String,
    name: String,
    unsynced_bytes: usize,
    /// Brings what was written so far to the disk while more is written.
    syncing: Option<BoxFuture<'a, Result<(), StorageError>>>,
}

impl<'a> FileWriter<'a> {
    /// Starts the file `temporary`, which becomes `name` once it is whole.
    ///
    /// # Errors
    /// Where the storage makes no such file.
    pub async fn create(
        storage: &'a dyn Storage,
        temporary: &str,
        name: &str,
    ) -> Result<Self, StorageError> {
        storage.create(temporary).await?;
        Ok(Self {
            storage,
            temporary: temporary.to_owned(),
            name: name.to_owned(),
            unsynced_bytes: 0,
            syncing: None,
        })
    }

    /// Begins to sync where there is enough for it, and looks how far that is.
    async fn sync_along(&mut self) -> Result<(), StorageError> {
        if self.syncing.is_none() && self.unsynced_bytes >= SYNC_BYTES {
            self.unsynced_bytes = 0;
            let (storage, name) = (self.storage, self.temporary.clone());
            self.syncing = Some(Box::pin(async move { storage.sync(&name).await }));
        }
        let Some(syncing) = &mut self.syncing else {
            return Ok(());
        };
        match poll!(syncing) {
            Poll::Pending => Ok(()),
            Poll::Ready(synced) => {
                self.syncing = None;
                synced
            }
        }
    }
}

#[async_trait]
impl SnapshotWriter for FileWriter<'_> {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), SnapshotWriteError> {
        self.unsynced_bytes += block.len();
        self.storage.append(&self.temporary, block).await?;
        Ok(self.sync_along().await?)
    }

    /// Contents before the name: a crash in between must not find the name on
    /// a file that is not whole.
    async fn finish(&mut self) -> Result<(), SnapshotWriteError> {
        if let Some(syncing) = self.syncing.take() {
            syncing.await?;
        }
        self.storage.sync(&self.temporary).await?;
        self.storage.rename(&self.temporary, &self.name).await?;
        self.storage.sync_dir().await?;
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), SnapshotWriteError> {
        self.syncing = None;
        match self.storage.remove(&self.temporary).await {
            // It was renamed already, or never came to be.
            Ok(()) | Err(StorageError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
