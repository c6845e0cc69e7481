//! The link to the primary, seen from its replica, without a socket or a clock.
//!
//! ```text
//!  new ─► Pong ─► Setup ─► PsyncReply ─┬─ +FULLRESYNC ─► Header ─► Payload ─► Loading ─┐
//!  PING   AUTH,   PSYNC ◄─answer─ Offer├─ +DELTARESYNC ─►                              │
//!                           └◄─+DELTA──┤                                              │ loaded
//!                                      ├─ an error ─SYNC─►                             │
//!         REPLCONF                     ├─ +CONTINUE ──────────────► Streaming ◄────────┘
//!                                      └─ -NOMASTERLINK, -LOADING ─► closed, try again
//!                                         any error, where it was asked to take over
//! ```
//! Empty lines before the header are signs of life. In the stream nothing is
//! taken apart here: the engine parses it and feeds back how far it has applied.
//!
//! Facts: redis 7.2 `replication.c`, `slaveTryPartialResynchronization`,
//! `readSyncBulkPayload`, `replicationCron`.

use super::handshake::{HandshakeConfig, Step, is_pong, psync};
use super::mark::{MarkFinder, Piece};
use crate::delta::{self, Offer, Refusal};
use crate::primary::session::EOF_MARK_LEN;
use crate::wire::{command, offset_of};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use towline_core::engine::dialect::Voice;
use towline_core::offset::{Offset, ReplicationId};

/// The longest line that a primary may send before the stream.
const MAX_LINE_BYTES: usize = 1024;
/// The longest answer to INFO that is read as one.
const INFO_MAX_BYTES: u64 = 64 << 10;
/// How often a replica acknowledges, or says that it is alive while it loads.
const SIGN_OF_LIFE_PERIOD_MS: u64 = 1_000;

/// How long a replica waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaTimeouts {
    /// For each reply of the handshake.
    pub handshake_ms: u64,
    /// `repl-timeout`: for the answer to PSYNC, the dataset, and in the stream.
    pub repl_ms: u64,
}

impl Default for ReplicaTimeouts {
    fn default() -> Self {
        Self {
            handshake_ms: 5_000,
            repl_ms: 60_000,
        }
    }
}

/// What the bytes from the primary mean.
#[derive(Debug, PartialEq, Eq)]
pub enum ReplicaEvent<'a> {
    /// The primary grants what was asked for; the stream follows.
    Continue {
        /// The history's name from here on, if the primary told one.
        replid: Option<ReplicationId>,
    },
    /// A dataset will come. `None` after a fall-back to SYNC, whose position
    /// nobody tells.
    FullSync {
        /// History and offset of the dataset.
        position: Option<(ReplicationId, Offset)>,
    },
    /// The primary cannot continue, and offers a delta. Input is left alone until
    /// [`ReplicaSession::ask_delta`] or [`ReplicaSession::refuse_delta`].
    DeltaOffer(Offer),
    /// A part of a dataset will come.
    Delta {
        /// History and offset of the dataset.
        position: (ReplicationId, Offset),
    },
    /// The dataset begins.
    PayloadBegin {
        /// Its length, where it is known.
        size_bytes: Option<u64>,
    },
    /// A part of the dataset; owned only where it had been held back.
    Payload(Cow<'a, [u8]>),
    /// The dataset is complete. Input is left alone until [`ReplicaSession::loaded`].
    PayloadEnd,
    /// Bytes of the stream.
    Stream(&'a [u8]),
    /// The link is of no further use.
    Close(LinkError),
}

/// Why a replica gives up a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// PING was answered with this.
    Ping(String),
    /// AUTH was answered with this.
    Auth(String),
    /// The primary cannot serve replicas now.
    TryLater(String),
    /// The peer was asked to take over and answered with this.
    TakeOverRefused(String),
    /// The primary answered SYNC with this error.
    Refused(String),
    /// This is not what a primary sends here.
    Protocol(String),
    /// A reply of the handshake did not come in time.
    HandshakeTimeout,
    /// The dataset stopped coming.
    TransferTimeout,
    /// The stream stopped coming.
    StreamTimeout,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping(reply) => write!(f, "Error reply to PING from master: '{reply}'"),
            Self::Auth(reply) => write!(f, "Unable to AUTH to MASTER: {reply}"),
            Self::TryLater(reply) => {
                write!(
                    f,
                    "Master is currently unable to PSYNC, trying again later: {reply}"
                )
            }
            Self::TakeOverRefused(reply) => {
                write!(f, "The failover's target does not take over: {reply}")
            }
            Self::Refused(reply) => write!(f, "MASTER aborted replication with an error: {reply}"),
            Self::Protocol(what) => write!(f, "Bad protocol from MASTER: {what}"),
            Self::HandshakeTimeout => f.write_str("Timeout connecting to the MASTER..."),
            Self::TransferTimeout => f.write_str(
                "Timeout receiving bulk data from MASTER; a larger repl-timeout may help",
            ),
            Self::StreamTimeout => f.write_str("MASTER timeout: no data nor PING received"),
        }
    }
}

