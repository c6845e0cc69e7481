//! What groups still have to do with entries.

use super::{Stream, StreamId, StreamNode, Trim};

impl Stream {
    /// Whether a group has yet to deliver an entry, or waits for its acknowledgement.
    #[must_use]
    pub fn is_referenced(&self, id: StreamId) -> bool {
        let mut groups = self.groups().values();
        groups.any(|group| id > group.last_id || group.pending_at(id).is_some())
    }

    /// Takes entries out of what is pending, in every group; answers which they were,
    /// by group.
    pub fn acknowledge_everywhere(&mut self, ids: &[StreamId]) -> Vec<(Box<[u8]>, Vec<StreamId>)> {
        let names: Vec<Box<[u8]>> = self.groups().keys().cloned().collect();
        let mut acknowledged = Vec::new();
        for name in names {
            let pending: Vec<StreamId> = {
                let group = self.groups().get(&name).expect("just named");
                let is_pending = |id: &StreamId| group.pending_at(*id).is_some();
                ids.iter().copied().filter(is_pending).collect()
            };
            if pending.is_empty() {
                continue;
            }
            let group = self.group_mut(&name).expect("just named");
            for id in &pending {
                group.acknowledge(*id);
            }
            acknowledged.push((name, pending));
        }
        acknowledged
    }

    /// Trims like [`Stream::trim`], but leaves entries that are referenced, and with
    /// `whole_runs` every run that has one. Answers which entries went.
    pub fn trim_unreferenced(&mut self, trim: Trim, whole_runs: bool, limit: u64) -> Vec<StreamId> {
        let ids = if whole_runs {
            self.unreferenced_runs(trim, limit)
        } else {
            self.unreferenced_entries(trim)
        };
        for id in &ids {
            self.delete(*id);
        }
        ids
    }

    fn unreferenced_entries(&self, trim: Trim) -> Vec<StreamId> {
        let (most, end) = match trim {
            Trim::MaxLen(max) => ((self.len() as u64).saturating_sub(max), None),
            Trim::MinId(min) => (u64::MAX, Some(min)),
        };
        self.iter()
            .map(|entry| entry.id)
            .take_while(|id| end.is_none_or(|end| *id < end))
            .filter(|id| !self.is_referenced(*id))
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect()
    }

    fn unreferenced_runs(&self, trim: Trim, limit: u64) -> Vec<StreamId> {
        let mut gone = Vec::new();
        for node in self.nodes() {
            let above_limit = limit > 0 && (gone.len() + node.len()) as u64 > limit;
            if above_limit || !trim.takes(node, self.len() - gone.len()) {
                break;
            }
            if !self.has_references(node) {
                gone.extend(node.iter().map(|entry| entry.id));
            }
        }
        gone
    }

    fn has_references(&self, node: &StreamNode) -> bool {
        node.iter().any(|entry| self.is_referenced(entry.id))
    }
}
