//! The task that writes: everything queued in one go, and the changes of files
//! where they fall.

use std::sync::Arc;

use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};

use super::JournalError;
use super::lineage::Origin;
use super::open_file::OpenFile;
use super::progress::LogState;
use super::retention::Retention;
use super::rewrite::CutId;
use super::shared::{Entry, FsyncPolicy, Request, Shared, SyncTarget};
use super::side_file::Mark;
use crate::aof::{Manifest, ManifestFile};

/// How long a failed write rests before it is tried again.
const RETRY_MS: u64 = 1000;

/// What the driver does after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is left to do: wait for work.
    Idle,
    /// A write failed: come back after so long.
    Retry {
        /// How long.
        after_ms: u64,
    },
    /// The log is closed.
    Stopped,
}

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing has changed; it may be tried again.
    Retry(StorageError),
    /// Nobody knows what the disk holds.
    Poison(StorageError),
}

impl Failure {
    pub(super) fn into_error(self) -> JournalError {
        let (Self::Retry(error) | Self::Poison(error)) = self;
        error.into()
    }
}

/// An increment, as a cut has opened it.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) id: CutId,
    pub(super) sequence: i64,
    pub(super) origin: Origin,
    pub(super) unix_ms: u64,
}

/// Writes the log. [`turn`](Self::turn) does all that is to be done at the
/// moment; the task around it is in [`run`](super::run).
pub struct JournalWriter {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) shared: Arc<Shared>,
    pub(super) name: String,
    /// What the manifest on disk says.
    pub(super) manifest: Manifest,
    /// Increments that no manifest names yet, because their base is not there.
    pub(super) detached: Option<Vec<ManifestFile>>,
    pub(super) open: Option<OpenFile>,
    /// The increments that the present run's cuts opened.
    pub(super) cuts: Vec<Opened>,
    /// Cuts that changed no file, and why.
    pub(super) failed_cuts: Vec<(CutId, StorageError)>,
    /// Which older bases stay, and for how long.
    pub(super) retention: Retention,
    /// The length of all increments but the one that is open.
    pub(super) closed_bytes: u64,
    /// What is tried again.
    pub(super) held: Option<Entry>,
    /// The epoch of what is being written.
    pub(super) epoch: u64,
    /// When it was last looked for files that nobody needs any more, in unix
    /// seconds.
    pub(super) outgrown_s: u64,
    /// The last time that was annotated, in unix seconds.
    pub(super) annotated_s: u64,
    pub(super) now_ms: u64,
}

impl JournalWriter {
    /// Writes what is queued, syncs it if every group is, and answers requests.
    pub async fn turn(&mut self, unix_ms: u64) -> Turn {
        self.now_ms = unix_ms;
        self.learn_of_sync_failure();
        self.checkpoint_if_due().await;
        while let Some(entry) = self.next_entry() {
            match self.write(&entry).await {
                Ok(()) => self.recovered(),
                Err(Failure::Retry(error)) => {
                    self.held = Some(entry);
                    return self.retry(&error);
                }
                Err(Failure::Poison(error)) => {
                    self.poison(&error.to_string());
                    self.held = Some(entry);
                }
            }
        }
        if self.shared.state().policy == FsyncPolicy::Always {
            self.sync().await;
        }
        self.forget_outgrown().await;
        self.answer().await
    }

    /// So much time has passed since the last turn, whatever the calendar says of it.
    pub fn elapse(&mut self, ms: u64) {
        self.retention.elapse(ms);
    }

    /// How long an idle writer may wait for work: then its next turn is due without.
    #[must_use]
    pub fn rest_ms(&self) -> Option<u64> {
        let file = self.open.as_ref();
        let checkpoint = file.and_then(|file| file.checkpoint_in(self.now_ms));
        let past_ms = self.shared.state().past_ms;
        let has_past = !self.manifest.history.is_empty();
        let removal = self.retention.next_ms(past_ms).filter(|_| has_past);
        checkpoint.into_iter().chain(removal).min()
    }

    fn next_entry(&mut self) -> Option<Entry> {
        let held = self.held.take();
        held.or_else(|| self.shared.state().queue.pop_front())
    }

    async fn write(&mut self, entry: &Entry) -> Result<(), Failure> {
        match entry {
            Entry::Bytes { start, bytes } => self.append(*start, bytes).await,
            Entry::Cut(cut) => self.change_files(cut).await,
        }
    }

    async fn append(&mut self, start: Offset, bytes: &[u8]) -> Result<(), Failure> {
        let end = start.advance(bytes.len());
        let annotation = self.annotation();
        let file = self.open.as_mut().expect("a journal begins with a cut");
        if file.poisoned {
            self.wrote(bytes.len(), end);
            return Ok(());
        }
        let mut data = annotation.into_bytes();
        data.extend_from_slice(bytes);
        let length = file.length + data.len() as u64;
        let crc = {
            let mut crc = file.crc;
            crc.update(&data);
            crc
        };
        let written = self.storage.append(&file.name, data).await;
        let found = written.map_err(|error| match error {
            StorageError::Poisoned { .. } => Failure::Poison(error),
            error => Failure::Retry(error),
        })?;
        if found != length {
            return Err(Failure::Poison(StorageError::OutOfRange {
                name: file.name.clone(),
                length,
            }));
        }
        file.length = length;
        file.crc = crc;
        file.offset = end;
        file.written_ms = self.now_ms;
        self.wrote(bytes.len(), end);
        self.checkpoint_if_due().await;
        Ok(())
    }

    /// The time in front of a group, if it is to be noted and is a later second
    /// than that of the last. It is no part of the stream.
    fn annotation(&mut self) -> String {
        let now_s = self.now_ms / 1000;
        // As in Redis, they never go back within a file.
        if !self.shared.state().timestamps || now_s <= self.annotated_s {
            return String::new();
        }
        self.annotated_s = now_s;
        format!("#TS:{now_s}\r\n")
    }