#[derive(Debug)]
enum State {
    Pong,
    Setup(VecDeque<Step>),
    PsyncReply,
    /// What the primary offered is being considered.
    Offer,
    Header,
    Counted {
        left: u64,
    },
    Marked(Box<MarkFinder>),
    Loading,
    Streaming,
    Closed,
}

/// See the module's comment.
#[derive(Debug)]
pub struct ReplicaSession {
    config: HandshakeConfig,
    timeouts: ReplicaTimeouts,
    from: Option<(ReplicationId, Offset)>,
    /// The offset from which a delta was asked for.
    asked_from: Option<Offset>,
    state: State,
    output: Vec<u8>,
    line: Vec<u8>,
    /// The bytes of the last line, with its end.
    line_bytes: u64,
    /// What the primary's INFO said.
    info: String,
    read: Offset,
    last_input_ms: u64,
    last_sign_ms: u64,
}

impl ReplicaSession {
    /// A link that was just opened. `from` is the history and the position that
    /// this node holds, if it holds any.
    #[must_use]
    pub fn new(
        config: HandshakeConfig,
        timeouts: ReplicaTimeouts,
        from: Option<(ReplicationId, Offset)>,
        now_ms: u64,
    ) -> Self {
        Self {
            config,
            timeouts,
            from,
            asked_from: None,
            state: State::Pong,
            output: command(&[b"PING"]),
            line: Vec::new(),
            line_bytes: 0,
            info: String::new(),
            read: Offset::ZERO,
            last_input_ms: now_ms,
            last_sign_ms: now_ms,
        }
    }

    /// What has to be written.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Notes that bytes arrived. Call it before [`next_event`](Self::next_event)
    /// is asked about them.
    pub fn received(&mut self, now_ms: u64) {
        self.last_input_ms = now_ms;
    }

