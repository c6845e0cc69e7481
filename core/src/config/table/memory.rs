//! Memory, encodings and expiry.

use crate::config::directive::{
    Directive, INT, LONG, ULONG, boolean, choice, int, memory, percent_memory, special,
};
use crate::config::special::OOM_VALUES;

pub(super) const ROWS: &[Directive] = &[
    int("active-defrag-cycle-max", 25, 1, 99).cosmetic(),
    int("active-defrag-cycle-min", 1, 1, 99).cosmetic(),
    int("active-defrag-cycle-us", 500, 0, 100_000).cosmetic(),
    memory("active-defrag-ignore-bytes", 104_857_600, 1, LONG).cosmetic(),
    int("active-defrag-max-scan-fields", 1000, 1, LONG).cosmetic(),
    int("active-defrag-threshold-lower", 10, 0, 1000).cosmetic(),
    int("active-defrag-threshold-upper", 100, 0, 1000).cosmetic(),
    int("active-expire-effort", 1, 1, 10),
    boolean("activedefrag", false).refused(),
    boolean("activerehashing", true).cosmetic(),
    boolean("disable-thp", true).immutable(),
    int("hash-max-listpack-entries", 512, 0, LONG).alias("hash-max-ziplist-entries"),
    memory("hash-max-listpack-value", 64, 0, LONG).alias("hash-max-ziplist-value"),
    memory("hll-sparse-max-bytes", 3000, 0, LONG),
    boolean("jemalloc-bg-thread", true).cosmetic(),
    boolean("lazyfree-lazy-eviction", false).cosmetic(),
    boolean("lazyfree-lazy-expire", false).cosmetic(),
    boolean("lazyfree-lazy-server-del", false).cosmetic(),
    boolean("lazyfree-lazy-user-del", false).cosmetic(),
    boolean("lazyfree-lazy-user-flush", false).cosmetic(),
    int("lfu-decay-time", 1, 0, INT).cosmetic(),
    int("lfu-log-factor", 10, 0, INT).cosmetic(),
    int("list-compress-depth", 0, 0, INT).cosmetic(),
    int("list-max-listpack-size", -2, -INT - 1, INT).alias("list-max-ziplist-size"),
    memory("maxmemory", 0, 0, ULONG).refused(),
    percent_memory("maxmemory-clients", 0, -100, LONG).refused(),
    int("maxmemory-eviction-tenacity", 10, 0, 100).cosmetic(),
    choice(
        "maxmemory-policy",
        "noeviction",
        &[
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "noeviction",
        ],
    )
    .cosmetic(),
    int("maxmemory-samples", 5, 1, 64).cosmetic(),
    choice(
        "oom-score-adj",
        "no",
        &["no", "yes", "relative", "absolute"],
    )
    .refused(),
    special("oom-score-adj-values", "0 200 800", &OOM_VALUES).cosmetic(),
    int("set-max-intset-entries", 512, 0, LONG),
    int("set-max-listpack-entries", 128, 0, LONG),
    int("set-max-listpack-value", 64, 0, LONG),
    memory("stream-node-max-bytes", 4096, 0, LONG),
    int("stream-node-max-entries", 100, 0, LONG),
    int("zset-max-listpack-entries", 128, 0, LONG).alias("zset-max-ziplist-entries"),
    memory("zset-max-listpack-value", 64, 0, LONG).alias("zset-max-ziplist-value"),
];
