//! What two nodes say to each other before a delta resync: Towline to Towline only.
//!
//! ```text
//!   replica                                          primary
//!   REPLCONF … capa towline-delta
//!   PSYNC <replid> <offset>
//!              +DELTA <replid> <offset> <replid2> <second offset> <hash seed's fingerprint>
//!   REPLCONF delta-ranges <bytes>                    any number of them, or none
//!   REPLCONF delta-from <common offset>              or REPLCONF delta-refused <reason>
//!              +DELTARESYNC <replid> <offset> <common offset>    or +FULLRESYNC, as ever
//!              the transfer: a snapshot of a part, and the sealed list of its ranges
//! ```
//! Nothing is promised before `+DELTARESYNC`. A primary offers a delta where it would
//! have to send everything to a replica that holds something; whether the two have an
//! offset in common is the replica's to tell, which knows both of them then.

use std::fmt;
use towline_core::keyspace::delta::DbRanges;
use towline_core::offset::{History, Offset, ReplicationId};

use crate::wire::{command, offset_of};

/// What a replica says that can do this, in REPLCONF capa.
pub const CAPA: &[u8] = b"towline-delta";
/// The option that carries a part of the list of ranges.
pub const RANGES: &[u8] = b"delta-ranges";
/// The option that ends the list, with the last common offset.
pub const FROM: &[u8] = b"delta-from";
/// The option that refuses an offer, with a reason.
pub const REFUSED: &[u8] = b"delta-refused";

/// How long a replica's list of ranges may be. Where there are more, it reports larger
/// ones, which hold more.
pub const REPORT_MAX_BYTES: usize = 4 << 20;
/// How much of it one REPLCONF carries.
const CHUNK_BYTES: usize = 8 << 10;

/// Where a node stands: its histories, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its histories.
    pub history: History,
    /// How far it has come in the present one.
    pub offset: Offset,
}

/// The last offset that two nodes have in common, in a history of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// The name by which both know it.
    pub replid: ReplicationId,
    /// The offset.
    pub offset: Offset,
}

impl Place {
    /// The names of what this node has, each with how far it reaches.
    fn names(&self) -> impl Iterator<Item = Common> {
        let History {
            replid,
            replid2,
            second_offset,
        } = self.history;
        let first = Common {
            replid,
            offset: self.offset,
        };
        let second = second_offset.map(|offset| Common {
            replid: replid2,
            offset,
        });
        let named = |common: &Common| !common.replid.is_none();
        [Some(first), second].into_iter().flatten().filter(named)
    }

    /// Up to where both have had the same stream, and so the same dataset.
    #[must_use]
    pub fn last_common(&self, other: &Self) -> Option<Common> {
        let pairs = (self.names()).flat_map(|ours| other.names().map(move |theirs| (ours, theirs)));
        let shared = pairs.filter(|(ours, theirs)| ours.replid == theirs.replid);
        let ends = shared.map(|(ours, theirs)| Common {
            replid: ours.replid,
            offset: ours.offset.min(theirs.offset),
        });
        ends.max_by_key(|common| common.offset)
    }
}

/// What a primary offers with `+DELTA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Where it stands.
    pub place: Place,
    /// The fingerprint of its hash seed: ranges of hashes mean the same to both sides
    /// only where the seeds are equal.
    pub seed: u64,
}

impl Offer {
    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let Place { history, offset } = &self.place;
        let (replid, replid2) = (history.replid, history.replid2);
        let second = match history.second_offset {
            Some(offset) => offset.to_string(),
            None => "-".to_owned(),
        };
        let seed = self.seed;
        format!("+DELTA {replid} {offset} {replid2} {second} {seed:016x}\r\n").into_bytes()
    }

    /// Reads the line's words.
    #[must_use]
    pub fn parse(words: &[&[u8]]) -> Option<Self> {
        let [b"+DELTA", replid, offset, replid2, second, seed] = words else {
            return None;
        };
        let second_offset = match *second {
            b"-" => None,
            second => Some(offset_of(second)?),
        };
        let history = History {
            replid: ReplicationId::parse(replid)?,
            replid2: ReplicationId::parse(replid2)?,
            second_offset,
        };
        let offset = offset_of(offset)?;
        let seed = std::str::from_utf8(seed)
            .ok()
            .filter(|seed| seed.len() == 16)?;
        Some(Self {
            place: Place { history, offset },
            seed: u64::from_str_radix(seed, 16).ok()?,
        })
    }
}