    /// Takes the next event off the front of `input`; `None` when the input
    /// says no more for now. What is left of it is given again with the next bytes.
    pub fn next_event<'a>(&mut self, input: &mut &'a [u8]) -> Option<ReplicaEvent<'a>> {
        while self.reads_lines() {
            let line = match self.next_line(input) {
                Ok(line) => line?,
                Err(error) => return Some(self.close(error)),
            };
            match self.take_line(&line) {
                Ok(None) => {}
                Ok(Some(event)) => return Some(event),
                Err(error) => return Some(self.close(error)),
            }
        }
        self.take_bytes(input)
    }

    fn reads_lines(&self) -> bool {
        matches!(
            self.state,
            State::Pong | State::Setup(_) | State::PsyncReply | State::Header
        )
    }

    fn next_line(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, LinkError> {
        let end = memchr::memchr(b'\n', input);
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.line.len() + part.len() > MAX_LINE_BYTES {
            return Err(LinkError::Protocol("a line without an end".into()));
        }
        self.line.extend_from_slice(part);
        *input = rest.get(1..).unwrap_or_default();
        if end.is_none() {
            return Ok(None);
        }
        self.line_bytes = self.line.len() as u64 + 1;
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(Some(std::mem::take(&mut self.line)))
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<ReplicaEvent<'static>>, LinkError> {
        match &mut self.state {
            State::Pong => self.pong(line).map(|()| None),
            State::Setup(steps) => {
                let step = steps
                    .pop_front()
                    .expect("the state is left with its last step");
                if step == Step::Auth && line.starts_with(b"-") {
                    return Err(LinkError::Auth(text(line)));
                }
                if let Some(rest) = rest_of_info(step, line, self.line_bytes) {
                    steps.push_front(rest);
                }
                if let Step::InfoText(_) = step {
                    self.info.push_str(&text(line));
                    self.info.push('\n');
                }
                if steps.is_empty() {
                    self.ask();
                }
                Ok(None)
            }
            State::PsyncReply => self.psync_reply(line),
            _ => self.header(line),
        }
    }

    /// Whose commands the primary sends, as far as it told.
    #[must_use]
    pub fn voice(&self) -> Voice {
        Voice::of_info(self.info.lines())
    }

    fn pong(&mut self, line: &[u8]) -> Result<(), LinkError> {
        if !is_pong(line) {
            return Err(LinkError::Ping(text(line)));
        }
        let (bytes, steps) = self.config.setup();
        self.output.extend(bytes);
        self.state = State::Setup(steps.into());
        Ok(())
    }

    fn ask(&mut self) {
        let takes_over = self.config.asks_to_take_over;
        self.output.extend(psync(self.from, takes_over));
        self.state = State::PsyncReply;
    }

    fn psync_reply(&mut self, line: &[u8]) -> Result<Option<ReplicaEvent<'static>>, LinkError> {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        match words[0] {
            b"" => Ok(None),
            b"+FULLRESYNC" => self.full_resync(&words, line).map(Some),
            b"+CONTINUE" => self.continues(words.get(1).copied(), line).map(Some),
            b"+DELTA" if self.config.takes_delta => self.offered(&words, line).map(Some),
            b"+DELTARESYNC" => self.delta_resync(&words, line).map(Some),
            _ if self.config.asks_to_take_over => Err(LinkError::TakeOverRefused(text(line))),
            b"-NOMASTERLINK" | b"-LOADING" => Err(LinkError::TryLater(text(line))),
            // Whatever else it is, the peer does not take PSYNC: an old one, or
            // one whose rules allow only SYNC.
            _ => {
                self.output.extend_from_slice(b"SYNC\r\n");
                self.state = State::Header;
                Ok(Some(ReplicaEvent::FullSync { position: None }))
            }
        }
    }

    fn full_resync(
        &mut self,
        words: &[&[u8]],
        line: &[u8],
    ) -> Result<ReplicaEvent<'static>, LinkError> {
        let position = match words {
            [_, replid, offset, ..] => ReplicationId::parse(replid).zip(offset_of(offset)),
            _ => None,
        };
        let position = position.ok_or_else(|| LinkError::Protocol(text(line)))?;
        self.read = position.1;
        self.state = State::Header;
        Ok(ReplicaEvent::FullSync {
            position: Some(position),
        })
    }

    fn offered(
        &mut self,
        words: &[&[u8]],
        line: &[u8],
    ) -> Result<ReplicaEvent<'static>, LinkError> {
        let offer = Offer::parse(words).ok_or_else(|| LinkError::Protocol(text(line)))?;
        self.state = State::Offer;
        Ok(ReplicaEvent::DeltaOffer(offer))
    }

    /// Asks for a delta from `common`, with an encoded list of what is newer here.
    pub fn ask_delta(&mut self, common: Offset, ranges: &[u8]) {
        self.answer_offer(delta::report(common, ranges));
        self.asked_from = Some(common);
    }

    /// Asks for everything after all.
    pub fn refuse_delta(&mut self, reason: Refusal) {
        self.answer_offer(delta::refuse(&reason));
    }

    fn answer_offer(&mut self, answer: Vec<u8>) {
        assert!(matches!(self.state, State::Offer), "a delta was offered");
        self.output.extend(answer);
        self.state = State::PsyncReply;
    }

    fn delta_resync(
        &mut self,
        words: &[&[u8]],
        line: &[u8],
    ) -> Result<ReplicaEvent<'static>, LinkError> {
        let position = match (words, self.asked_from) {
            ([_, replid, offset, common], Some(asked)) if offset_of(common) == Some(asked) => {
                let position = ReplicationId::parse(replid).zip(offset_of(offset));
                position.filter(|(_, offset)| asked <= *offset)
            }
            _ => None,
        };
        let position = position.ok_or_else(|| LinkError::Protocol(text(line)))?;
        self.read = position.1;
        self.state = State::Header;
        Ok(ReplicaEvent::Delta { position })
    }

    fn continues(
        &mut self,
        replid: Option<&[u8]>,
        line: &[u8],
    ) -> Result<ReplicaEvent<'static>, LinkError> {
        let wrong = || LinkError::Protocol(text(line));
        let (_, offset) = self.from.ok_or_else(wrong)?;
        let replid = match replid {
            Some(id) => Some(ReplicationId::parse(id).ok_or_else(wrong)?),
            None => None,
        };
        self.read = offset;
        self.state = State::Streaming;
        Ok(ReplicaEvent::Continue { replid })
    }

    fn header(&mut self, line: &[u8]) -> Result<Option<ReplicaEvent<'static>>, LinkError> {
        if line.is_empty() {
            return Ok(None);
        }
        if line.starts_with(b"-") {
            return Err(LinkError::Refused(text(&line[1..])));
        }
        let size_bytes = if let Some(mark) = line.strip_prefix(b"$EOF:") {
            let mark: [u8; EOF_MARK_LEN] = mark
                .try_into()
                .map_err(|_| LinkError::Protocol(text(line)))?;
            self.state = State::Marked(Box::new(MarkFinder::new(mark)));
            None
        } else {
            let length = line.strip_prefix(b"$").and_then(offset_of);
            let Offset(left) = length.ok_or_else(|| {
                LinkError::Protocol(format!(
                    "'{}' instead of a dataset, are you sure the host and port are right?",
                    text(line)
                ))
            })?;
            self.state = State::Counted { left };
            Some(left)
        };
        Ok(Some(ReplicaEvent::PayloadBegin { size_bytes }))
    }

    fn take_bytes<'a>(&mut self, input: &mut &'a [u8]) -> Option<ReplicaEvent<'a>> {
        match &mut self.state {
            State::Counted { left: 0 } => {
                self.state = State::Loading;
                Some(ReplicaEvent::PayloadEnd)
            }
            State::Counted { left } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let part = take(input, most)?;
                *left -= part.len() as u64;
                Some(ReplicaEvent::Payload(part.into()))
            }
            State::Marked(_) => self.take_marked(input),
            State::Streaming => {
                let part = take(input, usize::MAX)?;
                self.read = self.read.advance(part.len());
                Some(ReplicaEvent::Stream(part))
            }
            _ => None,
        }
    }

    fn take_marked<'a>(&mut self, input: &mut &'a [u8]) -> Option<ReplicaEvent<'a>> {
        let State::Marked(finder) = &mut self.state else {
            return None;
        };
        match finder.next_piece(input) {
            Piece::Payload(part) => Some(ReplicaEvent::Payload(part.into())),
            Piece::Released => Some(ReplicaEvent::Payload(finder.released().to_vec().into())),
            Piece::NeedMore => None,
            Piece::End => {
                self.state = State::Loading;
                Some(ReplicaEvent::PayloadEnd)
            }
        }
    }

    fn close(&mut self, error: LinkError) -> ReplicaEvent<'static> {
        self.state = State::Closed;
        ReplicaEvent::Close(error)
    }

    /// The dataset is in place, and the stream goes on after `applied`.
    pub fn loaded(&mut self, applied: Offset, now_ms: u64) {
        assert!(
            matches!(self.state, State::Loading),
            "a dataset was received"
        );
        self.read = applied;
        self.last_input_ms = now_ms;
        self.state = State::Streaming;
        // The primary withholds the stream until it hears this.
        self.acknowledge(applied, None, now_ms);
    }

    /// Acknowledges `applied`. Call it at once for a GETACK, with the position
    /// *before* the GETACK: its own bytes do not count.
    pub fn acknowledge(&mut self, applied: Offset, fsynced: Option<Offset>, now_ms: u64) {
        let applied = applied.to_string();
        let fsynced = fsynced.map(|offset| offset.to_string());
        let mut args: Vec<&[u8]> = vec![b"REPLCONF", b"ACK", applied.as_bytes()];
        if let Some(fsynced) = &fsynced {
            args.extend([b"FACK", fsynced.as_bytes()]);
        }
        self.output.extend(command(&args));
        self.last_sign_ms = now_ms;
    }

    /// Call about once a second, or more often: acknowledgements, signs of life
    /// and timeouts. `applied` is how far the engine has got.
    pub fn tick(
        &mut self,
        applied: Offset,
        fsynced: Option<Offset>,
        now_ms: u64,
    ) -> Option<LinkError> {
        if let Some(error) = self.overdue(now_ms) {
            self.state = State::Closed;
            return Some(error);
        }
        if now_ms.saturating_sub(self.last_sign_ms) < SIGN_OF_LIFE_PERIOD_MS {
            return None;
        }
        match self.state {
            State::Streaming => self.acknowledge(applied, fsynced, now_ms),
            State::Counted { .. } | State::Marked(_) | State::Loading => {
                self.output.push(b'\n');
                self.last_sign_ms = now_ms;
            }
            _ => {}
        }
        None
    }

    fn overdue(&self, now_ms: u64) -> Option<LinkError> {
        let silence_ms = now_ms.saturating_sub(self.last_input_ms);
        let (limit_ms, error) = match self.state {
            State::Pong | State::Setup(_) => {
                (self.timeouts.handshake_ms, LinkError::HandshakeTimeout)
            }
            State::PsyncReply => (self.timeouts.repl_ms, LinkError::HandshakeTimeout),
            State::Header | State::Counted { .. } | State::Marked(_) => {
                (self.timeouts.repl_ms, LinkError::TransferTimeout)
            }
            State::Streaming => (self.timeouts.repl_ms, LinkError::StreamTimeout),
            // While the dataset is put in place nobody reads, so silence says nothing.
            State::Offer | State::Loading | State::Closed => return None,
        };
        (silence_ms > limit_ms).then_some(error)
    }

    /// How much of the stream has arrived: `slave_read_repl_offset`.
    #[must_use]
    pub fn read_offset(&self) -> Offset {
        self.read
    }

    /// When bytes last arrived: `master_last_io_seconds_ago`.
    #[must_use]
    pub fn last_input_ms(&self) -> u64 {
        self.last_input_ms
    }

    /// Whether the stream is followed.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        matches!(self.state, State::Streaming)
    }

    /// Whether the primary was asked for the stream and has not answered.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        matches!(self.state, State::PsyncReply)
    }

    /// Whether the dataset is complete and [`loaded`](Self::loaded) is waited for.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        matches!(self.state, State::Loading)
    }
}

/// What is still to come of the answer to INFO: a bulk string, or an error in one line.
fn rest_of_info(step: Step, line: &[u8], line_bytes: u64) -> Option<Step> {
    const LINE_END_BYTES: u64 = 2;
    match step {
        Step::Info => {
            let Offset(len) = offset_of(line.strip_prefix(b"$")?)?;
            Some(Step::InfoText(len.min(INFO_MAX_BYTES) + LINE_END_BYTES))
        }
        Step::InfoText(left) if left > line_bytes => Some(Step::InfoText(left - line_bytes)),
        _ => None,
    }
}

/// Up to `most` bytes off the front of `input`; `None` if there are none.
fn take<'a>(input: &mut &'a [u8], most: usize) -> Option<&'a [u8]> {
    let (part, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    (!part.is_empty()).then_some(part)
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}
