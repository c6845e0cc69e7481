//! Full syncs: one walk over the dataset for all replicas that wait for one.
//!
//! ```text
//!  replicas ask ──► waiting ──delay──► freeze at offset ──► walk ──► snapshot spool ──► each link
//!                                            └─► the stream from there ──► stream spool ──┘
//! ```
//! The delay (`repl-diskless-sync-delay`) lets replicas that come together be
//! served together. One that comes later still joins, as long as nothing of the
//! snapshot has been dropped yet. The stream after the freeze is pumped into a
//! spool of its own, so that a replica that reads slowly costs disk and neither
//! memory nor the others' backlog.

use super::spool::{SPOOL_MEMORY_BYTES, Spool, SpoolError, SpoolReader};
use crate::backlog::Reader;
use crate::node::Inner;
use core::time::Duration;
use futures::channel::oneshot;
use futures::future::{BoxFuture, Either, select};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use towline_core::config::LogLevel;
use towline_core::engine::Engine;
use towline_core::engine::snapshot::{Pace, write_walk};
use towline_core::keyspace::SnapshotWalk;
use towline_core::keyspace::delta::Selection;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::host::Host;
use towline_core::seams::snapshot::{SnapshotMeta, SnapshotPosition};
use towline_core::seams::{Runtime, SnapshotCodec, Storage};
use towline_core::text::progress::ProgressLog;
use towline_core::version::REDIS_VERSION;

/// About how much of the stream is handed on at once.
const BLOCK_BYTES: usize = 256 << 10;
/// How often waiting replicas are counted.
const WAIT_STEP: Duration = Duration::from_millis(50);

/// What a replica gets when its snapshot starts.
pub(crate) struct Ticket {
    pub(crate) snapshot: SpoolReader,
    /// The stream after the snapshot's offset.
    pub(crate) stream: SpoolReader,
    pub(crate) replid: ReplicationId,
    pub(crate) offset: Offset,
}

struct Waiter {
    codec: Arc<dyn SnapshotCodec>,
    since_ms: u64,
    ticket: oneshot::Sender<Ticket>,
}

/// A snapshot that is being taken or still being read.
#[derive(Clone)]
struct Running {
    codec: Arc<dyn SnapshotCodec>,
    snapshot: Spool,
    stream: Spool,
    replid: ReplicationId,
    offset: Offset,
}

impl Running {
    fn ticket(&self) -> Option<Ticket> {
        Some(Ticket {
            snapshot: self.snapshot.reader()?,
            stream: self.stream.reader()?,
            replid: self.replid,
            offset: self.offset,
        })
    }
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiter>,
    running: Option<Running>,
    is_scheduled: bool,
    syncs: u64,
}

/// Brings replicas and snapshots together.
#[derive(Default)]
pub(crate) struct Hub(Mutex<State>);

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Asks for a snapshot of the history `replid` in this format. The ticket comes when it starts, or
    /// at once where one that runs can be joined.
    pub(crate) fn join(
        node: &Arc<Inner>,
        codec: Arc<dyn SnapshotCodec>,
        replid: ReplicationId,
    ) -> oneshot::Receiver<Ticket> {
        let (sender, receiver) = oneshot::channel();
        let mut state = node.hub.state();
        let running = state.running.as_ref();
        let same = running
            .filter(|running| running.replid == replid && Arc::ptr_eq(&running.codec, &codec));
        if let Some(ticket) = same.and_then(Running::ticket) {
            // The receiver is in our hands, so it cannot be gone.
            let _joined = sender.send(ticket);
            return receiver;
        }
        state.waiting.push(Waiter {
            codec,
            since_ms: node.now_ms(),
            ticket: sender,
        });
        if !std::mem::replace(&mut state.is_scheduled, true) {
            let task = serve_waiting(Arc::clone(node));
            node.parts.runtime.spawn(Box::pin(task));
        }
        receiver
    }

    /// Those who wait for the same format as the first of them; none where
    /// nobody waits, and then the next one schedules anew.
    fn take_waiting(&self) -> Vec<Waiter> {
        let mut state = self.state();
        state.waiting.retain(|waiter| !waiter.ticket.is_canceled());
        let Some(first) = state.waiting.first() else {
            state.is_scheduled = false;
            return Vec::new();
        };
        let codec = Arc::clone(&first.codec);
        let all = std::mem::take(&mut state.waiting);
        let (taken, rest) = all
            .into_iter()
            .partition(|waiter| Arc::ptr_eq(&waiter.codec, &codec));
        state.waiting = rest;
        taken
    }

    /// How many wait, and since when the first of them does.
    fn waiting(&self) -> (usize, u64) {
        let state = self.state();
        let alive = state
            .waiting
            .iter()
            .filter(|waiter| !waiter.ticket.is_canceled());
        let since = state.waiting.first().map_or(0, |waiter| waiter.since_ms);
        (alive.count(), since)
    }
}

