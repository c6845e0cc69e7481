//! The link to one replica: a [`PrimarySession`] with bytes moved around it.
//!
//! Three loops share the session and end together: one reads acknowledgements,
//! one writes, one lets time pass. The link is over when the first of them is.

use super::admission::{admit, session_config};
use super::delta::Offered;
use super::own::OwnHistory;
use super::session::{CloseReason, EOF_MARK_LEN, PrimarySession, SessionEvent, TransferForm};
use super::source::{self, Source};
use super::spool::{SpoolError, SpoolReader};
use super::sync::Ticket;
use crate::backlog::Reader;
use crate::dialect::Refused;
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
use towline_core::engine::ClientId;
use towline_core::engine::client::ClientFlags;
use towline_core::engine::full_syncs::FullSyncCause;
use towline_core::engine::novelty::Novelty;
use towline_core::engine::replication::{Replica, ReplicaState, StreamEnd};
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{ArchiveError, Link};

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
    /// The stream goes on with what has no words in the replica's dialect.
    Unsaid(Refused),
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
            Self::Unsaid(refused) => refused.fmt(f),
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

pub(super) struct Shared {
    pub(super) node: Arc<Inner>,
    pub(super) client: ClientId,
    session: Mutex<PrimarySession>,
    /// The session may have output, or may stream now.
    pub(super) poke: Event,
    /// How far the stream has been written.
    pub(super) written: AtomicU64,
    /// The stream comes from the spool of a full sync.
    pub(super) is_spooled: AtomicBool,
    uses_mark: bool,
    caught_up: Offset,
    forbidden: Option<Novelty>,
    pub(super) own: Option<Arc<OwnHistory>>,
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
        own: admission.own,
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
                        self.acked(replica, *applied, *fsynced);
                    }
                    SessionEvent::Online => replica.state = ReplicaState::Online,
                    SessionEvent::Answered | SessionEvent::Close(_) => {}
                }
            }
            engine.check_waits();
            engine.step_failover(unix_ms, host);
        });
    }

    /// A replica counts in the offsets of its own history, if it has one.
    fn acked(&self, replica: &mut Replica, applied: Offset, fsynced: Option<Offset>) {
        let main_of = |offset| match &self.own {
            Some(own) => own.main_of(offset),
            None => Some(offset),
        };
        replica.ack_offset = main_of(applied).unwrap_or(replica.ack_offset);
        replica.fack_offset = fsynced.and_then(main_of).or(replica.fack_offset);
        replica.sends_fack = fsynced.is_some();
        replica.spoken = self.own.as_ref().map(|own| own.spoken(applied));
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
                let end = match &self.own {
                    Some(own) => own.backlog().window().end,
                    None => engine.server.log.offset(),
                };
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
            let archived = self.node.archive_start().filter(|_| self.own.is_none());
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
        if let Some(own) = &self.own {
            return self.full_sync_in_dialect(writer, own, ticket).await;
        }
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
        self.until_may_stream().await;
        completed(self, bytes);
        let reader = self.catch_up(writer, stream).await?;
        self.is_spooled.store(false, Ordering::Relaxed);
        Ok(Source::memory(reader, replid))
    }

    pub(super) async fn until_may_stream(&self) {
        while !self.session().may_stream() {
            let poked = self.poke.listen();
            if !self.session().may_stream() {
                poked.await;
            }
        }
    }

    pub(super) async fn send_snapshot(
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
        // Where it ends is told in this node's offsets. In another history it ends at once.
        let end = match &self.own {
            Some(_) => Offset(u64::MAX),
            None => at.advance(bytes.len()),
        };
        if !self.stream_end.is_behind(end) {
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

    pub(super) async fn flush(&self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), End> {
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
