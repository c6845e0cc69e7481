//! What a primary answers to PSYNC and SYNC: a pure function, and a reason for
//! every full sync that an operator can read.
//!
//! ```text
//! partial  iff  the history is ours:  replid == replid
//!                                  or replid == replid2 and offset <= second_repl_offset
//!          and  the backlog holds it: first_byte <= offset <= first_byte + histlen
//! ```
//! Facts: redis 7.2 `replication.c`, `syncCommand` and `masterTryPartialResynchronization`.

use std::fmt;
use towline_core::engine::full_syncs::FullSyncCause;
use towline_core::offset::{History, Offset, ReplicationId};

/// What the replica asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncRequest {
    /// `SYNC`: a full sync with no line before it, from a peer that knows no offsets.
    Sync,
    /// `PSYNC ? -1`: a full sync, with history and offset told.
    Fresh,
    /// `PSYNC <replid> <offset>`: continue, if that can be done.
    Partial {
        /// The history that the replica holds; `None` if what it sent is no id.
        replid: Option<ReplicationId>,
        /// The one-based number of the first byte that it lacks, as sent.
        wire_offset: i64,
    },
}

/// A PSYNC that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOffset;

impl SyncRequest {
    /// Reads the arguments of PSYNC.
    ///
    /// # Errors
    /// [`BadOffset`] if the offset is not a 64-bit integer, which the client is
    /// told with the usual text for that.
    pub fn from_psync(replid: &[u8], offset: &[u8]) -> Result<Self, BadOffset> {
        let wire_offset = std::str::from_utf8(offset)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(BadOffset)?;
        if replid == b"?" {
            return Ok(Self::Fresh);
        }
        Ok(Self::Partial {
            replid: ReplicationId::parse(replid),
            wire_offset,
        })
    }

    /// The history that the peer wants to go on in, if it named one.
    #[must_use]
    pub fn replid(&self) -> Option<ReplicationId> {
        match self {
            Self::Partial { replid, .. } => *replid,
            Self::Sync | Self::Fresh => None,
        }
    }

    /// Whether the peer understands `+FULLRESYNC` and `+CONTINUE` and acknowledges.
    #[must_use]
    pub fn is_psync(&self) -> bool {
        !matches!(self, Self::Sync)
    }
}

/// The part of the stream that the backlog holds, the log on disk included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The position before its first byte.
    pub start: Offset,
    /// The position after its last byte: where the stream stands.
    pub end: Offset,
}

/// What the decision depends on besides the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrimaryView {
    /// The node's histories.
    pub history: History,
    /// The backlog, if there is one.
    pub window: Option<Window>,
    /// Whether the node can answer at all.
    pub standing: Standing,
}

/// Whether a node is in a position to serve replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A primary, or a replica whose own link is up.
    Serving,
    /// A replica whose link to its primary is down: what it would serve may be
    /// about to be replaced.
    LinkDown,
    /// A primary that is handing over to one of its replicas.
    FailingOver,
}

/// What the primary does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send `+CONTINUE` and the stream after this position.
    Continue(Offset),
    /// Take a snapshot, or join one, and send it.
    FullSync(FullSyncReason),
    /// Answer with an error; the replica asks again later.
    Refuse(Refusal),
}

impl Decision {
    /// The decision for a replica that does not know fields that expire, where
    /// the last command about them ends at `novelty`: it cannot apply the stream
    /// from before that.
    #[must_use]
    pub fn without_expiring_fields(self, novelty: Offset) -> Self {
        match self {
            Self::Continue(from) if from < novelty => {
                Self::FullSync(FullSyncReason::ExpiringFields { from, novelty })
            }
            _ => self,
        }
    }
}

