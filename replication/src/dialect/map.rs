//! Where a place in one history is in the other.
//!
//! ```text
//!   main   0 ───────────── 40 ═══════ 70 ──────────────── 120
//!   own    7 ───────────── 47 ═══ 58 ──────────────────── 108
//!                             edge
//! ```
//! What is said as it is moves both on by the same. A unit that is rewritten is an
//! edge, with its begin and its end in both; between two edges the distance is one and
//! the same. A place inside of an edge belongs to its begin: a part of a unit is
//! nothing yet.

use std::collections::VecDeque;
use towline_core::offset::Offset;

/// A place in both histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// In the history of this node.
    pub main: Offset,
    /// In the history of the peer.
    pub own: Offset,
}

impl Place {
    /// The place behind `len` bytes that are the same in both.
    #[must_use]
    pub fn advance(self, len: usize) -> Self {
        Self {
            main: self.main.advance(len),
            own: self.own.advance(len),
        }
    }
}

/// A unit that was rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    begin: Place,
    end: Place,
}

/// See the module's comment.
#[derive(Clone, Debug)]
pub struct OffsetMap {
    /// The first is a place where nothing was rewritten: what lies before it is not known.
    edges: VecDeque<Edge>,
    end: Place,
}

impl OffsetMap {
    /// A map that begins here.
    #[must_use]
    pub fn new(start: Place) -> Self {
        let first = Edge {
            begin: start,
            end: start,
        };
        Self {
            edges: VecDeque::from([first]),
            end: start,
        }
    }

    /// How far it goes.
    #[must_use]
    pub const fn end(&self) -> Place {
        self.end
    }

    /// The histories go on by the same bytes.
    pub fn same(&mut self, len: usize) {
        self.end = self.end.advance(len);
    }

    /// A unit of `main_len` bytes is said in `own_len`.
    pub fn rewritten(&mut self, main_len: usize, own_len: usize) {
        let begin = self.end;
        self.end = Place {
            main: begin.main.advance(main_len),
            own: begin.own.advance(own_len),
        };
        let end = self.end;
        self.edges.push_back(Edge { begin, end });
    }

    /// Forgets what lies before `own`.
    pub fn forget_before(&mut self, own: Offset) {
        while self.edges.len() > 1 && self.edges[1].end.own < own {
            self.edges.pop_front();
        }
    }

    /// How far in the main history one is who has everything up to `own`; none where
    /// that is no longer known, or lies ahead.
    #[must_use]
    pub fn main_of(&self, own: Offset) -> Option<Offset> {
        let next = self.edges.partition_point(|edge| edge.end.own <= own);
        let from = self.edges.get(next.checked_sub(1)?)?.end;
        if own > self.end.own {
            return None;
        }
        let main = Offset(from.main.0 + own.since(from.own));
        let limit = self
            .edges
            .get(next)
            .map_or(self.end.main, |edge| edge.begin.main);
        Some(main.min(limit))
    }

    /// Where the own history is when the main one is at the end of a unit; none where
    /// that is no longer known, or lies ahead.
    #[must_use]
    pub fn own_of(&self, main: Offset) -> Option<Offset> {
        let next = self.edges.partition_point(|edge| edge.end.main <= main);
        let from = self.edges.get(next.checked_sub(1)?)?.end;
        if main > self.end.main {
            return None;
        }
        let own = Offset(from.own.0 + main.since(from.main));
        let limit = self
            .edges
            .get(next)
            .map_or(self.end.own, |edge| edge.begin.own);
        Some(own.min(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> Place {
        Place {
            main: Offset(100),
            own: Offset(7),
        }
    }

    #[test]
    fn places_are_found_around_what_was_rewritten() {
        let mut map = OffsetMap::new(start());
        map.same(10);
        map.rewritten(30, 12);
        map.rewritten(5, 0);
        map.same(10);
        let main_of = |own| map.main_of(Offset(own)).map(|main| main.0);
        assert_eq!(main_of(6), None);
        assert_eq!(main_of(7), Some(100));
        assert_eq!(main_of(17), Some(110));
        assert_eq!(main_of(28), Some(110), "a part of a unit is nothing");
        assert_eq!(main_of(29), Some(145), "what is left out counts as had");
        assert_eq!(main_of(39), Some(155));
        assert_eq!(main_of(40), None);
        let own_of = |main| map.own_of(Offset(main)).map(|own| own.0);
        assert_eq!(own_of(99), None);
        assert_eq!(own_of(110), Some(17));
        assert_eq!(own_of(140), Some(29));
        assert_eq!(own_of(145), Some(29));
        assert_eq!(own_of(155), Some(39));
        assert_eq!(own_of(156), None);
    }

    proptest! {
        /// Whoever has a unit is told to have it and no more, also once what lies far
        /// behind was forgotten.
        #[test]
        fn the_ends_of_units_are_mapped_both_ways(units in proptest::collection::vec((1usize..50, 0usize..60, any::<bool>()), 1..60), cut in 0usize..60) {
            let mut map = OffsetMap::new(start());
            let mut ends = vec![map.end()];
            for (main, own, same) in units {
                if same { map.same(main) } else { map.rewritten(main, own) }
                ends.push(map.end());
            }
            let cut = ends[cut.min(ends.len() - 1)];
            map.forget_before(cut.own);
            for end in ends.iter().filter(|end| end.own >= cut.own) {
                let last = ends.iter().rev().find(|other| other.own == end.own);
                prop_assert_eq!(map.main_of(end.own), last.map(|last| last.main));
                if end.main >= cut.main {
                    prop_assert_eq!(map.own_of(end.main), Some(end.own));
                }
            }
        }
    }
}