/// How a replica answers an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What is newer than this offset at the replica.
    Ranges {
        /// The last common offset.
        common: Offset,
        /// The ranges.
        ranges: Vec<DbRanges>,
    },
    /// It wants everything, and why.
    Refused(String),
}

/// The commands that report ranges newer than `common`.
#[must_use]
pub fn report(common: Offset, ranges: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in ranges.chunks(CHUNK_BYTES) {
        out.extend(command(&[b"REPLCONF", RANGES, chunk]));
    }
    let common = common.to_string();
    out.extend(command(&[b"REPLCONF", FROM, common.as_bytes()]));
    out
}

/// The command that refuses an offer.
#[must_use]
pub fn refuse(reason: &Refusal) -> Vec<u8> {
    let reason = reason.to_string();
    command(&[b"REPLCONF", REFUSED, reason.as_bytes()])
}

/// Why a delta is not possible, at either side; a full sync follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The tables are ordered differently.
    OtherSeed,
    /// Neither knows a name of the other's history.
    NothingInCommon,
    /// The replica holds changes that were never in the stream.
    OwnChanges,
    /// All of what there is may have changed.
    AllNewer,
    /// The replica claims an offset that the primary has not reached.
    Ahead,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherSeed => "the hash seeds differ",
            Self::NothingInCommon => "the histories have nothing in common",
            Self::OwnChanges => "the replica has changes that were never in the stream",
            Self::AllNewer => "everything may have changed since the last common offset",
            Self::Ahead => "the last common offset is beyond the stream's end",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(seed: u8) -> ReplicationId {
        ReplicationId::from_random([seed; 20])
    }

    fn place(history: History, offset: u64) -> Place {
        let offset = Offset(offset);
        Place { history, offset }
    }

    fn common(ours: &Place, theirs: &Place) -> Option<(ReplicationId, u64)> {
        let found = ours.last_common(theirs);
        assert_eq!(found, theirs.last_common(ours), "it is common to both");
        found.map(|common| (common.replid, common.offset.0))
    }

    #[test]
    fn who_fell_off_the_log_has_all_that_it_has_in_common() {
        let history = History::new(id(1));
        let found = common(&place(history, 900), &place(history, 100));
        assert_eq!(found, Some((id(1), 100)));
    }

    #[test]
    fn an_old_primary_that_was_ahead_parts_where_the_other_was_promoted() {
        let promoted = place(History::new(id(1)).shifted(id(2), Offset(70)), 500);
        let ahead = place(History::new(id(1)), 100);
        assert_eq!(common(&promoted, &ahead), Some((id(1), 70)));
        // It crashed, and named what it wrote afterwards anew.
        let restarted = place(History::new(id(1)).shifted(id(3), Offset(95)), 110);
        assert_eq!(common(&promoted, &restarted), Some((id(1), 70)));
        let behind = place(History::new(id(1)).shifted(id(3), Offset(60)), 110);
        assert_eq!(common(&promoted, &behind), Some((id(1), 60)));
    }

    #[test]
    fn strangers_and_nameless_histories_have_nothing_in_common() {
        let stranger = place(History::new(id(9)), 100);
        assert_eq!(common(&stranger, &place(History::new(id(1)), 100)), None);
        let nameless = place(History::new(ReplicationId::NONE), 100);
        assert_eq!(common(&nameless, &nameless), None);
    }

    #[test]
    fn the_newer_of_two_common_names_counts() {
        let both = History::new(id(1)).shifted(id(2), Offset(70));
        assert_eq!(
            common(&place(both, 500), &place(both, 300)),
            Some((id(2), 300))
        );
    }

    #[test]
    fn what_is_no_offer_is_none() {
        for line in ["+DELTA", "+DELTA x 5 x - 0000000000000001", "+CONTINUE"] {
            let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
            assert_eq!(Offer::parse(&words), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn an_offer_is_read_as_it_was_written(offset in 0..1_u64 << 60, second in proptest::option::of(0..1_u64 << 60), seed in any::<u64>()) {
            let mut history = History::new(id(1));
            if let Some(second) = second {
                history = history.shifted(id(2), Offset(second));
            }
            let offer = Offer { place: place(history, offset), seed };
            let line = offer.line();
            let words: Vec<_> = line.strip_suffix(b"\r\n").expect("a line").split(|b| *b == b' ').collect();
            prop_assert_eq!(Offer::parse(&words), Some(offer));
        }
    }
}
