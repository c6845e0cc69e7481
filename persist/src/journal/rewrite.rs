//! A new base on its way.

use std::sync::Arc;

use async_trait::async_trait;
use towline_core::seams::snapshot::SnapshotWriteError;
use towline_core::seams::{SnapshotWriter, Storage, StorageError};

use super::base_note::FileSum;
use super::naming;
use crate::crc::Crc64;

/// Names a change of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutId(pub(super) u64);

/// A base that is whole and durable, under a temporary name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseFile {
    pub(super) temporary: String,
    pub(super) extension: String,
    /// Of what was written, where that is known.
    pub(super) sum: FileSum,
}

/// Takes a snapshot that is to become the log's base.
pub struct BaseWriter {
    storage: Arc<dyn Storage>,
    file: BaseFile,
}

impl BaseWriter {
    pub(super) async fn create(
        storage: Arc<dyn Storage>,
        name: &str,
        number: u64,
        extension: &str,
    ) -> Result<Self, StorageError> {
        let file = BaseFile {
            temporary: naming::temporary_base(name, number, extension),
            extension: extension.to_owned(),
            sum: FileSum::default(),
        };
        storage.create(&file.temporary).await?;
        Ok(Self { storage, file })
    }

    /// What to commit, once [`finish`](SnapshotWriter::finish) has returned `Ok`.
    #[must_use]
    pub fn file(&self) -> BaseFile {
        self.file.clone()
    }
}

#[async_trait]
impl SnapshotWriter for BaseWriter {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), SnapshotWriteError> {
        let mut crc = Crc64::resume(self.file.sum.crc);
        crc.update(&block);
        self.file.sum.crc = crc.value();
        self.file.sum.bytes = self.storage.append(&self.file.temporary, block).await?;
        Ok(())
    }

    /// Makes the contents durable. The name is the commit's.
    async fn finish(&mut self) -> Result<(), SnapshotWriteError> {
        self.storage.sync(&self.file.temporary).await?;
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), SnapshotWriteError> {
        match self.storage.remove(&self.file.temporary).await {
            Ok(()) | Err(StorageError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
