//! Redis Cluster.

use crate::config::check;
use crate::config::directive::{
    Directive, INT, LONG, PORT, ULONG, boolean, checked_text, choice, int, memory, text,
};

pub(super) const ROWS: &[Directive] = &[
    boolean("cluster-allow-pubsubshard-when-down", true).cosmetic(),
    boolean("cluster-allow-reads-when-down", false).cosmetic(),
    boolean("cluster-allow-replica-migration", true).cosmetic(),
    int("cluster-announce-bus-port", 0, 0, PORT).cosmetic(),
    checked_text("cluster-announce-client-ipv4", "", check::ipv4).cosmetic(),
    checked_text("cluster-announce-client-ipv6", "", check::ipv6).cosmetic(),
    int("cluster-announce-client-port", 0, 0, PORT).cosmetic(),
    int("cluster-announce-client-tls-port", 0, 0, PORT).cosmetic(),
    checked_text("cluster-announce-hostname", "", check::hostname).cosmetic(),
    checked_text("cluster-announce-human-nodename", "", check::node_name).cosmetic(),
    checked_text("cluster-announce-ip", "", check::node_name).cosmetic(),
    int("cluster-announce-port", 0, 0, PORT).cosmetic(),
    int("cluster-announce-tls-port", 0, 0, PORT).cosmetic(),
    int("cluster-blacklist-ttl", 60, -LONG - 1, LONG).cosmetic(),
    text("cluster-config-file", "nodes.conf")
        .immutable()
        .cosmetic(),
    choice(
        "cluster-config-save-behavior",
        "sync",
        &["sync", "best-effort"],
    )
    .cosmetic(),
    int("cluster-databases", 1, 1, INT).immutable().cosmetic(),
    boolean("cluster-enabled", false).immutable().refused(),
    memory("cluster-link-sendbuf-limit", 0, 0, ULONG).cosmetic(),
    int("cluster-manual-failover-timeout", 5000, 1, INT).cosmetic(),
    int("cluster-migration-barrier", 1, 0, INT).cosmetic(),
    int("cluster-node-timeout", 15_000, 0, LONG).cosmetic(),
    int("cluster-port", 0, 0, PORT).immutable().cosmetic(),
    choice(
        "cluster-preferred-endpoint-type",
        "ip",
        &["ip", "hostname", "unknown-endpoint"],
    )
    .cosmetic(),
    boolean("cluster-replica-no-failover", false)
        .alias("cluster-slave-no-failover")
        .cosmetic(),
    int("cluster-replica-validity-factor", 10, 0, INT)
        .alias("cluster-slave-validity-factor")
        .cosmetic(),
    boolean("cluster-require-full-coverage", true).cosmetic(),
    int("cluster-slot-migration-log-max-len", 1000, 0, LONG).cosmetic(),
    boolean("cluster-slot-stats-enabled", false).cosmetic(),
    memory("slot-migration-max-failover-repl-bytes", 0, -1, LONG).cosmetic(),
];
