//! What of the stream is still in files, from where replicas can be served.
//!
//! ```text
//!         history files        increments of the log        being written
//!   ┊ 4.incr ┊ 5.incr      │ 6.incr        7.incr         │ 8.incr ──►
//!   start of the chain  ▲                                              ▲ end
//!                       └────────── retained bytes ────────────────────┘
//! ```
//! The segments are a chain: each begins where the one before it ends, in the
//! same history or one that continues it. What breaks the chain (another
//! dataset, a failed sync, a damaged file) begins a new one.

use std::collections::{BTreeMap, VecDeque};

use towline_core::offset::{Offset, ReplicationId};

use super::lineage::Lineage;
use super::open_file::OpenFile;

/// A file of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) sequence: i64,
    pub(super) lineage: Lineage,
    pub(super) start: Offset,
    pub(super) end: Offset,
    /// The length of the file up to `end`.
    pub(super) length: u64,
}

/// Names a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReaderId(u64);

/// Where a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) name: String,
    pub(super) sequence: i64,
    pub(super) start: Offset,
    pub(super) end: Offset,
    pub(super) length: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// In order; the last is the one that is being written.
    segments: VecDeque<Segment>,
    retained_bytes: u64,
    /// Whether files stay that the log itself no longer needs.
    keeps_history: bool,
    /// Counts the chains.
    generation: u64,
    /// The number of the file that each reader has come to. It needs that and
    /// all behind it.
    readers: BTreeMap<ReaderId, i64>,
    next_reader: u64,
}

impl Segment {
    pub(super) fn of(file: &OpenFile) -> Self {
        Self {
            name: file.name.clone(),
            sequence: file.sequence,
            lineage: file.origin.lineage.clone(),
            start: file.origin.offset,
            end: file.offset,
            length: file.length,
        }
    }

    /// Whether `next` goes on where this ends.
    fn leads_to(&self, next: &Self) -> bool {
        let (ours, theirs) = (self.lineage.replid, &next.lineage);
        let continued =
            |ancestor: &super::Ancestor| ancestor.replid == ours && ancestor.end >= next.start;
        self.end == next.start && (theirs.replid == ours || theirs.ancestors.iter().any(continued))
    }

    /// Whether it holds what comes after the history `replid`.
    fn is_later_than(&self, replid: ReplicationId) -> bool {
        let ancestors = &self.lineage.ancestors;
        self.lineage.replid != replid && ancestors.iter().any(|older| older.replid == replid)
    }
}

impl Archive {
    /// Adds the file that follows, or tells the last one's new start.
    pub(super) fn push(&mut self, segment: Segment) {
        let same = |last: &Segment| last.sequence == segment.sequence;
        if self.segments.back().is_some_and(same) {
            self.segments.pop_back();
        }
        if (self.segments.back()).is_some_and(|last| !last.leads_to(&segment)) {
            self.reset();
        }
        self.segments.push_back(segment);
    }

    /// The file that is being written has grown.
    pub(super) fn grew(&mut self, end: Offset, length: u64) {
        if let Some(last) = self.segments.back_mut() {
            (last.end, last.length) = (end, length);
        }
    }

    /// Nothing that is there leads up to what will be written.
    pub(super) fn reset(&mut self) {
        self.segments.clear();
        self.generation += 1;
    }

    /// The file of this number cannot be served, nor can those before it.
    pub(super) fn give_up(&mut self, sequence: i64) {
        let is_last = |last: &Segment| last.sequence <= sequence;
        if self.segments.back().is_some_and(is_last) {
            return self.reset();
        }
        self.segments.retain(|segment| segment.sequence > sequence);
    }

    /// The files up to this number, of which nobody reads one, are about to go.
    pub(super) fn drop_up_to(&mut self, sequence: i64) {
        self.segments.retain(|segment| segment.sequence > sequence);
    }

    /// `repl-backlog-disk-size`, or zero where nobody is served.
    pub(super) const fn retain(&mut self, bytes: u64) {
        self.retained_bytes = bytes;
    }

    /// Whether files stay that the log itself no longer needs.
    pub(super) const fn keep_history(&mut self, keeps: bool) {
        self.keeps_history = keeps;
    }

    /// The first position that is served.
    pub(super) fn start(&self) -> Option<Offset> {
        let first = self.segments.front()?.start;
        let oldest = self.oldest()?;
        Some(first.max(oldest))
    }

    /// What lies before this is not served.
    fn oldest(&self) -> Option<Offset> {
        let end = self.segments.back()?.end;
        let bytes = self.retained_bytes;
        (bytes > 0).then(|| Offset(end.0.saturating_sub(bytes)))
    }

    /// Whether the file of this number, which the log no longer needs, has to stay.
    pub(super) fn keeps(&self, sequence: i64) -> bool {
        let is_wanted = |segment: &Segment| {
            segment.sequence == sequence && self.oldest().is_some_and(|oldest| segment.end > oldest)
        };
        let is_read = self.readers.values().any(|at| *at <= sequence);
        is_read || self.keeps_history && self.segments.iter().any(is_wanted)
    }

