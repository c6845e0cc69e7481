//! What takes the engine's stream for the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event;
use towline_core::offset::Offset;
use towline_core::seams::log_sink::StreamPlace;
use towline_core::seams::{LogSink, StreamArchive};
use towline_persist::journal::{Journal, JournalSink, Lineage, Origin};

/// The history of the log, with those before it.
#[derive(Clone, Default)]
pub(super) struct SharedLineage(Arc<Mutex<Option<Lineage>>>);

impl SharedLineage {
    fn place(&self) -> MutexGuard<'_, Option<Lineage>> {
        // Only plain moves happen under the lock, so a poisoned one is still sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, lineage: Lineage) {
        *self.place() = Some(lineage);
    }

    pub(super) fn get(&self) -> Lineage {
        let lineage = self.place().clone();
        lineage.expect("it is set before the stream goes to the log")
    }
}

/// Tells that the dataset is another.
pub(super) struct Restarts {
    /// Rung when it is.
    pub(super) rung: Arc<Event>,
    /// The log needs a base for it.
    pub(super) needs_base: Arc<AtomicBool>,
}

/// A journal's sink that also passes on changes of the history. They come under the
/// engine's lock, before anything is written under the new name.
pub(super) struct Tap {
    journal: Journal,
    sink: JournalSink,
    lineage: SharedLineage,
    restarts: Restarts,
}

/// A place in the stream as the journal names it.
pub(super) fn origin(lineage: Lineage, place: StreamPlace) -> Origin {
    Origin {
        lineage,
        offset: place.offset,
        stream_db: place.db.and_then(|db| u32::try_from(db).ok()),
    }
}

impl Tap {
    pub(super) fn new(journal: Journal, lineage: SharedLineage, restarts: Restarts) -> Self {
        Self {
            sink: journal.sink(),
            journal,
            lineage,
            restarts,
        }
    }
}

impl LogSink for Tap {
    fn append(&mut self, start: Offset, bytes: &[u8]) {
        self.sink.append(start, bytes);
    }

    fn sync_soon(&mut self, end: Offset) {
        self.sink.sync_soon(end);
    }

    fn history_changed(&mut self, place: StreamPlace) {
        let lineage = self.lineage.get().followed_by(&place.history);
        self.lineage.set(lineage.clone());
        self.journal.cut(origin(lineage, place));
    }

    fn restarted(&mut self, place: StreamPlace) {
        let lineage = Lineage::from(place.history);
        self.lineage.set(lineage.clone());
        let (_, has_base) = self.journal.restart(origin(lineage, place));
        self.restarts.needs_base.store(!has_base, Ordering::SeqCst);
        self.restarts.rung.notify(usize::MAX);
    }

    fn archive_start(&self) -> Option<Offset> {
        StreamArchive::start(&self.journal)
    }
}
