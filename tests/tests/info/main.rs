//! INFO: the fields and their order are those of Redis 7.2, and what is not in
//! the one table of absent fields is measured.

mod busy;
mod node;

use std::collections::{BTreeSet, HashSet};

use busy::eventful;
use node::{Node, START_MS, primary, replica, work};
use towline_core::config::Config;
use towline_core::engine::info::absent_fields;
use towline_core::engine::persistence::Loading;
use towline_core::engine::replication::{LinkState, TransferProgress};
use towline_tests::info::Info;
use towline_tests::tables;

/// Fields that Redis 7.2 does not have: ours, and those of its successors.
const LATER: [&str; 32] = [
    "sync_full_reasons",
    "sync_full_last_reason",
    "sync_full_last_bytes",
    "sync_full_last_duration_ms",
    "master_sync_left_seconds",
    "master_sync_reasons",
    "master_sync_last_reason",
    "master_sync_last_bytes",
    "master_sync_last_duration_ms",
    "durability_waiting_clients",
    "durability_unknown_replies",
    "durability_refused_writes",
    "rdb_last_load_skipped",
    "client_query_buffer_limit_disconnections",
    "client_output_buffer_limit_disconnections",
    "expired_fields",
    "expired_keys_with_volatile_items_stale_perc",
    "server_name",
    "towline_version",
    "towline_stream_voice",
    "sync_snapshots",
    "sync_delta",
    "sync_delta_bytes",
    "lock_held_max_usec",
    "lock_held_max_cpu_usec",
    "repl_backlog_disk_active",
    "repl_backlog_disk_size",
    "repl_backlog_disk_first_byte_offset",
    "repl_backlog_disk_histlen",
    "repl_resync_from_disk",
    "repl_resync_missed_bytes",
    "repl_resync_sent_bytes",
];

/// Section and name of each field; names that depend on the workload are cut.
fn shape(info: &Info) -> Vec<(String, String)> {
    let mut shape = Vec::new();
    for field in info
        .fields()
        .iter()
        .filter(|field| !LATER.contains(&field.name.as_str()))
    {
        let prefixes = [
            "cmdstat_",
            "errorstat_",
            "latency_percentiles_usec_",
            "db",
            "slave0",
            "listener",
        ];
        let cut = prefixes
            .iter()
            .find(|prefix| field.name.starts_with(**prefix));
        let name = cut.map_or(field.name.as_str(), |prefix| prefix);
        let entry = (field.section.clone(), name.to_owned());
        if shape.last() != Some(&entry) {
            shape.push(entry);
        }
    }
    shape
}

fn reference(name: &str) -> Vec<(String, String)> {
    shape(&Info::parse(&tables::read_text(name)))
}

#[test]
fn a_primary_shows_the_fields_of_redis_in_order() {
    let mut node = primary();
    work(&mut node);
    assert_eq!(
        shape(&node.info("everything")),
        reference("info-redis-7.2-primary.txt")
    );
}

#[test]
fn a_replica_shows_the_fields_of_redis_in_order() {
    let mut node = replica();
    work(&mut node);
    let dataset_of_the_reference = ["Keyspace", "Errorstats"];
    let without = |shape: Vec<(String, String)>| -> Vec<(String, String)> {
        let held = |field: &(String, String)| !dataset_of_the_reference.contains(&field.0.as_str());
        shape.into_iter().filter(held).collect()
    };
    let shown = without(shape(&node.info("all")));
    assert_eq!(shown, without(reference("info-redis-7.2-replica.txt")));
}

#[test]
fn our_version_stands_behind_that_of_redis() {
    let names = primary().info("server");
    let names = names.names("Server");
    assert_eq!(
        names[..5],
        [
            "redis_version",
            "server_name",
            "towline_version",
            "towline_stream_voice",
            "redis_git_sha1"
        ]
    );
}

