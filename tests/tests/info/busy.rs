//! A node in which whatever can differ from the start of a server differs.

use towline_core::config::{Config, ReplicaStage, SetRules};
use towline_core::engine::Peer;
use towline_core::engine::acknowledged::Acknowledged;
use towline_core::engine::append_only::{AppendOnly, LogState};
use towline_core::engine::client::Blocked;
use towline_core::engine::full_syncs::{FullSync, FullSyncCause};
use towline_core::engine::persistence::{Loading, Persistence, Saving};
use towline_core::engine::pubsub::Kind;
use towline_core::engine::replication::{Replica, ReplicaState, ServedFrom};
use towline_core::engine::stats::Stats;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::host::ProcessFacts;

use crate::node::{Backlog, Node};

const MIB: u64 = 1 << 20;

/// The node; what its commands can do is done by commands.
pub(crate) fn eventful() -> Node {
    let mut node = Node::new(5, config());
    node.host.facts = facts();
    for line in [
        "SET k v PX 1000000",
        "SET gone v PX 1",
        "HSET h gone v stale v kept v",
        "HPEXPIRE h 1 FIELDS 1 gone",
        "GET k",
        "GET nosuch",
        "NOSUCH",
    ] {
        node.run(line);
    }
    node.now_ms += 10;
    node.engine.tick(node.now_ms, &mut node.host);
    node.run("SET stale v PX 1");
    node.run("HPEXPIRE h 1 FIELDS 1 stale");
    node.now_ms += 200_000_000;
    node.run("CONFIG GET hz");
    clients(&mut node);
    trackers(&mut node);
    asking(&mut node);
    blocked(&mut node);
    let now_ms = node.now_ms;
    let server = &mut node.engine.server;
    count(&mut server.stats);
    server.migrations.cached_sockets = 2;
    persist(&mut server.persistence, now_ms);
    let replid = ReplicationId::from_random([9; 20]);
    server.replication.history = server.replication.history.shifted(replid, Offset(4));
    server.log.reset(Offset(40));
    server.append_only = AppendOnly {
        state: LogState::On,
        failure: Some("No space left on device".to_owned()),
        rewriting_since_ms: Some(node.now_ms - 3_000),
        rewrite_scheduled: true,
        last_rewrite_took_s: Some(4),
        last_rewrite_failed: true,
        rewrites: 5,
        rewrite_failures: 6,
        size_bytes: 7,
        rewritten_bytes: 8,
        queued_bytes: 9,
        syncs_pending: true,
        ..AppendOnly::default()
    };
    server.log.add_sink(Box::new(Backlog));
    let own = node.engine.keyspace.own_expiries_mut();
    own.insert(0, b"k", i64::MAX);
    tick(&mut node);
    node
}

fn config() -> Config {
    let mut config = Config::new();
    let pairs = [
        "port",
        "7000",
        "maxclients",
        "50",
        "hz",
        "20",
        "repl-backlog-size",
        "2mb",
        "maxmemory-policy",
        "allkeys-lru",
    ];
    let pairs = pairs.map(str::as_bytes);
    config
        .set(&pairs, SetRules::default())
        .expect("good values");
    config
}

fn facts() -> ProcessFacts {
    ProcessFacts {
        pid: 9,
        rss_bytes: 9 * MIB,
        allocated_bytes: 3 * MIB,
        peak_allocated_bytes: 4 * MIB,
        startup_allocated_bytes: MIB,
        allocator_active_bytes: 5 * MIB,
        total_memory_bytes: 1 << 34,
        cpu_sys_usec: 1,
        cpu_user_usec: 2,
        main_cpu_sys_usec: 3,
        main_cpu_user_usec: 4,
        executable: "/towline-server".into(),
        config_file: "/redis.conf".into(),
        os: "Linux".into(),
        supervised: Some("systemd"),
        allocator: "mimalloc",
        lazyfree_pending_objects: 5,
        io_threads_active: true,
        ..ProcessFacts::default()
    }
}

