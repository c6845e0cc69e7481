//! The settings that the program reads, typed and with their units. They are
//! derived from the table's values as a whole and never changed on their own.

use super::special::{
    self, Durability, NotifyFlags, OutputLimit, PrimaryAddress, SavePoint, ShutdownFlags,
    bind_addresses, durability, output_limits, primary_address, save_points, shutdown_flags,
};
use super::table::find;
use super::value::Value;
use crate::keyspace::usage::{Tracked, UsagePolicy};
use crate::seams::value_codec::PayloadOptions;
use crate::text::number;
use crate::value::EncodingLimits;
use crate::value::limits::LIST_PLAIN_MIN_BYTES;
use crate::value::stream::StreamNodeLimits;

/// loglevel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much, but no flood.
    Verbose,
    /// What an operator wants to see.
    Notice,
    /// What an operator must see.
    Warning,
    /// Silence.
    Nothing,
}

/// supervised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervised {
    /// Nobody is told anything.
    No,
    /// systemd is told when the server is ready.
    Systemd,
    /// The same where systemd says that it waits for it.
    Auto,
}

/// What SLOWLOG keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowLogSettings {
    /// slowlog-log-slower-than; below 0 nothing is slow.
    pub slower_than_us: i64,
    /// slowlog-max-len.
    pub max_len: usize,
}

/// appendfsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before anybody is told of a write.
    Always,
    /// Once a second.
    Everysec,
    /// When the operating system does.
    No,
}

/// The log on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AofSettings {
    /// appendonly.
    pub enabled: bool,
    /// appenddirname.
    pub directory: Vec<u8>,
    /// appendfilename.
    pub name: Vec<u8>,
    /// appendfsync.
    pub fsync: Fsync,
    /// aof-load-truncated.
    pub load_truncated: bool,
    /// aof-timestamp-enabled.
    pub timestamps: bool,
    /// aof-use-rdb-preamble: a base is a snapshot, not commands.
    pub snapshot_base: bool,
    /// auto-aof-rewrite-percentage.
    pub rewrite_percentage: u32,
    /// auto-aof-rewrite-min-size.
    pub rewrite_min_bytes: u64,
    /// no-appendfsync-on-rewrite.
    pub no_fsync_on_rewrite: bool,
    /// `repl-backlog-disk-size`: how much of it replicas may continue from.
    pub retained_bytes: u64,
    /// `aof-history-retention`: how long older files of it stay, in milliseconds.
    pub past_ms: u64,
}

/// How saves and loads are slowed down, so that tests can look at them. A delay below 0
/// is one microsecond per so many keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacingSettings {
    /// rdb-key-save-delay, for each key of a snapshot or of a log that is rewritten.
    pub key_save_delay_us: i64,
    /// key-load-delay, for each key of a snapshot and each command of a log.
    pub key_load_delay_us: i64,
    /// loading-process-events-interval-bytes: the most that is read before a load
    /// tells how far it is, and waits where it has to.
    pub load_interval_bytes: u64,
}

/// The process by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSettings {
    /// pidfile; empty for none.
    pub pidfile: Vec<u8>,
    /// proc-title-template, where set-proc-title wants one.
    pub title_template: Option<Vec<u8>>,
    /// disable-thp.
    pub disable_thp: bool,
    /// crash-log-enabled.
    pub reports_crashes: bool,
    /// use-exit-on-panic: a crash ends with an exit, not with SIGABRT.
    pub exits_on_panic: bool,
    /// propagation-error-behavior: a replica whose primary's command fails here ends,
    /// rather than to go on with another dataset.
    pub halts_on_propagation_error: bool,
}

/// repl-diskless-load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisklessLoad {
    /// A snapshot is received whole before it is loaded.
    Disabled,
    /// It is loaded as it arrives where there is nothing to serve meanwhile.
    OnEmptyDb,
    /// It is loaded as it arrives.
    SwapDb,
    /// Valkey's word for a replica that may stop serving, which none here has to.
    FlushBeforeLoad,
}

/// Who may use what an enable- directive guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Nobody.
    No,
    /// Every client.
    Yes,
    /// Clients on this machine.
    Local,
}

impl Privilege {
    /// Whether a client may; `is_local` says where it is.
    pub fn allows(self, is_local: bool) -> bool {
        self == Privilege::Yes || (self == Privilege::Local && is_local)
    }
}

/// What may be taken of memory, and what gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// maxmemory-clients, in bytes; below 0 a share of maxmemory, percent.
    pub clients: i64,
    /// maxmemory-policy.
    pub policy: &'static str,
}

