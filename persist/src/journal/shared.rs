//! What the engine's side of the journal and its tasks share: the queue and
//! the progress, under one lock that nobody holds for longer than a copy.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use event_listener::{Event, EventListener};
use futures::channel::oneshot;
use towline_core::offset::Offset;

use super::JournalError;
use super::archive::Archive;
use super::lineage::Origin;
use super::progress::{LogState, Progress};
use super::rewrite::{BaseFile, CutId};

/// The most bytes that are written at once, but for a single batch of the
/// engine that is larger.
const GROUP_MAX_BYTES: usize = 4 << 20;

/// When the log is synced: `appendfsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FsyncPolicy {
    /// After every group of writes, before anybody is told of it.
    Always,
    /// Once a second, beside the writing.
    #[default]
    Everysec,
    /// When the operating system thinks fit.
    No,
}

/// The queue's next thing to do.
#[derive(Debug)]
pub(super) enum Entry {
    /// Whole units of the stream.
    Bytes { start: Offset, bytes: Vec<u8> },
    /// A change of files.
    Cut(Cut),
}

/// A change of files, between two units.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) id: CutId,
    pub(super) origin: Origin,
    /// The new base, where the dataset was replaced as a whole.
    pub(super) base: Option<BaseFile>,
    /// Nothing that is on disk leads up to it.
    pub(super) anew: bool,
}

/// What a caller waits for.
#[derive(Debug)]
pub(super) enum Request {
    /// The base of a rewrite is whole.
    Commit {
        cut: CutId,
        base: BaseFile,
        done: oneshot::Sender<Result<(), JournalError>>,
    },
    /// Everything is to be written and synced, and nothing comes after.
    Stop {
        /// Whether all peers have what was written.
        drained: bool,
        done: oneshot::Sender<Result<(), JournalError>>,
    },
}

/// What the syncer syncs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyncTarget {
    pub(super) name: String,
    pub(super) sequence: i64,
    pub(super) position: u64,
    pub(super) offset: Offset,
    pub(super) epoch: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: VecDeque<Entry>,
    pub(super) requests: VecDeque<Request>,
    /// Behind the last byte queued.
    end: Offset,
    pub(super) progress: Progress,
    pub(super) policy: FsyncPolicy,
    pub(super) timestamps: bool,
    /// How long what is queued waits before it is written.
    pub(super) write_delay: Duration,
    /// Counts how often the offsets began anew. What the tasks learn about an
    /// earlier epoch says nothing about offsets of this one.
    epoch: u64,
    next_cut: u64,
    /// Written and not known to be synced.
    pub(super) unsynced: Option<SyncTarget>,
    /// How much of the current file is known to be synced.
    pub(super) synced_position: (i64, u64),
    /// Somebody waits until the stream is synced up to here.
    pub(super) sync_wanted: Option<Offset>,
    /// A sync of the file of this number failed, which no task has seen yet.
    pub(super) sync_failure: Option<(i64, String)>,
    /// How long the past can be restored.
    pub(super) past_ms: u64,
    /// What of the stream is in files.
    pub(super) archive: Archive,
    /// The base that the next restart of the stream begins with.
    pub(super) offered: Option<BaseFile>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is something to do.
    pub(super) work: Event,
    /// The progress is another.
    pub(super) changed: Event,
}

impl Shared {
    pub(super) fn new(start: Offset, policy: FsyncPolicy, timestamps: bool) -> Arc<Self> {
        let state = State {
            queue: VecDeque::new(),
            requests: VecDeque::new(),
            end: start,
            progress: Progress::new(start),
            policy,
            timestamps,
            write_delay: Duration::ZERO,
            epoch: 0,
            next_cut: 0,
            unsynced: None,
            synced_position: (0, 0),
            sync_wanted: None,
            sync_failure: None,
            past_ms: 0,
            archive: Archive::default(),
            offered: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            work: Event::new(),
            changed: Event::new(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// How long the writer is to wait before its next turn.
    pub(super) fn write_delay(&self) -> Duration {
        let state = self.state();
        match state.queue.is_empty() {
            true => Duration::ZERO,
            false => state.write_delay,
        }
    }

    pub(super) fn wake(&self) {
        self.work.notify(usize::MAX);
    }

    /// Changes the progress and tells those who wait for it.
    pub(super) fn publish(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify(usize::MAX);
    }

    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }
}

impl State {
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn push_bytes(&mut self, start: Offset, bytes: &[u8]) -> Result<(), Offset> {
        if start != self.end {
            return Err(self.end);
        }
        self.end = start.advance(bytes.len());
        self.progress.queued_bytes += bytes.len();
        match self.queue.back_mut() {
            Some(Entry::Bytes { bytes: last, .. })
                if last.len() + bytes.len() <= GROUP_MAX_BYTES =>
            {
                last.extend_from_slice(bytes);
            }
            _ => self.queue.push_back(Entry::Bytes {
                start,
                bytes: bytes.to_vec(),
            }),
        }
        Ok(())
    }

    pub(super) fn push_cut(&mut self, origin: Origin) -> CutId {
        assert_eq!(self.end, origin.offset, "files change where the stream is");
        self.push(origin, None, false)
    }

    /// The stream is another from here on: what is known of the old one tells nothing
    /// of it.
    pub(super) fn push_restart(&mut self, origin: Origin, base: Option<BaseFile>) -> CutId {
        self.epoch += 1;
        self.end = origin.offset;
        self.progress.written = origin.offset;
        self.progress.durable = None;
        self.unsynced = None;
        self.sync_wanted = None;
        self.archive.reset();
        if base.is_none() {
            self.progress.attached = false;
        }
        self.push(origin, base, true)
    }

    fn push(&mut self, origin: Origin, base: Option<BaseFile>, anew: bool) -> CutId {
        self.next_cut += 1;
        let id = CutId(self.next_cut);
        let cut = Cut {
            id,
            origin,
            base,
            anew,
        };
        self.queue.push_back(Entry::Cut(cut));
        id
    }

    /// Whether somebody waits for a sync, and there is something to sync for him. What
    /// failed once is not tried again.
    pub(super) fn has_sync_wanted(&self) -> bool {
        let durable = self.progress.durable;
        let written = |target: &SyncTarget| durable < Some(target.offset);
        durable < self.sync_wanted
            && self.progress.attached
            && self.unsynced.as_ref().is_some_and(written)
            && self.sync_failure.is_none()
    }

    /// Notes that the file is synced as far as `target` says.
    pub(super) fn synced(&mut self, target: &SyncTarget) {
        if self.unsynced.as_ref() == Some(target) {
            self.unsynced = None;
        }
        if self.synced_position.0 == target.sequence {
            let position = &mut self.synced_position.1;
            *position = target.position.max(*position);
        }
        if self.epoch == target.epoch && self.progress.attached {
            let durable = &mut self.progress.durable;
            *durable = Some(target.offset).max(*durable);
        }
    }

    pub(super) fn fail(&mut self, state: LogState) {
        // A poisoned log stays so whatever fails after that.
        if !matches!(self.progress.state, LogState::Poisoned(_)) {
            self.progress.state = state;
        }
    }
}
