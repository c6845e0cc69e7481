//! The link to the primary: a [`ReplicaSession`] with bytes moved around it.
//!
//! ```text
//!   dial ─► handshake ─► [snapshot ─► dataset beside the old one ─► put in place] ─► stream
//!    ▲                                                                               │
//!    └──────────────── pause, longer after each failure ◄──────────── link ends ◄────┘
//! ```
//! The old dataset is served until the new one is whole and verified.

use super::applier::{ApplyError, StreamApplier};
use super::delta::Arriving;
use super::guard::{self, is_suspicious};
use super::handshake::HandshakeConfig;
use super::incoming::{Arrived, Incoming, IncomingError, loads_at_once};
use super::loader::{LoadError, Loader};
use super::session::{LinkError, ReplicaEvent, ReplicaSession, ReplicaTimeouts};
use crate::backoff::Backoff;
use crate::node::{Inner, Node};
use core::time::Duration;
use futures::future::{BoxFuture, Either, select};
use futures::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use towline_core::config::LogLevel;
use towline_core::engine::Engine;
use towline_core::engine::dialect::Voice;
use towline_core::engine::full_syncs::{FullSync, FullSyncCause};
use towline_core::engine::pacing::delay_load;
use towline_core::engine::replication::{LinkState, TransferProgress, Upstream};
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::Link;
use towline_core::seams::host::PrimaryAddress;
use towline_core::seams::runtime::yield_now;
use towline_core::seams::snapshot::DecodeOptions;
use towline_core::text::progress::ProgressLog;

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;
/// Time between two ticks of the session.
const TICK: Duration = Duration::from_millis(1000);

/// How a peer that is no replica answers when it is asked to take over.
const IS_PRIMARY: &str = "PSYNC FAILOVER can't be sent to a master.";

/// How a link ended.
pub(super) enum End {
    /// It could not be opened.
    Dial(io::Error),
    /// It was not open in time.
    DialTimeout,
    /// The session gave it up.
    Link(LinkError),
    /// The connection failed.
    Io(io::Error),
    /// The primary closed it.
    Eof,
    /// The snapshot cannot be used.
    Load(IncomingError),
    /// What the delta was asked for is no longer there.
    Changed,
    /// The delta cannot be used; the next link asks for everything.
    Delta(LoadError),
    /// The stream cannot be followed.
    Apply(ApplyError),
    /// The primary is fed by this node.
    Cycle,
    /// An empty dataset of an unknown history.
    Empty(PrimaryAddress),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(error) => write!(f, "Error condition on socket for SYNC: {error}"),
            Self::DialTimeout => f.write_str("Timeout connecting to the MASTER..."),
            Self::Link(error) => error.fmt(f),
            Self::Io(error) => write!(f, "I/O error on the link to MASTER: {error}"),
            Self::Eof => f.write_str("Connection with master lost."),
            Self::Load(error) => {
                write!(
                    f,
                    "Failed trying to load the MASTER synchronization DB: {error}"
                )
            }
            Self::Changed => {
                f.write_str("the dataset has changed while a delta for it was on its way")
            }
            Self::Delta(error) => write!(
                f,
                "Failed trying to use the delta from MASTER, asking for everything next: {error}"
            ),
            Self::Apply(error) => error.fmt(f),
            Self::Cycle => f.write_str(
                "MASTER goes on under the replication id of this very node, so it follows this node, be it through others: a cycle without a primary. Make one of them a primary with REPLICAOF NO ONE; trying again until then",
            ),
            Self::Empty(address) => write!(
                f,
                "MASTER sent an empty dataset of a history that has nothing to do with ours, so it was not taken, and what is here is still served. To accept it: REPLICAOF {} {}",
                address.host, address.port
            ),
        }
    }
}