/// How the score counts by which the system chooses whom to end when memory runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OomScoreMode {
    /// The score is nobody's business.
    No,
    /// It is added to the one that the process came with.
    Relative,
    /// It takes its place.
    Absolute,
}

/// oom-score-adj and oom-score-adj-values. The third value is for processes that save,
/// of which there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OomScoreSettings {
    /// oom-score-adj.
    pub mode: OomScoreMode,
    /// The score of a primary.
    pub primary: i32,
    /// The score of a replica.
    pub replica: i32,
}

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownSettings {
    /// shutdown-timeout: how long replicas are waited for.
    pub timeout_s: u32,
    /// shutdown-on-sigint.
    pub on_sigint: ShutdownFlags,
    /// shutdown-on-sigterm.
    pub on_sigterm: ShutdownFlags,
}

/// What a replica has others told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnounceSettings {
    /// replica-announced: Sentinel may name it to others.
    pub to_others: bool,
    /// replica-announce-ip; empty for the address that its link comes from.
    pub ip: Vec<u8>,
    /// replica-announce-port; 0 for the one it listens on.
    pub port: u16,
}

/// Replicas that have to be there before a write is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinReplicasSettings {
    /// min-replicas-to-write.
    pub to_write: u32,
    /// min-replicas-max-lag.
    pub max_lag_s: u32,
}

impl MinReplicasSettings {
    /// Replicas that lag behind stop writes.
    pub const fn is_needed(&self) -> bool {
        self.to_write > 0 && self.max_lag_s > 0
    }
}

/// The unix socket that clients come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocketSettings {
    /// unixsocket; empty for none.
    pub path: Vec<u8>,
    /// unixsocketgroup; empty for that of the process.
    pub group: Vec<u8>,
    /// unixsocketperm; 0 for what the process gives its files.
    pub mode: u32,
}

/// Where lines of the log go beside the log itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogSettings {
    /// syslog-ident: the name before each line.
    pub ident: Vec<u8>,
    /// syslog-facility, as RFC 5424 numbers them.
    pub facility: u8,
}

/// What a primary is told before it is asked for the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrimaryLogin {
    /// `masteruser`; empty without one.
    pub user: Vec<u8>,
    /// `masterauth`; empty without one.
    pub password: Vec<u8>,
}

/// Everything that is read often or in more than one place.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each field is the directive of its name")]
pub struct Settings {
    pub bind: Vec<Vec<u8>>,
    pub bind_source_addr: Vec<u8>,
    pub port: u16,
    pub protected_mode: bool,
    pub syslog: Option<SyslogSettings>,
    pub unixsocket: UnixSocketSettings,
    pub tcp_backlog: u32,
    pub tcp_keepalive_s: u32,
    pub timeout_s: u32,
    pub slow_log: SlowLogSettings,
    /// `latency-monitor-threshold`; 0 notes nothing.
    pub latency_monitor_threshold_ms: u64,
    pub maxclients: u32,
    /// `tracking-table-max-keys`; 0 for no bound.
    pub tracking_table_max_keys: usize,
    pub io_threads: usize,
    pub client_query_buffer_limit: u64,
    /// In the order of [`ClientClass`](super::ClientClass).
    pub client_output_buffer_limit: [OutputLimit; 3],
    pub proto_max_bulk_len: u64,
    pub hll_sparse_max_bytes: usize,

    pub requirepass: Vec<u8>,
    pub enable_protected_configs: Privilege,
    pub enable_debug_command: Privilege,

    pub daemonize: bool,
    pub supervised: Supervised,
    pub process: ProcessSettings,
    pub always_show_logo: bool,
    pub loglevel: LogLevel,
    pub logfile: Vec<u8>,
    pub databases: usize,
    pub hz: u32,
    pub active_expire_effort: u32,
    pub notify_keyspace_events: NotifyFlags,
    pub latency_tracking: bool,
    pub latency_tracking_info_percentiles: Vec<f64>,
    pub shutdown: ShutdownSettings,
    pub encodings: EncodingLimits,
    pub maxmemory: MemoryLimits,
    pub import_mode: bool,
    pub usage: UsagePolicy,

    pub oom_score: OomScoreSettings,

    pub dir: Vec<u8>,
    pub dbfilename: Vec<u8>,
    /// snapshot-storage: where snapshots are kept; empty for files in `dir`.
    pub snapshot_storage: Vec<u8>,
    pub save: Vec<SavePoint>,
    pub payload: PayloadOptions,
    pub rdbchecksum: bool,
    /// `replica-lossy-dialect`: what a replica cannot hold is left out and counted.
    pub replica_lossy_dialect: bool,
    /// rdb-skip-unknown: data of modules in a snapshot is left out.
    pub rdb_skip_unknown: bool,
    pub stop_writes_on_bgsave_error: bool,
    pub aof: AofSettings,
    pub pacing: PacingSettings,

