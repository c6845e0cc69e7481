//! The link to one replica: a [`PrimarySession`] with bytes moved around it.
//!
//! Three loops share the session and end together: one reads acknowledgements,
//! one writes, one lets time pass. The link is over when the first of them is.

use super::delta::{self, Offered};
use super::figures::count_full;
use super::filter::Filtered;
use super::session::{
    CloseReason, EOF_MARK_LEN, PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent,
    TransferForm,
};
use super::source::{self, Source};
use super::spool::{SpoolError, SpoolReader};
use super::sync::{Hub, Ticket};
use crate::backlog::Reader;
use crate::decision::{
    Decision, FullSyncReason, PrimaryView, Standing, SyncRequest, Window, decide,
};
use crate::node::Inner;
use core::time::Duration;
use event_listener::{Event, EventListener};
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Cursor};
use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use towline_core::command::Flags;
use towline_core::config::ClientClass;
use towline_core::engine::client::{ClientFlags, ReplicaOptions};
use towline_core::engine::full_syncs::FullSyncCause;
use towline_core::engine::novelty::Novelty;
use towline_core::engine::replication::{Replica, ReplicaState, ServedFrom, StreamEnd};
use towline_core::engine::{ClientId, Engine, Server};
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{ArchiveError, Link, SnapshotCodec, host};

/// How much of the stream or of a snapshot is written between two looks at the session.
pub(super) const PIECE_BYTES: usize = 64 << 10;
/// Time between two ticks of the session.
const TICK: Duration = Duration::from_secs(1);

/// A connection that asked for the stream: `Flow::Attach`.
pub struct Arrival {
    /// The client that it was; its REPLCONF is what the replica said of itself.
    pub client: ClientId,
    /// The connection, with nothing left to write to it.
    pub link: Box<dyn Link>,
    /// What it sent after the command that asked for the stream.
    pub unread: Vec<u8>,
}

