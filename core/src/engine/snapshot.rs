//! From a walk to a writer, beside the commands of clients: what BGSAVE and a
//! full sync have in common. The engine's lock is taken for a moment at a time.
//!
//! ```text
//!   fill: lock, collect, free ─ rest ─ lock, collect, free …    until the slice is full
//!     ─► a job, on another thread ─┐
//!     ─► a job, on another thread ─┤    up to JOBS_MAX while nobody else wants the engine
//!           ▲                      └─► take_back, in order ─► blocks ─► writer
//!           └──── while some is left ────────┘
//! ```

use core::time::Duration;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::fmt;

use super::Engine;
use super::pacing::{DELAY_STEP, delay};
use crate::keyspace::SnapshotWalk;
use crate::keyspace::snapshot_walk::EncodeJob;
use crate::seams::runtime::yield_now;
use crate::seams::snapshot::{EncodeError, SnapshotWriteError};
use crate::seams::{Host, SnapshotWriter, StorageError, Store};

/// About how much is written at once.
const BLOCK_BYTES: usize = 256 << 10;
/// So many slices are encoded at once where the walk is alone: with the thread that
/// collects, and the one that writes, two processors are never idle.
const JOBS_MAX: usize = 3;
/// So many, and what is collected for them, while the first of them is a large value that
/// comes in pieces.
const JOBS_BEHIND_LARGE: usize = 16;
/// How long the walk holds the engine's lock at a time, nanoseconds. Waking a
/// thread that waits for it costs about a third of that.
const HOLD_NS: u64 = 100_000;
/// How long a walk rests between two holds while clients are busy. It then has
/// the lock for a third of the time, and as it seldom uses up its share of the
/// processor, it is seldom put aside while it holds the lock.
pub const SLICE_REST: Duration = Duration::from_micros(200);

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

/// What goes on between the slices of a walk.
pub trait Pace: Send {
    /// Called under the lock after each slice with the keys written so far, and while
    /// `rdb-key-save-delay` is waited for with those that are paid for; false gives up.
    fn progress(&mut self, _engine: &mut Engine, _host: &mut dyn Host, _keys: u64) -> bool {
        true
    }

    /// Waits for so long, by whatever timer there is. One without a timer lets other
    /// tasks run.
    fn rest(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(yield_now())
    }

    /// Runs `work` on another thread, and returns at once. One without threads runs
    /// it before it returns.
    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// Writes what a walk that was just begun finds, and ends the walk, complete or
/// not. The writer is then the caller's to finish or to abort.
///
/// # Errors
/// See [`SnapshotError`].
pub async fn write_walk(
    store: &dyn Store,
    mut walk: SnapshotWalk,
    writer: &mut dyn SnapshotWriter,
    pace: &mut dyn Pace,
) -> Result<(), SnapshotError> {
    let written = write_all(store, &mut walk, writer, pace).await;
    store.with(|engine, _| walk.end(&mut engine.keyspace));
    written
}

async fn write_all(
    store: &dyn Store,
    walk: &mut SnapshotWalk,
    writer: &mut dyn SnapshotWriter,
    pace: &mut dyn Pace,
) -> Result<(), SnapshotError> {
    let (mut batches, mut paid, mut is_slowed) = (0, 0, false);
    let (mut jobs, mut jobs_max) = (VecDeque::new(), JOBS_MAX);
    loop {
        while jobs.len() < jobs_max && !walk.is_walked() {
            let slice = fill(store, walk, pace, &mut batches).await?;
            while let Some(job) = walk.hand_over() {
                jobs.push_back(start(job, pace));
            }
            // While there are clients, the second processor is theirs.
            jobs_max = if slice.alone {
                jobs_max.max(JOBS_MAX)
            } else {
                1
            };
            is_slowed = slice.is_slowed;
        }
        let Some(encoded) = jobs.pop_front() else {
            walk.finish();
            return Ok(writer.write(walk.take_block()).await?);
        };
        let (job, ended) = encoded.await.expect("a job that is begun is done");
        ended?;
        let left = walk.take_back(job);
        if jobs_max > 1 {
            jobs_max = if left.is_some() {
                JOBS_BEHIND_LARGE
            } else {
                JOBS_MAX
            };
        }
        if let Some(job) = left {
            jobs.push_front(start(job, pace));
        }
        let before = std::mem::replace(&mut paid, walk.keys());
        if is_slowed {
            spend(store, before, paid, pace).await?;
        }
        if walk.pending_bytes() >= BLOCK_BYTES {
            writer.write(walk.take_block()).await?;
        }
        yield_now().await;
    }
}

/// What comes of a job.
type Encoded = (EncodeJob, Result<(), EncodeError>);

/// Encodes on another thread, where there is one.
fn start(mut job: EncodeJob, pace: &dyn Pace) -> oneshot::Receiver<Encoded> {
    let (tell, told) = oneshot::channel();
    pace.beside(Box::new(move || {
        let ended = job.run();
        // Nobody waits for it where the walk was given up.
        let _ = tell.send((job, ended));
    }));
    told
}

/// How a slice was collected.
struct Slice {
    /// Nobody else wanted the engine meanwhile.
    alone: bool,
    /// `rdb-key-save-delay` is set.
    is_slowed: bool,
}

/// Collects the next slice until it is full, with the lock free in between.
async fn fill(
    store: &dyn Store,
    walk: &mut SnapshotWalk,
    pace: &mut dyn Pace,
    batches: &mut u64,
) -> Result<Slice, SnapshotError> {
    let mut was_alone = true;
    loop {
        let (wanted, now, is_slowed) = store.with(|engine, host| {
            collect(walk, engine, host);
            let wanted = pace.progress(engine, host, walk.keys());
            let is_slowed = engine.server.config.pacing.key_save_delay_us != 0;
            (wanted, engine.server.stats.batches, is_slowed)
        });
        if !wanted {
            return Err(SnapshotError::Cancelled);
        }
        // Where no batch but ours has run, nobody gains by a rest.
        let alone = std::mem::replace(batches, now) + 1 == now;
        was_alone &= alone;
        if !walk.has_room() {
            let alone = was_alone;
            return Ok(Slice { alone, is_slowed });
        }
        match alone {
            true => yield_now().await,
            false => pace.rest(SLICE_REST).await,
        }
    }
}

/// Waits for as long as the keys from `paid` to `keys` are to take.
async fn spend(
    store: &dyn Store,
    paid: u64,
    keys: u64,
    pace: &mut dyn Pace,
) -> Result<(), SnapshotError> {
    let mut waited = Duration::ZERO;
    loop {
        let left = store.with(|engine, host| {
            let owed = delay(keys - paid, engine.server.config.pacing.key_save_delay_us);
            let done = waited.as_secs_f64() / owed.as_secs_f64().max(f64::EPSILON);
            let shown = paid + ((keys - paid) as f64 * done.min(1.0)) as u64;
            let left = owed.saturating_sub(waited);
            let shown = if left.is_zero() { keys } else { shown };
            pace.progress(engine, host, shown).then_some(left)
        });
        let left = left.ok_or(SnapshotError::Cancelled)?;
        if left.is_zero() {
            return Ok(());
        }
        let step = left.min(DELAY_STEP);
        pace.rest(step).await;
        waited += step;
    }
}

fn collect(walk: &mut SnapshotWalk, engine: &mut Engine, host: &dyn Host) {
    let end_ns = host.monotonic_ns().saturating_add(HOLD_NS);
    walk.collect(&mut engine.keyspace, &mut || host.monotonic_ns() < end_ns);
}
