//! A planned change of roles: this primary lets one of its replicas catch up, follows
//! it, and asks it to take over.
//!
//! ```text
//!                       FAILOVER
//!   no-failover ──────────────────────► waiting-for-sync    writers paused
//!        ▲                                │       │
//!        │ ABORT, or the time is over ◄───┘       │ a replica has all, or FORCE and
//!        │                                        ▼ the time is over
//!        │ answered                       failover-in-progress
//!        ├──────────────────────────────── this node follows the target, and says
//!        │ refused, or ABORT: a primary   `PSYNC <replid> <offset> FAILOVER` to it
//!        └────────────────────── again ◄──┘
//! ```
//! What is to be done is decided by `Failover::next_step`, a pure function; the rest
//! of this file does it. Facts: redis 7.2 `replication.c`, `failoverCommand`,
//! `updateFailoverStatus`, `abortFailover`.

use super::machine::Engine;
use super::pause::{NO_END_MS, PauseMode, PauseReason};
use super::replication::{Replica, ReplicaState};
use super::server::Server;
use crate::offset::Offset;
use crate::seams::Host;
use crate::seams::host::{Job, PrimaryAddress};

/// What FAILOVER asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailoverRequest {
    /// The replica that is to take over; none for the first that has everything.
    pub target: Option<PrimaryAddress>,
    /// When it is given up or, with `force`, done all the same; unix ms.
    pub until_ms: Option<i64>,
    /// The target takes over even if it has not caught up in time.
    pub force: bool,
}

/// See the module's comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failover(Phase);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    None,
    WaitingForSync(FailoverRequest),
    InProgress {
        target: PrimaryAddress,
        asking: Asking,
    },
}

/// How the target is asked for its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asking {
    /// To take over.
    #[default]
    TakeOver,
    /// To take over, once more: the link broke before an answer to this came.
    Again,
    /// For its stream alone: it has taken over, only its answer was lost.
    Stream,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Wait,
    /// Follow the target, which has everything.
    HandOver(PrimaryAddress),
    /// Follow the target, which has not.
    Force(PrimaryAddress),
    Abort(&'static str),
}

impl Failover {
    /// Its name in INFO.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.0 {
            Phase::None => "no-failover",
            Phase::WaitingForSync(_) => "waiting-for-sync",
            Phase::InProgress { .. } => "failover-in-progress",
        }
    }

    /// True from its beginning to its end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0 != Phase::None
    }

    /// True where the primary that is dialled is to be asked to take over.
    #[must_use]
    pub const fn asks_to_take_over(&self) -> bool {
        matches!(&self.0, Phase::InProgress { asking, .. } if !matches!(asking, Asking::Stream))
    }

    /// When it ends without a replica that has caught up, unix ms.
    #[must_use]
    pub fn until_ms(&self) -> Option<i64> {
        match &self.0 {
            Phase::WaitingForSync(request) => request.until_ms,
            _ => None,
        }
    }

    fn next_step(&self, now_ms: i64, end: Offset, replicas: &[Replica]) -> Step {
        let Phase::WaitingForSync(request) = &self.0 else {
            return Step::Wait;
        };
        if request.until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
            return match &request.target {
                Some(target) if request.force => Step::Force(target.clone()),
                _ => Step::Abort("Replica never caught up before timeout"),
            };
        }
        let wanted = |replica: &&Replica| {
            let target = request.target.as_ref();
            // One with a history of its own knows nothing of the one it would take over.
            replica.spoken.is_none() && target.is_none_or(|target| replica.is_at(target))
        };
        let has_all =
            |replica: &&Replica| replica.state == ReplicaState::Online && replica.ack_offset == end;
        let synced = replicas.iter().filter(wanted).find(has_all);
        synced.map_or(Step::Wait, |replica| Step::HandOver(replica.address()))
    }

    fn target(&self) -> Option<&PrimaryAddress> {
        match &self.0 {
            Phase::None => None,
            Phase::WaitingForSync(request) => request.target.as_ref(),
            Phase::InProgress { target, .. } => Some(target),
        }
    }
}

impl Server {
    /// Begins a failover: writers pause, and `step_failover` does the rest.
    pub fn begin_failover(&mut self, request: FailoverRequest) {
        self.failover = Failover(Phase::WaitingForSync(request));
        self.pauses
            .begin(PauseReason::Failover, PauseMode::Writes, NO_END_MS);
    }

