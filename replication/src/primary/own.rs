//! Histories in dialects: what replicas are sent that do not know all of the stream.
//!
//! ```text
//!   backlog ─► translator ─► backlog of its own ─► every replica of the dialect
//!                   └► map: acknowledgements ─► offsets of this node
//! ```
//! A history begins with the first replica that needs it, and all of the dialect share
//! it, so that each write is said once in each dialect. It ends where the stream goes on
//! with what cannot be said, where this node's own history is replaced by another, or
//! once nobody was there for `repl-backlog-ttl`. Whoever comes back then gets a full
//! sync, into a new one.

use super::admission::session_config;
use super::link::{End, Shared};
use super::session::CloseReason;
use super::source::Source;
use super::sync::Ticket;
use crate::backlog::{Backlog, Lost, Reader};
use crate::decision::{FullSyncReason, SyncRequest};
use crate::dialect::map::Place;
use crate::dialect::translator::Recode;
use crate::dialect::{OffsetMap, Refused, Translator};
use crate::node::Inner;
use event_listener::Event;
use futures::io::AsyncWrite;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use towline_core::engine::Engine;
use towline_core::engine::client::ReplicaOptions;
use towline_core::engine::dialect::Dialect;
use towline_core::engine::replication::{DialectHistory, LeftOut, Spoken};
use towline_core::keyspace::Db;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{DecodeOptions, EntryView};
use towline_core::seams::value_codec::PayloadOptions;

/// How much of the stream is translated at once.
const PIECE_BYTES: usize = 64 << 10;

/// See the module's comment.
pub(crate) struct OwnHistory {
    shown: Arc<DialectHistory>,
    lossy: bool,
    /// Nobody else's, so that a snapshot that began before is not joined.
    codec: Arc<dyn SnapshotCodec>,
    backlog: Backlog,
    map: Mutex<OffsetMap>,
    /// The map has grown, or the history has ended.
    moved: Event,
    ended: Mutex<Option<Ended>>,
    /// When a replica of it was last seen.
    seen_ms: AtomicU64,
}

/// Why a history ended.
#[derive(Clone, Debug)]
enum Ended {
    Refused(Refused),
    /// The history that it follows has ended.
    Gone,
    /// Nobody was there.
    Unused,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Gone => f.write_str("the history that it followed has ended"),
            Self::Unused => f.write_str("no replica came for repl-backlog-ttl"),
        }
    }
}

/// The histories of a node, and those that ended because of what was said in them.
#[derive(Default)]
pub(crate) struct OwnHistories(Mutex<State>);

#[derive(Default)]
struct State {
    running: Vec<Arc<OwnHistory>>,
    /// The last that was refused in each dialect, whose replicas may still ask for it.
    refused: Vec<(Dialect, ReplicationId)>,
}

impl State {
    fn remove(&mut self, own: &Arc<OwnHistory>, why: &Ended) {
        self.running.retain(|other| !Arc::ptr_eq(other, own));
        if let Ended::Refused(_) = why {
            let dialect = own.shown.dialect;
            self.refused.retain(|(other, _)| *other != dialect);
            self.refused.push((dialect, own.replid()));
        }
    }
}

impl OwnHistories {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    fn named(&self, asked: &SyncRequest) -> Option<Arc<OwnHistory>> {
        let replid = asked.replid()?;
        let state = self.state();
        let is_it = |own: &&Arc<OwnHistory>| own.replid() == replid && own.goes_on();
        state.running.iter().find(is_it).cloned()
    }

    fn of(&self, dialect: Dialect, lossy: bool) -> Option<Arc<OwnHistory>> {
        let state = self.state();
        let fits = |own: &&Arc<OwnHistory>| {
            own.shown.dialect == dialect && own.lossy == lossy && own.goes_on()
        };
        state.running.iter().find(fits).cloned()
    }

    /// What a replica is told that asks for a history that could not go on.
    pub(super) fn reason(&self, asked: &SyncRequest) -> Option<FullSyncReason> {
        let replid = asked.replid()?;
        let state = self.state();
        let refused = state.refused.iter().any(|(_, refused)| *refused == replid);
        refused.then_some(FullSyncReason::DialectEnded { asked: replid })
    }

    /// Ends those that nobody has used for so long.
    pub(crate) fn end_unused(&self, engine: &Engine, now_ms: u64, ttl_ms: u64) {
        let running = self.state().running.clone();
        for own in running {
            let speaks = |spoken: Spoken| spoken.dialect == own.shown.dialect;
            let replicas = &engine.server.replication.replicas;
            if replicas
                .iter()
                .any(|replica| replica.spoken.is_some_and(speaks))
            {
                own.seen_ms.store(now_ms, Ordering::Relaxed);
            }
            let unused_ms = now_ms.saturating_sub(own.seen_ms.load(Ordering::Relaxed));
            if ttl_ms > 0 && unused_ms >= ttl_ms {
                own.end(Ended::Unused);
            }
        }
    }
}

