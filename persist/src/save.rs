//! A snapshot of the served dataset into a file of a [`Storage`].
//!
//! The file is written beside the present one, synced, and renamed over it, so
//! that there is a whole one at every moment. The engine's lock is taken for a
//! slice of the walk at a time.

use std::fmt;

use towline_core::engine::Engine;
use towline_core::keyspace::SnapshotWalk;
use towline_core::keyspace::snapshot_walk::Step;
use towline_core::seams::snapshot::{EncodeError, SnapshotMeta};
use towline_core::seams::{SnapshotCodec, Storage, StorageError, Store};

/// About how much is appended to the file at once.
const BLOCK_BYTES: usize = 256 << 10;
/// Home groups visited under the lock at once: about 500 entries.
const GROUPS_PER_SLICE: usize = 64;

/// Why there is no new snapshot. The old one, if any, is untouched.
#[derive(Debug)]
pub enum SaveError {
    /// The file could not be written.
    Storage(StorageError),
    /// The format cannot hold a value.
    Encode(EncodeError),
    /// The caller no longer wants it.
    Cancelled,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Cancelled => f.write_str("it was cancelled"),
        }
    }
}

impl std::error::Error for SaveError {}

impl From<StorageError> for SaveError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<EncodeError> for SaveError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// What to write, and where.
pub struct SaveJob<'a> {
    /// The engine.
    pub store: &'a dyn Store,
    /// The directory.
    pub storage: &'a dyn Storage,
    /// The format.
    pub codec: &'a dyn SnapshotCodec,
    /// The file's name.
    pub name: &'a str,
    /// The name while it is being written.
    pub temporary: &'a str,
}

/// Tells how far a save is, and whether it is still wanted.
pub trait Watcher: Send {
    /// Called under the lock at the instant of the freeze; answers what the
    /// snapshot says of itself.
    fn frozen(&mut self, engine: &mut Engine, keys_total: u64) -> SnapshotMeta;

    /// Called under the lock now and then; false gives up.
    fn progress(&mut self, engine: &mut Engine, keys: u64) -> bool;
}

impl SaveJob<'_> {
    /// Writes the snapshot.
    ///
    /// # Errors
    /// See [`SaveError`]; what was written of the new file is removed.
    pub async fn run(&self, watcher: &mut dyn Watcher) -> Result<(), SaveError> {
        self.storage.create(self.temporary).await?;
        let mut walk = self.store.with(|engine, _| {
            let keys_total = engine.keyspace.len() as u64;
            let meta = watcher.frozen(engine, keys_total);
            SnapshotWalk::begin(&mut engine.keyspace, self.codec, &meta)
        });
        let written = self.write(&mut walk, watcher).await;
        self.store.with(|engine, _| walk.end(&mut engine.keyspace));
        let placed = match written {
            Ok(()) => self.place().await,
            Err(error) => Err(error),
        };
        if placed.is_err() {
            // The error that made it useless is the one to tell.
            let _ = self.storage.remove(self.temporary).await;
        }
        placed
    }

    async fn write(
        &self,
        walk: &mut SnapshotWalk,
        watcher: &mut dyn Watcher,
    ) -> Result<(), SaveError> {
        loop {
            let step = walk.encode(BLOCK_BYTES)?;
            if walk.pending_bytes() >= BLOCK_BYTES || step == Step::Done {
                self.storage
                    .append(self.temporary, walk.take_block())
                    .await?;
            }
            match step {
                Step::Done => return Ok(()),
                Step::Encode => {}
                Step::Collect => {
                    let wanted = self.store.with(|engine, _| {
                        walk.collect(&mut engine.keyspace, GROUPS_PER_SLICE)?;
                        Ok::<bool, EncodeError>(watcher.progress(engine, walk.keys()))
                    })?;
                    if !wanted {
                        return Err(SaveError::Cancelled);
                    }
                }
            }
        }
    }

    async fn place(&self) -> Result<(), SaveError> {
        self.storage.sync(self.temporary).await?;
        self.storage.rename(self.temporary, self.name).await?;
        self.storage.sync_dir().await?;
        Ok(())
    }
}
