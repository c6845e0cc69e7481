//! A snapshot of the served dataset into a file of a [`Storage`], or into any
//! other [`SnapshotWriter`]. The engine's lock is taken for a slice of the walk
//! at a time.

use std::fmt;

use towline_core::engine::Engine;
use towline_core::keyspace::SnapshotWalk;
use towline_core::keyspace::snapshot_walk::Step;
use towline_core::seams::snapshot::{EncodeError, SnapshotMeta, SnapshotWriteError};
use towline_core::seams::{SnapshotCodec, SnapshotWriter, Storage, StorageError, Store};

use crate::storage::FileWriter;

/// About how much is appended to the file at once.
const BLOCK_BYTES: usize = 256 << 10;
/// Home groups visited under the lock at once: about 500 entries.
const GROUPS_PER_SLICE: usize = 64;

/// Why there is no new snapshot. The old one, if any, is untouched.
#[derive(Debug)]
pub enum SaveError {
    /// It could not be written.
    Write(SnapshotWriteError),
    /// The format cannot hold a value.
    Encode(EncodeError),
    /// The caller no longer wants it.
    Cancelled,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Cancelled => f.write_str("it was cancelled"),
        }
    }
}

impl std::error::Error for SaveError {}

impl From<StorageError> for SaveError {
    fn from(error: StorageError) -> Self {
        Self::Write(error.into())
    }
}

impl From<SnapshotWriteError> for SaveError {
    fn from(error: SnapshotWriteError) -> Self {
        Self::Write(error)
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
    /// Writes the snapshot beside the present one and puts it in its place.
    ///
    /// # Errors
    /// See [`SaveError`]; what was written of the new file is removed.
    pub async fn run(&self, watcher: &mut dyn Watcher) -> Result<(), SaveError> {
        let mut file = FileWriter::create(self.storage, self.temporary, self.name).await?;
        write_snapshot(self.store, self.codec, &mut file, watcher).await
    }
}

/// Writes a snapshot of the dataset as it is now.
///
/// # Errors
/// See [`SaveError`]; the writer was then told to give up.
pub async fn write_snapshot(
    store: &dyn Store,
    codec: &dyn SnapshotCodec,
    writer: &mut dyn SnapshotWriter,
    watcher: &mut dyn Watcher,
) -> Result<(), SaveError> {
    let mut walk = store.with(|engine, _| {
        let keys_total = engine.keyspace.len() as u64;
        let meta = watcher.frozen(engine, keys_total);
        SnapshotWalk::begin(&mut engine.keyspace, codec, &meta)
    });
    let written = write_walk(store, &mut walk, writer, watcher).await;
    store.with(|engine, _| walk.end(&mut engine.keyspace));
    let finished = match written {
        Ok(()) => writer.finish().await.map_err(SaveError::from),
        Err(error) => Err(error),
    };
    if finished.is_err() {
        // The error that made it useless is the one to tell.
        let _ = writer.abort().await;
    }
    finished
}

async fn write_walk(
    store: &dyn Store,
    walk: &mut SnapshotWalk,
    writer: &mut dyn SnapshotWriter,
    watcher: &mut dyn Watcher,
) -> Result<(), SaveError> {
    loop {
        let step = walk.encode(BLOCK_BYTES)?;
        if walk.pending_bytes() >= BLOCK_BYTES || step == Step::Done {
            writer.write(walk.take_block()).await?;
        }
        match step {
            Step::Done => return Ok(()),
            Step::Encode => {}
            Step::Collect => {
                let wanted = store.with(|engine, _| {
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
