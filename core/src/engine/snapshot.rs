//! From a walk to a writer, beside the commands of clients: what BGSAVE and a
//! full sync have in common. The engine's lock is taken for a slice at a time.

use std::fmt;

use super::Engine;
use crate::keyspace::SnapshotWalk;
use crate::keyspace::snapshot_walk::Step;
use crate::seams::runtime::yield_now;
use crate::seams::snapshot::{EncodeError, SnapshotWriteError};
use crate::seams::{Host, SnapshotWriter, StorageError, Store};

/// About how much is written at once.
const BLOCK_BYTES: usize = 256 << 10;
/// How long a slice of the walk holds the engine's lock, nanoseconds. Waking a
/// thread that waits for it costs about a third of that.
const SLICE_NS: u64 = 100_000;

/// Why a snapshot could not be taken.
#[derive(Debug)]
pub enum SnapshotError {
    /// It could not be written.
    Write(SnapshotWriteError),
    /// The format cannot hold a value.
    Encode(EncodeError),
    /// The caller no longer wants it.
    Cancelled,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Cancelled => f.write_str("it was cancelled"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<StorageError> for SnapshotError {
    fn from(error: StorageError) -> Self {
        Self::Write(error.into())
    }
}

impl From<SnapshotWriteError> for SnapshotError {
    fn from(error: SnapshotWriteError) -> Self {
        Self::Write(error)
    }
}

impl From<EncodeError> for SnapshotError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// Hears under the lock, after each slice, how many keys were written; false gives up.
pub type OnSlice<'a> = dyn FnMut(&mut Engine, u64) -> bool + Send + 'a;

/// Writes what a walk that was just begun finds, and ends the walk, complete or
/// not. The writer is then the caller's to finish or to abort.
///
/// # Errors
/// See [`SnapshotError`].
pub async fn write_walk(
    store: &dyn Store,
    mut walk: SnapshotWalk,
    writer: &mut dyn SnapshotWriter,
    on_slice: &mut OnSlice<'_>,
) -> Result<(), SnapshotError> {
    let written = write_all(store, &mut walk, writer, on_slice).await;
    store.with(|engine, _| walk.end(&mut engine.keyspace));
    written
}

async fn write_all(
    store: &dyn Store,
    walk: &mut SnapshotWalk,
    writer: &mut dyn SnapshotWriter,
    on_slice: &mut OnSlice<'_>,
) -> Result<(), SnapshotError> {
    loop {
        let step = walk.encode(BLOCK_BYTES)?;
        if walk.pending_bytes() >= BLOCK_BYTES || step == Step::Done {
            writer.write(walk.take_block()).await?;
        }
        match step {
            Step::Done => return Ok(()),
            Step::Encode => {}
            Step::Collect => {
                let wanted = store.with(|engine, host| {
                    slice(walk, engine, host);
                    on_slice(engine, walk.keys())
                });
                if !wanted {
                    return Err(SnapshotError::Cancelled);
                }
            }
        }
        yield_now().await;
    }
}

fn slice(walk: &mut SnapshotWalk, engine: &mut Engine, host: &dyn Host) {
    let end_ns = host.monotonic_ns().saturating_add(SLICE_NS);
    walk.collect(&mut engine.keyspace, &mut || host.monotonic_ns() < end_ns);
}