/// How a link ended.
pub(super) enum End {
    /// The session had a reason.
    Closed(CloseReason),
    /// The replica closed it.
    Eof,
    /// The connection failed.
    Io(io::Error),
    /// The snapshot failed.
    Spool(SpoolError),
    /// The log on disk failed.
    Archive(ArchiveError),
    /// Replicas are to come back: the history has changed.
    HangUp,
    /// CLIENT KILL.
    Killed,
    /// The stream goes on with a command that the replica may not know.
    Unknown(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(reason) => reason.fmt(f),
            Self::Eof => f.write_str("it closed the connection"),
            Self::Io(error) => error.fmt(f),
            Self::Spool(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
            Self::HangUp => f.write_str("it has to learn that the history has changed"),
            Self::Killed => f.write_str("its client was killed"),
            Self::Unknown(command) => write!(
                f,
                "it did not announce a version that knows fields that expire, and would miss {command} without a word; it needs a full sync once no field expires"
            ),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where the stream comes from.
pub(super) enum Stream {
    /// It is in the backlog, or on disk.
    Held(Source),
    /// It follows a snapshot of which it is not known yet whether it is of everything.
    Offered(Offered),
    /// It follows a snapshot that is waited for.
    Snapshot(oneshot::Receiver<Ticket>),
}

pub(super) struct Admission {
    pub(super) session: PrimarySession,
    pub(super) stream: Stream,
    pub(super) uses_mark: bool,
    /// Where the stream stood when the replica came back.
    pub(super) caught_up: Offset,
    /// What must not be sent, if anything.
    pub(super) forbidden: Option<Novelty>,
    pub(super) history_epoch: u64,
    pub(super) name: String,
    /// Why it gets a full sync, if it does.
    pub(super) cause: Option<FullSyncCause>,
}

pub(super) struct Shared {
    pub(super) node: Arc<Inner>,
    pub(super) client: ClientId,
    session: Mutex<PrimarySession>,
    /// The session may have output, or may stream now.
    pub(super) poke: Event,
    /// How far the stream has been written.
    written: AtomicU64,
    /// The stream comes from the spool of a full sync.
    is_spooled: AtomicBool,
    uses_mark: bool,
    caught_up: Offset,
    forbidden: Option<Novelty>,
    stream_end: StreamEnd,
    pub(super) name: String,
    /// The history that the replica came to.
    history_epoch: u64,
    pub(super) cause: Option<FullSyncCause>,
    /// When it asked.
    pub(super) began_ms: u64,
}

/// Serves one replica until its link ends.
pub(crate) async fn serve(node: Arc<Inner>, arrival: Arrival) {
    let hang_up = node.hang_up.listen();
    let Arrival {
        client,
        mut link,
        unread,
    } = arrival;
    let stream_end = StreamEnd::default();
    let admission = match admit(&node, client, stream_end.clone()) {
        Ok(admission) => admission,
        Err(line) => {
            // The peer may be gone; then there is nobody to tell.
            let _told = link.write_all(line.as_bytes()).await;
            leave(&node, client, None);
            return;
        }
    };
    let shared = Shared {
        node: Arc::clone(&node),
        client,
        session: Mutex::new(admission.session),
        poke: Event::new(),
        written: AtomicU64::new(u64::MAX),
        is_spooled: AtomicBool::new(false),
        uses_mark: admission.uses_mark,
        caught_up: admission.caught_up,
        forbidden: admission.forbidden,
        stream_end,
        name: admission.name.clone(),
        history_epoch: admission.history_epoch,
        cause: admission.cause,
        began_ms: node.now_ms(),
    };
    let (reader, writer) = link.split();
    let reader = Cursor::new(unread).chain(reader);
    let end = shared.run(reader, writer, admission.stream, hang_up).await;
    let text = format!("Connection with replica {} lost: {end}", admission.name);
    leave(&node, client, Some(&text));
}

fn leave(node: &Inner, client: ClientId, text: Option<&str>) {
    node.parts.store.with(|engine, host| {
        let replicas = &mut engine.server.replication.replicas;
        replicas.retain(|replica| replica.id != client.id);
        engine.disconnect(client);
        if let Some(text) = text {
            host.log(text);
        }
    });
}

/// Decides how the replica is served, and lists it; else the error line.
fn admit(node: &Arc<Inner>, client: ClientId, stream_end: StreamEnd) -> Result<Admission, String> {
    node.parts.store.with(|engine, host| {
        let known = engine.server.clients.get_mut(client);
        let known = known.ok_or("-ERR the client is gone\r\n")?;
        known.flags.insert(ClientFlags::REPLICA);
        known.stream_end = Some(stream_end);
        let request = known.sync_request.take();
        let request = request.ok_or("-ERR the client did not ask for the stream\r\n")?;
        let options = known.replica.clone();
        let replica = listed(client, &known.peer.addr, &options, node.unix_ms());
        let name = format!("{}:{}", replica.ip, replica.port);
        let asked = asked(&request);
        let takes_delta = delta::is_taken_by(&options);
        let mut decision = decide(&asked, &view(node, engine));
        if let Some(novelty) = forbidden(engine, &options) {
            decision = decision.without_expiring_fields(novelty.end());
        }
        let (text, admission) = match decision {
            Decision::Refuse(refusal) => return Err(format!("-{}\r\n", refusal.error_line())),
            Decision::Continue(from) => {
                let text = format!("Partial resynchronization request from {name} accepted. Sending from offset {from}.");
                (text, partial(node, engine, replica, &options, from))
            }
            Decision::FullSync(reason) if reason.leaves_a_delta() && takes_delta => {
                engine.server.stats.sync_partial_err += 1;
                let text = format!("Delta resync offered to replica {name}: {reason}");
                let cause = reason.cause(&asked);
                (text, delta::offer(node, engine, replica, &options, cause))
            }
            Decision::FullSync(reason) => {
                count_full(&mut engine.server, &asked, reason);
                let text = format!("Full resync requested by replica {name}: {reason}");
                (text, full(node, engine, replica, &options, &asked, reason))
            }
        };
        host.log(&text);
        Ok(admission)
    })
}

fn asked(request: &host::SyncRequest) -> SyncRequest {
    match (request.psync, request.continuing) {
        (false, _) => SyncRequest::Sync,
        (true, None) => SyncRequest::Fresh,
        (true, Some((replid, offset))) => SyncRequest::Partial {
            replid: Some(replid),
            wire_offset: i64::try_from(offset.to_wire()).unwrap_or(i64::MAX),
        },
    }
}

fn view(node: &Inner, engine: &mut Engine) -> PrimaryView {
    engine.server.log.flush();
    let archived = node.archive_start();
    if archived.is_some() {
        // What memory takes over once the disk has been read.
        node.ensure_backlog(engine);
    }
    let replication = &engine.server.replication;
    let standing = standing(&engine.server);
    let window = node.backlog().map(|backlog| {
        let Window { start, end } = backlog.window();
        let start = archived.map_or(start, |archived| archived.min(start));
        Window { start, end }
    });
    PrimaryView {
        history: replication.history,
        window,
        standing,
    }
}

fn standing(server: &Server) -> Standing {
    let replication = &server.replication;
    if server.failover.is_running() {
        Standing::FailingOver
    } else if replication.is_replica() && !replication.link_is_up() {
        Standing::LinkDown
    } else {
        Standing::Serving
    }
}

fn listed(client: ClientId, addr: &str, options: &ReplicaOptions, unix_ms: i64) -> Replica {
    let ip = addr.rsplit_once(':').map_or(addr, |(ip, _)| ip);
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    Replica {
        id: client.id,
        ip: options
            .announced_ip
            .clone()
            .unwrap_or_else(|| ip.to_owned()),
        port: options.listening_port,
        state: ReplicaState::WaitBgsave,
        served_from: ServedFrom::Memory,
        ack_offset: Offset::ZERO,
        fack_offset: None,
        sends_fack: false,
        ack_ms: unix_ms,
    }
}

/// The commands that a replica with these options may not know.
pub(super) fn forbidden(engine: &Engine, options: &ReplicaOptions) -> Option<Novelty> {
    (!options.knows_expiring_fields()).then(|| engine.server.log.novelty())
}

pub(super) fn caps(options: &ReplicaOptions, psync: bool) -> ReplicaCaps {
    ReplicaCaps {
        eof: options.capa_eof,
        psync2: options.capa_psync2,
        psync,
        rdb_only: options.rdb_only,
    }
}

pub(super) fn session_config(server: &Server) -> PrimaryConfig {
    let limit = server.config.client_output_buffer_limit[ClientClass::Replica as usize];
    let backlog_bytes = server.config.repl_backlog_size;
    // A limit below the backlog's size would end links that the backlog serves.
    let raised = |bytes: u64| {
        if bytes == 0 {
            0
        } else {
            bytes.max(backlog_bytes)
        }
    };
    PrimaryConfig {
        repl_timeout_ms: u64::from(server.config.repl_timeout_s) * 1000,
        hard_limit_bytes: raised(limit.hard_bytes),
        soft_limit_bytes: limit.soft_bytes,
        soft_limit_ms: limit.soft_seconds * 1000,
    }
}

fn partial(
    node: &Inner,
    engine: &mut Engine,
    mut replica: Replica,
    options: &ReplicaOptions,
    from: Offset,
) -> Admission {
    let config = session_config(&engine.server);
    let replid = engine.server.replication.history.replid;
    let source = Source::open(node, from, replid, config.hard_limit_bytes);
    let source = source.expect("the decision found it in memory or on disk");
    let caught_up = engine.server.log.offset();
    let stats = &mut engine.server.stats;
    stats.sync_partial_ok += 1;
    stats.sync_partial_from_disk += u64::from(source.is_disk());
    stats.resync_missed_bytes += caught_up.since(from);
    let name = format!("{}:{}", replica.ip, replica.port);
    replica.state = ReplicaState::Online;
    replica.ack_offset = from;
    engine.server.replication.replicas.push(replica);
    let caps = caps(options, true);
    Admission {
        session: PrimarySession::partial(caps, config, replid, from, node.now_ms()),
        stream: Stream::Held(source),
        uses_mark: false,
        caught_up,
        forbidden: forbidden(engine, options),
        history_epoch: engine.server.replication.history_epoch,
        name,
        cause: None,
    }
}

fn full(
    node: &Arc<Inner>,
    engine: &mut Engine,
    replica: Replica,
    options: &ReplicaOptions,
    asked: &SyncRequest,
    reason: FullSyncReason,
) -> Admission {
    let name = enlist(node, engine, replica);
    let caps = caps(options, asked.is_psync());
    let config = session_config(&engine.server);
    let codec = codec(node, options);
    let replid: ReplicationId = engine.server.replication.history.replid;
    Admission {
        session: PrimarySession::full(caps, config, node.now_ms()),
        stream: Stream::Snapshot(Hub::join(node, codec, replid)),
        uses_mark: caps.eof && engine.server.config.repl_diskless_sync,
        caught_up: Offset::ZERO,
        forbidden: forbidden(engine, options),
        history_epoch: engine.server.replication.history_epoch,
        name,
        cause: Some(reason.cause(asked)),
    }
}

/// Lists a replica that gets a snapshot, or a part of one; answers its name.
pub(super) fn enlist(node: &Inner, engine: &mut Engine, mut replica: Replica) -> String {
    // Without one a history may begin here.
    node.ensure_backlog(engine);
    let name = format!("{}:{}", replica.ip, replica.port);
    replica.served_from = ServedFrom::Snapshot;
    engine.server.replication.replicas.push(replica);
    name
}

/// How the snapshot for this replica is written.
pub(super) fn codec(node: &Inner, options: &ReplicaOptions) -> Arc<dyn SnapshotCodec> {
    let codec = node.parts.formats.for_replica(options);
    Filtered::wrap(codec, options.rdb_filter)
}

impl Shared {
    pub(super) fn session(&self) -> MutexGuard<'_, PrimarySession> {
        self.session.lock().expect("no holder of this lock panics")
    }

    async fn run(
        &self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
        stream: Stream,
        hang_up: EventListener,
    ) -> End {
        let reading = pin!(self.read(reader));
        let writing = pin!(async {
            match self.write(writer, stream).await {
                Ok(never) => match never {},
                Err(end) => end,
            }
        });
        let ticking = pin!(self.tick());
        let hanging_up = pin!(self.until_hang_up(hang_up));
        let links = pin!(async { select(reading, writing).await.factor_first().0 });
        let others = pin!(async {
            match select(ticking, hanging_up).await {
                Either::Left((end, _)) => end,
                Either::Right(((), _)) => End::HangUp,
            }
        });
        select(links, others).await.factor_first().0
    }

    /// Waits until replicas that came as early as this one have to come back.
    async fn until_hang_up(&self, mut hang_up: EventListener) {
        loop {
            hang_up.await;
            hang_up = self.node.hang_up.listen();
            let store = &self.node.parts.store;
            let epoch = store.with(|engine, _| engine.server.replication.history_epoch);
            if epoch != self.history_epoch {
                return;
            }
        }
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin) -> End {
        let mut buffer = vec![0; 4096];
        loop {
            let len = match reader.read(&mut buffer).await {
                Ok(0) => return End::Eof,
                Ok(len) => len,
                Err(error) => return End::Io(error),
            };
            let mut events = Vec::new();
            self.session()
                .receive(&buffer[..len], self.node.now_ms(), &mut events);
            if let Some(end) = self.handle(&events) {
                self.log_talk();
                return end;
            }
            self.poke.notify(usize::MAX);
        }
    }

    /// Names the command for which a link is closed.
    fn log_talk(&self) {
        let said = self.session().said().to_vec();
        let words: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
        self.node.parts.store.with(|engine, host| {
            let found = engine.server.table.resolve(&words);
            let Some(spec) = found.map(|found| found.spec) else {
                return;
            };
            let name = spec.name;
            host.log(&format!(
                "Replica generated a reply to command '{name}', disconnecting it: {}",
                self.name
            ));
            if spec.flags.intersects(Flags::WRITE | Flags::READONLY) {
                host.log(&format!("== CRITICAL == This master is sending an error to its replica: 'Replica can't interact with the keyspace' after processing the command '{name}'"));
            }
        });
    }

    fn handle(&self, events: &[SessionEvent]) -> Option<End> {
        let closed = events.iter().find_map(|event| match event {
            SessionEvent::Close(reason) => Some(End::Closed(*reason)),
            _ => None,
        });
        if closed.is_none() && !events.is_empty() {
            self.tell_engine(events);
        }
        closed
    }

    fn tell_engine(&self, events: &[SessionEvent]) {
        let unix_ms = self.node.unix_ms();
        self.node.parts.store.with(|engine, host| {
            let Some(replica) = engine.server.replication.replica_mut(self.client.id) else {
                return;
            };
            for event in events {
                replica.ack_ms = unix_ms;
                match event {
                    SessionEvent::Acked { applied, fsynced } => {
                        replica.ack_offset = *applied;
                        replica.fack_offset = fsynced.or(replica.fack_offset);
                        replica.sends_fack = fsynced.is_some();
                    }
                    SessionEvent::Online => replica.state = ReplicaState::Online,
                    SessionEvent::Answered | SessionEvent::Close(_) => {}
                }
            }
            engine.check_waits();
            engine.step_failover(unix_ms, host);
        });
    }

    fn set_state(&self, state: ReplicaState, ack_offset: Offset) {
        let unix_ms = self.node.unix_ms();
        self.node.parts.store.with(|engine, _| {
            if let Some(replica) = engine.server.replication.replica_mut(self.client.id) {
                replica.state = state;
                replica.ack_offset = replica.ack_offset.max(ack_offset);
                replica.ack_ms = unix_ms;
            }
        });
    }

    async fn tick(&self) -> End {
        loop {
            self.node.next_look(TICK).await;
            let (end, config) = self.node.parts.store.with(|engine, _| {
                let end = engine.server.log.offset();
                let client = engine.server.clients.get(self.client);
                let closing = ClientFlags::CLOSE_NOW | ClientFlags::CLOSE_AFTER_REPLY;
                let killed = client.is_none_or(|client| client.flags.intersects(closing));
                ((!killed).then_some(end), session_config(&engine.server))
            });
            let Some(end) = end else {
                return End::Killed;
            };
            let written = self.written.load(Ordering::Relaxed);
            // What can be read from disk again is not held in memory.
            let archived = self.node.archive_start();
            let is_on_disk = self.is_spooled.load(Ordering::Relaxed)
                || archived.is_some_and(|start| start.0 <= written);
            let lag_bytes = match is_on_disk {
                true => 0,
                false => end.0.saturating_sub(written),
            };
            let mut session = self.session();
            session.set_config(config);
            let event = session.tick(self.node.now_ms(), lag_bytes);
            drop(session);
            if let Some(end) = event.and_then(|event| self.handle(&[event])) {
                return end;
            }
            self.poke.notify(usize::MAX);
        }
    }

    async fn write(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        stream: Stream,
    ) -> Result<std::convert::Infallible, End> {
        let mut source = match stream {
            Stream::Held(source) => {
                self.written.store(source.position().0, Ordering::Relaxed);
                source
            }
            Stream::Offered(offered) => self.offered(&mut writer, offered).await?,
            Stream::Snapshot(ticket) => self.full_sync(&mut writer, ticket).await?,
        };
        let mut is_disk = source.is_disk();
        self.set_served_from(is_disk);
        loop {
            self.flush(&mut writer).await?;
            source = self.send_on(&mut writer, source).await?;
            if source.is_disk() != is_disk {
                is_disk = source.is_disk();
                self.set_served_from(is_disk);
            }
        }
    }

    /// Sends a snapshot and the stream behind it, up to where the backlog can
    /// take over.
    pub(super) async fn full_sync(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        ticket: oneshot::Receiver<Ticket>,
    ) -> Result<Source, End> {
        let ticket = self.while_alive(writer, ticket).await?;
        let ticket = ticket.map_err(|_| End::Closed(CloseReason::SnapshotFailed))?;
        let now_ms = self.node.now_ms();
        self.session()
            .snapshot_started(ticket.replid, ticket.offset, now_ms);
        self.send_ticket(writer, ticket, Self::completed).await
    }

    /// Sends what was announced, a snapshot and the stream behind it; how long the
    /// snapshot was goes to `completed`.
    pub(super) async fn send_ticket(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        ticket: Ticket,
        completed: fn(&Self, u64),
    ) -> Result<Source, End> {
        let Ticket {
            snapshot,
            stream,
            replid,
            offset,
        } = ticket;
        self.is_spooled.store(true, Ordering::Relaxed);
        self.written.store(offset.0, Ordering::Relaxed);
        self.flush(writer).await?;
        let bytes = self.send_snapshot(writer, snapshot, offset).await?;
        while !self.session().may_stream() {
            let poked = self.poke.listen();
            if !self.session().may_stream() {
                poked.await;
            }
        }
        completed(self, bytes);
        let reader = self.catch_up(writer, stream).await?;
        self.is_spooled.store(false, Ordering::Relaxed);
        Ok(Source::memory(reader, replid))
    }

    async fn send_snapshot(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        mut snapshot: SpoolReader,
        offset: Offset,
    ) -> Result<u64, End> {
        let form = if self.uses_mark {
            TransferForm::Mark(self.draw_mark())
        } else {
            let length = self.while_alive(writer, snapshot.length()).await?;
            TransferForm::Length(length.map_err(End::Spool)?)
        };
        self.session().begin_transfer(form, self.node.now_ms());
        self.set_state(ReplicaState::SendBulk, offset);
        self.flush(writer).await?;
        let mut bytes = 0;
        while let Some(chunk) = snapshot.read().await.map_err(End::Spool)? {
            bytes += chunk.as_ref().len() as u64;
            for piece in chunk.as_ref().chunks(PIECE_BYTES) {
                self.put(writer, piece).await?;
                self.session().payload_sent(piece.len(), self.node.now_ms());
            }
        }
        drop(snapshot);
        let event = self.session().end_transfer(self.node.now_ms());
        self.flush(writer).await?;
        self.set_state(ReplicaState::Online, offset);
        match event.and_then(|event| self.handle(&[event])) {
            Some(end) => Err(end),
            None => Ok(bytes),
        }
    }

    /// Reads the stream from its spool until the backlog holds the rest.
    async fn catch_up(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        mut stream: SpoolReader,
    ) -> Result<Reader, End> {
        let limit_bytes = self.limit_bytes();
        loop {
            let at = Offset(self.written.load(Ordering::Relaxed));
            if !stream.has_more() {
                let backlog = self.node.backlog();
                let reader = backlog.and_then(|backlog| backlog.reader(at, limit_bytes).ok());
                if let Some(reader) = reader {
                    return Ok(reader);
                }
            }
            let chunk = stream.read().await.map_err(End::Spool)?;
            let Some(chunk) = chunk else {
                return Err(End::Closed(CloseReason::Lost));
            };
            for piece in chunk.as_ref().chunks(PIECE_BYTES) {
                self.put_stream(writer, piece).await?;
            }
        }
    }

    /// How much of the stream is kept in memory for the replica.
    pub(super) fn limit_bytes(&self) -> u64 {
        let store = &self.node.parts.store;
        let hard_bytes = store.with(|engine, _| session_config(&engine.server).hard_limit_bytes);
        source::held_bytes(&self.node, hard_bytes)
    }

    /// Writes what comes next in the stream, if the replica can know it.
    pub(super) async fn put_stream(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        bytes: &[u8],
    ) -> Result<(), End> {
        let at = Offset(self.written.load(Ordering::Relaxed));
        if !self.stream_end.is_behind(at.advance(bytes.len())) {
            return Err(End::Killed);
        }
        // Where such a command ends is told before any of its bytes can be read.
        if (self.forbidden.as_ref()).is_some_and(|novelty| novelty.is_behind(at)) {
            return Err(self.unknown());
        }
        self.put(writer, bytes).await?;
        self.written
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let resent = self.caught_up.since(at).min(bytes.len() as u64);
        self.node.resent_bytes.fetch_add(resent, Ordering::Relaxed);
        Ok(())
    }

    fn unknown(&self) -> End {
        let command = self.node.parts.store.with(|engine, _| {
            let last = engine.server.log.last_novelty();
            last.map(|(name, key)| {
                format!("{} of key '{}'", name.escape_ascii(), key.escape_ascii())
            })
        });
        End::Unknown(command.unwrap_or_else(|| "a command".to_owned()))
    }

    fn draw_mark(&self) -> [u8; EOF_MARK_LEN] {
        let mut random = [0; EOF_MARK_LEN / 2];
        self.node.parts.runtime.fill_random(&mut random);
        let id = ReplicationId::from_random(random);
        id.as_bytes()
            .try_into()
            .expect("a mark is as long as an id")
    }

    async fn put(&self, writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), End> {
        writer.write_all(bytes).await?;
        let sent = &self.node.sent_bytes;
        sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn flush(&self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), End> {
        let output = self.session().take_output();
        if !output.is_empty() {
            self.put(writer, &output).await?;
        }
        Ok(())
    }

    /// Waits for something while the session's newlines go out.
    pub(super) async fn while_alive<T>(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        waiting: impl Future<Output = T>,
    ) -> Result<T, End> {
        let mut waiting = pin!(waiting);
        loop {
            let poked = self.poke.listen();
            self.flush(writer).await?;
            match select(waiting, poked).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right(((), still)) => waiting = still,
            }
        }
    }
}
