//! What a stream takes on the heap.

use super::{Consumer, Group, Pending, Stream, StreamNode};
use crate::value::ARC_COUNTS_BYTES;

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
