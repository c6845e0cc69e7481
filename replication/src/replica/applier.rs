//! The primary's stream, applied to the engine a batch at a time.
//!
//! ```text
//!   bytes ─► whole commands ─► execute ─► end of a unit: the same bytes go into our own stream
//! ```
//! A unit is one command, or MULTI to EXEC. Our own offset moves only at the
//! end of a unit, so that a link that breaks inside a transaction asks for it
//! again from its MULTI. The bytes are passed on as they came, which is what
//! makes offsets the same along a chain.

use std::fmt;
use towline_core::engine::client::ClientFlags;
use towline_core::engine::{ClientId, Engine, Flow, Peer};
use towline_core::offset::Offset;
use towline_core::resp::{Parsed, ProtocolError, RequestLimits, RequestParser};
use towline_core::seams::Host;
use towline_core::seams::host::Job;

/// Commands applied under one hold of the lock.
const COMMANDS_PER_BATCH: usize = 200;
/// Bytes after which a batch ends even if it had few commands.
const BYTES_PER_BATCH: usize = 64 << 10;
/// The longest transaction that is waited for.
const UNIT_MAX_BYTES: usize = 2 << 30;

/// Why a stream cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyError {
    /// It is not made of commands.
    Protocol(ProtocolError),
    /// An inline command, which no primary writes into the stream.
    Inline,
    /// A transaction does not end.
    TooLong,
    /// This node no longer follows this stream.
    RoleChanged,
    /// A command failed here that did not fail there, and `propagation-error-behavior`
    /// forbids to go on.
    Failed,
    /// The client that the stream runs as was closed: CLIENT KILL.
    Killed,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => write!(f, "Protocol error in the stream from master: {error}"),
            Self::Inline => f.write_str("Protocol error in the stream from master: inline command"),
            Self::TooLong => f.write_str("the master sent a transaction without an end"),
            Self::RoleChanged => f.write_str("this node follows another master now"),
            Self::Failed => f.write_str("a command of the master failed here, and propagation-error-behavior says not to go on"),
            Self::Killed => f.write_str("Connection with master lost: its client was killed."),
        }
    }
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// There is more to apply.
    pub more: bool,
    /// The primary asked for an acknowledgement of this position.
    pub getack: Option<Offset>,
}

/// See the module's comment.
#[derive(Debug)]
pub struct StreamApplier {
    client: ClientId,
    role_epoch: u64,
    parser: RequestParser,
    pending: Vec<u8>,
    /// The start of the command that comes next; before it lie whole commands of
    /// a unit that has not ended.
    at: usize,
    held: bool,
}

