//! What a stream's counters tell of a group's progress.

use std::cmp::Ordering;

use super::{Group, Stream, StreamId};

impl Stream {
    /// How many entries a group that stands at `id` has read since the stream
    /// began, where the stream's counters tell; else `None`. Deleted entries
    /// between the first one and `id` make it unknowable.
    #[must_use]
    pub fn entries_read_at(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.is_empty() && id <= self.last_id {
            return Some(self.entries_added);
        }
        if id != StreamId::ZERO && id < self.max_deleted_id {
            return None;
        }
        if id == self.last_id {
            return Some(self.entries_added);
        }
        let gapless = self.max_deleted_id == StreamId::ZERO || self.max_deleted_id < self.first_id;
        let before_first = self.entries_added.checked_sub(self.len() as u64)?;
        match id.cmp(&self.first_id) {
            _ if id > self.last_id || !gapless => None,
            Ordering::Less => Some(before_first),
            Ordering::Equal => Some(before_first + 1),
            Ordering::Greater => None,
        }
    }

    /// Whether an entry at `from` or behind it was deleted from among others.
    #[must_use]
    pub fn has_tombstones_from(&self, from: StreamId) -> bool {
        !self.is_empty() && self.max_deleted_id != StreamId::ZERO && from <= self.max_deleted_id
    }

    /// How many entries a group has still to read; `None` where the counters do
    /// not tell.
    #[must_use]
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let known = group.entries_read;
        let read = match known.filter(|_| !self.has_tombstones_from(group.last_id)) {
            Some(read) => read,
            None => self.entries_read_at(group.last_id)?,
        };
        Some(self.entries_added.wrapping_sub(read) as i64)
    }
}

impl Stream {
    /// How many nodes the compressed radix tree has in which Redis keeps the runs
    /// by id. Between two places where ids part, and behind the last one, there
    /// is one node for all bytes together; every id ends in a node of its own.
    #[must_use]
    pub fn radix_tree_nodes(&self) -> usize {
        let mut nodes = 0;
        // The places, in bytes from the start, where the current id parted from others.
        let mut parted: Vec<usize> = Vec::new();
        let mut before: Option<[u8; StreamId::BYTES]> = None;
        for id in self.nodes().iter().map(|node| node.id().to_bytes()) {
            if let Some(before) = before {
                let common = before.iter().zip(&id).take_while(|(a, b)| a == b);
                let common = common.count();
                let deepest = parted.last().map_or(common, |deepest| common.max(*deepest));
                nodes += leaf_nodes(Some(deepest));
                while let Some(at) = parted.pop_if(|at| *at > common) {
                    let parent = parted.last().map_or(common, |above| common.max(*above));
                    nodes += branch_nodes(at, Some(parent));
                }
                if parted.last() != Some(&common) {
                    parted.push(common);
                }
            }
            before = Some(id);
        }
        nodes += before.map_or(1, |_| leaf_nodes(parted.last().copied()));
        while let Some(at) = parted.pop() {
            nodes += branch_nodes(at, parted.last().copied());
        }
        nodes
    }
}

/// The nodes of one id behind the place where it parts from all others.
fn leaf_nodes(parted: Option<usize>) -> usize {
    let bytes = StreamId::BYTES - parted.map_or(0, |at| at + 1);
    1 + usize::from(bytes > 0)
}

/// The node where ids part, and the one for the bytes that lead there.
fn branch_nodes(at: usize, above: Option<usize>) -> usize {
    let bytes = at - above.map_or(0, |above| above + 1);
    1 + usize::from(bytes > 0)
}
