//! Which history the log belongs to, and where a file of it starts.

use towline_core::offset::{History, Offset, ReplicationId};

/// How many earlier histories are remembered. Each change of the primary adds
/// one, and the oldest is forgotten beyond this.
pub const MAX_ANCESTORS: usize = 32;

/// An earlier history that the present one continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its name.
    pub replid: ReplicationId,
    /// How far its bytes are also those of the present history.
    pub end: Offset,
}

/// A history and those that it continues, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The present history.
    pub replid: ReplicationId,
    /// What it continues, the latest first; at most [`MAX_ANCESTORS`].
    pub ancestors: Vec<Ancestor>,
}

impl Lineage {
    /// A history with nothing before it.
    #[must_use]
    pub const fn new(replid: ReplicationId) -> Self {
        Self {
            replid,
            ancestors: Vec::new(),
        }
    }

    /// The history `replid`, which continues this one from `at` on.
    #[must_use]
    pub fn continued(&self, replid: ReplicationId, at: Offset) -> Self {
        let mut ancestors = vec![Ancestor {
            replid: self.replid,
            end: at,
        }];
        // What ended beyond `at` shares no more than that with the new history.
        ancestors.extend(self.ancestors.iter().map(|older| Ancestor {
            replid: older.replid,
            end: older.end.min(at),
        }));
        ancestors.truncate(MAX_ANCESTORS);
        Self { replid, ancestors }
    }

    /// The two that PSYNC and INFO know.
    #[must_use]
    pub fn history(&self) -> History {
        let latest = self.ancestors.first();
        History {
            replid: self.replid,
            replid2: latest.map_or(ReplicationId::NONE, |ancestor| ancestor.replid),
            second_offset: latest.map(|ancestor| ancestor.end),
        }
    }

    /// The lineage that follows this one once the engine is in `history`: the
    /// same, a continuation, or one of its own.
    #[must_use]
    pub fn followed_by(&self, history: &History) -> Self {
        if history.replid == self.replid {
            return self.clone();
        }
        match history.second_offset {
            Some(at) if history.replid2 == self.replid => self.continued(history.replid, at),
            _ => Self::from(*history),
        }
    }
}

impl From<History> for Lineage {
    fn from(history: History) -> Self {
        let ancestors = history.second_offset.map(|end| Ancestor {
            replid: history.replid2,
            end,
        });
        Self {
            replid: history.replid,
            ancestors: ancestors.into_iter().collect(),
        }
    }
}

/// A point of the stream at which a file starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The history.
    pub lineage: Lineage,
    /// The offset of the file's first byte of stream.
    pub offset: Offset,
    /// The database that the stream has selected there. None where the stream
    /// itself selects one before it uses it.
    pub stream_db: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: u8) -> ReplicationId {
        ReplicationId::from_random([digit; 20])
    }

    #[test]
    fn a_lineage_remembers_what_it_continues() {
        let lineage = Lineage::new(id(1)).continued(id(2), Offset(10));
        let lineage = lineage.continued(id(3), Offset(7));
        let ends: Vec<Offset> = lineage.ancestors.iter().map(|a| a.end).collect();
        assert_eq!(ends, [Offset(7), Offset(7)]);
        assert!(lineage.history().shares(id(2), Offset(7)));
        assert!(!lineage.history().shares(id(2), Offset(8)));
        let many = (4..100).fold(lineage, |all, n| all.continued(id(n), Offset(200)));
        assert_eq!(many.ancestors.len(), MAX_ANCESTORS);
    }

    #[test]
    fn the_engines_history_leads_on_from_the_logs() {
        let old = Lineage::new(id(1)).continued(id(2), Offset(10));
        let history = History::new(id(2)).shifted(id(3), Offset(20));
        assert_eq!(old.followed_by(&history).ancestors.len(), 2);
        assert_eq!(old.followed_by(&old.history()), old);
        let other = History::new(id(9));
        assert_eq!(old.followed_by(&other), Lineage::new(id(9)));
    }
}
