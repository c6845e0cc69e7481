//! The stream value: entries packed into listpacks, and the consumer groups
//! that read them.
//!
//! * `id`: the 128-bit ids.
//! * `node`, `walk`: a run of entries in one listpack, byte for byte as Redis
//!   packs it, and reading one.
//! * `change`: adding, deleting and trimming.
//! * `read`: ranges.
//! * `counters`: what a stream's counters tell of a group's progress.
//! * `references`: which entries groups still have to do with.
//! * `group`: a consumer group, what it has delivered and what is pending.
//! * `idempotence`: what Redis 8.6 remembers of producers.
//!
//! Everything large is a [`Tree`], so that a clone, which is how a snapshot
//! freezes a stream, shares it all.

mod change;
mod counters;
mod group;
mod id;
mod idempotence;
mod memory;
mod node;
mod read;
mod references;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use change::{AppendError, Trim};
pub use group::{Consumer, Delivery, Group, GroupError, Pending};
pub use id::StreamId;
pub use idempotence::{Idempotence, Producer};
pub use node::{StreamNode, StreamNodeError, StreamNodeLimits};
pub use read::Entries;
pub use walk::{Fields, StreamEntry};

use crate::tree::Tree;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Runs of entries, by the id that each is packed against; its weight is
    /// the number of live entries.
    nodes: Tree<StreamNode>,
    groups: Arc<BTreeMap<Box<[u8]>, Arc<Group>>>,
    /// The last id ever added, live or not.
    pub last_id: StreamId,
    /// The id of the first live entry, 0-0 where there is none.
    pub first_id: StreamId,
    /// The largest id that was ever deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    /// What Redis 8.6 keeps beside; `None` where it is all at its default.
    pub idempotence: Option<Arc<Idempotence>>,
}

impl Stream {
    /// An empty stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.weight()
    }

    /// Whether there are no entries. An empty stream is still a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The runs of entries, in order.
    #[must_use]
    pub fn nodes(&self) -> &Tree<StreamNode> {
        &self.nodes
    }

    /// Appends a run of entries, all after those that are there.
    pub fn push_node(&mut self, node: StreamNode) -> Result<(), StreamNodeError> {
        let follows = self.nodes.last().is_none_or(|last| {
            last.id() < node.id() && last.last_id().is_none_or(|end| end < node.id())
        });
        if !follows {
            return Err(StreamNodeError::Order);
        }
        self.nodes.push_back(node);
        Ok(())
    }

    /// The consumer groups, by name.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<Box<[u8]>, Arc<Group>> {
        &self.groups
    }

    /// Adds a group; `false`, and nothing changes, where the name is taken.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        Arc::make_mut(&mut self.groups).insert(name.into(), Arc::new(group));
        true
    }

    /// A group, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        if !self.groups.contains_key(name) {
            return None;
        }
        Arc::make_mut(&mut self.groups)
            .get_mut(name)
            .map(Arc::make_mut)
    }

    /// Removes a group; false where there is none of that name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.groups.contains_key(name) && Arc::make_mut(&mut self.groups).remove(name).is_some()
    }
}

#[cfg(test)]
mod tests;
