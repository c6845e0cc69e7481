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
//!
//! With a log on disk, what arrives is also what that log will begin with: it is
//! written to a file of the log's, which is the one to load from where there is one
//! to load from, so that the dataset is written once.

use super::loader::{LoadError, Loader};
use crate::node::Inner;
use std::fmt;
use std::sync::Arc;
use towline_core::config::DisklessLoad;
use towline_core::keyspace::Dataset;
use towline_core::seams::{Storage, StorageError, StreamArchive};

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
    /// It is loaded as it arrives, also where there is a file.
    at_once: bool,
}

/// A dataset that arrived, and the file that holds it where the log is to keep it.
pub(super) struct Arrived {
    pub(super) dataset: Dataset,
    pub(super) base: Option<ArrivedBase>,
}

/// See [`Arrived`]. The file goes with this unless the log has taken it.
pub(super) struct ArrivedBase {
    file: TemporaryFile,
    archive: Arc<dyn StreamArchive>,
    format: &'static str,
}

impl ArrivedBase {
    /// Does `restart`, which lets the log begin anew, with this to begin with. Called
    /// under the engine's lock.
    pub(super) fn given<R>(mut self, restart: impl FnOnce() -> R) -> R {
        self.archive.offer_base(&self.file.name, self.format);
        let result = restart();
        self.file.is_kept = !self.archive.withdraw_base();
        result
    }
}

/// The snapshot's file. It goes with this, however the link ends.
struct TemporaryFile {
    node: Arc<Inner>,
    storage: Arc<dyn Storage>,
    name: String,
    /// The log whose file it is.
    archive: Option<Arc<dyn StreamArchive>>,
    /// Somebody else has it now.
    is_kept: bool,
    /// Arrived and not written yet.
    pending: Vec<u8>,
    written: u64,
    loaded: u64,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (node, name) = (Arc::clone(&self.node), std::mem::take(&mut self.name));
        let storage = Arc::clone(&self.storage);
        let task = async move {
            match storage.remove(&name).await {
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
    /// One that is loaded as it arrives, or received whole and loaded then.
    pub(super) async fn begin(
        node: Arc<Inner>,
        loader: Loader,
        at_once: bool,
    ) -> Result<Self, IncomingError> {
        let file = match (node.archive(), at_once) {
            (None, true) => None,
            (archive, _) => Some(TemporaryFile::create(node, archive).await?),
        };
        Ok(Self {
            loader,
            file,
            at_once,
        })
    }

    /// Keys loaded so far.
    pub(super) const fn keys(&self) -> u64 {
        self.loader.keys()
    }

    /// How much of the file was read again.
    pub(super) fn loaded_bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.loaded)
    }

    /// Takes what arrived.
    pub(super) async fn take(&mut self, part: &[u8]) -> Result<(), IncomingError> {
        if self.at_once {
            self.loader.feed(part)?;
        }
        let Some(file) = &mut self.file else {
            return Ok(());
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
        if self.at_once || file.loaded == file.written {
            return Ok(false);
        }
        let block = file.storage.read(&file.name, file.loaded, BLOCK_BYTES);
        let block = block.await?;
        if block.is_empty() {
            return Err(IncomingError::CutShort);
        }
        file.loaded += block.len() as u64;
        self.loader.feed(&block)?;
        Ok(true)
    }

    /// Makes the file that the log is to keep durable.
    pub(super) async fn seal(&mut self) -> Result<(), IncomingError> {
        if let Some(file) = self.file.as_ref().filter(|file| file.archive.is_some()) {
            file.storage.sync(&file.name).await?;
        }
        Ok(())
    }

    /// The whole dataset.
    pub(super) fn finish(self) -> Result<Arrived, IncomingError> {
        let format = self.loader.format();
        let dataset = self.loader.finish()?;
        let base = self.file.and_then(|mut file| {
            Some(ArrivedBase {
                archive: file.archive.take()?,
                format: format?,
                file,
            })
        });
        Ok(Arrived { dataset, base })
    }
}

impl TemporaryFile {
    /// A file of the log's, where there is a log.
    async fn create(
        node: Arc<Inner>,
        archive: Option<Arc<dyn StreamArchive>>,
    ) -> Result<Self, StorageError> {
        let (storage, name) = match &archive {
            Some(archive) => archive.new_base().await?,
            None => {
                let storage = Arc::clone(&node.parts.storage);
                let name = format!("temp-{:016x}.rdb", node.random_u64());
                storage.create(&name).await?;
                (storage, name)
            }
        };
        Ok(Self {
            node,
            storage,
            name,
            archive,
            is_kept: false,
            pending: Vec::new(),
            written: 0,
            loaded: 0,
        })
    }

    async fn write(&mut self) -> Result<(), StorageError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.pending);
        self.written += block.len() as u64;
        self.storage.append(&self.name, block).await?;
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