impl End {
    /// The link failed, or somebody ended it, and what was sent on it was fit for use.
    const fn is_of_the_link(&self) -> bool {
        matches!(
            self,
            Self::Io(_) | Self::Eof | Self::Link(_) | Self::Apply(ApplyError::Killed)
        )
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Follows `address` until the role changes.
pub(crate) async fn follow(node: Arc<Inner>, address: PrimaryAddress, epoch: u64) {
    let unfollow = node.unfollow.listen();
    let still = node
        .parts
        .store
        .with(|engine, _| engine.server.replication.role_epoch == epoch);
    if !still {
        return;
    }
    let upstream = UpstreamLink {
        node: Arc::clone(&node),
        address,
        epoch,
        avoids_delta: AtomicBool::new(false),
    };
    let following = pin!(upstream.follow());
    select(following, unfollow).await;
}

pub(super) struct UpstreamLink {
    pub(super) node: Arc<Inner>,
    pub(super) address: PrimaryAddress,
    epoch: u64,
    /// A delta came that could not be used, and no full sync since.
    avoids_delta: AtomicBool,
}

impl UpstreamLink {
    async fn follow(&self) {
        let mut backoff = Backoff::default();
        loop {
            let began_ms = self.node.now_ms();
            let end = self.one_link().await;
            if let End::Delta(_) = end {
                self.avoids_delta.store(true, Ordering::Relaxed);
            }
            let Some(was_up) = self.note_end(&end) else {
                return;
            };
            let lasted_ms = self.node.now_ms().saturating_sub(began_ms);
            let broke = was_up && end.is_of_the_link();
            let pause_ms = backoff.pause_after_ms(lasted_ms, broke, self.node.random_u64());
            let pause = Duration::from_millis(pause_ms);
            self.node.parts.runtime.sleep(pause).await;
        }
    }

    /// Works on the engine's side of the link; `None` where the role changed.
    fn with<R>(&self, work: impl FnOnce(&mut Engine, &mut Upstream) -> R) -> Option<R> {
        self.node.parts.store.with(|engine, _| {
            let replication = &mut engine.server.replication;
            if replication.role_epoch != self.epoch {
                return None;
            }
            let mut upstream = replication.upstream.take()?;
            let result = work(engine, &mut upstream);
            engine.server.replication.upstream = Some(upstream);
            Some(result)
        })
    }

    /// Shows that the link ended; answers whether the stream was followed until then,
    /// or nothing where the role changed.
    fn note_end(&self, end: &End) -> Option<bool> {
        let unix_ms = self.node.unix_ms();
        let was_up = self.with(|_, upstream| {
            let was_up = upstream.state == LinkState::Connected;
            upstream.state = LinkState::Connect;
            upstream.transfer = None;
            if was_up {
                upstream.down_since_ms = Some(unix_ms);
            }
            was_up
        })?;
        let text = end.to_string();
        self.node.parts.store.with(|engine, host| {
            host.log(&text);
            if let End::Link(LinkError::TakeOverRefused(reply)) = end {
                let is_primary = reply.ends_with(IS_PRIMARY);
                engine.failover_refused(is_primary, unix_ms, host);
            }
        });
        // The role may have changed with that.
        Node::of(&self.node).follow_role();
        Some(was_up)
    }

    async fn one_link(&self) -> End {
        let begun = self.with(|engine, upstream| {
            upstream.state = LinkState::Connecting;
            LinkConfig::of(engine, !self.avoids_delta.load(Ordering::Relaxed))
        });
        let Some(config) = begun else {
            return End::Apply(ApplyError::RoleChanged);
        };
        let link = match self.dial(config.timeouts.repl_ms).await {
            Ok(link) => link,
            Err(end) => return end,
        };
        if self
            .with(|_, upstream| upstream.state = LinkState::Handshake)
            .is_none()
        {
            return End::Apply(ApplyError::RoleChanged);
        }
        let (reader, writer) = link.split();
        let session = ReplicaSession::new(
            config.handshake,
            config.timeouts,
            config.from,
            self.node.now_ms(),
        );
        let mut running = RunningLink {
            upstream: self,
            session,
            writer,
            incoming: None,
            asked: None,
            delta: None,
            loading: false,
            position: None,
            syncing: None,
            payload_begun_ms: 0,
            received_bytes: 0,
            size_bytes: None,
            loaded_bytes: 0,
            lines: None,
            applier: None,
            applied: config.applied,
        };
        let end = match running.run(reader).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        if running.session.awaits_answer() {
            self.with(|engine, _| engine.server.failover_unanswered());
        }
        if let Some(applier) = running.applier.take() {
            self.node
                .parts
                .store
                .with(|engine, _| applier.close(engine));
        }
        end
    }

    async fn dial(&self, timeout_ms: u64) -> Result<Box<dyn Link>, End> {
        let PrimaryAddress { host, port } = &self.address;
        let dialing = self.node.parts.transport.dial(host, *port);
        let timeout = self
            .node
            .parts
            .runtime
            .sleep(Duration::from_millis(timeout_ms));
        match select(dialing, timeout).await {
            Either::Left((dialed, _)) => dialed.map_err(End::Dial),
            Either::Right(_) => Err(End::DialTimeout),
        }
    }
}

/// What a new link needs to know.
struct LinkConfig {
    handshake: HandshakeConfig,
    timeouts: ReplicaTimeouts,
    from: Option<(ReplicationId, Offset)>,
    applied: Offset,
}

impl LinkConfig {
    fn of(engine: &Engine, takes_delta: bool) -> Self {
        let config = &engine.server.config;
        let set = |text: &[u8]| (!text.is_empty()).then(|| text.to_vec());
        let announced = config.announced.port;
        let ip = &config.announced.ip;
        Self {
            handshake: HandshakeConfig {
                username: set(&config.primary_login.user),
                password: set(&config.primary_login.password),
                listening_port: if announced > 0 {
                    announced
                } else {
                    config.port
                },
                announce_ip: set(ip).map(|ip| String::from_utf8_lossy(&ip).into_owned()),
                version: Some(VERSION_FOR_VALKEY.to_owned()),
                takes_delta,
                asks_voice: true,
                asks_to_take_over: engine.server.failover.asks_to_take_over(),
            },
            timeouts: ReplicaTimeouts {
                repl_ms: u64::from(config.repl_timeout_s) * 1000,
                ..ReplicaTimeouts::default()
            },
            from: engine.server.continues_from(),
            applied: engine.server.log.offset(),
        }
    }
}

/// What a Valkey primary is told, which then sends its newest snapshot format:
/// the older one has no place for field TTLs, and the sync would fail.
const VERSION_FOR_VALKEY: &str = "9.1.0";

pub(super) struct RunningLink<'a> {
    pub(super) upstream: &'a UpstreamLink,
    pub(super) session: ReplicaSession,
    writer: WriteHalf<Box<dyn Link>>,
    incoming: Option<Incoming>,
    /// What was asked for in the place of a dataset.
    pub(super) asked: Option<Arriving>,
    /// The same, once the primary has announced it.
    pub(super) delta: Option<Arriving>,
    /// What arrives, or has arrived, is being loaded.
    pub(super) loading: bool,
    pub(super) position: Option<(ReplicationId, Offset)>,
    /// The full sync that is on its way: why, and since when.
    syncing: Option<(FullSyncCause, u64)>,
    /// When its snapshot began, unix ms.
    payload_begun_ms: i64,
    pub(super) received_bytes: u64,
    size_bytes: Option<u64>,
    /// How much of what was received is loaded.
    loaded_bytes: u64,
    /// What the log hears of a payload.
    lines: Option<ProgressLog>,
    pub(super) applier: Option<StreamApplier>,
    pub(super) applied: Offset,
}

impl RunningLink<'_> {
    pub(super) fn node(&self) -> &Inner {
        &self.upstream.node
    }

