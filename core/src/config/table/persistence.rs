//! Snapshots and the append-only file.

use crate::config::check;
use crate::config::directive::{
    Directive, INT, LONG, boolean, checked_text, choice, int, memory, special, text,
};
use crate::config::special::SAVE;

pub(super) const ROWS: &[Directive] = &[
    // Ours alone: how long older files of the log stay, to restore the past from.
    checked_text("aof-history-retention", "0", check::duration),
    boolean("aof-load-truncated", true),
    boolean("aof-rewrite-incremental-fsync", true).cosmetic(),
    boolean("aof-timestamp-enabled", false),
    boolean("aof-use-rdb-preamble", true),
    text("aof_rewrite_cpulist", "")
        .alias("aof-rewrite-cpulist")
        .immutable()
        .refused(),
    checked_text("appenddirname", "appendonlydir", check::log_directory_name).immutable(),
    checked_text("appendfilename", "appendonly.aof", check::log_name).immutable(),
    choice("appendfsync", "everysec", &["everysec", "always", "no"]),
    boolean("appendonly", false).denied_while_loading(),
    memory("auto-aof-rewrite-min-size", 67_108_864, 0, LONG),
    int("auto-aof-rewrite-percentage", 100, 0, INT),
    text("bgsave_cpulist", "")
        .alias("bgsave-cpulist")
        .immutable()
        .refused(),
    checked_text("dbfilename", "dump.rdb", check::snapshot_name).protected(),
    text("dir", ".").protected().denied_while_loading(),
    boolean("no-appendfsync-on-rewrite", false),
    boolean("rdb-del-sync-files", false).refused(),
    boolean("rdb-save-incremental-fsync", true).cosmetic(),
    // Ours alone: whether a snapshot's data of modules is left out, or refused.
    boolean("rdb-skip-unknown", false),
    // Ours alone: which version of RDB SAVE, DUMP and MIGRATE write.
    choice(
        "rdb-version",
        "auto",
        &["auto", "10", "11", "12", "13", "80"],
    ),
    choice("rdb-version-check", "strict", &["strict", "relaxed"]).refused(),
    boolean("rdbchecksum", true).immutable(),
    boolean("rdbcompression", true),
    choice("sanitize-dump-payload", "no", &["no", "yes", "clients"]).cosmetic(),
    // Ours alone: where snapshots are kept, if not in files of `dir`.
    checked_text("snapshot-storage", "", check::snapshot_storage).immutable(),
    special("save", "3600 1 300 100 60 10000", &SAVE),
    boolean("stop-writes-on-bgsave-error", true),
];