#[test]
fn sections_are_chosen_by_name() {
    let mut node = primary();
    let sections = |node: &mut Node, args: &str| {
        let reply = node.run(&format!("INFO {args}"));
        let titles = reply.lines().filter_map(|line| line.strip_prefix("# "));
        titles.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let default = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace";
    assert_eq!(sections(&mut node, "default"), default);
    assert_eq!(
        sections(&mut node, "Keyspace CPU cpu nosuch"),
        "CPU Keyspace"
    );
    assert_eq!(
        sections(&mut node, "commandstats default"),
        default.replace("Errorstats", "Commandstats Errorstats")
    );
    let all = default.replace("Errorstats", "Commandstats Errorstats Latencystats");
    assert_eq!(sections(&mut node, "all"), all);
    assert_eq!(sections(&mut node, "everything"), all);
    assert_eq!(sections(&mut node, "debug"), "Debug");
    assert_eq!(node.run("INFO nosuch"), "$0\r\n\r\n");
    node.run("CONFIG SET hz 50");
    assert!(node.run("INFO server").contains("\r\nhz:50\r\n"));
}

#[test]
fn a_broken_link_and_a_transfer_have_fields_of_their_own() {
    let mut node = replica();
    let upstream = node
        .engine
        .server
        .replication
        .upstream
        .as_mut()
        .expect("a replica");
    upstream.state = LinkState::Sync;
    upstream.down_since_ms = Some(START_MS - 7000);
    upstream.transfer = Some(TransferProgress {
        total_bytes: Some(200),
        read_bytes: 50,
        begun_ms: START_MS - 1000,
        last_io_ms: START_MS - 1000,
        loading: false,
    });
    let info = node.info("replication");
    let names = info.names("Replication");
    let expected = [
        "role",
        "master_host",
        "master_port",
        "master_link_status",
        "master_last_io_seconds_ago",
        "master_sync_in_progress",
        "slave_read_repl_offset",
        "slave_repl_offset",
        "master_sync_total_bytes",
        "master_sync_read_bytes",
        "master_sync_left_bytes",
        "master_sync_perc",
        "master_sync_last_io_seconds_ago",
        "master_link_down_since_seconds",
        "slave_priority",
        "slave_read_only",
        "replica_announced",
    ];
    assert_eq!(names[..expected.len()], expected);
    let values: Vec<&str> = expected[8..14].iter().map(|name| info.get(name)).collect();
    assert_eq!(values, ["200", "50", "150", "25.00", "1", "7"]);
    // 50 bytes took a second.
    assert_eq!(info.get("master_sync_left_seconds"), "3");
    assert_eq!(
        (
            info.get("master_link_status"),
            info.get("master_sync_in_progress")
        ),
        ("down", "1")
    );
}

/// Fields of a primary that need a state of their own, or stand still by nature.
const NOT_MOVED_HERE: [&str; 10] = [
    "redis_version",
    "server_name",
    "towline_version",
    "towline_stream_voice",
    "arch_bits",
    // Tested with the transfer above, and with a load below.
    "role",
    "loading",
    // Tested with real peers that hand over.
    "master_failover_state",
    // The allocator is taken for all there is of the process.
    "rss_overhead_ratio",
    "rss_overhead_bytes",
];

#[test]
fn what_is_not_absent_is_measured() {
    let mut quiet = Node::new(1, Config::new());
    let (before, after) = (
        quiet.info("default debug"),
        eventful().info("default debug"),
    );
    let same = before
        .fields()
        .iter()
        .filter(|field| after.find(&field.name) == Some(&field.value));
    let same: BTreeSet<&str> = same.map(|field| field.name.as_str()).collect();
    let still: HashSet<&str> = absent_fields().chain(NOT_MOVED_HERE).collect();
    let unmeasured: Vec<_> = same.iter().filter(|name| !still.contains(*name)).collect();
    assert_eq!(
        unmeasured, [&""; 0],
        "these have the same value in a quiet and in a busy server"
    );
    let moved: Vec<_> = absent_fields()
        .filter(|name| before.find(name).is_some() && !same.contains(name))
        .collect();
    assert_eq!(moved, [""; 0], "these are called absent and yet change");
}

#[test]
fn no_field_is_shown_twice() {
    let info = eventful().info("everything debug");
    let mut seen = HashSet::new();
    let twice: Vec<_> = info
        .fields()
        .iter()
        .filter(|field| !seen.insert(&field.name))
        .collect();
    assert_eq!(twice, [].iter().collect::<Vec<_>>());
}

#[test]
fn commands_and_errors_are_counted_by_name() {
    let mut node = primary();
    for line in [
        "SET k v",
        "LPUSH k x",
        "GET",
        "CONFIG GET hz",
        "CONFIG GET hz",
        "NOSUCH",
    ] {
        node.run(line);
    }
    let info = node.info("all");
    let calls = |name: &str| {
        info.get(name)
            .replace("usec=", " usec=")
            .split_whitespace()
            .next()
            .map(str::to_owned)
    };
    assert_eq!(calls("cmdstat_config|get").as_deref(), Some("calls=2,"));
    assert!(
        info.get("cmdstat_lpush")
            .ends_with("rejected_calls=0,failed_calls=1")
    );
    assert!(
        info.get("cmdstat_get")
            .ends_with("rejected_calls=1,failed_calls=0")
    );
    assert_eq!(
        (info.get("errorstat_ERR"), info.get("errorstat_WRONGTYPE")),
        ("count=2", "count=1")
    );
    assert_eq!(info.find("cmdstat_mget"), None);
    // A command lasts one tick of the test's clock; a bucket is right to six percent.
    let percentiles = info.get("latency_percentiles_usec_set");
    let p50 = percentiles
        .strip_prefix("p50=")
        .and_then(|rest| rest.split(',').next());
    let p50: f64 = p50.and_then(|p50| p50.parse().ok()).expect("a number");
    assert!((100.0..=107.0).contains(&p50), "{percentiles}");
    assert!(
        percentiles.contains(",p99=") && percentiles.contains(",p99.9="),
        "{percentiles}"
    );
}

#[test]
fn loading_tells_how_far_it_is() {
    let mut node = primary();
    let loading = Loading {
        start_s: START_MS / 1000 - 10,
        total_bytes: 400,
        loaded_bytes: 100,
        beside: false,
    };
    node.engine.server.persistence.loading = Some(loading);
    let info = node.info("persistence");
    let values = [
        "loading",
        "async_loading",
        "loading_loaded_bytes",
        "loading_loaded_perc",
        "loading_eta_seconds",
    ];
    assert_eq!(
        values.map(|name| info.get(name)),
        ["1", "0", "100", "25.00", "30"]
    );
}