    pub durability: Durability,
    pub replicaof: Option<PrimaryAddress>,
    pub primary_login: PrimaryLogin,
    pub replica_read_only: bool,
    pub replica_serve_stale_data: bool,
    pub replica_priority: u32,
    pub announced: AnnounceSettings,
    pub repl_backlog_size: u64,
    pub repl_backlog_ttl_s: u64,
    pub repl_diskless_load: DisklessLoad,
    pub repl_diskless_sync: bool,
    pub repl_diskless_sync_delay_s: u32,
    pub repl_diskless_sync_max_replicas: u32,
    pub repl_ping_replica_period_s: u32,
    pub repl_timeout_s: u32,
    pub min_replicas: MinReplicasSettings,
}

/// The values by name. A name or type that does not fit the table is a mistake
/// of this file, which every test that makes a configuration would meet.
struct Named<'a>(&'a [Value]);

impl Named<'_> {
    fn value(&self, name: &str) -> &Value {
        let (index, _) = find(name.as_bytes()).expect("a directive of the table");
        &self.0[index]
    }

    fn flag(&self, name: &str) -> bool {
        match self.value(name) {
            Value::Boolean(yes) => *yes,
            other => unreachable!("{name} is {other:?}, not yes or no"),
        }
    }

    fn number<N: TryFrom<i128>>(&self, name: &str) -> N {
        let Value::Number(number) = self.value(name) else {
            unreachable!("{name} is not a number");
        };
        let number = N::try_from(*number).ok();
        number.expect("the table's bounds are within the type")
    }

    fn text(&self, name: &str) -> Vec<u8> {
        self.value(name).as_text().to_vec()
    }

    fn choice(&self, name: &str) -> &'static str {
        match self.value(name) {
            Value::Choice(word) => word,
            other => unreachable!("{name} is {other:?}, not a word"),
        }
    }

    fn privilege(&self, name: &str) -> Privilege {
        match self.choice(name) {
            "yes" => Privilege::Yes,
            "local" => Privilege::Local,
            _ => Privilege::No,
        }
    }
}

impl Settings {
    pub(super) fn derive(values: &[Value]) -> Settings {
        Self::of(&Named(values))
    }

    fn of(v: &Named<'_>) -> Settings {
        Settings {
            bind: bind_addresses(&v.text("bind")),
            bind_source_addr: v.text("bind-source-addr"),
            port: v.number("port"),
            protected_mode: v.flag("protected-mode"),
            syslog: v.flag("syslog-enabled").then(|| syslog(v)),
            unixsocket: unix_socket(v),
            tcp_backlog: v.number("tcp-backlog"),
            tcp_keepalive_s: v.number("tcp-keepalive"),
            timeout_s: v.number("timeout"),
            slow_log: slow_log(v),
            latency_monitor_threshold_ms: v.number("latency-monitor-threshold"),
            maxclients: v.number("maxclients"),
            tracking_table_max_keys: v.number("tracking-table-max-keys"),
            io_threads: v.number("io-threads"),
            client_query_buffer_limit: v.number("client-query-buffer-limit"),
            client_output_buffer_limit: output_limits(&v.text("client-output-buffer-limit")),
            proto_max_bulk_len: v.number("proto-max-bulk-len"),
            hll_sparse_max_bytes: v.number("hll-sparse-max-bytes"),
            requirepass: v.text("requirepass"),
            enable_protected_configs: v.privilege("enable-protected-configs"),
            enable_debug_command: v.privilege("enable-debug-command"),
            daemonize: v.flag("daemonize"),
            supervised: supervised(v.choice("supervised")),
            process: process(v),
            always_show_logo: v.flag("always-show-logo"),
            loglevel: log_level(v.choice("loglevel")),
            logfile: v.text("logfile"),
            databases: v.number("databases"),
            hz: v.number("hz"),
            active_expire_effort: v.number("active-expire-effort"),
            notify_keyspace_events: notify_flags(&v.text("notify-keyspace-events")),
            latency_tracking: v.flag("latency-tracking"),
            latency_tracking_info_percentiles: percentiles(v),
            shutdown: shutdown(v),
            encodings: encodings(v),
            maxmemory: memory_limits(v),
            import_mode: v.flag("import-mode"),
            usage: usage(v),
            oom_score: oom_score(v),
            dir: v.text("dir"),
            dbfilename: v.text("dbfilename"),
            snapshot_storage: v.text("snapshot-storage"),
            save: save_points(&v.text("save")),
            payload: payload(v),
            rdbchecksum: v.flag("rdbchecksum"),
            rdb_skip_unknown: v.flag("rdb-skip-unknown"),
            stop_writes_on_bgsave_error: v.flag("stop-writes-on-bgsave-error"),
            aof: aof(v),
            pacing: pacing(v),
            durability: durability(&v.text("durability")),
            replicaof: primary_address(&v.text("replicaof")),
            primary_login: primary_login(v),
            replica_lossy_dialect: v.flag("replica-lossy-dialect"),
            replica_read_only: v.flag("replica-read-only"),
            replica_serve_stale_data: v.flag("replica-serve-stale-data"),
            replica_priority: v.number("replica-priority"),
            announced: announced(v),
            repl_backlog_size: v.number("repl-backlog-size"),
            repl_backlog_ttl_s: v.number("repl-backlog-ttl"),
            repl_diskless_load: diskless_load(v.choice("repl-diskless-load")),
            repl_diskless_sync: v.flag("repl-diskless-sync"),
            repl_diskless_sync_delay_s: v.number("repl-diskless-sync-delay"),
            repl_diskless_sync_max_replicas: v.number("repl-diskless-sync-max-replicas"),
            repl_ping_replica_period_s: v.number("repl-ping-replica-period"),
            repl_timeout_s: v.number("repl-timeout"),
            min_replicas: min_replicas(v),
        }
    }
}