async fn serve_waiting(node: Arc<Inner>) {
    loop {
        wait_for_company(&node).await;
        let waiters = node.hub.take_waiting();
        if waiters.is_empty() {
            return;
        }
        run(&node, waiters).await;
    }
}

/// Lets the delay pass, unless as many replicas wait as are worth waiting for.
async fn wait_for_company(node: &Inner) {
    let (delay_ms, enough) = node.parts.store.with(|engine, _| {
        let config = &engine.server.config;
        let delay_ms = match config.repl_diskless_sync {
            true => u64::from(config.repl_diskless_sync_delay_s) * 1000,
            false => 0,
        };
        (delay_ms, config.repl_diskless_sync_max_replicas as usize)
    });
    loop {
        let (waiting, since_ms) = node.hub.waiting();
        let has_enough = enough > 0 && waiting >= enough;
        let waited_ms = node.now_ms().saturating_sub(since_ms);
        if waiting == 0 || has_enough || waited_ms >= delay_ms {
            return;
        }
        let left = Duration::from_millis(delay_ms - waited_ms);
        node.parts.runtime.sleep(left.min(WAIT_STEP)).await;
    }
}

/// The walk's pace, kept with the runtime's timer and its threads.
struct Rested {
    runtime: Arc<dyn Runtime>,
    /// None where it is not known how many there will be.
    keys_total: Option<u64>,
    lines: ProgressLog,
}

impl Rested {
    fn new(runtime: Arc<dyn Runtime>, walk: &SnapshotWalk) -> Self {
        Self {
            lines: ProgressLog::begin("Snapshot for replicas", runtime.monotonic_ms()),
            keys_total: (!walk.is_delta()).then(|| walk.keys_total()),
            runtime,
        }
    }
}

impl Pace for Rested {
    fn progress(&mut self, _engine: &mut Engine, host: &mut dyn Host, keys: u64) -> bool {
        let Some(total) = self.keys_total else {
            return true;
        };
        let now_ms = self.runtime.monotonic_ms();
        if let Some(line) = self.lines.line(now_ms, keys, Some(total)) {
            host.log_at(LogLevel::Notice, &line);
        }
        true
    }

    fn rest(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let runtime = Arc::clone(&self.runtime);
        Box::pin(async move { runtime.sleep(duration).await })
    }

    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        self.runtime.beside(work);
    }
}

/// Takes one snapshot and serves it to all who waited, and to who joins.
async fn run(node: &Arc<Inner>, waiters: Vec<Waiter>) {
    let codec = Arc::clone(&waiters[0].codec);
    let launched = launch(node, codec, None);
    let running = &launched.running;
    for waiter in waiters {
        let ticket = running.ticket().expect("nothing was dropped yet");
        // A replica that went away drops its ticket, and with it its readers.
        let _gone = waiter.ticket.send(ticket);
    }
    node.hub.state().running = Some(running.clone());
    walk(node, launched).await;
}

/// Takes a snapshot of a part, for one replica alone.
pub(super) fn launch_part(
    node: &Arc<Inner>,
    codec: Arc<dyn SnapshotCodec>,
    part: Selection,
) -> Ticket {
    let launched = launch(node, codec, Some(part));
    let ticket = launched.running.ticket();
    let node_of_task = Arc::clone(node);
    let task = async move { walk(&node_of_task, launched).await };
    node.parts.runtime.spawn(Box::pin(task));
    ticket.expect("nothing was dropped yet")
}

/// A snapshot that has been frozen.
struct Launched {
    running: Running,
    walk: SnapshotWalk,
    stream: Reader,
}

fn launch(node: &Inner, codec: Arc<dyn SnapshotCodec>, part: Option<Selection>) -> Launched {
    let (snapshot, stream) = spools(node);
    let begun = node.parts.store.with(|engine, host| {
        engine.server.stats.sync_snapshots += u64::from(part.is_none());
        begin(node, engine, host, codec.as_ref(), part)
    });
    Launched {
        running: Running {
            codec,
            snapshot,
            stream,
            replid: begun.replid,
            offset: begun.offset,
        },
        walk: begun.walk,
        stream: begun.stream,
    }
}

