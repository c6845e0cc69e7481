//! Positions in the replication log, and the names of its histories.
//!
//! Everything that must last or travel is a position on one line: the backlog,
//! PSYNC, WAIT and the log on disk all speak [`Offset`] within one history,
//! and a history is named by a [`ReplicationId`].

use std::fmt;

/// A position in the replication stream: how many of its bytes lie before it.
///
/// `Offset(0)` is the start of the line. A node whose `master_repl_offset` is
/// `n` stands at `Offset(n)`. PSYNC counts from one instead and names the first
/// byte that is *wanted*, so it asks for `n + 1`; [`Offset::to_wire`] and
/// [`Offset::from_wire`] are the only places that know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The start of the line.
    pub const ZERO: Self = Self(0);

    /// The position `bytes` further along the line.
    #[must_use]
    pub fn advance(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }

    /// How many bytes lie between `earlier` and `self`; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The one-based number of the first byte after this position: what PSYNC
    /// sends, and what INFO prints in `repl_backlog_first_byte_offset`.
    #[must_use]
    pub fn to_wire(self) -> u64 {
        self.0 + 1
    }

    /// The position before the one-based byte `wire`; `None` for zero and less,
    /// which no byte of a stream has.
    #[must_use]
    pub fn from_wire(wire: i64) -> Option<Self> {
        u64::try_from(wire).ok()?.checked_sub(1).map(Self)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Length of a replication id in its text form.
pub const REPLICATION_ID_LEN: usize = 40;

/// The name of one history of the stream: 40 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplicationId([u8; REPLICATION_ID_LEN]);

impl ReplicationId {
    /// Forty zeros: how the protocol writes "no history".
    pub const NONE: Self = Self([b'0'; REPLICATION_ID_LEN]);

    /// A name from 160 random bits, which the caller drew.
    #[must_use]
    pub fn from_random(random: [u8; REPLICATION_ID_LEN / 2]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut id = [0; REPLICATION_ID_LEN];
        for (pair, byte) in id.chunks_exact_mut(2).zip(random) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        Self(id)
    }

    /// Reads the text form. Upper-case digits are taken too, since peers
    /// compare ids without regard to case; anything but 40 hex digits is not an id.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut id: [u8; REPLICATION_ID_LEN] = text.try_into().ok()?;
        id.make_ascii_lowercase();
        id.iter().all(u8::is_ascii_hexdigit).then_some(Self(id))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are ASCII")
    }

    /// The text form as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is [`ReplicationId::NONE`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplicationId({})", self.as_str())
    }
}

/// The history a node is writing or following, and the one it came from.
///
/// ```text
///  replid2 ────────────────┐ second_offset
///                          ├──────────────── replid ──► now
/// ```
/// Both names denote the same bytes up to and including `second_offset`, so a
/// replica of the old history that has seen no more than that may continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The current history.
    pub replid: ReplicationId,
    /// The previous one, or [`ReplicationId::NONE`].
    pub replid2: ReplicationId,
    /// How far the previous history is shared; `None` if there is none.
    pub second_offset: Option<Offset>,
}

impl History {
    /// A history with nothing before it.
    #[must_use]
    pub fn new(replid: ReplicationId) -> Self {
        Self {
            replid,
            replid2: ReplicationId::NONE,
            second_offset: None,
        }
    }

    /// The history after a promotion at `at`: a new name, with the old one
    /// still answering for everything up to there.
    #[must_use]
    pub fn shifted(self, new: ReplicationId, at: Offset) -> Self {
        Self {
            replid: new,
            replid2: self.replid,
            second_offset: Some(at),
        }
    }

    /// `second_repl_offset` as INFO prints it: one-based, `-1` for none.
    #[must_use]
    pub fn second_repl_offset(&self) -> i64 {
        self.second_offset.map_or(-1, |offset| {
            i64::try_from(offset.to_wire()).unwrap_or(i64::MAX)
        })
    }

    /// Whether the bytes up to `offset` of the history `id` are also this
    /// node's bytes.
    #[must_use]
    pub fn shares(&self, id: ReplicationId, offset: Offset) -> bool {
        if id.is_none() {
            return false;
        }
        id == self.replid
            || (id == self.replid2 && self.second_offset.is_some_and(|end| offset <= end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_forty_hex_digits() {
        let id = ReplicationId::from_random([0xaf; 20]);
        assert_eq!(id.as_str(), "af".repeat(20));
        assert_eq!(ReplicationId::parse("AF".repeat(20).as_bytes()), Some(id));
        assert_eq!(ReplicationId::parse(b"?"), None);
        assert_eq!(ReplicationId::parse("ag".repeat(20).as_bytes()), None);
    }

    #[test]
    fn the_wire_counts_from_one() {
        assert_eq!(Offset::from_wire(1), Some(Offset::ZERO));
        assert_eq!(Offset(41).to_wire(), 42);
        assert_eq!(Offset::from_wire(0), None);
        assert_eq!(Offset::from_wire(-1), None);
    }

    #[test]
    fn a_promotion_keeps_the_old_name_up_to_where_it_ended() {
        let old = ReplicationId::from_random([1; 20]);
        let new = ReplicationId::from_random([2; 20]);
        let history = History::new(old).shifted(new, Offset(100));
        assert_eq!(history.second_repl_offset(), 101);
        assert!(history.shares(new, Offset(500)));
        assert!(history.shares(old, Offset(100)));
        assert!(!history.shares(old, Offset(101)));
        assert_eq!(History::new(old).second_repl_offset(), -1);
        assert!(!History::new(old).shares(ReplicationId::NONE, Offset::ZERO));
    }
}