impl StreamApplier {
    /// Applies a stream that starts where the engine's stands, in the database
    /// that the engine's has selected.
    pub fn new(engine: &mut Engine, address: &str, now_ms: i64) -> Self {
        let peer = Peer {
            addr: address.to_owned(),
            ..Peer::default()
        };
        let client = engine.connect(peer, now_ms);
        let db = engine.server.log.selected_db().unwrap_or(0);
        let entry = engine.server.clients.get_mut(client);
        let entry = entry.expect("it was just connected");
        entry.flags.insert(ClientFlags::PRIMARY);
        entry.authenticated = true;
        entry.db = db;
        Self {
            client,
            role_epoch: engine.server.replication.role_epoch,
            parser: RequestParser::new(),
            pending: Vec::new(),
            at: 0,
            held: false,
        }
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// True where a pause holds back what comes next: to be tried again later.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// True where the client that the stream runs as was closed.
    pub fn is_killed(&self, engine: &Engine) -> bool {
        let closing = ClientFlags::CLOSE_NOW | ClientFlags::CLOSE_AFTER_REPLY;
        let client = engine.server.clients.get(self.client);
        client.is_none_or(|client| client.flags.intersects(closing))
    }

    /// Applies some of what arrived.
    ///
    /// # Errors
    /// If the stream cannot be followed any further.
    pub fn apply(
        &mut self,
        engine: &mut Engine,
        host: &mut dyn Host,
        now_ms: i64,
    ) -> Result<Applied, ApplyError> {
        if engine.server.replication.role_epoch != self.role_epoch {
            return Err(ApplyError::RoleChanged);
        }
        // A closed client runs nothing, and what it skips must not count as applied.
        if self.is_killed(engine) {
            return Err(ApplyError::Killed);
        }
        let mut applied = Applied::default();
        let mut batch = Batch::default();
        while batch.commands < COMMANDS_PER_BATCH && batch.bytes < BYTES_PER_BATCH {
            let Some(consumed) = self.next_command()? else {
                self.end_batch(&batch);
                return Ok(applied);
            };
            batch.bytes += consumed;
            batch.commands += 1;
            let ran = self.run(engine, host, now_ms, consumed, &mut batch, &mut applied)?;
            self.held = !ran;
            if !ran {
                self.end_batch(&batch);
                return Ok(applied);
            }
        }
        self.end_batch(&batch);
        applied.more = true;
        Ok(applied)
    }

    /// The length of the next command, once it is whole.
    fn next_command(&mut self) -> Result<Option<usize>, ApplyError> {
        let limits = RequestLimits::replication_stream();
        let parsed = self.parser.parse(&mut self.pending[self.at..], limits);
        match parsed.map_err(ApplyError::Protocol)? {
            Parsed::Complete { consumed } => Ok(Some(consumed)),
            Parsed::Incomplete { .. } if self.pending.len() > UNIT_MAX_BYTES => {
                Err(ApplyError::TooLong)
            }
            Parsed::Incomplete { .. } => match self.pending.get(self.at) {
                None | Some(b'*' | b'\n' | b'\r') => Ok(None),
                Some(_) => Err(ApplyError::Inline),
            },
        }
    }

    /// Runs the next command. False where a pause holds it back: it stays, to be
    /// tried again.
    fn run(
        &mut self,
        engine: &mut Engine,
        host: &mut dyn Host,
        now_ms: i64,
        consumed: usize,
        batch: &mut Batch,
        applied: &mut Applied,
    ) -> Result<bool, ApplyError> {
        let command = &self.pending[self.at..self.at + consumed];
        let args: Vec<&[u8]> = self
            .parser
            .args()
            .iter()
            .map(|arg| arg.of(command))
            .collect();
        if args.is_empty() {
            // A bare newline is a sign of life outside of the stream.
            self.pending.drain(self.at..self.at + consumed);
            return Ok(true);
        }
        if is_getack(&args) {
            applied.getack = Some(engine.server.log.offset());
        } else if self.execute(engine, host, now_ms, &args)? == Flow::Blocked {
            return Ok(false);
        }
        self.at += consumed;
        let client = engine.server.clients.get(self.client);
        let Some(client) = client.filter(|client| client.multi.is_none()) else {
            return Ok(true);
        };
        engine.server.log.set_selected_db(Some(client.db));
        engine
            .server
            .log
            .write_verbatim(&self.pending[batch.unit_start..self.at]);
        batch.unit_start = self.at;
        Ok(true)
    }

    /// An error means that this dataset and the primary's are no longer equal,
    /// which an operator has to learn.
    fn execute(
        &self,
        engine: &mut Engine,
        host: &mut dyn Host,
        now_ms: i64,
        args: &[&[u8]],
    ) -> Result<Flow, ApplyError> {
        let errors = engine.server.stats.error_replies;
        let flow = engine.execute(self.client, args, now_ms, host);
        if engine.server.stats.error_replies == errors {
            return Ok(flow);
        }
        engine.server.stats.unexpected_error_replies += 1;
        let name = args[0].escape_ascii();
        host.log(&format!(
            "== CRITICAL == This replica is sending an error to its master after processing the command '{name}'"
        ));
        if !engine.server.config.process.halts_on_propagation_error {
            return Ok(flow);
        }
        let failed = ApplyError::Failed;
        if let Err(refusal) = host.start(Job::Halt(failed.to_string())) {
            host.log(&refusal);
        }
        Err(failed)
    }

    /// Forgets the units that were applied; what is left starts with a unit.
    fn end_batch(&mut self, batch: &Batch) {
        self.pending.drain(..batch.unit_start);
        self.at -= batch.unit_start;
    }

    /// Ends the client that the stream ran as. A transaction that was not
    /// complete is forgotten.
    pub fn close(self, engine: &mut Engine) {
        engine.disconnect(self.client);
    }
}

#[derive(Default)]
struct Batch {
    commands: usize,
    bytes: usize,
    /// The first byte that is not in our own stream yet.
    unit_start: usize,
}

fn is_getack(args: &[&[u8]]) -> bool {
    let is = |at: usize, word: &[u8]| {
        args.get(at)
            .is_some_and(|arg| arg.eq_ignore_ascii_case(word))
    };
    is(0, b"REPLCONF") && is(1, b"GETACK")
}
