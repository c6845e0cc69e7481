//! A snapshot on its way into a file.

use async_trait::async_trait;
use towline_core::seams::snapshot::SnapshotWriteError;
use towline_core::seams::{SnapshotWriter, Storage, StorageError};

/// Writes beside the present file and puts the new one in its place at the end,
/// so that there is a whole one at every moment.
pub struct FileWriter<'a> {
    storage: &'a dyn Storage,
    temporary: String,
    name: String,
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
        })
    }
}

#[async_trait]
impl SnapshotWriter for FileWriter<'_> {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), SnapshotWriteError> {
        self.storage.append(&self.temporary, block).await?;
        Ok(())
    }

    /// Contents before the name: a crash in between must not find the name on
    /// a file that is not whole.
    async fn finish(&mut self) -> Result<(), SnapshotWriteError> {
        self.storage.sync(&self.temporary).await?;
        self.storage.rename(&self.temporary, &self.name).await?;
        self.storage.sync_dir().await?;
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), SnapshotWriteError> {
        match self.storage.remove(&self.temporary).await {
            // It was renamed already, or never came to be.
            Ok(()) | Err(StorageError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
