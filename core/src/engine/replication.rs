//! What the engine knows of replication: its role, its history, its replicas and
//! its primary. The sessions keep this up to date; INFO, ROLE, WAIT and the
//! write gates read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::dialect::{Dialect, Voice};
use super::stream_times::StreamTimes;
use crate::offset::{History, Offset, ReplicationId};
use crate::seams::host::PrimaryAddress;

/// A replica's state, as INFO names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// Waits for a snapshot to begin.
    WaitBgsave,
    /// Receives a snapshot.
    SendBulk,
    /// Follows the stream.
    Online,
}

impl ReplicaState {
    /// The name in INFO.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WaitBgsave => "wait_bgsave",
            Self::SendBulk => "send_bulk",
            Self::Online => "online",
        }
    }
}

/// Where the stream ends for a replica, shared with who sends it: what is written after
/// a client was killed is not for it, however late its link hears of that.
#[derive(Clone, Debug)]
pub struct StreamEnd(Arc<AtomicU64>);

impl Default for StreamEnd {
    /// Nowhere.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl StreamEnd {
    /// It ends there.
    pub fn set(&self, end: Offset) {
        self.0.store(end.0, Ordering::Release);
    }

    /// Whether bytes up to `offset` are for this replica.
    #[must_use]
    pub fn is_behind(&self, offset: Offset) -> bool {
        offset.0 <= self.0.load(Ordering::Acquire)
    }
}

/// Where what a replica is sent comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedFrom {
    /// The backlog.
    Memory,
    /// The log on disk.
    Disk,
    /// A snapshot, and the stream that was kept behind it.
    Snapshot,
}

impl ServedFrom {
    /// The name in INFO.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Snapshot => "snapshot",
        }
    }
}

/// One attached replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The id of the client it was.
    pub id: u64,
    /// The address to show.
    pub ip: String,
    /// The port it listens on.
    pub port: u16,
    /// Its state.
    pub state: ReplicaState,
    /// Where it is served from.
    pub served_from: ServedFrom,
    /// The offset it acknowledged.
    pub ack_offset: Offset,
    /// The durable offset it acknowledged (FACK), where it ever sent one.
    pub fack_offset: Option<Offset>,
    /// Its last acknowledgement told how much is durable with it.
    pub sends_fack: bool,
    /// When it acknowledged last, unix ms.
    pub ack_ms: i64,
    /// It gets the stream in a dialect, in a history of its own.
    pub spoken: Option<Spoken>,
}

/// How a replica is spoken to that does not know all that is in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The dialect.
    pub dialect: Dialect,
    /// What it acknowledged, in its own history.
    pub ack_offset: Offset,
}

/// A history in a dialect, as INFO shows it.
#[derive(Debug)]
pub struct DialectHistory {
    /// The dialect.
    pub dialect: Dialect,
    /// The history's name.
    pub replid: ReplicationId,
    /// Where it stands.
    pub offset: AtomicU64,
}

/// What was left out for peers that cannot hold it, shared with those who leave it out.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Commands of the stream, or a part of what they do.
    pub commands: AtomicU64,
    /// Hashes of snapshots, of whose fields the expiries were left out.
    pub hashes: AtomicU64,
}

impl Replica {
    /// Where it accepts clients.
    #[must_use]
    pub fn address(&self) -> PrimaryAddress {
        PrimaryAddress {
            host: self.ip.clone(),
            port: self.port,
        }
    }

    /// True where that is `address`.
    #[must_use]
    pub fn is_at(&self, address: &PrimaryAddress) -> bool {
        self.port == address.port && self.ip.eq_ignore_ascii_case(&address.host)
    }
}

/// Where the link to our primary stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// To be tried (again).
    #[default]
    Connect,
    /// Dialling.
    Connecting,
    /// Asking for the stream.
    Handshake,
    /// Receiving a snapshot.
    Sync,
    /// Following the stream.
    Connected,
}

impl LinkState {
    /// The name in ROLE.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Connecting => "connecting",
            Self::Handshake => "handshake",
            Self::Sync => "sync",
            Self::Connected => "connected",
        }
    }
}

/// A snapshot on its way from our primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferProgress {
    /// Its size, where the primary told it.
    pub total_bytes: Option<u64>,
    /// Bytes read so far.
    pub read_bytes: u64,
    /// When the first of them came, unix ms.
    pub begun_ms: i64,
    /// When the last of them came, unix ms.
    pub last_io_ms: i64,
    /// It is being loaded, beside the dataset that is served.
    pub loading: bool,
}

impl TransferProgress {
    /// How long the rest takes if it comes as fast as what is there, seconds; none where
    /// nobody can tell.
    #[must_use]
    pub fn left_s(&self, now_ms: i64) -> Option<u64> {
        let left = u128::from(self.total_bytes?.saturating_sub(self.read_bytes));
        let took_ms = u128::from((now_ms - self.begun_ms).max(0).unsigned_abs());
        let left_ms = (left * took_ms).checked_div(u128::from(self.read_bytes))?;
        u64::try_from(left_ms.div_ceil(1000)).ok()
    }
}

