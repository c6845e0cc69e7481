//! One node's replication: what the process around the engine holds.
//!
//! ```text
//!   REPLICAOF ─► Job::Follow ─► Node::follow_role ─► upstream link (replica::driver)
//!   PSYNC ─────► Job::Attach ─► Node::attach ──────► a link per replica (primary::link)
//!                                                     └► full syncs (primary::sync)
//!   batches ───► StreamLog ───► BacklogSink ───────► Backlog ─► every link
//! ```
//! Locks: the engine's (inside [`Store`]) is taken first, those of the node
//! within it. No lock is held across an await.

use crate::backlog::Backlog;
use crate::primary::link::{self, Arrival};
use crate::primary::own::OwnHistories;
use crate::primary::sync::Hub;
use crate::replica::driver;
use core::time::Duration;
use event_listener::Event;
use futures::future::{BoxFuture, select};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use towline_core::engine::Engine;
use towline_core::engine::client::ReplicaOptions;
use towline_core::engine::dialect::Dialect;
use towline_core::engine::replication::BacklogFacts;
use towline_core::engine::stream_log::SinkId;
use towline_core::offset::{History, Offset};
use towline_core::seams::log_sink::StreamPlace;
use towline_core::seams::snapshot::SnapshotPosition;
use towline_core::seams::{
    LogSink, ReplicationTransport, Runtime, SnapshotCodec, Storage, Store, StreamArchive,
};

/// How often the node looks after what is due: pings, sizes, the backlog's end.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// Which snapshot formats a node speaks with its peers.
pub trait SnapshotFormats: Send + Sync + 'static {
    /// The format for a replica that said this of itself. Replicas that are
    /// given the same `Arc` share one snapshot.
    fn for_replica(&self, replica: &ReplicaOptions) -> Arc<dyn SnapshotCodec>;

    /// A format for replicas of this dialect, shared with nobody. A `lossy` one leaves
    /// out what they cannot hold, where it would fail.
    fn for_dialect(&self, dialect: Dialect, lossy: bool) -> Arc<dyn SnapshotCodec>;

    /// The formats that a primary's snapshot may have.
    fn readable(&self) -> &[Arc<dyn SnapshotCodec>];
}

/// What a node is made of.
#[derive(Clone)]
pub struct NodeParts {
    /// The engine.
    pub store: Arc<dyn Store>,
    /// Tasks, timers, randomness.
    pub runtime: Arc<dyn Runtime>,
    /// The way to a primary.
    pub transport: Arc<dyn ReplicationTransport>,
    /// Where spool files go.
    pub storage: Arc<dyn Storage>,
    /// What snapshots look like.
    pub formats: Arc<dyn SnapshotFormats>,
}

/// See the module's comment. Clones are handles on the same node.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) parts: NodeParts,
    pub(crate) hub: Hub,
    /// What replicas are sent that do not know all of the stream.
    pub(crate) own_histories: OwnHistories,
    /// Notified to make every replica reconnect that came before the present history.
    pub(crate) hang_up: Event,
    /// Notified to let links look whether their clients were killed.
    pub(crate) killed: Event,
    /// Notified to end the link to the primary.
    pub(crate) unfollow: Event,
    /// Bytes sent to replicas since they were last counted in.
    pub(crate) sent_bytes: AtomicU64,
    backlog: BacklogSlot,
    /// Bytes sent to replicas that came back, up to where the stream was then.
    pub(crate) resent_bytes: AtomicU64,
    /// The log on disk that replicas can be served from, where there is one.
    archive: Mutex<Option<Arc<dyn StreamArchive>>>,
    /// How far the log on disk was written, where there is one.
    logged: Mutex<Option<Offset>>,
    /// The backlog's place among the takers of the stream.
    sink: Mutex<Option<SinkId>>,
    followed_epoch: Mutex<u64>,
}

/// The backlog, if there is one; the sink and the links share the slot.
type BacklogSlot = Arc<Mutex<Option<Backlog>>>;

struct BacklogSink(BacklogSlot);

impl LogSink for BacklogSink {
    fn append(&mut self, _start: Offset, bytes: &[u8]) {
        if let Some(backlog) = &*lock(&self.0) {
            backlog.append(bytes);
        }
    }

    fn history_changed(&mut self, _place: StreamPlace) {
        if let Some(backlog) = &*lock(&self.0) {
            backlog.end_readers();
        }
    }

