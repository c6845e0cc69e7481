//! One replica, seen from its primary: what is written to it and when, without
//! a socket or a clock.
//!
//! ```text
//!  PSYNC that may have a delta ──+DELTA──► Offered ──an answer──► WaitSnapshot
//!
//!  SYNC, PSYNC ──► WaitSnapshot ──snapshot_started──► WaitPayload ──begin_transfer──► Sending
//!                  \n each second   +FULLRESYNC       \n each second   $<len> | $EOF:  │
//!                                   or +DELTARESYNC                                    │
//!                                                                                      │ end_transfer
//!  PSYNC that may continue ──+CONTINUE──────────────► Online ◄──first ACK── AwaitAck ◄─┤ $EOF:
//!                                                        ▲                             │ $<len>
//!                                                        └─────────────────────────────┘
//! ```
//! The stream may be written only while [`PrimarySession::may_stream`] says so.
//! Payload and stream do not pass through the session, which would copy them:
//! the driver writes them between what [`PrimarySession::take_output`] gives.
//!
//! Facts: redis 7.2 `replication.c`, `replicationCron`, `updateSlavesWaitingBgsave`,
//! `replicationSetupSlaveForFullResync`.

use crate::delta::{self, Answer, Offer, REPORT_MAX_BYTES};
use crate::wire::{CommandReader, Heard, offset_of};
use std::fmt;
use towline_core::engine::replication::ReplicaState;
use towline_core::keyspace::delta::coding;
use towline_core::offset::{Offset, ReplicationId};

/// The length of the mark that ends a transfer of unknown size.
pub const EOF_MARK_LEN: usize = 40;
/// How often a waiting replica gets a newline.
const NEWLINE_PERIOD_MS: u64 = 1_000;

/// What the replica said that it can do, in REPLCONF before PSYNC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaCaps {
    /// `capa eof`: it takes a transfer without a length.
    pub eof: bool,
    /// `capa psync2`: it takes a new history id after `+CONTINUE`.
    pub psync2: bool,
    /// It sent PSYNC, so it knows offsets and acknowledges. SYNC does not.
    pub psync: bool,
    /// `rdb-only 1`: it wants the dataset and no stream.
    pub rdb_only: bool,
}

/// What the session needs to know of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrimaryConfig {
    /// `repl-timeout`.
    pub repl_timeout_ms: u64,
    /// The limits of `client-output-buffer-limit replica`; zero is no limit.
    pub hard_limit_bytes: u64,
    /// See [`soft_limit_ms`](Self::soft_limit_ms).
    pub soft_limit_bytes: u64,
    /// How long a replica may stay more than the soft limit behind.
    pub soft_limit_ms: u64,
}

impl Default for PrimaryConfig {
    fn default() -> Self {
        Self {
            repl_timeout_ms: 60_000,
            hard_limit_bytes: 256 << 20,
            soft_limit_bytes: 64 << 20,
            soft_limit_ms: 60_000,
        }
    }
}

/// How the dataset is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferForm {
    /// `$<len>`: the size is known.
    Length(u64),
    /// `$EOF:<mark>`: the size is not known, and this mark ends it.
    Mark([u8; EOF_MARK_LEN]),
}

/// What happened on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The replica has applied the stream up to `applied` and, if it keeps a
    /// log, has it on disk up to `fsynced`.
    Acked {
        /// REPLCONF ACK.
        applied: Offset,
        /// REPLCONF FACK.
        fsynced: Option<Offset>,
    },
    /// The replica follows the stream from now on.
    Online,
    /// The replica has answered the offer of a delta:
    /// [`PrimarySession::take_answer`] says how.
    Answered,
    /// The link has to be closed.
    Close(CloseReason),
}