/// The link to our primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whom we follow.
    pub address: PrimaryAddress,
    /// Where the link stands.
    pub state: LinkState,
    /// When something came last, unix ms; 0 before.
    pub last_io_ms: i64,
    /// When the link went down, unix ms; none before it was ever up.
    pub down_since_ms: Option<i64>,
    /// The snapshot being received.
    pub transfer: Option<TransferProgress>,
    /// The offset of what was read of the stream, applied or not.
    pub read_offset: Offset,
    /// An operator named this primary, and its dataset is taken whatever is in it. Once
    /// it was followed, an empty one of another history is suspicious.
    pub accepts_empty: bool,
    /// Such a dataset came and was not taken.
    pub refused_empty: bool,
    /// Whose commands it sends, as it told when the link began.
    pub voice: Voice,
}

impl Upstream {
    /// A link that was not tried yet.
    #[must_use]
    pub const fn new(address: PrimaryAddress) -> Self {
        Self {
            address,
            state: LinkState::Connect,
            last_io_ms: 0,
            down_since_ms: None,
            transfer: None,
            read_offset: Offset::ZERO,
            accepts_empty: true,
            refused_empty: false,
            voice: Voice::Unknown,
        }
    }
}

/// The backlog's window, for INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BacklogFacts {
    /// True once there is one.
    pub active: bool,
    /// Its configured size, bytes.
    pub size_bytes: u64,
    /// The offset of its first byte, counted from 1 as on the wire.
    pub first_byte_offset: u64,
    /// Bytes in it.
    pub history_bytes: u64,
    /// Memory it takes, bytes.
    pub memory_bytes: u64,
}

/// See the module's comment.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The history that our offsets count in.
    pub history: History,
    /// The replicas, by client id.
    pub replicas: Vec<Replica>,
    /// Our primary; none makes us one.
    pub upstream: Option<Upstream>,
    /// The backlog, as its owner last told.
    pub backlog: BacklogFacts,
    /// The name of the history was drawn here: whoever goes on under it is fed by this
    /// node, however many others are in between.
    pub is_author: bool,
    /// There are changes that no stream has taken: writes of a replica's own, or
    /// of a primary that nobody ever followed.
    pub diverged: bool,
    /// What this replica had could not be read again: until a primary has sent it a
    /// dataset, there is nothing that it may serve.
    pub dataset_lost: bool,
    /// Counts changes of role, so that a link of an earlier one is told from the present.
    pub role_epoch: u64,
    /// Counts changes of history that replicas learn by coming back, so that one that
    /// came afterwards is let be.
    pub history_epoch: u64,
    /// A WAIT needs acknowledgements: the driver asks for them once a batch.
    pub getack_wanted: bool,
    /// When the stream was where.
    pub times: StreamTimes,
    /// The histories in dialects that there are.
    pub dialects: Vec<Arc<DialectHistory>>,
    /// What was left out in them.
    pub left_out: Arc<LeftOut>,
}

impl Replication {
    pub(super) fn new(replid: ReplicationId) -> Self {
        Self {
            history: History::new(replid),
            replicas: Vec::new(),
            upstream: None,
            backlog: BacklogFacts::default(),
            is_author: true,
            diverged: false,
            dataset_lost: false,
            role_epoch: 0,
            history_epoch: 0,
            getack_wanted: false,
            times: StreamTimes::default(),
            dialects: Vec::new(),
            left_out: Arc::default(),
        }
    }

    /// True where we follow a primary.
    #[must_use]
    pub const fn is_replica(&self) -> bool {
        self.upstream.is_some()
    }

    /// Whose commands the stream may hold.
    #[must_use]
    pub fn voice(&self) -> Voice {
        (self.upstream.as_ref()).map_or(Voice::Own, |upstream| upstream.voice)
    }

    /// True where the stream of our primary flows.
    #[must_use]
    pub fn link_is_up(&self) -> bool {
        let up = |upstream: &Upstream| upstream.state == LinkState::Connected;
        self.upstream.as_ref().is_some_and(up)
    }

    /// How many replicas follow the stream and acknowledged within `max_lag_s`.
    #[must_use]
    pub fn good_replicas(&self, now_ms: i64, max_lag_s: i64) -> usize {
        let good = |replica: &&Replica| {
            replica.state == ReplicaState::Online && (now_ms - replica.ack_ms) / 1000 <= max_lag_s
        };
        self.replicas.iter().filter(good).count()
    }

    /// How many online replicas have acknowledged `offset`.
    #[must_use]
    pub fn acknowledged(&self, offset: Offset) -> usize {
        let there = |replica: &&Replica| {
            replica.state == ReplicaState::Online && replica.ack_offset >= offset
        };
        self.replicas.iter().filter(there).count()
    }

    /// How many online replicas have told that `offset` is durable with them.
    #[must_use]
    pub fn acknowledged_durable(&self, offset: Offset) -> usize {
        let there = |replica: &&Replica| {
            replica.state == ReplicaState::Online && replica.fack_offset >= Some(offset)
        };
        self.replicas.iter().filter(there).count()
    }

    /// How many online replicas tell what is durable with them.
    #[must_use]
    pub fn tellers_of_fsync(&self) -> usize {
        let tells =
            |replica: &&Replica| replica.state == ReplicaState::Online && replica.sends_fack;
        self.replicas.iter().filter(tells).count()
    }

    /// The replica of this client id.
    pub fn replica_mut(&mut self, id: u64) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.id == id)
    }
}
