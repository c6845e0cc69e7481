//! The process, its log and everything else.

use crate::config::check;
use crate::config::directive::{
    Directive, INT, LONG, boolean, checked_text, choice, int, memory, special, text,
};
use crate::config::special::{NOTIFY, PERCENTILES, SHUTDOWN};

pub(super) const ROWS: &[Directive] = &[
    boolean("always-show-logo", false).immutable(),
    text("availability-zone", "").cosmetic(),
    text("bio_cpulist", "")
        .alias("bio-cpulist")
        .immutable()
        .refused(),
    int("busy-reply-threshold", 5000, 0, LONG)
        .alias("lua-time-limit")
        .cosmetic(),
    int("commandlog-large-reply-max-len", 128, 0, LONG).cosmetic(),
    int("commandlog-large-request-max-len", 128, 0, LONG).cosmetic(),
    int("commandlog-reply-larger-than", 1_048_576, -1, LONG).cosmetic(),
    int("commandlog-request-larger-than", 1_048_576, -1, LONG).cosmetic(),
    boolean("crash-log-enabled", true),
    boolean("crash-memcheck-enabled", true).cosmetic(),
    boolean("daemonize", false).immutable(),
    int("databases", 16, 1, INT).immutable(),
    boolean("dynamic-hz", true).cosmetic(),
    boolean("extended-redis-compatibility", false).refused(),
    text("hash-seed", "").immutable().refused(),
    int("hz", 10, 0, INT).clamped(1, 500),
    text("ignore-warnings", "").cosmetic(),
    int("latency-monitor-threshold", 0, 0, LONG),
    boolean("latency-tracking", true),
    special(
        "latency-tracking-info-percentiles",
        "50 99 99.9",
        &PERCENTILES,
    ),
    text("locale-collate", "").refused(),
    choice("log-format", "legacy", &["legacy", "logfmt", "json"]).refused(),
    choice(
        "log-timestamp-format",
        "legacy",
        &["legacy", "iso8601", "milliseconds"],
    )
    .refused(),
    text("logfile", "").immutable(),
    choice(
        "loglevel",
        "notice",
        &["debug", "verbose", "notice", "warning", "nothing"],
    ),
    special("notify-keyspace-events", "", &NOTIFY),
    text("pidfile", "").immutable(),
    checked_text(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        check::title_template,
    )
    .cosmetic(),
    text("server_cpulist", "")
        .alias("server-cpulist")
        .immutable()
        .refused(),
    boolean("set-proc-title", true).immutable(),
    special("shutdown-on-sigint", "default", &SHUTDOWN),
    special("shutdown-on-sigterm", "default", &SHUTDOWN),
    int("shutdown-timeout", 10, 0, INT),
    int("slowlog-log-slower-than", 10_000, -1, LONG).alias("commandlog-execution-slower-than"),
    int("slowlog-max-len", 128, 0, LONG).alias("commandlog-slow-execution-max-len"),
    // Redis's fourth word is upstart, which no system starts with any more.
    choice("supervised", "no", &["systemd", "auto", "no"]).immutable(),
    boolean("syslog-enabled", false).immutable(),
    choice(
        "syslog-facility",
        "local0",
        &[
            "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
        ],
    )
    .immutable(),
    text("syslog-ident", "redis").immutable(),
    int("rdb-key-save-delay", 0, -INT - 1, INT).hidden(),
    int("key-load-delay", 0, -INT - 1, INT).hidden(),
    memory(
        "loading-process-events-interval-bytes",
        2_097_152,
        1024,
        INT,
    )
    .hidden(),
    int("watchdog-period", 0, 0, INT).hidden().refused(),
    int("cluster-ping-interval", 1000, 0, INT)
        .hidden()
        .cosmetic(),
    boolean("use-exit-on-panic", false).hidden(),
    boolean("aof-disable-auto-gc", false).hidden().refused(),
    int("client-default-resp", 2, 2, 3).hidden().cosmetic(),
    text("req-res-logfile", "").immutable().hidden().cosmetic(),
];
