//! Replication.

use crate::config::check;
use crate::config::directive::{
    Directive, INT, LONG, PORT, boolean, checked_text, choice, int, memory, special, text,
};
use crate::config::special::{DURABILITY, REPLICAOF};

pub(super) const ROWS: &[Directive] = &[
    boolean("dual-channel-replication-enabled", false).refused(),
    // Ours alone: what the reply to a write waits for.
    special(
        "durability",
        "local=memory replicas=0 at=applied timeout=5000",
        &DURABILITY,
    ),
    boolean("import-mode", false),
    text("masterauth", "").alias("primaryauth").sensitive(),
    text("masteruser", "").alias("primaryuser").sensitive(),
    int("min-replicas-max-lag", 10, 0, INT).alias("min-slaves-max-lag"),
    int("min-replicas-to-write", 0, 0, INT).alias("min-slaves-to-write"),
    choice(
        "propagation-error-behavior",
        "ignore",
        &["ignore", "panic", "panic-on-replicas"],
    ),
    // Ours alone: how much of the log on disk replicas may continue from; `auto` is
    // ten times repl-backlog-size.
    checked_text("repl-backlog-disk-size", "auto", check::disk_backlog),
    memory("repl-backlog-size", 1_048_576, 1, LONG).clamped(16384, LONG),
    int("repl-backlog-ttl", 3600, 0, LONG),
    boolean("repl-disable-tcp-nodelay", false).cosmetic(),
    choice(
        "repl-diskless-load",
        "disabled",
        &["disabled", "on-empty-db", "swapdb", "flush-before-load"],
    )
    .denied_while_loading(),
    boolean("repl-diskless-sync", true),
    int("repl-diskless-sync-delay", 5, 0, INT),
    int("repl-diskless-sync-max-replicas", 0, 0, INT),
    boolean("repl-mptcp", false).immutable().refused(),
    int("repl-ping-replica-period", 10, 1, INT).alias("repl-ping-slave-period"),
    int("repl-timeout", 60, 1, INT),
    text("replica-announce-ip", "").alias("slave-announce-ip"),
    int("replica-announce-port", 0, 0, PORT).alias("slave-announce-port"),
    boolean("replica-announced", true),
    boolean("replica-ignore-disk-write-errors", false).cosmetic(),
    boolean("replica-ignore-maxmemory", true)
        .alias("slave-ignore-maxmemory")
        .cosmetic(),
    boolean("replica-lazy-flush", false)
        .alias("slave-lazy-flush")
        .cosmetic(),
    int("replica-priority", 100, 0, INT).alias("slave-priority"),
    // Ours alone: what a replica cannot hold at all is left out and counted.
    boolean("replica-lossy-dialect", false),
    boolean("replica-read-only", true).alias("slave-read-only"),
    boolean("replica-serve-stale-data", true).alias("slave-serve-stale-data"),
    special("replicaof", "", &REPLICAOF).alias("slaveof"),
];
