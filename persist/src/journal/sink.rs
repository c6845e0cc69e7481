//! The end of the journal that the engine holds.

use std::sync::Arc;

use towline_core::offset::Offset;
use towline_core::seams::LogSink;

use super::shared::Shared;

/// Takes the stream into the journal's queue. Its bytes are whole units: the
/// engine's log is flushed between units only, and a primary's stream is
/// passed on unit by unit.
///
/// A change of history is told with [`Journal::cut`](super::Journal::cut),
/// which knows the new name.
#[derive(Debug)]
pub struct JournalSink {
    shared: Arc<Shared>,
}

impl JournalSink {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl LogSink for JournalSink {
    fn append(&mut self, start: Offset, bytes: &[u8]) {
        let pushed = self.shared.state().push_bytes(start, bytes);
        if let Err(expected) = pushed {
            // A log with a gap would be replayed into another dataset.
            panic!("the stream goes on at {start}, the log ends at {expected}");
        }
        self.shared.wake();
    }

    fn sync_soon(&mut self, end: Offset) {
        self.shared.publish(|state| state.sync_wanted = Some(end));
    }
}
