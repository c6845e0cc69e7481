//! Adding, deleting and trimming.

use super::{Stream, StreamId, StreamNode, StreamNodeLimits};
use crate::packed::listpack::LISTPACK_BYTES_MAX;

/// Why an entry cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Its id is not above the last one.
    Order,
    /// Its fields and values are longer than a listpack may be.
    TooLarge,
}

/// Which entries to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// All but so many of the last.
    MaxLen(u64),
    /// Those below an id.
    MinId(StreamId),
}

impl Trim {
    /// Whether a stream that has come to `len` entries needs no more trimming.
    const fn is_done(self, len: usize) -> bool {
        match self {
            Self::MaxLen(max) => len as u64 <= max,
            Self::MinId(_) => false,
        }
    }

    /// Whether all of a run goes.
    pub(super) fn takes(self, node: &StreamNode, len: usize) -> bool {
        match self {
            Self::MaxLen(max) => (len - node.len()) as u64 >= max,
            Self::MinId(min) => node.last_id().is_none_or(|last| last < min),
        }
    }
}

impl Stream {
    /// Adds an entry. `pairs` are fields and values in turn.
    ///
    /// # Errors
    /// Where the id is not above the last one, or the entry is too large.
    pub fn append(
        &mut self,
        id: StreamId,
        pairs: &[&[u8]],
        limits: StreamNodeLimits,
    ) -> Result<(), AppendError> {
        if id <= self.last_id {
            return Err(AppendError::Order);
        }
        let bytes: usize = pairs.iter().map(|word| word.len()).sum();
        if bytes > LISTPACK_BYTES_MAX {
            return Err(AppendError::TooLarge);
        }
        let last = self.nodes.len().wrapping_sub(1);
        let appended = self.nodes.update_at(last, |node| {
            let fits = !node.is_full_for(bytes, limits);
            if fits {
                node.append(id, pairs);
            }
            fits
        });
        if appended != Some(true) {
            self.nodes.push_back(StreamNode::new(id, pairs));
        }
        self.entries_added += 1;
        self.last_id = id;
        if self.len() == 1 {
            self.first_id = id;
        }
        Ok(())
    }

    /// The id that `*` stands for at a moment.
    #[must_use]
    pub fn next_id(&self, now_ms: u64) -> Option<StreamId> {
        if now_ms > self.last_id.ms {
            Some(StreamId::new(now_ms, 0))
        } else {
            self.last_id.next()
        }
    }

    /// Deletes an entry; false where it is not there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(index) = self.node_index(id) else {
            return false;
        };
        let node = self.nodes.get_at(index).expect("an index that was found");
        if !node.iter().any(|entry| entry.id == id) {
            return false;
        }
        if node.len() == 1 {
            self.nodes.remove_at(index);
        } else {
            self.nodes.update_at(index, |node| node.delete(id));
        }
        self.max_deleted_id = self.max_deleted_id.max(id);
        if self.first_id == id || self.is_empty() {
            self.note_first();
        }
        true
    }

    /// Trims and returns how many entries went. `whole_runs` leaves a run whole
    /// that would only lose a part; `limit` is the most entries that may go, 0
    /// for no limit.
    pub fn trim(&mut self, trim: Trim, whole_runs: bool, limit: u64) -> usize {
        let mut deleted = 0;
        while let Some(node) = self.nodes.first() {
            let len = self.len();
            let above_limit = limit > 0 && (deleted + node.len()) as u64 > limit;
            if trim.is_done(len) || above_limit {
                break;
            }
            if trim.takes(node, len) {
                deleted += node.len();
                self.nodes.pop_front();
                continue;
            }
            if !whole_runs {
                deleted += self.trim_first_run(trim);
            }
            break;
        }
        if deleted > 0 {
            self.note_first();
        }
        deleted
    }

    fn trim_first_run(&mut self, trim: Trim) -> usize {
        let mut len = self.len();
        let deleted = self.nodes.update_at(0, |node| {
            node.delete_front(|id| {
                let stop = match trim {
                    Trim::MaxLen(max) => len as u64 <= max,
                    Trim::MinId(min) => id >= min,
                };
                len -= usize::from(!stop);
                stop
            })
        });
        deleted.unwrap_or(0)
    }

    /// Finds the first entry anew.
    fn note_first(&mut self) {
        let first = self.iter().next().map(|entry| entry.id);
        self.first_id = first.unwrap_or(StreamId::ZERO);
    }
}