fn primary_login(v: &Named<'_>) -> PrimaryLogin {
    PrimaryLogin {
        user: v.text("masteruser"),
        password: v.text("masterauth"),
    }
}

/// With `auto`, so many times the backlog in memory.
const DISK_BACKLOG_FACTOR: u64 = 10;

fn retained_bytes(v: &Named<'_>) -> u64 {
    let memory_bytes: u64 = v.number("repl-backlog-size");
    let set = number::parse_memory(&v.text("repl-backlog-disk-size"));
    set.unwrap_or_else(|| memory_bytes.saturating_mul(DISK_BACKLOG_FACTOR))
}

fn aof(v: &Named<'_>) -> AofSettings {
    AofSettings {
        enabled: v.flag("appendonly"),
        directory: v.text("appenddirname"),
        name: v.text("appendfilename"),
        fsync: match v.choice("appendfsync") {
            "always" => Fsync::Always,
            "no" => Fsync::No,
            _ => Fsync::Everysec,
        },
        load_truncated: v.flag("aof-load-truncated"),
        timestamps: v.flag("aof-timestamp-enabled"),
        snapshot_base: v.flag("aof-use-rdb-preamble"),
        rewrite_percentage: v.number("auto-aof-rewrite-percentage"),
        rewrite_min_bytes: v.number("auto-aof-rewrite-min-size"),
        no_fsync_on_rewrite: v.flag("no-appendfsync-on-rewrite"),
        retained_bytes: retained_bytes(v),
        past_ms: number::parse_duration_s(&v.text("aof-history-retention"))
            .map_or(0, |seconds| seconds.saturating_mul(1000)),
    }
}

fn process(v: &Named<'_>) -> ProcessSettings {
    let titled = v.flag("set-proc-title");
    ProcessSettings {
        pidfile: v.text("pidfile"),
        title_template: titled.then(|| v.text("proc-title-template")),
        disable_thp: v.flag("disable-thp"),
        reports_crashes: v.flag("crash-log-enabled"),
        exits_on_panic: v.flag("use-exit-on-panic"),
        halts_on_propagation_error: v.choice("propagation-error-behavior") != "ignore",
    }
}

fn pacing(v: &Named<'_>) -> PacingSettings {
    PacingSettings {
        key_save_delay_us: v.number("rdb-key-save-delay"),
        key_load_delay_us: v.number("key-load-delay"),
        load_interval_bytes: v.number("loading-process-events-interval-bytes"),
    }
}

fn slow_log(v: &Named<'_>) -> SlowLogSettings {
    SlowLogSettings {
        slower_than_us: v.number("slowlog-log-slower-than"),
        max_len: v.number("slowlog-max-len"),
    }
}

fn announced(v: &Named<'_>) -> AnnounceSettings {
    AnnounceSettings {
        to_others: v.flag("replica-announced"),
        ip: v.text("replica-announce-ip"),
        port: v.number("replica-announce-port"),
    }
}

