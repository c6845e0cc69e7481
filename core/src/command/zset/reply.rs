//! Members in replies, with their scores or without.

use crate::resp::reply::{Protocol, Reply};
use crate::value::zset::Member;

/// How members stand in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Members alone.
    Members,
    /// Member, score, member, score, …
    Flat,
    /// The same, in an array that others began.
    Continued,
    /// An array of two for each member and its score.
    Nested,
}

impl Form {
    /// What WITHSCORES asks for: pairs, which only RESP3 nests.
    pub(super) fn of(with_scores: bool, protocol: Protocol) -> Self {
        match (with_scores, protocol) {
            (false, _) => Self::Members,
            (true, Protocol::Resp2) => Self::Flat,
            (true, Protocol::Resp3) => Self::Nested,
        }
    }

    /// The header in front of `count` members.
    pub(super) fn start(self, reply: &mut Reply, count: usize) {
        match self {
            Self::Flat => reply.array(count * 2),
            Self::Members | Self::Nested => reply.array(count),
            Self::Continued => {}
        }
    }

    /// One member.
    pub(super) fn member(self, reply: &mut Reply, member: Member<'_>, score: f64) {
        if self == Self::Nested {
            reply.array(2);
        }
        reply.bulk_entry(member);
        if self != Self::Members {
            reply.double(score);
        }
    }
}