/// Why a replica needs the whole dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullSyncReason {
    /// The peer sent SYNC, which has no other answer.
    PlainSync,
    /// The replica has nothing to continue from.
    NothingToContinue,
    /// What the replica sent as its history is not a replication id.
    NotAnId,
    /// The replica holds another history.
    UnknownHistory {
        /// The history it asked for.
        asked: ReplicationId,
        /// This node's history.
        ours: ReplicationId,
    },
    /// The replica follows the history that this node came from, but went on
    /// in it after the two had parted.
    Diverged {
        /// The first byte that it lacks, one-based.
        asked: i64,
        /// The last byte that it may lack first.
        second_repl_offset: i64,
    },
    /// There is no backlog: nobody replicated from this node yet, or its
    /// backlog was released after `repl-backlog-ttl`.
    NoBacklog,
    /// The backlog no longer reaches back that far.
    TooOld {
        /// The first byte that it lacks, one-based.
        asked: i64,
        /// The first byte in the backlog, one-based.
        first: u64,
    },
    /// The replica asks for bytes that this node has not written yet.
    Ahead {
        /// The first byte that it lacks, one-based.
        asked: i64,
        /// The next byte that this node will write, one-based.
        next: u64,
    },
    /// The history in the replica's dialect could not go on.
    DialectEnded {
        /// The history it asked for.
        asked: ReplicationId,
    },
    /// The replica did not say that it knows fields that expire, and the stream
    /// that it lacks has commands about them.
    ExpiringFields {
        /// Where it would have to continue.
        from: Offset,
        /// Where the last such command ends.
        novelty: Offset,
    },
}

impl FullSyncReason {
    /// What it is counted under, for a replica that asked for this.
    #[must_use]
    pub const fn cause(&self, asked: &SyncRequest) -> FullSyncCause {
        match self {
            // It holds nothing of the history that it names.
            Self::UnknownHistory { .. }
                if matches!(asked, SyncRequest::Partial { wire_offset: 1, .. }) =>
            {
                FullSyncCause::FirstContact
            }
            Self::PlainSync => FullSyncCause::PlainSync,
            Self::NothingToContinue => FullSyncCause::FirstContact,
            Self::NotAnId | Self::UnknownHistory { .. } => FullSyncCause::OtherHistory,
            Self::Diverged { .. } => FullSyncCause::Diverged,
            Self::NoBacklog => FullSyncCause::NoBacklog,
            Self::TooOld { .. } => FullSyncCause::BeyondBacklog,
            Self::Ahead { .. } => FullSyncCause::Ahead,
            Self::ExpiringFields { .. } | Self::DialectEnded { .. } => {
                FullSyncCause::UnknownCommands
            }
        }
    }

    /// Whether what the replica holds may be of use all the same.
    #[must_use]
    pub const fn leaves_a_delta(&self) -> bool {
        match self {
            Self::PlainSync
            | Self::NothingToContinue
            | Self::NotAnId
            | Self::DialectEnded { .. }
            | Self::ExpiringFields { .. } => false,
            Self::UnknownHistory { .. }
            | Self::Diverged { .. }
            | Self::NoBacklog
            | Self::TooOld { .. }
            | Self::Ahead { .. } => true,
        }
    }
}

impl fmt::Display for FullSyncReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainSync => f.write_str("the replica sent SYNC, which knows no partial resync"),
            Self::NothingToContinue => f.write_str("the replica has nothing to continue from"),
            Self::NotAnId => f.write_str("the replica sent something that is not a replication id"),
            Self::UnknownHistory { asked, ours } => {
                write!(
                    f,
                    "Replication ID mismatch: the replica asked for '{asked}', my replication ID is '{ours}'"
                )
            }
            Self::Diverged {
                asked,
                second_repl_offset,
            } => {
                write!(
                    f,
                    "Requested offset for second ID was {asked}, but I can reply up to {second_repl_offset}: the replica went on in the old history after this node was promoted"
                )
            }
            Self::NoBacklog => f.write_str("there is no replication backlog"),
            Self::TooOld { asked, first } => {
                write!(
                    f,
                    "the replica lacks the stream from byte {asked} on, and the backlog starts at byte {first}; a larger repl-backlog-size, or repl-backlog-disk-size with appendonly, would have avoided this"
                )
            }
            Self::DialectEnded { asked } => {
                write!(f, "the history '{asked}' in its dialect could not go on")
            }
            Self::ExpiringFields { from, novelty } => {
                write!(
                    f,
                    "the stream between offsets {from} and {novelty} has fields that expire, and the replica did not announce a version that knows them"
                )
            }
            Self::Ahead { asked, next } => {
                write!(
                    f,
                    "the replica asked for byte {asked}, but the next byte of this node is {next}: the replica has seen writes that this node has not"
                )
            }
        }
    }
}

