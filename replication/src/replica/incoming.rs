//! Where a snapshot goes while it arrives: `repl-diskless-load`.
//!
//! ```text
//!   disabled                     link ─► file ─► loader      the memory of a second dataset
//!   on-empty-db, where it is not                             is taken once all has arrived
//!   on-empty-db, where it is     link ─► loader
//!   swapdb, flush-before-load    link ─► loader
//! ```
//! In every mode the dataset that is served stays until the new one is whole
//! and its checksum holds.

use super::loader::{LoadError, Loader};
use crate::node::Inner;
use std::fmt;
use std::sync::Arc;
use towline_core::config::DisklessLoad;
use towline_core::keyspace::Dataset;
use towline_core::seams::StorageError;

/// How much is written to the file, and read from it, at once.
const BLOCK_BYTES: usize = 256 << 10;

/// Why a snapshot that arrived, or was arriving, cannot be used.
#[derive(Debug)]
pub(super) enum IncomingError {
    /// It is no good.
    Load(LoadError),
    /// The file could not be written or read.
    Storage(StorageError),
    /// Somebody else changed the file.
    CutShort,
}

impl fmt::Display for IncomingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::CutShort => f.write_str("its temporary file was cut short by somebody else"),
        }
    }
}

impl From<LoadError> for IncomingError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<StorageError> for IncomingError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Whether a snapshot is loaded as it arrives; else it goes to a file first.
pub(super) const fn loads_at_once(mode: DisklessLoad, dataset_is_empty: bool) -> bool {
    match mode {
        DisklessLoad::Disabled => false,
        DisklessLoad::OnEmptyDb => dataset_is_empty,
        DisklessLoad::SwapDb | DisklessLoad::FlushBeforeLoad => true,
    }
}

/// A snapshot on its way in.
pub(super) struct Incoming {
    loader: Loader,
    file: Option<TemporaryFile>,
}

/// The snapshot's file. It goes with this, however the link ends.
struct TemporaryFile {
    node: Arc<Inner>,
    name: String,
    /// Arrived and not written yet.
    pending: Vec<u8>,
    written: u64,
    loaded: u64,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let (node, name) = (Arc::clone(&self.node), std::mem::take(&mut self.name));
        let task = async move {
            match node.parts.storage.remove(&name).await {
                // It was never made where nothing arrived.
                Ok(()) | Err(StorageError::NotFound { .. }) => {}
                Err(error) => {
                    let text = format!("Removing the temporary file of a sync: {error}");
                    node.parts.store.with(|_, host| host.log(&text));
                }
            }
        };
        self.node.parts.runtime.spawn(Box::pin(task));
    }
}

impl Incoming {
    /// One that is loaded as it arrives.
    pub(super) const fn loaded_at_once(loader: Loader) -> Self {
        Self { loader, file: None }
    }

    /// One that is received whole and loaded then.
    pub(super) async fn filed(node: Arc<Inner>, loader: Loader) -> Result<Self, IncomingError> {
        let name = format!("temp-{:016x}.rdb", node.random_u64());
        let file = TemporaryFile {
            node,
            name,
            pending: Vec::new(),
            written: 0,
            loaded: 0,
        };
        file.node.parts.storage.create(&file.name).await?;
        let file = Some(file);
        Ok(Self { loader, file })
    }

    /// Takes what arrived.
    pub(super) async fn take(&mut self, part: &[u8]) -> Result<(), IncomingError> {
        let Some(file) = &mut self.file else {
            return Ok(self.loader.feed(part)?);
        };
        file.pending.extend_from_slice(part);
        if file.pending.len() >= BLOCK_BYTES {
            file.write().await?;
        }
        Ok(())
    }

    /// Goes on loading, once all has arrived; false where all is loaded.
    pub(super) async fn load_some(&mut self) -> Result<bool, IncomingError> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        file.write().await?;
        if file.loaded == file.written {
            return Ok(false);
        }
        let storage = &file.node.parts.storage;
        let block = storage.read(&file.name, file.loaded, BLOCK_BYTES).await?;
        if block.is_empty() {
            return Err(IncomingError::CutShort);
        }
        file.loaded += block.len() as u64;
        self.loader.feed(&block)?;
        Ok(true)
    }

    /// The whole dataset.
    pub(super) fn finish(self) -> Result<Dataset, IncomingError> {
        Ok(self.loader.finish()?)
    }
}

impl TemporaryFile {
    async fn write(&mut self) -> Result<(), StorageError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.pending);
        self.written += block.len() as u64;
        self.node.parts.storage.append(&self.name, block).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directive_and_the_dataset_decide_whether_there_is_a_file() {
        use DisklessLoad::{Disabled, FlushBeforeLoad, OnEmptyDb, SwapDb};
        for (mode, when_empty, when_not) in [
            (Disabled, false, false),
            (OnEmptyDb, true, false),
            (SwapDb, true, true),
            (FlushBeforeLoad, true, true),
        ] {
            assert_eq!(loads_at_once(mode, true), when_empty, "{mode:?}");
            assert_eq!(loads_at_once(mode, false), when_not, "{mode:?}");
        }
    }
}
