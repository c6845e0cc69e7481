//! One client's connection: read all there is, parse all, run it as one batch,
//! write once.

use std::future::poll_fn;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use towline_core::engine::buffers::{INPUT_BUFFER_MIN_BYTES, REPLY_BUFFER_MAX_BYTES, Trim};
use towline_core::engine::traffic::{Overrun, Traffic};
use towline_core::engine::{ClientId, Engine, Flow, Peer};
use towline_core::offset::Offset;
use towline_core::resp::{Parsed, ProtocolError, RequestLimits, RequestParser};

use super::reactor::{Reactor, Source};
use super::wakers::Bell;
use crate::engine_lock::EngineLock;
use crate::host::{ServerHost, unix_ms};

/// Bytes asked of a socket at once; a read that fills less has drained it.
const READ_BYTES: usize = INPUT_BUFFER_MIN_BYTES;
/// Commands parsed before they run; their keys are prefetched together.
const BATCH_COMMANDS: usize = 64;
/// A batch that has taken this long ends with the command that it is at, and the
/// rest of its commands run in another, nanoseconds.
const BATCH_NS: u64 = 500_000;
/// An input's buffer that grew beyond this is given back once it is empty, and a
/// smaller one when the engine says that it is too large for its use.
const KEPT_INPUT_BYTES: usize = 1024 * 1024;
/// What a client that fills its reply buffer keeps of an output that was larger.
const KEPT_OUTPUT_BYTES: usize = 64 * 1024;

/// What all connections share.
pub struct Shared {
    /// The engine.
    pub store: EngineLock,
    /// Takes the sockets of clients that became replicas.
    pub attach: Box<dyn Fn(Attached) + Send + Sync>,
}

/// A client's socket.
pub enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A unix socket.
    Unix(UnixStream),
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Socket {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).write(bytes),
            Self::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }
}

/// A socket fresh from a listener, not blocking.
pub struct Accepted {
    /// The socket.
    pub socket: Socket,
    /// Where it comes from.
    pub peer: Peer,
}

/// A client's socket that becomes a replica's link.
pub struct Attached {
    /// The client it was; it is still known to the engine.
    pub id: ClientId,
    /// The socket.
    pub socket: Socket,
    /// What it sent beyond the command that asked for the stream.
    pub unread: Vec<u8>,
    /// Replies that the socket did not take yet.
    pub unsent: Vec<u8>,
}

/// Serves a client until it goes.
pub async fn serve(reactor: Rc<Reactor>, shared: Arc<Shared>, accepted: Accepted) {
    let Accepted { socket, peer } = accepted;
    let Ok((token, source)) = reactor.add(socket.as_fd()) else {
        return;
    };
    let (id, unsent, limits, query_limit) = {
        let mut engine = shared.store.lock();
        let limit = engine.server.config.client_query_buffer_limit;
        let id = engine.connect(peer, unix_ms());
        // What it sends first is already read as from a stranger.
        (id, engine.unsent(id), engine.request_limits(id), limit)
    };
    let bell = shared.store.wakers.add(id);
    let mut connection = Connection {
        socket,
        source,
        bell,
        id,
        shared,
        parser: RequestParser::new(),
        input: Vec::new(),
        parsed: Batch::default(),
        output: Vec::new(),
        written: 0,
        unsent,
        kept_until: None,
        flow: Flow::Continue,
        limits,
        awaited: 0,
        query_limit,
        kept_output_bytes: KEPT_OUTPUT_BYTES,
        traffic: Traffic::default(),
    };
    connection.run().await;
    reactor.remove(connection.socket.as_fd(), token);
    connection.shared.store.wakers.remove(id);
    if connection.flow == Flow::Attach {
        (connection.shared.attach)(Attached {
            id,
            socket: connection.socket,
            unread: connection.input.split_off(connection.parsed.done_end()),
            unsent: connection.output.split_off(connection.written),
        });
    } else {
        connection.shared.store.lock().disconnect(id);
    }
}

