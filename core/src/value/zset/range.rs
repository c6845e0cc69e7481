//! Ranges of scores and of members, as ZRANGEBYSCORE and ZRANGEBYLEX name them.

use std::cmp::Ordering;

/// A range of scores. Neither bound is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lowest score.
    pub min: f64,
    /// Whether `min` itself is outside.
    pub min_exclusive: bool,
    /// The highest score.
    pub max: f64,
    /// Whether `max` itself is outside.
    pub max_exclusive: bool,
}

impl ScoreRange {
    /// Whether `score` lies before the range.
    #[must_use]
    pub fn is_before(&self, score: f64) -> bool {
        score < self.min || (self.min_exclusive && score == self.min)
    }

    /// Whether `score` lies behind the range.
    #[must_use]
    pub fn is_behind(&self, score: f64) -> bool {
        score > self.max || (self.max_exclusive && score == self.max)
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before all members.
    Lowest,
    /// `+`: behind all members.
    Highest,
    /// `[member`.
    Inclusive(&'a [u8]),
    /// `(member`.
    Exclusive(&'a [u8]),
}

impl LexBound<'_> {
    /// Where `member` lies to this bound, which is never `Equal`: an inclusive
    /// lower bound lies just before its member, an exclusive one just behind.
    fn compare(self, member: &[u8], at_bound: Ordering) -> Ordering {
        match self {
            Self::Lowest => Ordering::Greater,
            Self::Highest => Ordering::Less,
            Self::Inclusive(bound) => member.cmp(bound).then(at_bound),
            Self::Exclusive(bound) => member.cmp(bound).then(at_bound.reverse()),
        }
    }
}

/// A range of members, which has a meaning where all scores are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower bound.
    pub min: LexBound<'a>,
    /// The upper bound.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether `member` lies before the range.
    #[must_use]
    pub fn is_before(&self, member: &[u8]) -> bool {
        self.min.compare(member, Ordering::Greater).is_lt()
    }

    /// Whether `member` lies behind the range.
    #[must_use]
    pub fn is_behind(&self, member: &[u8]) -> bool {
        self.max.compare(member, Ordering::Less).is_gt()
    }
}