/// Why a node does not serve a replica now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// See [`Standing::LinkDown`].
    NoPrimaryLink,
    /// See [`Standing::FailingOver`].
    FailingOver,
}

impl Refusal {
    /// The error line, without its dash and line end.
    #[must_use]
    pub fn error_line(self) -> &'static str {
        match self {
            Self::NoPrimaryLink => "NOMASTERLINK Can't SYNC while not connected with my master",
            Self::FailingOver => "NOMASTERLINK Can't SYNC while failing over",
        }
    }
}

/// Decides how a replica is served.
#[must_use]
pub fn decide(request: &SyncRequest, view: &PrimaryView) -> Decision {
    match view.standing {
        Standing::LinkDown => return Decision::Refuse(Refusal::NoPrimaryLink),
        Standing::FailingOver => return Decision::Refuse(Refusal::FailingOver),
        Standing::Serving => {}
    }
    match continue_from(request, view) {
        Ok(offset) => Decision::Continue(offset),
        Err(reason) => Decision::FullSync(reason),
    }
}

fn continue_from(request: &SyncRequest, view: &PrimaryView) -> Result<Offset, FullSyncReason> {
    let (replid, asked) = match request {
        SyncRequest::Sync => return Err(FullSyncReason::PlainSync),
        SyncRequest::Fresh => return Err(FullSyncReason::NothingToContinue),
        SyncRequest::Partial {
            replid,
            wire_offset,
        } => (replid.ok_or(FullSyncReason::NotAnId)?, *wire_offset),
    };
    check_history(replid, asked, &view.history)?;
    let window = view.window.ok_or(FullSyncReason::NoBacklog)?;
    let first = window.start.to_wire();
    let next = window.end.to_wire();
    match Offset::from_wire(asked) {
        Some(offset) if offset > window.end => Err(FullSyncReason::Ahead { asked, next }),
        Some(offset) if offset >= window.start => Ok(offset),
        _ => Err(FullSyncReason::TooOld { asked, first }),
    }
}