/// Commands found in the input. Ranges are places in the input, which therefore
/// stays as it is until all of them have run.
#[derive(Default)]
struct Batch {
    args: Vec<Range<usize>>,
    /// Where each command's arguments end in `args`, and its bytes in the input.
    commands: Vec<(usize, usize)>,
    /// How many of them have run.
    done: usize,
    /// Found behind them.
    error: Option<ProtocolError>,
}

impl Batch {
    fn is_done(&self) -> bool {
        self.done == self.commands.len()
    }

    /// Where in the input the commands end that have run.
    fn done_end(&self) -> usize {
        self.done.checked_sub(1).map_or(0, |at| self.commands[at].1)
    }

    /// Where in `args` the next command starts.
    fn next_arg(&self) -> usize {
        self.done.checked_sub(1).map_or(0, |at| self.commands[at].0)
    }

    fn clear(&mut self) {
        self.args.clear();
        self.commands.clear();
        self.done = 0;
        self.error = None;
    }
}

struct Connection {
    socket: Socket,
    source: Rc<Source>,
    bell: Arc<Bell>,
    id: ClientId,
    shared: Arc<Shared>,
    parser: RequestParser,
    input: Vec<u8>,
    parsed: Batch,
    output: Vec<u8>,
    written: usize,
    /// What of it the socket has not taken, for the engine to read.
    unsent: Arc<AtomicUsize>,
    /// The end of the client's writes, where the output promises that they are on disk
    /// and they may not be.
    kept_until: Option<Offset>,
    flow: Flow,
    limits: RequestLimits,
    /// Bytes that a large argument is short of; 0 where none is on its way.
    awaited: usize,
    /// `client-query-buffer-limit` as it was at the last batch.
    query_limit: u64,
    /// What an empty output may keep of its buffer.
    kept_output_bytes: usize,
    /// What the socket did since the engine was told.
    traffic: Traffic,
}

fn overrun_text(overrun: Overrun) -> &'static str {
    match overrun {
        Overrun::QueryBuffer => "Closing client that reached max query buffer length",
        Overrun::Output => {
            "Client scheduled to be closed ASAP for overcoming of output buffer limits"
        }
    }
}

/// What a look at the socket brought.
#[derive(PartialEq, Eq)]
enum Progress {
    /// Go on.
    Open,
    /// The peer is gone.
    Closed,
}

/// Why the task was woken.
struct Woken {
    readable: bool,
    writable: bool,
    rung: bool,
}

impl Connection {
    async fn run(&mut self) {
        loop {
            let woken = self.wait().await;
            if woken.rung {
                self.collect();
            }
            // A blocked client's requests wait in the socket; its end is noticed.
            if woken.readable && self.read() == Progress::Closed {
                return;
            }
            if self.input.len() as u64 > self.query_limit {
                self.collect();
            }
            if self.is_kept() {
                if self.shared.store.durable.has_failed() {
                    return;
                }
            } else {
                self.process();
            }
            if woken.readable && self.input.len() >= READ_BYTES {
                // A large command that has arrived in part is no secret.
                self.collect();
            }
            if (woken.writable || self.written < self.output.len())
                && self.flush() == Progress::Closed
            {
                return;
            }
            let drained = self.output.is_empty();
            match self.flow {
                Flow::Close if drained => return,
                Flow::Attach => return,
                _ => {}
            }
        }
    }

    /// Whether the output has to wait for the disk. What comes in waits with it, and
    /// is then a batch of its own.
    fn is_kept(&self) -> bool {
        let through = |end| self.shared.store.durable.lets_through(end);
        self.kept_until.is_some_and(|end| !through(end))
    }