/// Why a primary closes the link to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No ACK within `repl-timeout`.
    AckTimeout,
    /// No byte of the dataset could be written within `repl-timeout`.
    TransferStalled,
    /// The snapshot could not be taken or written.
    SnapshotFailed,
    /// The peer does not speak the protocol.
    Protocol,
    /// The replica is further behind than `client-output-buffer-limit` allows.
    TooFarBehind {
        /// By how much.
        lag_bytes: u64,
    },
    /// What the replica has not read yet is no longer held.
    Lost,
    /// The replica asked for the dataset alone and has it.
    RdbOnlyDone,
    /// The replica sent a command: what it would be answered would land in the stream.
    Talks,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AckTimeout => f.write_str("Disconnecting timedout replica (streaming sync)"),
            Self::TransferStalled => f.write_str("Disconnecting timedout replica (full sync)"),
            Self::SnapshotFailed => f.write_str("the snapshot for it failed"),
            Self::Protocol => f.write_str("it does not speak the replication protocol"),
            Self::TooFarBehind { lag_bytes } => write!(
                f,
                "it is {lag_bytes} bytes behind, more than client-output-buffer-limit allows"
            ),
            Self::Lost => f.write_str("what it has not read yet is no longer in the backlog"),
            Self::RdbOnlyDone => f.write_str("it asked for the dataset alone and has it"),
            Self::Talks => f.write_str("it sent a command that is answered"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Offered,
    WaitSnapshot,
    WaitPayload,
    Sending { form: TransferForm, sent: u64 },
    AwaitAck,
    Online,
    Closed,
}

/// See the module's comment.
#[derive(Debug)]
pub struct PrimarySession {
    caps: ReplicaCaps,
    config: PrimaryConfig,
    state: State,
    output: Vec<u8>,
    input: CommandReader,
    acked: Offset,
    last_ack_ms: u64,
    last_newline_ms: u64,
    last_progress_ms: u64,
    over_soft_limit_since_ms: Option<u64>,
    /// What has arrived of the list of ranges that answers an offer.
    ranges: Vec<u8>,
    answer: Option<Answer>,
    /// The command for which the link was closed.
    said: Vec<Vec<u8>>,
}

impl PrimarySession {
    /// A replica that needs the whole dataset.
    #[must_use]
    pub fn full(caps: ReplicaCaps, config: PrimaryConfig, now_ms: u64) -> Self {
        Self {
            caps,
            config,
            state: State::WaitSnapshot,
            output: Vec::new(),
            input: CommandReader::default(),
            acked: Offset::ZERO,
            last_ack_ms: now_ms,
            last_newline_ms: now_ms,
            last_progress_ms: now_ms,
            over_soft_limit_since_ms: None,
            ranges: Vec::new(),
            answer: None,
            said: Vec::new(),
        }
    }

    /// A replica that is offered a delta. Once it has answered, a snapshot of a part is
    /// taken for it, or one of everything.
    #[must_use]
    pub fn offering(caps: ReplicaCaps, config: PrimaryConfig, offer: &Offer, now_ms: u64) -> Self {
        let mut session = Self::full(caps, config, now_ms);
        session.state = State::Offered;
        session.output = offer.line();
        session
    }

    /// How the replica has answered the offer, once.
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    /// The snapshot of what is newer than `common` is of `offset` in the history `replid`.
    pub fn delta_started(
        &mut self,
        replid: ReplicationId,
        offset: Offset,
        common: Offset,
        now_ms: u64,
    ) {
        let line = format!("+DELTARESYNC {replid} {offset} {common}\r\n");
        self.started(&line, offset, now_ms);
    }

    /// A replica that continues after `from`; `replid` is this node's history.
    #[must_use]
    pub fn partial(
        caps: ReplicaCaps,
        config: PrimaryConfig,
        replid: ReplicationId,
        from: Offset,
        now_ms: u64,
    ) -> Self {
        let mut session = Self::full(caps, config, now_ms);
        session.state = State::Online;
        session.acked = from;
        session.output = if caps.psync2 {
            format!("+CONTINUE {replid}\r\n").into_bytes()
        } else {
            b"+CONTINUE\r\n".to_vec()
        };
        session
    }

    /// The snapshot for this replica is of `offset` in the history `replid`.
    pub fn snapshot_started(&mut self, replid: ReplicationId, offset: Offset, now_ms: u64) {
        let line = match self.caps.psync {
            true => format!("+FULLRESYNC {replid} {offset}\r\n"),
            false => String::new(),
        };
        self.started(&line, offset, now_ms);
    }

    fn started(&mut self, line: &str, offset: Offset, now_ms: u64) {
        assert_eq!(self.state, State::WaitSnapshot, "a snapshot starts once");
        self.state = State::WaitPayload;
        self.acked = offset;
        self.last_newline_ms = now_ms;
        self.output.extend_from_slice(line.as_bytes());
    }