    /// A reader from `at` on, and the number of the chain that it reads.
    pub(super) fn admit(&mut self, at: Offset) -> Option<(ReaderId, u64)> {
        if at < self.start()? || at > self.segments.back()?.end {
            return None;
        }
        let sequence = self.holder(at)?.sequence;
        self.next_reader += 1;
        let id = ReaderId(self.next_reader);
        self.readers.insert(id, sequence);
        Some((id, self.generation))
    }

    pub(super) fn dismiss(&mut self, reader: ReaderId) {
        self.readers.remove(&reader);
    }

    /// The file that holds what follows `at`; the last where that is yet to come.
    fn holder(&self, at: Offset) -> Option<&Segment> {
        let last = self.segments.back()?;
        let holds = |segment: &&Segment| segment.start <= at && at < segment.end;
        let found = self.segments.iter().find(holds);
        found.or(Some(last).filter(|last| last.start <= at && at <= last.end))
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Where a reader of the history `replid` goes on at `at`; none where that is
    /// not to be had any more.
    pub(super) fn stand(
        &mut self,
        reader: ReaderId,
        generation: u64,
        at: Offset,
        replid: ReplicationId,
    ) -> Option<Stand> {
        if generation != self.generation {
            return None;
        }
        let segment = self.holder(at)?;
        if segment.is_later_than(replid) {
            return None;
        }
        let stand = Stand {
            name: segment.name.clone(),
            sequence: segment.sequence,
            start: segment.start,
            end: segment.end,
            length: segment.length,
        };
        self.readers.insert(reader, stand.sequence);
        Some(stand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: u8) -> ReplicationId {
        ReplicationId::from_random([digit; 20])
    }

    fn segment(sequence: i64, lineage: &Lineage, start: u64, end: u64) -> Segment {
        Segment {
            name: sequence.to_string(),
            sequence,
            lineage: lineage.clone(),
            start: Offset(start),
            end: Offset(end),
            length: end - start,
        }
    }

    /// Three files of 100 bytes, of which the last is of another history.
    fn chain(retained_bytes: u64) -> Archive {
        let old = Lineage::new(id(1));
        let new = old.continued(id(2), Offset(200));
        let mut archive = Archive::default();
        archive.retain(retained_bytes);
        archive.keep_history(true);
        archive.push(segment(1, &old, 0, 100));
        archive.push(segment(2, &old, 100, 200));
        archive.push(segment(3, &new, 200, 300));
        archive
    }

    #[test]
    fn what_is_kept_is_what_lies_within_the_size() {
        for (bytes, start, kept) in [
            (0, None, [false, false, false]),
            (50, Some(250), [false, false, true]),
            (101, Some(199), [false, true, true]),
            (1000, Some(0), [true, true, true]),
        ] {
            let archive = chain(bytes);
            assert_eq!(archive.start(), start.map(Offset), "{bytes}");
            assert_eq!([1, 2, 3].map(|n| archive.keeps(n)), kept, "{bytes}");
        }
    }

    #[test]
    fn a_reader_holds_its_file_and_all_behind_it() {
        let mut archive = chain(1000);
        let (reader, generation) = archive.admit(Offset(150)).expect("it is held");
        archive.retain(0);
        assert_eq!([1, 2, 3].map(|n| archive.keeps(n)), [false, true, true]);
        let stand = archive.stand(reader, generation, Offset(200), id(2));
        assert_eq!(stand.expect("the next").sequence, 3);
        assert_eq!([2, 3].map(|n| archive.keeps(n)), [false, true]);
        archive.dismiss(reader);
        assert!(!archive.keeps(3));
    }

    #[test]
    fn a_reader_goes_no_further_than_its_history() {
        let mut archive = chain(1000);
        let (reader, generation) = archive.admit(Offset(150)).expect("it is held");
        let mut stand = |at, replid| archive.stand(reader, generation, Offset(at), replid);
        assert!(stand(199, id(1)).is_some());
        assert_eq!(stand(200, id(1)), None, "that is of another history");
        assert!(stand(200, id(2)).is_some());
        assert!(stand(300, id(2)).is_some(), "the end, where more may come");
        assert_eq!(stand(301, id(2)), None);
    }

    #[test]
    fn what_does_not_follow_begins_a_chain() {
        let stranger = Lineage::new(id(9));
        let child = Lineage::new(id(1)).continued(id(2), Offset(200));
        for next in [
            segment(4, &stranger, 300, 300),
            segment(4, &child, 310, 310),
            segment(4, &child.continued(id(3), Offset(290)), 300, 300),
        ] {
            let mut archive = chain(1000);
            let (reader, generation) = archive.admit(Offset(150)).expect("it is held");
            archive.push(next.clone());
            assert_eq!(archive.start(), Some(next.start));
            let stand = archive.stand(reader, generation, Offset(150), id(2));
            assert_eq!(stand, None);
            assert!(archive.keeps(2), "the reader has not gone yet");
        }
    }

    #[test]
    fn a_file_that_cannot_be_served_takes_those_before_it_along() {
        let mut archive = chain(1000);
        archive.give_up(2);
        assert_eq!(archive.start(), Some(Offset(200)));
        archive.give_up(3);
        assert_eq!(archive.start(), None);
        assert_eq!(archive.generation(), 1);
    }
}
