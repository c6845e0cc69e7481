//! The directives that the engine itself acts on, as typed values.

use super::effects::NotifyClass;

/// Who may run a protected command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allowed {
    /// Nobody.
    #[default]
    No,
    /// Connections from this machine.
    Local,
    /// Everybody.
    Yes,
}

/// The five `lazyfree-lazy-*` directives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LazyFree {
    /// Eviction.
    pub eviction: bool,
    /// Expiry; the stream then says UNLINK instead of DEL.
    pub expire: bool,
    /// Overwriting and the like.
    pub server_del: bool,
    /// DEL as UNLINK.
    pub user_del: bool,
    /// FLUSHALL and FLUSHDB without an option.
    pub user_flush: bool,
}

/// See the module's comment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `requirepass`; empty needs none.
    pub requirepass: Vec<u8>,
    /// `notify-keyspace-events`.
    pub notify: NotifyClass,
    /// `replica-read-only`.
    pub replica_read_only: bool,
    /// `replica-serve-stale-data`.
    pub replica_serve_stale_data: bool,
    /// `replica-priority`.
    pub replica_priority: u32,
    /// `replica-announced`.
    pub replica_announced: bool,
    /// `min-replicas-to-write`.
    pub min_replicas_to_write: usize,
    /// `min-replicas-max-lag`, seconds.
    pub min_replicas_max_lag_s: i64,
    /// `stop-writes-on-bgsave-error`.
    pub stop_writes_on_bgsave_error: bool,
    /// `enable-debug-command`.
    pub enable_debug_command: Allowed,
    /// `proto-max-bulk-len`, bytes.
    pub proto_max_bulk_len: usize,
    /// `maxclients`.
    pub maxclients: usize,
    /// `lazyfree-lazy-*`.
    pub lazy_free: LazyFree,
    /// `active-expire-effort`, 1 to 10.
    pub active_expire_effort: u32,
    /// `latency-tracking`.
    pub latency_tracking: bool,
    /// `repl-ping-replica-period`, seconds.
    pub repl_ping_replica_period_s: u64,
    /// Thresholds of the packed encodings.
    pub encoding: crate::value::EncodingLimits,
    /// The save points: seconds, changes.
    pub save_points: Vec<(u64, u64)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requirepass: Vec::new(),
            notify: NotifyClass::empty(),
            replica_read_only: true,
            replica_serve_stale_data: true,
            replica_priority: 100,
            replica_announced: true,
            min_replicas_to_write: 0,
            min_replicas_max_lag_s: 10,
            stop_writes_on_bgsave_error: true,
            enable_debug_command: Allowed::No,
            proto_max_bulk_len: 512 << 20,
            maxclients: 10_000,
            lazy_free: LazyFree::default(),
            active_expire_effort: 1,
            latency_tracking: true,
            repl_ping_replica_period_s: 10,
            encoding: crate::value::EncodingLimits::default(),
            save_points: Vec::new(),
        }
    }
}