    /// The driver writes the dataset from now on, after what is in the output.
    pub fn begin_transfer(&mut self, form: TransferForm, now_ms: u64) {
        assert_eq!(self.state, State::WaitPayload, "a transfer starts once");
        match form {
            TransferForm::Length(len) => self.output.extend(format!("${len}\r\n").into_bytes()),
            TransferForm::Mark(mark) => {
                assert!(self.caps.eof, "only a peer with capa eof looks for a mark");
                self.output.extend_from_slice(b"$EOF:");
                self.output.extend_from_slice(&mark);
                self.output.extend_from_slice(b"\r\n");
            }
        }
        self.last_progress_ms = now_ms;
        self.state = State::Sending { form, sent: 0 };
    }

    /// The driver wrote `bytes` of the dataset.
    pub fn payload_sent(&mut self, bytes: usize, now_ms: u64) {
        if let State::Sending { sent, .. } = &mut self.state {
            *sent += bytes as u64;
            self.last_progress_ms = now_ms;
        }
    }

    /// The driver wrote all of the dataset.
    pub fn end_transfer(&mut self, now_ms: u64) -> Option<SessionEvent> {
        let State::Sending { form, sent } = self.state else {
            return None;
        };
        self.last_ack_ms = now_ms;
        if let TransferForm::Mark(mark) = form {
            self.output.extend_from_slice(&mark);
        }
        if self.caps.rdb_only {
            return Some(self.close(CloseReason::RdbOnlyDone));
        }
        match form {
            TransferForm::Length(len) => {
                assert_eq!(sent, len, "the transfer has the length that was announced");
                self.state = State::Online;
                Some(SessionEvent::Online)
            }
            // Nothing may follow the mark before the replica has acknowledged
            // it: a peer may look for it only at the end of what it has read.
            TransferForm::Mark(_) => {
                self.state = State::AwaitAck;
                None
            }
        }
    }

    /// The snapshot for this replica failed.
    pub fn snapshot_failed(&mut self) -> SessionEvent {
        self.close(CloseReason::SnapshotFailed)
    }

    /// Bytes arrived from the replica. What they mean is appended to `events`.
    pub fn receive(&mut self, bytes: &[u8], now_ms: u64, events: &mut Vec<SessionEvent>) {
        self.input.push(bytes);
        while self.state != State::Closed {
            match self.input.next_command() {
                Ok(Some(Heard::Newline)) => self.last_ack_ms = now_ms,
                Ok(Some(Heard::Command(args))) => self.command(&args, now_ms, events),
                Ok(None) => return,
                Err(_) => events.push(self.close(CloseReason::Protocol)),
            }
        }
    }

    /// Only acknowledgements matter. What else REPLCONF may say is skipped; any other
    /// command would get a reply, which would land in the stream.
    fn command(&mut self, args: &[Vec<u8>], now_ms: u64, events: &mut Vec<SessionEvent>) {
        let is = |at: usize, word: &str| {
            args.get(at)
                .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
        };
        if !is(0, "REPLCONF") {
            self.said = args.to_vec();
            events.push(self.close(CloseReason::Talks));
            return;
        }
        if self.state == State::Offered {
            self.last_ack_ms = now_ms;
            events.extend(self.answered(&args[1..]));
            return;
        }
        if !is(1, "ACK") {
            return;
        }
        let Some(applied) = args.get(2).and_then(|arg| offset_of(arg)) else {
            return;
        };
        self.last_ack_ms = now_ms;
        if matches!(self.state, State::WaitSnapshot | State::WaitPayload) {
            // It holds nothing of this history yet, whatever it says.
            return;
        }
        let fsynced = args.get(4).filter(|_| is(3, "FACK"));
        self.acked = self.acked.max(applied);
        events.push(SessionEvent::Acked {
            applied: self.acked,
            fsynced: fsynced.and_then(|arg| offset_of(arg)),
        });
        if self.state == State::AwaitAck {
            self.state = State::Online;
            events.push(SessionEvent::Online);
        }
    }