    fn backlog(&self) -> Option<BacklogFacts> {
        lock(&self.0).as_ref().map(facts)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

fn facts(backlog: &Backlog) -> BacklogFacts {
    let window = backlog.window();
    BacklogFacts {
        active: true,
        size_bytes: backlog.size_bytes(),
        first_byte_offset: window.start.to_wire(),
        history_bytes: window.end.since(window.start),
        memory_bytes: window.end.since(window.start),
    }
}

impl Node {
    /// A node around an engine, with its housekeeping started.
    #[must_use]
    pub fn new(parts: NodeParts) -> Self {
        let node = Self(Arc::new(Inner {
            hub: Hub::default(),
            own_histories: OwnHistories::default(),
            hang_up: Event::new(),
            killed: Event::new(),
            unfollow: Event::new(),
            sent_bytes: AtomicU64::new(0),
            backlog: BacklogSlot::default(),
            resent_bytes: AtomicU64::new(0),
            archive: Mutex::default(),
            logged: Mutex::default(),
            sink: Mutex::default(),
            followed_epoch: Mutex::new(0),
            parts,
        }));
        let weak = Arc::downgrade(&node.0);
        let runtime = Arc::clone(&node.0.parts.runtime);
        runtime.spawn(Box::pin(keep_house(weak)));
        node
    }

    pub(crate) fn of(inner: &Arc<Inner>) -> Self {
        Self(Arc::clone(inner))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// A connection has become a replica's link: Redis's PSYNC and SYNC. The
    /// client's REPLCONF is read from the engine.
    pub fn attach(&self, arrival: Arrival) {
        let inner = Arc::clone(&self.0);
        let task = link::serve(inner, arrival);
        self.0.parts.runtime.spawn(Box::pin(task));
    }

    /// Makes the link to the primary match the engine's role. Call it after
    /// every REPLICAOF; it does nothing where the role did not change.
    pub fn follow_role(&self) {
        let role = self.0.parts.store.with(|engine, _| {
            let replication = &engine.server.replication;
            let upstream = replication.upstream.as_ref();
            let address = upstream.map(|upstream| upstream.address.clone());
            (replication.role_epoch, address)
        });
        let (epoch, address) = role;
        if std::mem::replace(&mut *lock(&self.0.followed_epoch), epoch) == epoch {
            return;
        }
        self.0.unfollow.notify(usize::MAX);
        let Some(address) = address else {
            // The history has a new name, which replicas learn by coming back.
            self.0.hang_up.notify(usize::MAX);
            return;
        };
        let task = driver::follow(Arc::clone(&self.0), address, epoch);
        self.0.parts.runtime.spawn(Box::pin(task));
    }

    /// Ends the links whose clients CLIENT KILL closed, which they would notice by
    /// themselves within a second.
    pub fn close_killed(&self) {
        self.0.killed.notify(usize::MAX);
    }

    /// Goes on where a loaded snapshot stands. A replica will ask its primary to
    /// continue from there. A primary begins a new history, in which replicas
    /// that stand exactly there, or before, still have a part: it cannot know
    /// what was written after the snapshot.
    pub fn restore(&self, position: SnapshotPosition, as_replica: bool) {
        self.0.parts.store.with(|engine, _| {
            let server = &mut engine.server;
            let db = position.stream_db.map(|db| db as usize);
            server.adopt_history(position.replid, position.offset, db);
            engine.keyspace.stands_at(position.offset);
            if !as_replica {
                let new = server.draw_replication_id();
                let history = &mut server.replication.history;
                *history = history.shifted(new, position.offset);
                server.replication.is_author = true;
                server.log.force_select();
            }
            self.0.begin_backlog(engine);
        });
    }

    /// Goes on in a history that the log on disk told, from its end. What was written
    /// before `since` was loaded without the offsets of its units.
    pub fn restore_log(&self, history: History, offset: Offset, db: Option<usize>, since: Offset) {
        self.0.parts.store.with(|engine, _| {
            engine.server.adopt_history(history.replid, offset, db);
            engine.server.replication.history = history;
            engine.keyspace.known_since(since);
            self.0.begin_backlog(engine);
        });
    }

    /// The log on disk was written up to `end`, and replicas may have what lies before
    /// that: a process that is killed must not be behind them. None without a log.
    pub fn logged_to(&self, end: Option<Offset>) {
        *lock(&self.0.logged) = end;
        if let Some(backlog) = self.backlog() {
            backlog.show_to(end);
        }
    }

    /// The log on disk, from which replicas are served what memory no longer holds,
    /// and which keeps what this node gets in a full sync. None without a log.
    pub fn set_archive(&self, archive: Option<Arc<dyn StreamArchive>>) {
        *lock(&self.0.archive) = archive;
    }

    /// The backlog, if there is one.
    #[must_use]
    pub fn backlog(&self) -> Option<Backlog> {
        self.0.backlog()
    }
}

impl Inner {
    pub(crate) fn now_ms(&self) -> u64 {
        self.parts.runtime.monotonic_ms()
    }

    /// Calendar time as the engine takes it.
    pub(crate) fn unix_ms(&self) -> i64 {
        i64::try_from(self.parts.runtime.unix_ms()).unwrap_or(i64::MAX)
    }

    /// Ends when a link has to look after itself: after a while, or as it was killed.
    pub(crate) fn next_look(&self, after: Duration) -> BoxFuture<'static, ()> {
        let (runtime, killed) = (Arc::clone(&self.parts.runtime), self.killed.listen());
        Box::pin(async move {
            select(runtime.sleep(after), killed).await;
        })
    }

    pub(crate) fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.parts.runtime.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    pub(crate) fn archive(&self) -> Option<Arc<dyn StreamArchive>> {
        lock(&self.archive).clone()
    }

    /// The first position that the log on disk serves.
    pub(crate) fn archive_start(&self) -> Option<Offset> {
        self.archive()?.start()
    }

    pub(crate) fn backlog(&self) -> Option<Backlog> {
        lock(&self.backlog).clone()
    }

    /// The backlog, begun where the stream stands if there is none. Where no log on
    /// disk took the stream before, offsets given out earlier mean nothing: a primary
    /// begins a new history.
    pub(crate) fn ensure_backlog(&self, engine: &mut Engine) -> Backlog {
        if let Some(backlog) = self.backlog() {
            return backlog;
        }
        if !engine.server.replication.is_replica() && !engine.server.log.is_active() {
            engine.server.begin_history();
        }
        self.begin_backlog(engine)
    }

    /// An empty backlog where the stream stands, in place of any other.
    pub(crate) fn begin_backlog(&self, engine: &mut Engine) -> Backlog {
        engine.server.log.flush();
        let size_bytes = engine.server.config.repl_backlog_size;
        let backlog = Backlog::new(engine.server.log.offset(), size_bytes);
        if lock(&self.logged).is_some() {
            backlog.show_to(Some(engine.server.log.offset()));
        }
        match lock(&self.backlog).replace(backlog.clone()) {
            Some(old) => old.release(),
            None => {
                let sink = BacklogSink(Arc::clone(&self.backlog));
                let id = engine.server.log.add_sink(Box::new(sink));
                *lock(&self.sink) = Some(id);
            }
        }
        engine.server.replication.backlog = facts(&backlog);
        backlog
    }

    /// Lets go of the backlog: no replica came for `repl-backlog-ttl`.
    fn end_backlog(&self, engine: &mut Engine) {
        if let Some(id) = lock(&self.sink).take() {
            engine.server.log.remove_sink(id);
        }
        if let Some(old) = lock(&self.backlog).take() {
            old.release();
        }
        if !engine.server.log.is_active() {
            engine.server.begin_history();
        }
        engine.server.replication.backlog = BacklogFacts::default();
    }
}

async fn keep_house(node: Weak<Inner>) {
    let mut house = House::default();
    while let Some(inner) = node.upgrade() {
        let store = Arc::clone(&inner.parts.store);
        store.with(|engine, _| house.look(&inner, engine));
        let runtime = Arc::clone(&inner.parts.runtime);
        drop((inner, store));
        runtime.sleep(HOUSEKEEPING).await;
    }
}

/// When things were last done.
#[derive(Default)]
struct House {
    pinged_ms: u64,
    /// Since when a primary has had no replica.
    lonely_since_ms: Option<u64>,
}

impl House {
    fn look(&mut self, node: &Inner, engine: &mut Engine) {
        let now_ms = node.now_ms();
        let sent = node.sent_bytes.swap(0, Ordering::Relaxed);
        engine.server.stats.repl_output_bytes += sent;
        let resent = node.resent_bytes.swap(0, Ordering::Relaxed);
        engine.server.stats.resync_sent_bytes += resent;
        let ttl_ms = engine.server.config.repl_backlog_ttl_s * 1000;
        node.own_histories.end_unused(engine, now_ms, ttl_ms);
        let Some(backlog) = node.backlog() else {
            return;
        };
        let size_bytes = engine.server.config.repl_backlog_size;
        if backlog.size_bytes() != size_bytes.max(crate::backlog::BACKLOG_FLOOR_BYTES) {
            backlog.resize(size_bytes);
            engine.server.replication.backlog = facts(&backlog);
        }
        if engine.server.replication.replicas.is_empty() {
            self.end_if_lonely(node, engine, now_ms);
            return;
        }
        self.lonely_since_ms = None;
        let period_ms = u64::from(engine.server.config.repl_ping_replica_period_s) * 1000;
        if now_ms.saturating_sub(self.pinged_ms) >= period_ms {
            self.pinged_ms = now_ms;
            engine.server.ping_replicas();
        }
    }

    /// A replica never lets go of its backlog: it may be promoted, and others
    /// may continue from it then.
    fn end_if_lonely(&mut self, node: &Inner, engine: &mut Engine, now_ms: u64) {
        let ttl_ms = engine.server.config.repl_backlog_ttl_s * 1000;
        if ttl_ms == 0 || engine.server.replication.is_replica() {
            self.lonely_since_ms = None;
            return;
        }
        let since_ms = *self.lonely_since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) >= ttl_ms {
            node.end_backlog(engine);
            self.lonely_since_ms = None;
        }
    }
}