/// The history in which a replica gets the stream; none where it gets that of this node.
pub(super) fn for_replica(
    node: &Arc<Inner>,
    engine: &mut Engine,
    options: &ReplicaOptions,
    asked: &SyncRequest,
) -> Option<Arc<OwnHistory>> {
    // A history that is there is gone on with, even where it is no longer needed.
    if let Some(own) = node.own_histories.named(asked) {
        return Some(own);
    }
    let server = &engine.server;
    let lossy = server.config.replica_lossy_dialect;
    let dialect = server.replication.voice().dialect_for(options, lossy)?;
    if options.rdb_only {
        return None;
    }
    let running = node.own_histories.of(dialect, lossy);
    Some(running.unwrap_or_else(|| begin(node, engine, dialect, lossy)))
}

/// The history begins where the stream stands, with the same offset.
fn begin(node: &Arc<Inner>, engine: &mut Engine, dialect: Dialect, lossy: bool) -> Arc<OwnHistory> {
    let main = node.ensure_backlog(engine);
    engine.server.log.flush();
    let at = engine.server.log.offset();
    let reader = main
        .reader(at, 0)
        .expect("the backlog ends at the stream's offset");
    let mut random = [0; 20];
    node.parts.runtime.fill_random(&mut random);
    let own = Arc::new(OwnHistory {
        shown: Arc::new(DialectHistory {
            dialect,
            replid: ReplicationId::from_random(random),
            offset: AtomicU64::new(at.0),
        }),
        lossy,
        codec: node.parts.formats.for_dialect(dialect, lossy),
        backlog: Backlog::new(at, engine.server.config.repl_backlog_size),
        map: Mutex::new(OffsetMap::new(Place { main: at, own: at })),
        moved: Event::new(),
        ended: Mutex::new(None),
        seen_ms: AtomicU64::new(node.now_ms()),
    });
    let replication = &mut engine.server.replication;
    replication.dialects.push(Arc::clone(&own.shown));
    node.own_histories.state().running.push(Arc::clone(&own));
    let task = Task {
        node: Arc::downgrade(node),
        own: Arc::clone(&own),
        followed: replication.history.replid,
        reader,
        translator: Translator::new(dialect, lossy, recode(engine, dialect)),
        left_out: Arc::clone(&engine.server.replication.left_out),
    };
    node.parts.runtime.spawn(Box::pin(task.run()));
    own
}

/// Payloads in the format that peers of a dialect read.
fn recode(engine: &Engine, dialect: Dialect) -> Recode {
    let codec = engine.server.value_codec.clone();
    let decoding = DecodeOptions {
        encoding: engine.server.config.encodings,
        adopt_hash_seed: false,
        ..DecodeOptions::new(*engine.keyspace.seed())
    };
    let (known, written) = match dialect {
        Dialect::Redis7 => (..=10, 10),
        Dialect::Redis8 => (..=12, 12),
        // Valkey refuses the numbers that Redis took after the two had parted.
        Dialect::Valkey9 => (..=11, 80),
    };
    Box::new(move |payload| {
        // Behind the value stand the version, in two bytes, and the checksum, in eight.
        let version = payload.len().checked_sub(10)?;
        let version = u16::from_le_bytes([payload[version], payload[version + 1]]);
        if known.contains(&version) || version == written {
            return Some(payload.to_vec());
        }
        let codec = codec.as_ref()?;
        let value = codec.decode(payload, decoding).ok()?;
        let entry = EntryView {
            key: b"",
            value: value.view(),
            expire_ms: None,
            access: Default::default(),
        };
        let options = PayloadOptions {
            compress: false,
            version: Some(written),
        };
        let mut out = Vec::new();
        codec.encode(&entry, options, &mut out).ok()?;
        Some(out)
    })
}

impl OwnHistory {
    pub(super) fn replid(&self) -> ReplicationId {
        self.shown.replid
    }

    pub(super) const fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    pub(super) fn codec(&self) -> Arc<dyn SnapshotCodec> {
        Arc::clone(&self.codec)
    }

    pub(super) fn spoken(&self, ack_offset: Offset) -> Spoken {
        Spoken {
            dialect: self.shown.dialect,
            ack_offset,
        }
    }

