//! What a decoder found, kept for a sink that takes it later.

use towline_core::keyspace::Entry;
use towline_core::seams::snapshot::{
    Access, DecodeError, Refused, SnapshotEntry, SnapshotPart, SnapshotSink,
};

use super::source::{Event, Undelivered};

/// What was found, in order.
#[derive(Default)]
pub(crate) struct Found(pub(crate) Vec<Event>);

impl Found {
    /// Hands everything on.
    pub(crate) fn deliver(self, sink: &mut dyn SnapshotSink) -> Result<(), Undelivered> {
        let mut events = self.0.into_iter();
        events.try_for_each(|event| event.deliver(sink))
    }

    fn push(&mut self, event: Event) -> Result<(), Refused> {
        self.0.push(event);
        Ok(())
    }
}

impl SnapshotSink for Found {
    fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.push(Event::Aux(Box::new((key.to_vec(), value.to_vec()))))
    }

    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        self.push(Event::SelectDb(db))
    }

    fn resize(&mut self, keys: u64, expires: u64) -> Result<(), Refused> {
        self.push(Event::Resize(keys, expires))
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        self.push(Event::Entry(Box::new(entry)))
    }

    fn ready(&mut self, entry: Entry, access: Access) -> Result<(), Refused> {
        self.push(Event::Ready(entry, access))
    }

    fn part(&mut self, part: SnapshotPart) -> Option<SnapshotPart> {
        self.0.push(Event::Part(part));
        None
    }

    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused> {
        self.push(Event::Function(source))
    }

    fn empty_key(&mut self, key: &[u8]) -> Result<(), Refused> {
        self.push(Event::EmptyKey(key.to_vec()))
    }

    fn skipped(&mut self, what: DecodeError) -> Result<(), Refused> {
        self.push(Event::Skipped(Box::new(what)))
    }
}