fn check_history(
    replid: ReplicationId,
    asked: i64,
    history: &History,
) -> Result<(), FullSyncReason> {
    if replid == history.replid && !replid.is_none() {
        return Ok(());
    }
    if replid != history.replid2 || replid.is_none() {
        return Err(FullSyncReason::UnknownHistory {
            asked: replid,
            ours: history.replid,
        });
    }
    let second_repl_offset = history.second_repl_offset();
    if asked > second_repl_offset {
        return Err(FullSyncReason::Diverged {
            asked,
            second_repl_offset,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: ReplicationId = ReplicationId::NONE;

    fn id(seed: u8) -> ReplicationId {
        ReplicationId::from_random([seed; 20])
    }

    /// Bytes 101 to 200 are in the backlog; the history changed after byte 150.
    fn view() -> PrimaryView {
        PrimaryView {
            history: History::new(id(1)).shifted(id(2), Offset(150)),
            window: Some(Window {
                start: Offset(100),
                end: Offset(200),
            }),
            standing: Standing::Serving,
        }
    }

    fn ask(replid: ReplicationId, wire_offset: i64) -> Decision {
        let replid = Some(replid);
        decide(
            &SyncRequest::Partial {
                replid,
                wire_offset,
            },
            &view(),
        )
    }

    #[test]
    fn a_replica_that_knows_no_expiring_fields_skips_them_by_a_full_sync() {
        let from = Offset(150);
        let decided = |novelty| Decision::Continue(from).without_expiring_fields(Offset(novelty));
        assert_eq!(decided(150), Decision::Continue(from));
        let novelty = Offset(151);
        let reason = FullSyncReason::ExpiringFields { from, novelty };
        assert_eq!(decided(151), Decision::FullSync(reason));
        let refused = Decision::Refuse(Refusal::FailingOver);
        assert_eq!(refused.without_expiring_fields(novelty), refused);
    }

    #[test]
    fn the_edges_of_the_window_are_inside() {
        assert_eq!(ask(id(2), 101), Decision::Continue(Offset(100)));
        assert_eq!(ask(id(2), 201), Decision::Continue(Offset(200)));
        let too_old = FullSyncReason::TooOld {
            asked: 100,
            first: 101,
        };
        assert_eq!(ask(id(2), 100), Decision::FullSync(too_old));
        let ahead = FullSyncReason::Ahead {
            asked: 202,
            next: 201,
        };
        assert_eq!(ask(id(2), 202), Decision::FullSync(ahead));
    }

    #[test]
    fn the_second_id_answers_up_to_where_it_ended() {
        assert_eq!(ask(id(1), 151), Decision::Continue(Offset(150)));
        let diverged = FullSyncReason::Diverged {
            asked: 152,
            second_repl_offset: 151,
        };
        assert_eq!(ask(id(1), 152), Decision::FullSync(diverged));
    }

    #[test]
    fn a_missing_history_never_matches() {
        let mut view = view();
        view.history = History::new(OLD);
        let request = SyncRequest::Partial {
            replid: Some(ReplicationId::NONE),
            wire_offset: 150,
        };
        assert!(matches!(
            decide(&request, &view),
            Decision::FullSync(FullSyncReason::UnknownHistory { .. })
        ));
    }

    #[test]
    fn no_backlog_means_full_sync_even_at_the_same_offset() {
        let view = PrimaryView {
            window: None,
            ..view()
        };
        let request = SyncRequest::Partial {
            replid: Some(id(2)),
            wire_offset: 201,
        };
        assert_eq!(
            decide(&request, &view),
            Decision::FullSync(FullSyncReason::NoBacklog)
        );
    }

    #[test]
    fn a_node_without_its_primary_refuses_all() {
        let view = PrimaryView {
            standing: Standing::LinkDown,
            ..view()
        };
        for request in [SyncRequest::Sync, SyncRequest::Fresh] {
            assert_eq!(
                decide(&request, &view),
                Decision::Refuse(Refusal::NoPrimaryLink)
            );
        }
    }

    #[test]
    fn requests_are_read_as_redis_reads_them() {
        assert_eq!(SyncRequest::from_psync(b"?", b"-1"), Ok(SyncRequest::Fresh));
        assert_eq!(SyncRequest::from_psync(b"?", b"x"), Err(BadOffset));
        assert_eq!(
            SyncRequest::from_psync(b"nonsense", b"5"),
            Ok(SyncRequest::Partial {
                replid: None,
                wire_offset: 5
            })
        );
    }

    proptest! {
        /// A partial resync is granted only for bytes that exist, are shared
        /// and are still held; everything else says why not.
        #[test]
        fn a_partial_resync_is_never_granted_wrongly(
            which in 1u8..4, asked in any::<i64>(), start in 0u64..300, len in 0u64..300, second in 0u64..400
        ) {
            let end = Offset(start + len);
            let view = PrimaryView {
                history: History::new(id(1)).shifted(id(2), Offset(second)),
                window: Some(Window { start: Offset(start), end }),
                standing: Standing::Serving,
            };
            for asked in [asked, asked % 700] {
                let request = SyncRequest::Partial { replid: Some(id(which)), wire_offset: asked };
                match decide(&request, &view) {
                    Decision::Continue(offset) => {
                        prop_assert_eq!(offset.to_wire(), asked as u64);
                        prop_assert!(view.history.shares(id(which), offset));
                        prop_assert!(offset >= Offset(start) && offset <= end);
                    }
                    Decision::FullSync(reason) => {
                        prop_assert!(!reason.to_string().is_empty());
                        let held = Offset::from_wire(asked).is_some_and(|offset| {
                            offset >= Offset(start) && offset <= end && view.history.shares(id(which), offset)
                        });
                        prop_assert!(!held);
                    }
                    Decision::Refuse(_) => prop_assert!(false),
                }
            }
        }
    }
}
