//! A small sorted set: member, score, member, score, … in one listpack, in order.

use std::cmp::Ordering;
use std::ops::Range;

use super::Member;
use crate::packed::listpack::{self, Entry, LISTPACK_BYTES_MAX, Listpack, Position};
use crate::text::double;
use crate::value::Item;
use crate::value::duplicates::has_duplicates;

/// Entries per member: itself and its score.
const STRIDE: usize = 2;

#[derive(Clone, Default)]
pub(super) struct Packed {
    pack: Listpack,
}

/// A score as the listpack holds it: an integer where it is one (so that -0
/// becomes 0, as in Redis), else the text that Redis prints.
struct ScoreText(Vec<u8>);

impl ScoreText {
    fn new(score: f64) -> Self {
        let mut text = Vec::new();
        // Adding a zero makes a zero of either sign a positive one.
        double::write_f64(&mut text, score + 0.0);
        Self(text)
    }

    fn entry(&self) -> Entry<'_> {
        Entry::from(&self.0)
    }
}

fn read_score(entry: Entry<'_>) -> Option<f64> {
    match entry {
        Entry::Int(score) => Some(score as f64),
        Entry::Str(text) => double::parse_f64(text),
    }
}

impl Packed {
    /// Takes a listpack from outside, if it is a sorted set in order.
    pub(super) fn from_listpack(pack: Listpack) -> Option<Self> {
        let mut entries = pack.iter();
        let mut last: Option<(f64, Vec<u8>)> = None;
        while let Some(member) = entries.next() {
            let score = read_score(entries.next()?)?;
            let next = (score, member.to_vec());
            if last.is_some_and(|last| last.partial_cmp(&next) != Some(Ordering::Less)) {
                return None;
            }
            last = Some(next);
        }
        Some(Self { pack })
    }

    /// Whether no member comes twice, be it with another score or in another form.
    pub(super) fn is_distinct(&self) -> bool {
        !has_duplicates(&self.pack, STRIDE)
    }

    pub(super) fn longest_member(&self) -> usize {
        let lengths = self.iter().map(|(member, _)| member.text_len());
        lengths.max().unwrap_or(0)
    }

    /// The members as items of their own.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut digits = itoa::Buffer::new();
        self.iter()
            .map(|(member, score)| Item::scored(member.text(&mut digits), score))
            .collect()
    }

    pub(super) fn listpack(&self) -> &Listpack {
        &self.pack
    }

    pub(super) fn len(&self) -> usize {
        self.pack.len() / STRIDE
    }

    /// Whether one more member of this length keeps the listpack in bounds.
    pub(super) fn has_room_for(&self, member_len: usize) -> bool {
        /// More than a score's text and the two entries' lengths.
        const OVERHEAD_BYTES: usize = 64;
        self.pack.byte_len() + member_len + OVERHEAD_BYTES < LISTPACK_BYTES_MAX
    }

    fn score_at(&self, member: Position) -> f64 {
        let score = self.pack.next(member).expect("every member has a score");
        read_score(self.pack.entry(score)).expect("scores are checked when they come in")
    }

    fn find(&self, member: &[u8]) -> Option<Position> {
        self.pack.find(member, STRIDE)
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|at| self.score_at(at))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let needle = listpack::Needle::new(member);
        let index = self.iter().position(|(own, _)| needle.matches(own))?;
        Some((index, self.get(index)?.1))
    }

    pub(super) fn get(&self, index: usize) -> Option<(Member<'_>, f64)> {
        let at = self.seek(index)?;
        Some((self.pack.entry(at), self.score_at(at)))
    }

    fn seek(&self, index: usize) -> Option<Position> {
        self.pack.seek(i64::try_from(index * STRIDE).ok()?)
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter {
            entries: self.pack.iter(),
        }
    }

    /// The members of indices within the set.
    pub(super) fn range(&self, indices: Range<usize>) -> Iter<'_> {
        let end = self.pack.end();
        let from = self.seek(indices.start).unwrap_or(end);
        let to = self.seek(indices.end).unwrap_or(end);
        Iter {
            entries: self.pack.iter_between(from, to),
        }
    }

    /// How many members come before the first that `is_before` denies.
    pub(super) fn partition_point(&self, is_before: impl Fn(Member<'_>, f64) -> bool) -> usize {
        let mut members = self.iter();
        members
            .position(|(member, score)| !is_before(member, score))
            .unwrap_or_else(|| self.len())
    }

    /// Sets a member's score; the result is the score it had.
    pub(super) fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let known = self.find(member);
        let old = known.map(|at| self.score_at(at));
        if old == Some(score) {
            return old;
        }
        if let Some(at) = known {
            self.pack.remove_run(at, STRIDE);
        }
        let at = self.place_for(member, score);
        let score = ScoreText::new(score);
        self.pack.insert_before(at, score.entry());
        self.pack.insert_before(at, member);
        old
    }

    /// Where a member that is not there belongs.
    fn place_for(&self, member: &[u8], score: f64) -> Position {
        let mut entries = self.pack.iter();
        while let Some(at) = entries.position() {
            let own = entries.next().expect("there is an entry at a position");
            let own_score = entries.next().and_then(read_score);
            let own_score = own_score.expect("every member has a score, checked when it came in");
            let mut digits = itoa::Buffer::new();
            if own_score > score || (own_score == score && own.text(&mut digits) > member) {
                return at;
            }
        }
        self.pack.end()
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.find(member)?;
        let score = self.score_at(at);
        self.pack.remove_run(at, STRIDE);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, indices: Range<usize>) {
        if let Some(at) = self.seek(indices.start) {
            self.pack.remove_run(at, indices.len() * STRIDE);
        }
    }

    /// Appends a member that comes behind all others.
    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        self.pack.push_back(member);
        self.pack.push_back(ScoreText::new(score).entry());
    }
}

#[derive(Clone)]
pub(super) struct Iter<'a> {
    entries: listpack::Iter<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Member<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.entries.next()?;
        let score = self.entries.next().and_then(read_score);
        Some((member, score.expect("every member has a score")))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = read_score(self.entries.next_back()?);
        let member = self.entries.next_back().expect("every score has a member");
        Some((member, score.expect("scores are checked when they come in")))
    }
}
