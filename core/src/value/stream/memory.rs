//! What a stream takes on the heap.

use super::{Consumer, Group, Pending, Stream, StreamNode};
use crate::value::ARC_COUNTS_BYTES;

/// So many pending entries take about as long to drop as one allocation takes to
/// free: they lie in the leaves of a tree and each gives up its consumer's name.
const PENDING_PER_PIECE: usize = 8;

impl Stream {
    /// Bytes on the heap, judged by the first `samples` runs of entries, and by
    /// as many pending entries of each group.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let nodes = self.nodes().heap_bytes(samples, run_bytes);
        let groups = self.groups().iter().map(|(name, group)| {
            let link = size_of_val(name) + size_of_val(group);
            link + name.len() + ARC_COUNTS_BYTES + size_of::<Group>() + group_bytes(group, samples)
        });
        nodes + groups.sum::<usize>()
    }

    /// The number of separate allocations to free, near enough to tell whether
    /// freeing them takes long. Of what is beside the entries it looks at `max`
    /// groups and producers only, which are that many pieces already.
    #[must_use]
    pub fn piece_count(&self, max: usize) -> usize {
        let groups = self.groups().values().take(max + 1);
        let groups = groups.map(|group| {
            // A consumer's ids are the group's once more, and cost as much.
            1 + group.consumers().len() + group.pending().len() / PENDING_PER_PIECE
        });
        let producers = self.idempotence.iter().flat_map(|kept| &kept.producers);
        let producers = producers.take(max + 1).map(|one| 1 + one.entries.len());
        self.nodes().len() + groups.sum::<usize>() + producers.sum::<usize>()
    }
}

fn run_bytes(node: &StreamNode) -> usize {
    ARC_COUNTS_BYTES + size_of_val(node.listpack()) + node.listpack().capacity()
}

fn group_bytes(group: &Group, samples: usize) -> usize {
    let pending = group.pending().heap_bytes(samples, |_: &Pending| 0);
    let consumers = group.consumers().iter().map(|(name, consumer)| {
        let own = ARC_COUNTS_BYTES + name.len() + size_of::<Consumer>();
        own + consumer.pending().heap_bytes(samples, |_| 0)
    });
    pending + consumers.sum::<usize>()
}