    async fn wait(&self) -> Woken {
        poll_fn(|context| {
            self.source.register(context.waker());
            self.bell.register(context.waker());
            let woken = Woken {
                readable: self.source.take_readable(),
                writable: self.source.take_writable() && !self.output.is_empty(),
                rung: self.bell.take(),
            };
            if woken.readable || woken.writable || woken.rung {
                Poll::Ready(woken)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Reads until the socket is drained, or one large piece is there to work on.
    fn read(&mut self) -> Progress {
        loop {
            // Read into room that is not zeroed first: for a small request that
            // would cost more than the request.
            self.make_room();
            let room = self.input.capacity() - self.input.len();
            let result = rustix::io::read(&self.socket, spare_capacity(&mut self.input));
            self.traffic.reads += 1;
            self.traffic.read_bytes += result.unwrap_or(0) as u64;
            match result {
                Ok(0) => return Progress::Closed,
                Ok(got) if got < room => return Progress::Open,
                // A peer that sends without end must not keep others waiting.
                Ok(_) => {
                    self.source.set_readable();
                    return Progress::Open;
                }
                Err(Errno::WOULDBLOCK) => return Progress::Open,
                Err(Errno::INTR) => {}
                Err(_) => return Progress::Closed,
            }
        }
    }

    /// A large argument gets room for itself and no more: buffers of clients that send
    /// the same take the same, and not twice as much where it came in other pieces.
    fn make_room(&mut self) {
        if self.awaited == 0 {
            self.input.reserve(READ_BYTES);
        } else {
            let grown = self.input.len().max(READ_BYTES);
            self.input.reserve_exact(self.awaited.min(grown));
        }
    }

    /// Runs what the input holds, a batch at a time. What a client that blocks
    /// sent behind that stays parsed until it goes on.
    fn process(&mut self) {
        let mut start = 0;
        while self.flow == Flow::Continue {
            if self.parsed.is_done() {
                start = start.max(self.parsed.done_end());
                self.parse(start);
                if self.parsed.commands.is_empty() && self.parsed.error.is_none() {
                    break;
                }
            }
            self.run_batch();
        }
        if self.parsed.is_done() {
            let consumed = start.max(self.parsed.done_end());
            self.parsed.clear();
            self.consume(consumed);
        }
    }

    fn consume(&mut self, bytes: usize) {
        if bytes < self.input.len() {
            self.input.drain(..bytes);
            return;
        }
        self.input.clear();
        if self.input.capacity() > KEPT_INPUT_BYTES {
            self.input = Vec::new();
        }
    }

    /// Parses commands that start at `start`.
    fn parse(&mut self, start: usize) {
        self.awaited = 0;
        let batch = &mut self.parsed;
        batch.clear();
        let mut at = start;
        while batch.commands.len() < BATCH_COMMANDS {
            match self.parser.parse(&mut self.input[at..], self.limits) {
                Ok(Parsed::Complete { consumed }) => {
                    let args = self.parser.args().iter();
                    batch
                        .args
                        .extend(args.map(|arg| at + arg.start..at + arg.start + arg.len));
                    at += consumed;
                    batch.commands.push((batch.args.len(), at));
                }
                Ok(Parsed::Incomplete { missing }) => {
                    let large = self.parser.large_argument_start() > 0;
                    self.awaited = if large { missing } else { 0 };
                    break;
                }
                Err(error) => {
                    batch.error = Some(error);
                    break;
                }
            }
            if !self.limits.authenticated {
                // The next command may be read under other limits.
                break;
            }
        }
    }

    /// Runs parsed commands under one lock: all of them, or as many as there is time for.
    fn run_batch(&mut self) {
        let now_ms = unix_ms();
        let shared = Arc::clone(&self.shared);
        shared.store.batch(|engine, host| {
            engine.note_input(self.id, self.input.len(), self.input.capacity());
            self.execute(engine, host, now_ms);
            self.settle(engine, host, self.input.len() - self.parsed.done_end());
        });
    }

    fn execute(&mut self, engine: &mut Engine, host: &mut ServerHost, now_ms: i64) {
        self.prefetch(engine);
        let end_ns = engine.server.clock_ns().saturating_add(BATCH_NS);
        let (batch, input) = (&mut self.parsed, &self.input);
        let mut start = batch.next_arg();
        let mut args: Vec<&[u8]> = Vec::new();
        while let Some(&(end, _)) = batch.commands.get(batch.done) {
            args.clear();
            args.extend(batch.args[start..end].iter().map(|arg| &input[arg.clone()]));
            start = end;
            batch.done += 1;
            if args.is_empty() {
                continue;
            }
            let flow = engine.execute(self.id, &args, now_ms, host);
            if flow != Flow::Continue || engine.server.clock_ns() >= end_ns {
                return;
            }
        }
        if let Some(error) = batch.error.take() {
            engine.protocol_error(self.id, &error.message());
        }
    }

    fn prefetch(&self, engine: &mut Engine) {
        let (batch, input) = (&self.parsed, &self.input);
        let commands = &batch.commands[batch.done..];
        if commands.len() > 1 {
            let starts = std::iter::once(batch.next_arg());
            let starts = starts.chain(commands.iter().map(|(end, _)| *end));
            let keys = starts.zip(commands);
            let keys = keys.filter(|(start, (end, _))| start + 1 < *end);
            engine.prefetch(
                self.id,
                keys.map(|(start, _)| &input[batch.args[start + 1].clone()]),
            );
        }
    }

    /// Takes the output, tells the engine what the socket did, and learns what
    /// the limits are now. `unread` bytes of the input are left.
    fn settle(&mut self, engine: &mut Engine, host: &ServerHost, unread: usize) {
        self.flow = engine.take_output(self.id, &mut self.output);
        let written = engine.gate_offset(self.id);
        self.kept_until = self.shared.store.durable.keep(self.id, written);
        let leaves = self.flow == Flow::Attach;
        let traffic = Traffic {
            query_buffer_bytes: unread,
            unsent_bytes: self.output.len().saturating_sub(self.written),
            // A replica's link has buffers of its own.
            input_capacity_bytes: if leaves { 0 } else { self.input.capacity() },
            output_capacity_bytes: if leaves { 0 } else { self.output.capacity() },
            ..std::mem::take(&mut self.traffic)
        };
        if let Some(overrun) = engine.note_traffic(self.id, traffic, unix_ms()) {
            host.logger().warning(overrun_text(overrun));
            self.flow = Flow::Close;
            self.output.clear();
        }
        // It may be its own turn: the engine wakes whom it closes.
        for line in engine.evict_clients(unix_ms()) {
            host.logger().notice(&line);
        }
        self.limits = engine.request_limits(self.id);
        self.query_limit = engine.server.config.client_query_buffer_limit;
        self.kept_output_bytes = match engine.reply_buffer_bytes(self.id) {
            REPLY_BUFFER_MAX_BYTES => KEPT_OUTPUT_BYTES,
            bytes => bytes,
        };
    }

    /// Another thread wrote to this client, unblocked it, or wants it closed.
    fn collect(&mut self) {
        let store = self.shared.store.clone();
        let before = self.parser.large_argument_start();
        let unread = self.input.len().saturating_sub(before);
        let trim = {
            let mut engine = store.lock();
            self.settle(&mut engine, &store.host, unread);
            engine.take_trim(self.id)
        };
        if let Some(trim) = trim {
            self.trim(trim);
            self.settle(&mut store.lock(), &store.host, unread);
        }
    }

    /// Gives back what the engine found unused for a while.
    fn trim(&mut self, trim: Trim) {
        if let Some(bytes) = trim.input_bytes {
            self.input.shrink_to(bytes);
        }
        self.output.shrink_to(trim.output_bytes);
    }

    /// Writes what there is, as far as the socket takes it.
    fn flush(&mut self) -> Progress {
        if self.is_kept() {
            return Progress::Open;
        }
        while self.written < self.output.len() {
            self.traffic.writes += 1;
            match self.socket.write(&self.output[self.written..]) {
                Ok(0) => return Progress::Closed,
                Ok(sent) => self.written += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let unsent = self.output.len() - self.written;
                    self.unsent.store(unsent, Ordering::Relaxed);
                    return Progress::Open;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Progress::Closed,
            }
        }
        self.written = 0;
        self.output.clear();
        self.unsent.store(0, Ordering::Relaxed);
        if self.output.capacity() > self.kept_output_bytes {
            self.output.shrink_to(self.kept_output_bytes);
        }
        Progress::Open
    }
}
