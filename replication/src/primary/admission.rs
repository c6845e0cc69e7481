//! How a replica that asks for the stream is served: what is decided, and what its link
//! begins with.

use super::delta;
use super::figures::count_full;
use super::filter::Filtered;
use super::link::Stream;
use super::own::{self, OwnHistory};
use super::session::{PrimaryConfig, PrimarySession, ReplicaCaps};
use super::source::Source;
use super::sync::Hub;
use crate::backlog::Lost;
use crate::decision::{
    Decision, FullSyncReason, PrimaryView, Standing, SyncRequest, Window, decide,
};
use crate::node::Inner;
use std::sync::Arc;
use towline_core::config::ClientClass;
use towline_core::engine::client::{ClientFlags, ReplicaOptions};
use towline_core::engine::full_syncs::FullSyncCause;
use towline_core::engine::novelty::Novelty;
use towline_core::engine::replication::{Replica, ReplicaState, ServedFrom, StreamEnd};
use towline_core::engine::{ClientId, Engine, Server};
use towline_core::offset::{History, Offset, ReplicationId};
use towline_core::seams::{SnapshotCodec, host};

/// What a link begins with.
pub(super) struct Admission {
    pub(super) session: PrimarySession,
    pub(super) stream: Stream,
    pub(super) uses_mark: bool,
    /// Where the stream stood when the replica came back.
    pub(super) caught_up: Offset,
    /// What must not be sent, if anything.
    pub(super) forbidden: Option<Novelty>,
    /// The history that the replica gets, if not this node's.
    pub(super) own: Option<Arc<OwnHistory>>,
    pub(super) history_epoch: u64,
    pub(super) name: String,
    /// Why it gets a full sync, if it does.
    pub(super) cause: Option<FullSyncCause>,
}

/// Decides how the replica is served, and lists it; else the error line.
pub(super) fn admit(
    node: &Arc<Inner>,
    client: ClientId,
    stream_end: StreamEnd,
) -> Result<Admission, String> {
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
        let own = match standing(&engine.server) {
            Standing::Serving => own::for_replica(node, engine, &options, &asked),
            _ => None,
        };
        let (decision, source) = decision(node, engine, &options, &asked, own.as_deref());
        let (text, admission) = match decision {
            Decision::Refuse(refusal) => return Err(format!("-{}\r\n", refusal.error_line())),
            Decision::Continue(from) => {
                let text = format!("Partial resynchronization request from {name} accepted. Sending from offset {from}.");
                (text, partial(node, engine, replica, &options, from, own.zip(source)))
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
                let cause = reason.cause(&asked);
                (text, full(node, engine, replica, &options, (&asked, cause), own))
            }
        };
        host.log(&text);
        Ok(admission)
    })
}

fn decision(
    node: &Inner,
    engine: &mut Engine,
    options: &ReplicaOptions,
    asked: &SyncRequest,
    own: Option<&OwnHistory>,
) -> (Decision, Option<Source>) {
    let mut view = view(node, engine);
    if let Some(own) = own {
        view.history = History::new(own.replid());
        view.window = Some(own.backlog().window());
    }
    let decision = decide(asked, &view);
    if let (Decision::FullSync(_), Some(reason)) = (decision, node.own_histories.reason(asked)) {
        return (Decision::FullSync(reason), None);
    }
    match (own, decision) {
        (Some(own), Decision::Continue(from)) => continue_in(own, from, &engine.server),
        (Some(_), _) => (decision, None),
        (None, _) => match forbidden(engine, options) {
            Some(novelty) => (decision.without_expiring_fields(novelty.end()), None),
            None => (decision, None),
        },
    }
}

/// A history of its own goes on meanwhile, so that what was held a moment ago may be gone.
fn continue_in(own: &OwnHistory, from: Offset, server: &Server) -> (Decision, Option<Source>) {
    let limit_bytes = session_config(server).hard_limit_bytes;
    match own.backlog().reader(from, limit_bytes) {
        Ok(reader) => {
            let source = Source::memory(reader, own.replid());
            (Decision::Continue(from), Some(source))
        }
        Err(Lost) => {
            let reason = FullSyncReason::TooOld {
                asked: i64::try_from(from.to_wire()).unwrap_or(i64::MAX),
                first: own.backlog().window().start.to_wire(),
            };
            (Decision::FullSync(reason), None)
        }
    }
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
        spoken: None,
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
    own: Option<(Arc<OwnHistory>, Source)>,
) -> Admission {
    let config = session_config(&engine.server);
    let (own, source, replid, caught_up) = match own {
        Some((own, source)) => {
            let (replid, end) = (own.replid(), own.backlog().window().end);
            (Some(own), source, replid, end)
        }
        None => {
            let replid = engine.server.replication.history.replid;
            let source = Source::open(node, from, replid, config.hard_limit_bytes);
            let source = source.expect("the decision found it in memory or on disk");
            (None, source, replid, engine.server.log.offset())
        }
    };
    let stats = &mut engine.server.stats;
    stats.sync_partial_ok += 1;
    stats.sync_partial_from_disk += u64::from(source.is_disk());
    stats.resync_missed_bytes += caught_up.since(from);
    let name = format!("{}:{}", replica.ip, replica.port);
    replica.state = ReplicaState::Online;
    replica.ack_offset = match &own {
        Some(own) => own.main_of(from).unwrap_or(Offset::ZERO),
        None => from,
    };
    replica.spoken = own.as_ref().map(|own| own.spoken(from));
    engine.server.replication.replicas.push(replica);
    let caps = caps(options, true);
    Admission {
        session: PrimarySession::partial(caps, config, replid, from, node.now_ms()),
        stream: Stream::Held(source),
        uses_mark: false,
        caught_up,
        forbidden: forbidden(engine, options).filter(|_| own.is_none()),
        own,
        history_epoch: engine.server.replication.history_epoch,
        name,
        cause: None,
    }
}

fn full(
    node: &Arc<Inner>,
    engine: &mut Engine,
    mut replica: Replica,
    options: &ReplicaOptions,
    (asked, cause): (&SyncRequest, FullSyncCause),
    own: Option<Arc<OwnHistory>>,
) -> Admission {
    replica.spoken = own.as_ref().map(|own| own.spoken(Offset::ZERO));
    let name = enlist(node, engine, replica);
    let caps = caps(options, asked.is_psync());
    let config = session_config(&engine.server);
    let codec = match &own {
        Some(own) => Filtered::wrap(own.codec(), options.rdb_filter),
        None => codec(node, options),
    };
    let replid: ReplicationId = engine.server.replication.history.replid;
    Admission {
        session: PrimarySession::full(caps, config, node.now_ms()),
        stream: Stream::Snapshot(Hub::join(node, codec, replid)),
        uses_mark: caps.eof && engine.server.config.repl_diskless_sync,
        caught_up: Offset::ZERO,
        forbidden: forbidden(engine, options).filter(|_| own.is_none()),
        own,
        history_epoch: engine.server.replication.history_epoch,
        name,
        cause: Some(cause),
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
