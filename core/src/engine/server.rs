//! The state that all clients share, next to the keyspace.

use std::sync::Arc;

use super::append_only::AppendOnly;
use super::buffers::ReplyBufferPolicy;
use super::client::ClientId;
use super::client_memory::ClientMemory;
use super::clients::Clients;
use super::failover::Failover;
use super::held::HeldClients;
use super::key_waits::KeyWaits;
use super::latency::LatencyMonitor;
use super::migration::Migrations;
use super::pause::Pauses;
use super::persistence::Persistence;
use super::pubsub::PubSub;
use super::replication::Replication;
use super::rng::Rng;
use super::shutdown::Shutdown;
use super::slow_log::SlowLog;
use super::stats::{CommandStats, Stats};
use super::stream_log::StreamLog;
use super::tracking::Tracking;
use super::watch::Watches;
use crate::command::table::CommandTable;
use crate::config::Config;
use crate::offset::ReplicationId;
use crate::seams::ValueCodec;
use crate::seams::host::ReloadOptions;

/// See the module's comment.
pub struct Server {
    /// The directives, which read as typed settings.
    pub config: Config,
    /// Every command by name.
    pub table: CommandTable,
    /// Counters.
    pub stats: Stats,
    /// Counters of each command, by its index in the table.
    pub command_stats: Vec<CommandStats>,
    /// All clients but the one whose command runs.
    pub clients: Clients,
    /// What clients take together, where that has a limit.
    pub(crate) client_memory: ClientMemory,
    /// Subscriptions.
    pub pubsub: PubSub,
    /// WATCH.
    pub watches: Watches,
    /// Roles, histories, peers.
    pub replication: Replication,
    /// Snapshots and their progress.
    pub persistence: Persistence,
    /// The log on disk.
    pub append_only: AppendOnly,
    /// The stream.
    pub log: StreamLog,
    /// Randomness.
    pub rng: Rng,
    /// The id of this run, 40 hex digits.
    pub run_id: ReplicationId,
    /// When the engine was made, unix ms.
    pub started_ms: i64,
    /// False after DEBUG SET-ACTIVE-EXPIRE 0.
    pub active_expire: bool,
    /// True after DEBUG PAUSE-CRON 1: what is done from time to time is not done.
    pub cron_paused: bool,
    /// False after DEBUG SET-SKIP-CHECKSUM-VALIDATION 1: RESTORE takes payloads whose
    /// checksum is wrong.
    pub payload_checksums: bool,
    /// The database with which the next turn of active expiry begins.
    pub(super) expire_db: usize,
    /// The format of DUMP and RESTORE; an owner that has none leaves it out, and
    /// they are refused.
    pub value_codec: Option<Arc<dyn ValueCodec>>,
    /// DEBUG RELOAD was asked for: the engine does it once the command is over.
    pub reload_wanted: Option<ReloadOptions>,
    /// Client-side caching.
    pub tracking: Tracking,
    /// Who waits for keys, and until when.
    pub key_waits: KeyWaits,
    /// Keys on their way to other servers.
    pub migrations: Migrations,
    /// Times in which commands wait.
    pub pauses: Pauses,
    /// The planned change of roles on its way, if any.
    pub failover: Failover,
    /// The shutdown on its way, if any.
    pub shutdown: Shutdown,
    /// The commands that took longest of late.
    pub slow_log: SlowLog,
    /// What kept clients waiting.
    pub latency: LatencyMonitor,
    /// How reply buffers are fitted to their use.
    pub reply_buffer_policy: ReplyBufferPolicy,
    /// Clients in MONITOR, by when they asked.
    pub monitors: Vec<ClientId>,
    /// Clients that a WAIT keeps waiting.
    pub waiting: Vec<ClientId>,
    /// Clients whose replies wait until writes are durable.
    pub held: HeldClients,
    /// The host's clock at the end of the last command, nanoseconds: the start of the next.
    pub(super) clock_ns: u64,
    /// The counter of commands at the start of the batch.
    pub(super) batch_first_command: u64,
}

impl Server {
    /// The host's clock at the end of the last command, nanoseconds.
    #[must_use]
    pub const fn clock_ns(&self) -> u64 {
        self.clock_ns
    }
}