    pub(super) fn with<R>(
        &self,
        work: impl FnOnce(&mut Engine, &mut Upstream) -> R,
    ) -> Result<R, End> {
        let done = self.upstream.with(work);
        done.ok_or(End::Apply(ApplyError::RoleChanged))
    }

    async fn run(
        &mut self,
        mut reader: ReadHalf<Box<dyn Link>>,
    ) -> Result<std::convert::Infallible, End> {
        let mut buffer = vec![0; READ_BYTES];
        let node = Arc::clone(&self.upstream.node);
        let mut tick = node.next_look(TICK);
        loop {
            self.flush().await?;
            match select(pin!(reader.read(&mut buffer)), tick).await {
                Either::Left((read, still)) => {
                    tick = still;
                    let len = read?;
                    if len == 0 {
                        return Err(End::Eof);
                    }
                    self.receive(&buffer[..len]).await?;
                }
                Either::Right(((), _)) => {
                    self.tick()?;
                    if self.applier.as_ref().is_some_and(StreamApplier::is_held) {
                        self.stream(&[]).await?;
                    }
                    tick = node.next_look(TICK);
                }
            }
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), End> {
        let output = self.session.take_output();
        if !output.is_empty() {
            self.writer.write_all(&output).await?;
        }
        Ok(())
    }

    pub(super) fn tick(&mut self) -> Result<(), End> {
        let now_ms = self.node().now_ms();
        let applier = self.applier.as_ref();
        let (killed, durable) = self.with(|engine, _| {
            let killed = applier.is_some_and(|applier| applier.is_killed(engine));
            (killed, engine.server.append_only.durable_offset())
        })?;
        if killed {
            return Err(End::Apply(ApplyError::Killed));
        }
        if let Some(error) = self.session.tick(self.applied, durable, now_ms) {
            return Err(End::Link(error));
        }
        self.show_progress()
    }

    fn show_progress(&mut self) -> Result<(), End> {
        let arrives = self.incoming.is_some() || self.loading;
        if self.incoming.is_some() || self.delta.is_some() {
            self.tell(self.received_bytes, self.size_bytes);
        } else if self.loading {
            self.tell(self.loaded_bytes, Some(self.received_bytes));
        }
        let transfer = arrives.then(|| TransferProgress {
            total_bytes: self.size_bytes,
            read_bytes: self.received_bytes,
            begun_ms: self.payload_begun_ms,
            last_io_ms: self.last_io_unix_ms(),
            loading: self.loading,
        });
        let last_io_ms = self.last_io_unix_ms();
        self.with(|_, upstream| {
            upstream.transfer = transfer;
            upstream.last_io_ms = last_io_ms;
        })
    }

    /// A line of the log where one is due.
    fn tell(&mut self, done_bytes: u64, total_bytes: Option<u64>) {
        let now_ms = self.node().now_ms();
        let lines = self.lines.as_mut();
        let line = lines.and_then(|lines| lines.line(now_ms, done_bytes, total_bytes));
        if let Some(line) = line {
            let store = &self.node().parts.store;
            store.with(|_, host| host.log_at(LogLevel::Notice, &line));
        }
    }

    fn begin_lines(&mut self, what: &'static str) {
        self.lines = Some(ProgressLog::begin(what, self.node().now_ms()));
    }

    fn last_io_unix_ms(&self) -> i64 {
        let silence_ms = self.node().now_ms() - self.session.last_input_ms();
        self.node().unix_ms() - i64::try_from(silence_ms).unwrap_or(i64::MAX)
    }

    /// What is left in `input` after the session's last event is nothing: only
    /// while a dataset is put in place does it leave bytes, and that is done here.
    async fn receive(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.session.received(self.node().now_ms());
        let mut input = bytes;
        while let Some(event) = self.session.next_event(&mut input) {
            match event {
                ReplicaEvent::Continue { replid } => self.continued(replid)?,
                ReplicaEvent::FullSync { position } => self.full_sync(position)?,
                ReplicaEvent::DeltaOffer(offer) => self.consider(&offer).await?,
                ReplicaEvent::Delta { position } => self.delta_begins(position)?,
                ReplicaEvent::PayloadBegin { size_bytes } => self.begin_payload(size_bytes).await?,
                ReplicaEvent::Payload(part) => self.payload(&part).await?,
                ReplicaEvent::PayloadEnd => self.install().await?,
                ReplicaEvent::Stream(part) => self.stream(part).await?,
                ReplicaEvent::Close(error) => return Err(End::Link(error)),
            }
        }
        assert!(input.is_empty(), "the session takes all that it is given");
        Ok(())
    }

    fn continued(&mut self, replid: Option<ReplicationId>) -> Result<(), End> {
        let address = self.upstream.address.to_string();
        let unix_ms = self.node().unix_ms();
        let node = Arc::clone(&self.upstream.node);
        self.refuse_cycle(replid)?;
        let (applier, is_renamed) = self.with(|engine, upstream| {
            let is_renamed = engine.server.continue_history(replid);
            node.ensure_backlog(engine);
            connected(upstream, unix_ms, self.session.voice());
            (StreamApplier::new(engine, &address, unix_ms), is_renamed)
        })?;
        self.applier = Some(applier);
        self.end_failover();
        if is_renamed {
            node.hang_up.notify(usize::MAX);
        }
        self.log("Successful partial resynchronization with master.");
        Ok(())
    }

    pub(super) fn refuse_cycle(&self, replid: Option<ReplicationId>) -> Result<(), End> {
        let is_cycle = self.with(|engine, _| engine.server.closes_cycle(replid))?;
        if is_cycle { Err(End::Cycle) } else { Ok(()) }
    }

    /// Keeps what is here in place of a dataset that nobody can want.
    fn refuse_suspicious(&self, keys: u64) -> Result<(), End> {
        let replid = self.position.map(|(replid, _)| replid);
        let refused = self.with(|engine, upstream| {
            upstream.refused_empty = is_suspicious(&guard::Arrival {
                replid,
                keys,
                holds_keys: !engine.keyspace.is_empty(),
                is_asked_for: upstream.accepts_empty,
                history: engine.server.replication.history,
            });
            upstream.refused_empty
        })?;
        match refused {
            true => Err(End::Empty(self.upstream.address.clone())),
            false => Ok(()),
        }
    }

    /// The primary answered, so that it has taken over where it was asked to.
    pub(super) fn end_failover(&self) {
        let unix_ms = self.node().unix_ms();
        let store = &self.node().parts.store;
        store.with(|engine, host| engine.finish_failover(unix_ms, host));
    }

    pub(super) fn log(&self, text: &str) {
        self.node().parts.store.with(|_, host| host.log(text));
    }

    fn full_sync(&mut self, position: Option<(ReplicationId, Offset)>) -> Result<(), End> {
        self.refuse_cycle(position.map(|(replid, _)| replid))?;
        self.position = position;
        self.end_failover();
        let cause = self.with(|engine, upstream| {
            upstream.state = LinkState::Sync;
            let cause = cause(engine, position);
            engine.server.stats.full_syncs_received.begins(cause);
            cause
        })?;
        self.syncing = Some((cause, self.node().now_ms()));
        let cause = cause.name();
        match position {
            Some((replid, offset)) => {
                self.log(&format!(
                    "Full resync from master: {replid}:{offset}, reason: {cause}"
                ));
            }
            None => self.log("Full resync from master, which does not tell its offset"),
        }
        Ok(())
    }

    async fn begin_payload(&mut self, size_bytes: Option<u64>) -> Result<(), End> {
        self.size_bytes = size_bytes;
        self.received_bytes = 0;
        if self.delta.is_some() {
            self.loading = true;
            self.begin_lines("Receiving a delta of MASTER");
            self.payload_begun_ms = self.node().unix_ms();
            return self.show_progress();
        }
        let formats = self.node().parts.formats.readable().to_vec();
        let (loader, at_once) = self.with(|engine, _| {
            let mode = engine.server.config.repl_diskless_load;
            let at_once = loads_at_once(mode, engine.keyspace.is_empty());
            let space = &engine.keyspace;
            let options = DecodeOptions {
                verify_checksum: engine.server.config.rdbchecksum,
                encoding: engine.server.config.encodings,
                skip_unknown: engine.server.config.rdb_skip_unknown,
                ..DecodeOptions::new(*space.seed())
            };
            (Loader::new(&formats, space.databases(), options), at_once)
        })?;
        let node = Arc::clone(&self.upstream.node);
        let incoming = Incoming::begin(node, loader, at_once).await;
        self.incoming = Some(incoming.map_err(End::Load)?);
        self.loading = at_once;
        self.begin_lines("Receiving the dataset of MASTER");
        self.payload_begun_ms = self.node().unix_ms();
        self.show_progress()
    }

    async fn payload(&mut self, part: &[u8]) -> Result<(), End> {
        self.received_bytes += part.len() as u64;
        if let Some(delta) = &mut self.delta {
            let keys = delta.take(part)?;
            return self.delay_load(keys).await;
        }
        let incoming = self.incoming.as_mut();
        let incoming = incoming.expect("a payload begins before it goes on");
        let before = incoming.keys();
        incoming.take(part).await.map_err(End::Load)?;
        let keys = incoming.keys() - before;
        self.delay_load(keys).await
    }

    /// Takes the time that so many keys are to take, with a sign of life now and then.
    async fn delay_load(&mut self, keys: u64) -> Result<(), End> {
        if keys == 0 {
            return Ok(());
        }
        let node = Arc::clone(&self.upstream.node);
        let runtime = &node.parts.runtime;
        let rest = |duration| -> BoxFuture<'static, ()> {
            let runtime = Arc::clone(runtime);
            Box::pin(async move { runtime.sleep(duration).await })
        };
        let mut delay = pin!(delay_load(&*node.parts.store, keys, &rest));
        loop {
            match select(delay, runtime.sleep(TICK)).await {
                Either::Left(_) => return Ok(()),
                Either::Right(((), still)) => delay = still,
            }
            self.tick()?;
            self.flush().await?;
        }
    }