    /// Tells that the stream is written up to `end`.
    fn wrote(&self, bytes: usize, end: Offset) {
        let target = self.sync_target();
        let file_bytes = self.open.as_ref().map_or(0, |file| file.length);
        let (epoch, closed) = (self.epoch, self.closed_bytes);
        self.shared.publish(|state| {
            state.progress.queued_bytes -= bytes;
            state.progress.file_bytes = file_bytes;
            state.progress.increments_bytes = closed + file_bytes;
            if state.epoch() == epoch {
                state.progress.written = end;
                state.unsynced = target;
                state.archive.grew(end, file_bytes);
            }
        });
    }

    /// What a sync of the present file would cover.
    pub(super) fn sync_target(&self) -> Option<SyncTarget> {
        let file = self.open.as_ref().filter(|file| !file.poisoned)?;
        Some(SyncTarget {
            name: file.name.clone(),
            sequence: file.sequence,
            position: file.length,
            offset: file.offset,
            epoch: self.epoch,
        })
    }

    async fn checkpoint_if_due(&mut self) {
        let file = self.open.as_ref();
        if file.is_some_and(|file| file.checkpoint_due(self.now_ms)) {
            self.checkpoint().await;
        }
    }

    /// Notes the present position in the side file.
    pub(super) async fn checkpoint(&mut self) {
        let Some(file) = self.open.as_mut().filter(|file| !file.poisoned) else {
            return;
        };
        let (sequence, synced) = self.shared.state().synced_position;
        let synced = if sequence == file.sequence { synced } else { 0 };
        let point = file.checkpoint(synced);
        if point.position > file.side.last_position {
            file.mark(&*self.storage, Mark::Checkpoint(point)).await;
            let error = file.side.error.clone();
            self.shared.state().progress.side_file_error = error;
        }
    }

    /// Syncs what was written, if anything was since the last time.
    pub(super) async fn sync(&mut self) {
        let target = self.sync_target();
        let covered = self.shared.state().unsynced.is_none();
        let Some(target) = target.filter(|_| !covered) else {
            return;
        };
        if let Err(error) = self.sync_now(target).await {
            self.poison(&error.to_string());
        }
    }

    pub(super) async fn sync_now(&self, target: SyncTarget) -> Result<(), StorageError> {
        self.storage.sync(&target.name).await?;
        self.shared.publish(|state| state.synced(&target));
        Ok(())
    }

    fn learn_of_sync_failure(&mut self) {
        let failure = self.shared.state().sync_failure.take();
        let current = self.open.as_ref().map(|file| file.sequence);
        if let Some((_, message)) = failure.filter(|(sequence, _)| Some(*sequence) == current) {
            self.poison(&message);
        }
    }

    /// Gives up the present file. What waits is dropped; only a new base makes
    /// the log whole again.
    pub(super) fn poison(&mut self, message: &str) {
        if let Some(file) = &mut self.open {
            file.poisoned = true;
        }
        self.shared.publish(|state| {
            state.unsynced = None;
            state.archive.reset();
            state.fail(LogState::Poisoned(message.into()));
        });
    }

    fn retry(&mut self, error: &StorageError) -> Turn {
        let message = error.to_string();
        self.shared
            .publish(|state| state.fail(LogState::WriteFailed(message.as_str().into())));
        self.refuse_requests(&JournalError::Storage(error.clone()));
        Turn::Retry { after_ms: RETRY_MS }
    }

    /// A write that failed has succeeded.
    fn recovered(&self) {
        let mut state = self.shared.state();
        if matches!(state.progress.state, LogState::WriteFailed(_)) {
            state.progress.state = LogState::Good;
            drop(state);
            self.shared.changed.notify(usize::MAX);
        }
    }

    async fn answer(&mut self) -> Turn {
        loop {
            let request = self.shared.state().requests.pop_front();
            // A caller that has gone away needs no answer.
            match request {
                None => return Turn::Idle,
                Some(Request::Commit { cut, base, done }) => {
                    let _ = done.send(self.commit(cut, &base).await);
                }
                Some(Request::Stop { drained, done }) => {
                    let stopped = self.stop(drained).await;
                    let good = stopped.is_ok();
                    let _ = done.send(stopped);
                    if good {
                        return Turn::Stopped;
                    }
                }
            }
        }
    }

    fn refuse_requests(&self, error: &JournalError) {
        let requests = std::mem::take(&mut self.shared.state().requests);
        for request in requests {
            let (Request::Commit { done, .. } | Request::Stop { done, .. }) = request;
            let _ = done.send(Err(error.clone()));
        }
    }

    async fn stop(&mut self, drained: bool) -> Result<(), JournalError> {
        self.sync().await;
        let state = self.shared.state().progress.state.clone();
        if let LogState::Poisoned(message) = state {
            return Err(JournalError::Poisoned(message.to_string()));
        }
        if let Some(file) = &mut self.open {
            if self.shared.state().policy == FsyncPolicy::No {
                self.storage.sync(&file.name).await?;
            }
            // That it stopped is known of this moment, not of the last write's.
            file.written_ms = self.now_ms;
            let point = file.checkpoint(file.length);
            let mark = if drained {
                Mark::Stop(point)
            } else {
                Mark::Checkpoint(point)
            };
            file.mark(&*self.storage, mark).await;
            if file.side.error.is_none() {
                let side = super::naming::side_file(&file.name);
                self.storage.sync(&side).await?;
            }
        }
        self.shared.publish(|state| state.progress.stopped = true);
        Ok(())
    }
}