    fn map(&self) -> MutexGuard<'_, OffsetMap> {
        self.map.lock().expect("no holder of this lock panics")
    }

    /// How far in this node's history a replica is that has everything up to `own`.
    pub(super) fn main_of(&self, own: Offset) -> Option<Offset> {
        self.map().main_of(own)
    }

    fn has_ended(&self) -> Option<Ended> {
        let ended = self.ended.lock().expect("no holder of this lock panics");
        ended.clone()
    }

    fn goes_on(&self) -> bool {
        self.has_ended().is_none()
    }

    /// Ends it, under the engine's lock where there still is an engine, so that nobody is
    /// admitted to it meanwhile.
    fn end(&self, why: Ended) {
        let mut ended = self.ended.lock().expect("no holder of this lock panics");
        ended.get_or_insert(why);
        drop(ended);
        self.backlog.release();
        self.moved.notify(usize::MAX);
    }

    /// Why a link of it ends that finds nothing to read.
    pub(super) fn lost(&self) -> End {
        match self.has_ended() {
            Some(Ended::Refused(refused)) => End::Unsaid(refused),
            _ => End::Closed(CloseReason::Lost),
        }
    }

    /// Goes on by what the main history goes on by.
    fn follow(&self, translator: &mut Translator, bytes: &[u8]) -> Result<(), Refused> {
        let mut out = Vec::new();
        let mut map = self.map();
        let fed = translator.feed(bytes, &mut map, &mut out);
        map.forget_before(self.backlog.window().start);
        let end = map.end().own;
        drop(map);
        // The map goes first: nobody acknowledges what it does not know.
        self.backlog.append(&out);
        self.shown.offset.store(end.0, Ordering::Relaxed);
        self.moved.notify(usize::MAX);
        fed
    }

    /// A reader at the place where this node's history is at `main`, once it is there.
    async fn reader_at(&self, main: Offset, limit_bytes: u64) -> Result<Reader, End> {
        loop {
            let moved = self.moved.listen();
            if self.has_ended().is_some() {
                return Err(self.lost());
            }
            let at = self.map().own_of(main);
            if let Some(at) = at {
                return self
                    .backlog
                    .reader(at, limit_bytes)
                    .map_err(|Lost| self.lost());
            }
            if self.map().end().main >= main {
                return Err(self.lost());
            }
            moved.await;
        }
    }
}

/// What moves a history on.
struct Task {
    node: Weak<Inner>,
    own: Arc<OwnHistory>,
    /// The history that is translated.
    followed: ReplicationId,
    reader: Reader,
    translator: Translator,
    left_out: Arc<LeftOut>,
}

impl Task {
    async fn run(mut self) {
        let why = self.translate().await;
        match self.node.upgrade() {
            Some(node) => self.leave(&node, why),
            None => self.own.end(why),
        }
    }

    async fn translate(&mut self) -> Ended {
        loop {
            match self.reader.read(PIECE_BYTES).await {
                Ok(chunk) => {
                    let fed = self.own.follow(&mut self.translator, chunk.as_ref());
                    let dropped = self.translator.take_dropped();
                    self.left_out.commands.fetch_add(dropped, Ordering::Relaxed);
                    if let Err(refused) = fed {
                        return Ended::Refused(refused);
                    }
                }
                Err(Lost) => match self.reader_of_successor() {
                    Some(reader) => self.reader = reader,
                    None => return Ended::Gone,
                },
            }
            if let Some(ended) = self.own.has_ended() {
                return ended;
            }
        }
    }

    /// The history may only have another name from here on, as after a promotion.
    fn reader_of_successor(&mut self) -> Option<Reader> {
        let (node, at) = (self.node.upgrade()?, self.reader.position());
        let followed = self.followed;
        let (reader, replid) = node.parts.store.with(|engine, _| {
            let history = engine.server.replication.history;
            let goes_on = history.shares(followed, at) && history.replid != followed;
            let reader = goes_on.then(|| node.backlog()?.reader(at, 0).ok())?;
            Some((reader?, history.replid))
        })?;
        self.followed = replid;
        Some(reader)
    }

    fn leave(&self, node: &Inner, why: Ended) {
        let own = &self.own;
        let (name, replid) = (own.shown.dialect.name(), own.replid());
        node.parts.store.with(|engine, host| {
            let dialects = &mut engine.server.replication.dialects;
            dialects.retain(|shown| !Arc::ptr_eq(shown, &own.shown));
            node.own_histories.state().remove(own, &why);
            host.log(&format!(
                "The history {replid} of replicas in the dialect {name} has ended: {why}"
            ));
            own.end(why);
        });
    }
}

impl Shared {
    /// Sends a snapshot, and tells where the stream goes on in the dialect.
    pub(super) async fn full_sync_in_dialect(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        own: &OwnHistory,
        ticket: Ticket,
    ) -> Result<Source, End> {
        let Ticket {
            snapshot,
            stream,
            offset,
            ..
        } = ticket;
        // It is in the words of this node.
        drop(stream);
        let limit_bytes = self.count_left_out(own);
        let reader = own.reader_at(offset, limit_bytes);
        let reader = self.while_alive(writer, reader).await??;
        let at = reader.position();
        let now_ms = self.node.now_ms();
        self.session().snapshot_started(own.replid(), at, now_ms);
        self.written.store(at.0, Ordering::Relaxed);
        self.flush(writer).await?;
        let bytes = self.send_snapshot(writer, snapshot, offset).await?;
        self.until_may_stream().await;
        self.completed(bytes);
        Ok(Source::memory(reader, own.replid()))
    }

    /// Counts what the snapshot leaves out; answers how much is kept for the replica.
    fn count_left_out(&self, own: &OwnHistory) -> u64 {
        self.node.parts.store.with(|engine, _| {
            if own.lossy && !own.shown.dialect.knows_field_expiries() {
                let dbs = engine.keyspace.dbs().iter();
                let hashes: usize = dbs.map(Db::hashes_with_expiring_fields).sum();
                let left_out = &engine.server.replication.left_out;
                left_out.hashes.fetch_add(hashes as u64, Ordering::Relaxed);
            }
            session_config(&engine.server).hard_limit_bytes
        })
    }
}
