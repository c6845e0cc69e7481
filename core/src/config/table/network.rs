//! Listeners, connections and their limits.

use crate::config::directive::{
    Directive, INT, LONG, MIB, PORT, UINT, boolean, int, memory, octal, special, text,
};
use crate::config::special::{BIND, OUTPUT_LIMITS};

pub(super) const ROWS: &[Directive] = &[
    special("bind", "* -::*", &BIND),
    text("bind-source-addr", ""),
    special(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        &OUTPUT_LIMITS,
    ),
    memory("client-query-buffer-limit", 1_073_741_824, MIB, LONG),
    int("io-threads", 1, 1, 256).immutable(),
    boolean("io-threads-do-reads", false).immutable().cosmetic(),
    int("max-new-connections-per-cycle", 10, 1, 1000).cosmetic(),
    int("max-new-tls-connections-per-cycle", 1, 1, 1000).cosmetic(),
    int("maxclients", 10_000, 1, UINT),
    boolean("mptcp", false).immutable().refused(),
    int("port", 6379, 0, PORT),
    int("prefetch-batch-max-size", 16, 0, 128).cosmetic(),
    memory("proto-max-bulk-len", 536_870_912, MIB, LONG),
    text("rdma-bind", "").refused(),
    int("rdma-completion-vector", -1, -1, 1024)
        .immutable()
        .cosmetic(),
    int("rdma-port", 0, 0, PORT).refused(),
    int("rdma-rx-size", 1_048_576, 65_536, 16_777_216)
        .immutable()
        .cosmetic(),
    int("socket-mark-id", 0, 0, UINT).immutable().refused(),
    int("tcp-backlog", 511, 0, INT).immutable(),
    int("tcp-keepalive", 300, 0, INT),
    int("timeout", 0, 0, INT),
    int("tracking-table-max-keys", 1_000_000, 0, LONG),
    text("unixsocket", "").immutable(),
    text("unixsocketgroup", "").immutable(),
    octal("unixsocketperm", 0, 0, 0o777).immutable(),
];