fn min_replicas(v: &Named<'_>) -> MinReplicasSettings {
    MinReplicasSettings {
        to_write: v.number("min-replicas-to-write"),
        max_lag_s: v.number("min-replicas-max-lag"),
    }
}

fn unix_socket(v: &Named<'_>) -> UnixSocketSettings {
    UnixSocketSettings {
        path: v.text("unixsocket"),
        group: v.text("unixsocketgroup"),
        mode: v.number("unixsocketperm"),
    }
}

fn syslog(v: &Named<'_>) -> SyslogSettings {
    let word = v.choice("syslog-facility");
    // The facility of users' programs is 1, and those for local use are 16 to 23.
    let local = word.strip_prefix("local");
    let local = local.and_then(|number| number.parse::<u8>().ok());
    SyslogSettings {
        ident: v.text("syslog-ident"),
        facility: local.map_or(1, |number| 16 + number),
    }
}

fn shutdown(v: &Named<'_>) -> ShutdownSettings {
    ShutdownSettings {
        timeout_s: v.number("shutdown-timeout"),
        on_sigint: shutdown_flags(&v.text("shutdown-on-sigint")),
        on_sigterm: shutdown_flags(&v.text("shutdown-on-sigterm")),
    }
}

fn memory_limits(v: &Named<'_>) -> MemoryLimits {
    MemoryLimits {
        clients: v.number("maxmemory-clients"),
        policy: v.choice("maxmemory-policy"),
    }
}

fn oom_score(v: &Named<'_>) -> OomScoreSettings {
    let [primary, replica, _] = special::oom_values(&v.text("oom-score-adj-values"));
    OomScoreSettings {
        mode: match v.choice("oom-score-adj") {
            "yes" | "relative" => OomScoreMode::Relative,
            "absolute" => OomScoreMode::Absolute,
            _ => OomScoreMode::No,
        },
        primary,
        replica,
    }
}

fn payload(v: &Named<'_>) -> PayloadOptions {
    PayloadOptions {
        compress: v.flag("rdbcompression"),
        // The word that is no number leaves it open.
        version: v.choice("rdb-version").parse().ok(),
    }
}

fn usage(v: &Named<'_>) -> UsagePolicy {
    UsagePolicy {
        tracked: match v.choice("maxmemory-policy") {
            "volatile-lfu" | "allkeys-lfu" => Tracked::Frequency,
            "volatile-lru" | "allkeys-lru" => Tracked::IdleTime,
            _ => Tracked::Time,
        },
        log_factor: v.number("lfu-log-factor"),
        decay_minutes: v.number("lfu-decay-time"),
    }
}

fn encodings(v: &Named<'_>) -> EncodingLimits {
    EncodingLimits {
        hash_max_listpack_entries: v.number("hash-max-listpack-entries"),
        hash_max_listpack_value: v.number("hash-max-listpack-value"),
        list_max_listpack_size: v.number("list-max-listpack-size"),
        list_plain_min_bytes: LIST_PLAIN_MIN_BYTES,
        set_max_intset_entries: v.number("set-max-intset-entries"),
        set_max_listpack_entries: v.number("set-max-listpack-entries"),
        set_max_listpack_value: v.number("set-max-listpack-value"),
        zset_max_listpack_entries: v.number("zset-max-listpack-entries"),
        zset_max_listpack_value: v.number("zset-max-listpack-value"),
        stream_node: StreamNodeLimits {
            max_bytes: v.number("stream-node-max-bytes"),
            max_entries: v.number("stream-node-max-entries"),
        },
    }
}

fn percentiles(v: &Named<'_>) -> Vec<f64> {
    special::percentiles(&v.text("latency-tracking-info-percentiles"))
}

fn diskless_load(word: &str) -> DisklessLoad {
    match word {
        "on-empty-db" => DisklessLoad::OnEmptyDb,
        "swapdb" => DisklessLoad::SwapDb,
        "flush-before-load" => DisklessLoad::FlushBeforeLoad,
        _ => DisklessLoad::Disabled,
    }
}

fn supervised(word: &str) -> Supervised {
    match word {
        "systemd" => Supervised::Systemd,
        "auto" => Supervised::Auto,
        _ => Supervised::No,
    }
}

fn log_level(word: &str) -> LogLevel {
    match word {
        "debug" => LogLevel::Debug,
        "verbose" => LogLevel::Verbose,
        "warning" => LogLevel::Warning,
        "nothing" => LogLevel::Nothing,
        _ => LogLevel::Notice,
    }
}

fn notify_flags(letters: &[u8]) -> NotifyFlags {
    NotifyFlags::parse(letters).expect("canonical text")
}