async fn walk(node: &Arc<Inner>, launched: Launched) {
    let Launched {
        running,
        walk,
        stream,
    } = launched;
    let pump = pump(running.stream.clone(), stream);
    node.parts.runtime.spawn(Box::pin(pump));
    let mut writer = running.snapshot.clone();
    let mut pace = Rested::new(Arc::clone(&node.parts.runtime), &walk);
    let store = &*node.parts.store;
    let outcome = write_walk(store, walk, &mut writer, &mut pace).await;
    if let Err(error) = &outcome {
        let text = format!("A snapshot for replicas failed: {error}");
        store.with(|_, host| host.log(&text));
    }
    let outcome = outcome.map_err(|error| SpoolError::Failed(error.to_string()));
    running.snapshot.end(outcome);
    finish(node, running).await;
}

fn spools(node: &Inner) -> (Spool, Spool) {
    let mut state = node.hub.state();
    state.syncs += 1;
    let number = state.syncs;
    let spool = |kind: &str| {
        let storage: Arc<dyn Storage> = Arc::clone(&node.parts.storage);
        let name = format!("temp-repl-{number}.{kind}");
        Spool::new(storage, name, SPOOL_MEMORY_BYTES)
    };
    (spool("snapshot"), spool("stream"))
}

struct Begun {
    walk: SnapshotWalk,
    stream: Reader,
    replid: ReplicationId,
    offset: Offset,
}

fn begin(
    node: &Inner,
    engine: &mut Engine,
    host: &mut dyn Host,
    codec: &dyn SnapshotCodec,
    part: Option<Selection>,
) -> Begun {
    let backlog = node.ensure_backlog(engine);
    let server = &mut engine.server;
    if !server.replication.is_replica() {
        // The replica that starts from here has no database selected.
        server.log.force_select();
    }
    server.log.flush();
    let offset = server.log.offset();
    let replid = server.replication.history.replid;
    let stream_db = server
        .log
        .selected_db()
        .and_then(|db| u32::try_from(db).ok());
    let meta = SnapshotMeta {
        redis_version: REDIS_VERSION.to_owned(),
        created_ms: node.parts.runtime.unix_ms(),
        used_memory_bytes: host.allocated_bytes(),
        position: Some(SnapshotPosition {
            replid,
            offset,
            stream_db,
        }),
        hash_seed: Some(*engine.keyspace.seed()),
        aof_base: false,
    };
    // The pump keeps up whatever its readers do, so it needs no limit.
    let stream = backlog
        .reader(offset, 0)
        .expect("the backlog ends at the stream's offset");
    let encoder = codec.encoder(&meta);
    Begun {
        walk: SnapshotWalk::begin_part(&mut engine.keyspace, encoder, &meta, part),
        stream,
        replid,
        offset,
    }
}

/// Moves the stream into its spool until nobody reads it from there.
async fn pump(spool: Spool, mut stream: Reader) {
    let gone = pin!(spool.until_unused());
    let moving = pin!(move_stream(&spool, &mut stream));
    if let Either::Right((why, _)) = select(gone, moving).await {
        spool.end(Err(why));
    }
}

async fn move_stream(spool: &Spool, stream: &mut Reader) -> SpoolError {
    loop {
        let Ok(chunk) = stream.read(BLOCK_BYTES).await else {
            return SpoolError::Failed("the stream's history ended meanwhile".into());
        };
        if spool.push(chunk.as_ref().to_vec()).await.is_err() {
            return SpoolError::Failed("nobody reads the stream".into());
        }
    }
}

/// Waits until the links have read the spools, and removes their files. The
/// next snapshot does not wait for that.
async fn finish(node: &Arc<Inner>, running: Running) {
    let name = format!("replica sync at offset {}", running.offset);
    let node_of_task = Arc::clone(node);
    let task = async move {
        let cleaned = [
            running.snapshot.clean_up().await,
            running.stream.clean_up().await,
        ];
        let mut state = node_of_task.hub.state();
        let is_this = |now: &Running| now.snapshot.is_same(&running.snapshot);
        if state.running.as_ref().is_some_and(is_this) {
            state.running = None;
        }
        drop(state);
        for error in cleaned.into_iter().filter_map(Result::err) {
            let text = format!("Removing a spool file of the {name}: {error}");
            node_of_task.parts.store.with(|_, host| host.log(&text));
        }
    };
    node.parts.runtime.spawn(Box::pin(task));
}