    /// Gives a failover up, with the reason for the log. Where this node followed the
    /// target already, it is a primary again.
    ///
    /// # Errors
    /// The host's, where it cannot change the role.
    pub fn abort_failover(&mut self, reason: &str, host: &mut dyn Host) -> Result<(), String> {
        let whom = self.failover.target();
        let whom = whom.map_or_else(String::new, |target| format!(" to {target}"));
        host.log(&format!("Aborting failover{whom}: {reason}."));
        let handed_over = matches!(self.failover.0, Phase::InProgress { .. });
        self.clear_failover();
        if handed_over {
            self.follow(None, host)?;
        }
        Ok(())
    }

    fn clear_failover(&mut self) {
        self.failover = Failover::default();
        self.pauses.end(PauseReason::Failover);
    }

    /// True while a failover with an end waits for its target. The stream stays where
    /// it is then, so that a replica can be seen to have all of it.
    pub(super) fn holds_stream(&self) -> bool {
        self.failover.until_ms().is_some()
    }

    fn step_failover(&mut self, now_ms: i64, host: &mut dyn Host) {
        let end = self.log.offset();
        let step = self
            .failover
            .next_step(now_ms, end, &self.replication.replicas);
        let done = match step {
            Step::Wait => return,
            Step::Abort(reason) => self.abort_failover(reason, host),
            Step::HandOver(target) => {
                host.log(&format!(
                    "Failover target {target} is synced, failing over."
                ));
                self.hand_over(target, host)
            }
            Step::Force(target) => {
                host.log(&format!(
                    "Failover to {target} time out exceeded, failing over."
                ));
                self.hand_over(target, host)
            }
        };
        if let Err(error) = done {
            host.log(&format!("Changing the role for a failover: {error}"));
        }
    }

    fn hand_over(&mut self, target: PrimaryAddress, host: &mut dyn Host) -> Result<(), String> {
        self.failover = Failover(Phase::InProgress {
            target: target.clone(),
            asking: Asking::default(),
        });
        self.follow(Some(target), host).map(drop)
    }

    /// The link to the target broke after it had been asked, and before it answered.
    pub fn failover_unanswered(&mut self) {
        if let Phase::InProgress { asking, .. } = &mut self.failover.0
            && *asking == Asking::TakeOver
        {
            *asking = Asking::Again;
        }
    }
}

impl Engine {
    /// Goes on with a failover that waits for a replica. The drivers call it when
    /// replicas acknowledge, and when time passes.
    pub fn step_failover(&mut self, now_ms: i64, host: &mut dyn Host) {
        if matches!(self.server.failover.0, Phase::WaitingForSync(_)) {
            self.server.step_failover(now_ms, host);
            self.end_pauses(now_ms, host);
        }
    }

    /// The target has taken over: what writers wait to do is refused, since this node
    /// is a replica now.
    pub fn finish_failover(&mut self, now_ms: i64, host: &mut dyn Host) {
        if self.server.failover.is_running() {
            self.server.clear_failover();
            self.end_pauses(now_ms, host);
        }
    }

    /// The target did not take over. This node is a primary again, unless the target
    /// is one because it took over before and its answer was lost; then it is followed.
    pub fn failover_refused(&mut self, is_primary: bool, now_ms: i64, host: &mut dyn Host) {
        match &mut self.server.failover.0 {
            Phase::InProgress { asking, .. } if is_primary && *asking == Asking::Again => {
                *asking = Asking::Stream;
            }
            Phase::InProgress { .. } => {
                let reason = "Failover target rejected psync request";
                if let Err(error) = self.server.abort_failover(reason, host) {
                    host.log(&format!("Changing the role after a failover: {error}"));
                }
                self.end_pauses(now_ms, host);
            }
            _ => {}
        }
    }
}

impl Server {
    /// Follows a primary, or nobody, and lets the host do what belongs to it. False
    /// where nothing changes.
    ///
    /// # Errors
    /// The host's: the text of an error reply.
    pub fn follow(
        &mut self,
        target: Option<PrimaryAddress>,
        host: &mut dyn Host,
    ) -> Result<bool, String> {
        let changed = match &target {
            Some(address) => self.become_replica_of(address.clone()),
            None => self.become_primary(),
        };
        if changed {
            let words = target.as_ref().map_or_else(String::new, |address| {
                format!("{} {}", address.host, address.port)
            });
            self.config.follow("replicaof", words.as_bytes());
            host.start(Job::Follow(target))?;
        } else if let Some(upstream) = &mut self.replication.upstream {
            upstream.accepts_empty = true;
        }
        Ok(changed)
    }
}