    /// A part of the answer to an offer. What else a replica may say is skipped.
    fn answered(&mut self, args: &[Vec<u8>]) -> Option<SessionEvent> {
        let [option, value] = args else {
            return None;
        };
        let answer = match &option[..] {
            delta::RANGES if self.ranges.len() + value.len() <= REPORT_MAX_BYTES => {
                self.ranges.extend_from_slice(value);
                return None;
            }
            delta::RANGES => None,
            delta::FROM => {
                let ranges = coding::decode(&std::mem::take(&mut self.ranges)).ok();
                let found = offset_of(value).zip(ranges);
                found.map(|(common, ranges)| Answer::Ranges { common, ranges })
            }
            delta::REFUSED => Some(Answer::Refused(value.escape_ascii().to_string())),
            _ => return None,
        };
        if answer.is_none() {
            return Some(self.close(CloseReason::Protocol));
        }
        self.answer = answer;
        self.state = State::WaitSnapshot;
        Some(SessionEvent::Answered)
    }

    /// Call about once a second: keep-alives and timeouts. `lag_bytes` is how
    /// much of the stream is kept for this replica.
    pub fn tick(&mut self, now_ms: u64, lag_bytes: u64) -> Option<SessionEvent> {
        if let Some(reason) = self
            .overdue(now_ms)
            .or(self.too_far_behind(now_ms, lag_bytes))
        {
            return Some(self.close(reason));
        }
        let waits = matches!(
            self.state,
            State::Offered | State::WaitSnapshot | State::WaitPayload
        );
        if waits && now_ms.saturating_sub(self.last_newline_ms) >= NEWLINE_PERIOD_MS {
            self.last_newline_ms = now_ms;
            self.output.push(b'\n');
        }
        None
    }

    fn overdue(&self, now_ms: u64) -> Option<CloseReason> {
        let passed = |since_ms| now_ms.saturating_sub(since_ms) > self.config.repl_timeout_ms;
        match self.state {
            State::Sending { .. } if passed(self.last_progress_ms) => {
                Some(CloseReason::TransferStalled)
            }
            // A peer that sent SYNC never acknowledges, so its silence says nothing.
            State::Online if self.caps.psync && passed(self.last_ack_ms) => {
                Some(CloseReason::AckTimeout)
            }
            State::Offered | State::AwaitAck if passed(self.last_ack_ms) => {
                Some(CloseReason::AckTimeout)
            }
            _ => None,
        }
    }

    fn too_far_behind(&mut self, now_ms: u64, lag_bytes: u64) -> Option<CloseReason> {
        let over = |limit: u64| limit > 0 && lag_bytes > limit;
        if self.state == State::Closed {
            return None;
        }
        if over(self.config.hard_limit_bytes) {
            return Some(CloseReason::TooFarBehind { lag_bytes });
        }
        if !over(self.config.soft_limit_bytes) {
            self.over_soft_limit_since_ms = None;
            return None;
        }
        let since_ms = *self.over_soft_limit_since_ms.get_or_insert(now_ms);
        (now_ms - since_ms > self.config.soft_limit_ms)
            .then_some(CloseReason::TooFarBehind { lag_bytes })
    }

    fn close(&mut self, reason: CloseReason) -> SessionEvent {
        self.state = State::Closed;
        SessionEvent::Close(reason)
    }

    /// What has to be written now, before anything else.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Whether the stream may be written, once the output is.
    #[must_use]
    pub fn may_stream(&self) -> bool {
        self.state == State::Online
    }

    /// The replica's state, for INFO.
    #[must_use]
    pub fn replica_state(&self) -> ReplicaState {
        match self.state {
            State::Offered | State::WaitSnapshot | State::WaitPayload => ReplicaState::WaitBgsave,
            State::Sending { .. } => ReplicaState::SendBulk,
            State::AwaitAck | State::Online | State::Closed => ReplicaState::Online,
        }
    }

    /// The command for which the link was closed, if it was for one.
    #[must_use]
    pub fn said(&self) -> &[Vec<u8>] {
        &self.said
    }

    /// How far the replica has acknowledged.
    #[must_use]
    pub fn acked(&self) -> Offset {
        self.acked
    }

    /// When the replica last gave a sign of life, for `lag=` in INFO.
    #[must_use]
    pub fn last_ack_ms(&self) -> u64 {
        self.last_ack_ms
    }

    /// Takes a changed configuration.
    pub fn set_config(&mut self, config: PrimaryConfig) {
        self.config = config;
    }
}
