//! Ranges and single entries.

use std::cmp::Ordering;

use super::{Stream, StreamEntry, StreamId, StreamNode};
use crate::tree::Probe;

/// The gap behind all runs that begin at an id or before it.
struct Behind(StreamId);

impl Probe<StreamNode> for Behind {
    fn compare_key(&self, key: &StreamId) -> Option<Ordering> {
        Some(if *key <= self.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        })
    }

    fn compare(&self, node: &StreamNode) -> Ordering {
        self.compare_key(&node.id()).expect("ids are whole keys")
    }
}

/// Entries of a stream, in one of the two orders.
pub type Entries<'a> = Box<dyn Iterator<Item = StreamEntry<'a>> + 'a>;

impl Stream {
    /// The index of the run that an id would be in.
    pub(super) fn node_index(&self, id: StreamId) -> Option<usize> {
        self.nodes().index_of(&Behind(id)).checked_sub(1)
    }

    /// The live entries from `start` to `end`, both included.
    #[must_use]
    pub fn range(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        let first = self.node_index(start).unwrap_or(0);
        let nodes = self.nodes().range(first..self.nodes().len());
        let entries = nodes.flat_map(StreamNode::iter);
        let entries = entries.skip_while(move |entry| entry.id < start);
        Box::new(entries.take_while(move |entry| entry.id <= end))
    }

    /// The live entries from `start` to `end`, both included, last first.
    #[must_use]
    pub fn range_back(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        let nodes = self.node_index(end).map_or(0, |index| index + 1);
        let nodes = self.nodes().range(0..nodes).rev();
        let entries = nodes.flat_map(StreamNode::iter_back);
        let entries = entries.skip_while(move |entry| entry.id > end);
        Box::new(entries.take_while(move |entry| entry.id >= start))
    }

    /// All live entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = StreamEntry<'_>> {
        self.nodes().iter().flat_map(StreamNode::iter)
    }

    /// A live entry.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<StreamEntry<'_>> {
        let node = self.nodes().get_at(self.node_index(id)?)?;
        let entry = node.iter().find(|entry| entry.id >= id);
        entry.filter(|entry| entry.id == id)
    }

    /// The id of the last live entry.
    #[must_use]
    pub fn last_live_id(&self) -> Option<StreamId> {
        let mut entries = self.range_back(StreamId::ZERO, StreamId::MAX);
        entries.next().map(|entry| entry.id)
    }
}