    /// Loads what was received into a file, with a sign of life now and then.
    async fn load(&mut self, mut incoming: Incoming) -> Result<Arrived, End> {
        let mut keys = incoming.keys();
        self.loaded_bytes = 0;
        self.begin_lines("Loading the dataset of MASTER");
        while incoming.load_some().await.map_err(End::Load)? {
            self.loaded_bytes = incoming.loaded_bytes();
            self.tick()?;
            self.flush().await?;
            let before = std::mem::replace(&mut keys, incoming.keys());
            self.delay_load(keys - before).await?;
            yield_now().await;
        }
        self.seal(&mut incoming).await?;
        incoming.finish().map_err(End::Load)
    }

    /// Waits for the disk, with a sign of life now and then.
    async fn seal(&mut self, incoming: &mut Incoming) -> Result<(), End> {
        let runtime = Arc::clone(&self.node().parts.runtime);
        let mut sealing = pin!(incoming.seal());
        loop {
            match select(sealing, runtime.sleep(TICK)).await {
                Either::Left((sealed, _)) => return sealed.map_err(End::Load),
                Either::Right(((), still)) => sealing = still,
            }
            self.tick()?;
            self.flush().await?;
        }
    }

    /// The new dataset takes the old one's place, with its history. Replicas of
    /// ours have to start over, since the stream they follow is another now.
    async fn install(&mut self) -> Result<(), End> {
        if let Some(delta) = self.delta.take() {
            return self.install_delta(delta).await;
        }
        let incoming = self.incoming.take();
        let incoming = incoming.expect("a payload begins before it ends");
        self.loading = true;
        self.show_progress()?;
        let Arrived { dataset, base } = self.load(incoming).await?;
        let stream_db = dataset
            .meta()
            .position
            .and_then(|position| position.stream_db);
        let position = self.position;
        let address = self.upstream.address.to_string();
        let unix_ms = self.node().unix_ms();
        let node = Arc::clone(&self.upstream.node);
        let keys = dataset.keys();
        let completed = self.completed();
        self.refuse_suspicious(keys)?;
        let skips = dataset.skips().clone();
        if let Some(line) = skips.line() {
            self.log(&line);
        }
        let (applier, offset) = self.with(|engine, upstream| {
            engine.install_dataset(dataset.into_keyspace());
            engine.server.persistence.loaded_skipped = skips.count;
            let (replid, offset) = match position {
                Some(position) => position,
                None => (engine.server.draw_replication_id(), Offset::ZERO),
            };
            let db = stream_db.map(|db| db as usize);
            let server = &mut engine.server;
            match base {
                Some(base) => base.given(|| server.adopt_history(replid, offset, db)),
                None => server.adopt_history(replid, offset, db),
            }
            engine.keyspace.stands_at(offset);
            node.begin_backlog(engine);
            connected(upstream, unix_ms, self.session.voice());
            upstream.read_offset = offset;
            engine.server.stats.full_syncs_received.completed(completed);
            (StreamApplier::new(engine, &address, unix_ms), offset)
        })?;
        self.upstream.avoids_delta.store(false, Ordering::Relaxed);
        self.applier = Some(applier);
        self.loading = false;
        self.applied = offset;
        self.session.loaded(offset, self.node().now_ms());
        node.hang_up.notify(usize::MAX);
        let FullSync { bytes, took_ms, .. } = completed;
        self.log(&format!(
            "MASTER <-> REPLICA sync: Finished with success, {keys} keys, {bytes} bytes in {took_ms} ms"
        ));
        Ok(())
    }