/// A replica, and a client that waits, subscribes and has much to read.
fn clients(node: &mut Node) {
    let replica = node.engine.connect(Peer::default(), node.now_ms);
    let waiting = node.engine.connect(Peer::default(), node.now_ms);
    let server = &mut node.engine.server;
    let client = server.clients.get_mut(waiting).expect("just connected");
    client.blocked = Some(Blocked::Wait {
        awaited: Acknowledged {
            offset: Offset(1),
            replicas: 1,
            stage: ReplicaStage::Applied,
            local_fsync: false,
        },
        deadline_ms: Some(node.now_ms + 1),
    });
    client.query_buffer_bytes = 100;
    client.reply.simple("waiting for its turn");
    for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
        server.pubsub.subscribe(kind, b"c", waiting);
    }
    server.replication.replicas.push(Replica {
        id: replica.id,
        ip: "h".into(),
        port: 1,
        state: ReplicaState::SendBulk,
        served_from: ServedFrom::Memory,
        ack_offset: Offset(0),
        fack_offset: None,
        sends_fack: false,
        ack_ms: 0,
        spoken: None,
    });
}

/// A client whose reply waits for a replica.
fn asking(node: &mut Node) {
    let client = node.engine.connect(Peer::default(), node.now_ms);
    for line in [
        "CLIENT DURABILITY replicas=1 timeout=3600000",
        "SET asked v",
    ] {
        node.run_as(client, line);
    }
}

/// A client that is told of the key it read, and one that is told of a prefix.
fn trackers(node: &mut Node) {
    for lines in [
        ["HELLO 3", "CLIENT TRACKING ON", "GET k"],
        ["HELLO 3", "CLIENT TRACKING ON BCAST PREFIX k", "PING"],
    ] {
        let client = node.engine.connect(Peer::default(), node.now_ms);
        for line in lines {
            node.run_as(client, line);
        }
    }
}

/// A client that waits for an entry, or for the end of the stream.
fn blocked(node: &mut Node) {
    node.run("XGROUP CREATE stream group $ MKSTREAM");
    let client = node.engine.connect(Peer::default(), node.now_ms);
    let line = "XREADGROUP GROUP group me BLOCK 1000000 STREAMS stream >";
    node.run_as(client, line);
}

/// What the drivers of sockets and of replication count.
fn count(stats: &mut Stats) {
    stats.rejected_connections = 1;
    stats.durability_unknown = 2;
    stats.durability_refused = 3;
    stats.sync_full = 1;
    stats.full_syncs_served.begins(FullSyncCause::NoBacklog);
    stats.full_syncs_served.completed(FullSync {
        cause: FullSyncCause::NoBacklog,
        bytes: 7,
        took_ms: 8,
    });
    stats.sync_partial_ok = 2;
    stats.sync_partial_err = 3;
    stats.sync_snapshots = 4;
    stats.sync_delta = 11;
    stats.sync_delta_bytes = 12;
    stats.sync_partial_from_disk = 5;
    stats.resync_missed_bytes = 6;
    stats.resync_sent_bytes = 7;
    stats.expired_time_cap_reached = 1;
    stats.expire_cycle_usec += 5000;
    stats.unexpected_error_replies = 1;
    stats.reads_processed = 5;
    stats.writes_processed = 6;
    stats.query_buffer_disconnections = 7;
    stats.output_buffer_disconnections = 8;
    stats.evicted_clients = 2;
    stats.reply_buffer_shrinks = 9;
    stats.reply_buffer_expands = 10;
    stats.access_denied_auth = 1;
    stats.lock_held_max_ns = 5_000_000;
    stats.lock_held_max_cpu_ns = 4_000_000;
    stats.lazyfreed_objects = 3;
}

/// A snapshot being written, one being loaded, and those before them.
fn persist(state: &mut Persistence, now_ms: i64) {
    state.saving = Some(Saving {
        start_ms: now_ms - 9000,
        keys_processed: 1,
        keys_total: 2,
    });
    state.last_save_s += 1;
    state.last_save_ok = false;
    state.last_save_took_s = Some(4);
    state.saves = 1;
    state.loaded_expired = 2;
    state.loaded_keys = 3;
    state.loaded_skipped = 4;
    state.loading = Some(Loading {
        start_s: 0,
        total_bytes: 1,
        loaded_bytes: 0,
        beside: true,
    });
}

/// The rates are means of samples, one a tick.
fn tick(node: &mut Node) {
    node.engine.server.active_expire = false;
    for tick in 1..40 {
        let stats = &mut node.engine.server.stats;
        stats.net_input_bytes += MIB;
        stats.net_output_bytes += MIB;
        stats.repl_input_bytes += MIB;
        stats.repl_output_bytes += MIB;
        stats.lock_held_ns += 20_000_000;
        stats.commands_processed += 100;
        node.engine.tick(node.now_ms + tick * 100, &mut node.host);
    }
}