    /// The full sync that has come.
    fn completed(&self) -> FullSync {
        let (cause, since_ms) = self.syncing.expect("a payload follows its announcement");
        FullSync {
            cause,
            bytes: self.received_bytes,
            took_ms: self.node().now_ms().saturating_sub(since_ms),
        }
    }

    async fn stream(&mut self, part: &[u8]) -> Result<(), End> {
        let mut applier = self.applier.take().expect("the stream follows its start");
        applier.push(part);
        let outcome = self.apply(&mut applier, part.len()).await;
        self.applier = Some(applier);
        outcome
    }

    async fn apply(&mut self, applier: &mut StreamApplier, bytes: usize) -> Result<(), End> {
        let read = self.session.read_offset();
        let mut arrived = bytes as u64;
        loop {
            let unix_ms = self.node().unix_ms();
            let (applied, offset, durable) = self.node().parts.store.with(|engine, host| {
                engine.server.stats.repl_input_bytes += std::mem::take(&mut arrived);
                let applied = applier.apply(engine, host, unix_ms);
                if let Some(upstream) = &mut engine.server.replication.upstream {
                    upstream.read_offset = read;
                    upstream.last_io_ms = unix_ms;
                }
                let server = &engine.server;
                let durable = server.append_only.durable_offset();
                (applied, server.log.offset(), durable)
            });
            let applied = applied.map_err(End::Apply)?;
            self.applied = offset;
            if let Some(at) = applied.getack {
                self.session.acknowledge(at, durable, self.node().now_ms());
                self.flush().await?;
            }
            if !applied.more {
                return Ok(());
            }
            yield_now().await;
        }
    }
}

/// Why the primary sends its dataset, as far as this side can tell.
fn cause(engine: &Engine, position: Option<(ReplicationId, Offset)>) -> FullSyncCause {
    let Some((replid, offset)) = position else {
        return FullSyncCause::PlainSync;
    };
    let server = &engine.server;
    let held = server.log.offset();
    if server.replication.diverged || server.replication.dataset_lost {
        FullSyncCause::OwnDataset
    } else if held == Offset::ZERO && engine.keyspace.is_empty() {
        FullSyncCause::FirstContact
    } else if server.replication.history.replid != replid {
        FullSyncCause::OtherHistory
    } else if held > offset {
        FullSyncCause::Ahead
    } else {
        FullSyncCause::BeyondBacklog
    }
}

pub(super) fn connected(upstream: &mut Upstream, unix_ms: i64, voice: Voice) {
    upstream.voice = voice;
    upstream.state = LinkState::Connected;
    upstream.last_io_ms = unix_ms;
    upstream.down_since_ms = None;
    upstream.transfer = None;
    upstream.accepts_empty = false;
    upstream.refused_empty = false;
}
