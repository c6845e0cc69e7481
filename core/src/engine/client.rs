//! What the engine knows of one client.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bitflags::bitflags;

use super::acknowledged::Acknowledged;
use super::buffers::Buffers;
use super::dialect::Dialect;
use super::held::HeldReplies;
use super::key_waits::KeyWait;
use super::observe::HostWait;
use super::pubsub::Kind;
use super::replication::StreamEnd;
use super::tracking::ClientTracking;
use crate::config::Durability;
use crate::offset::Offset;
use crate::resp::reply::{Protocol, Reply};
use crate::seams::host::SyncRequest;

/// Names a client: where it is kept, and which of all clients it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// The place in the engine's list; reused after a disconnect.
    pub slot: u32,
    /// The id that CLIENT ID answers; never reused.
    pub id: u64,
}

bitflags! {
    /// Properties of a client.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ClientFlags: u32 {
        /// The link to our primary: its commands are the stream, and get no reply.
        const PRIMARY = 1 << 0;
        /// A replica that sent PSYNC or SYNC.
        const REPLICA = 1 << 1;
        /// Closed once its replies are written.
        const CLOSE_AFTER_REPLY = 1 << 2;
        /// Closed at once.
        const CLOSE_NOW = 1 << 3;
        /// CLIENT NO-EVICT ON.
        const NO_EVICT = 1 << 4;
        /// CLIENT NO-TOUCH ON.
        const NO_TOUCH = 1 << 5;
        /// CLIENT REPLY OFF.
        const REPLY_OFF = 1 << 6;
        /// CLIENT REPLY SKIP: the next reply is left out.
        const REPLY_SKIP_NEXT = 1 << 7;
        /// The reply of the current command is left out.
        const REPLY_SKIP = 1 << 8;
        /// Came over a unix socket.
        const UNIX_SOCKET = 1 << 9;
        /// Shown every command (MONITOR).
        const MONITOR = 1 << 10;
        /// CLIENT CAPA REDIRECT: it goes to the primary when a replica says so.
        const CAPA_REDIRECT = 1 << 11;
        /// READONLY: it reads from a replica on purpose.
        const READS_HERE = 1 << 12;
        /// CLIENT IMPORT-SOURCE ON: while data is imported, its time decides.
        const IMPORT_SOURCE = 1 << 13;
    }
}

/// How a client came to us.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its address, `ip:port` or a socket's path.
    pub addr: String,
    /// The address it connected to.
    pub laddr: String,
    /// The file descriptor, for CLIENT LIST; -1 where there is none.
    pub fd: i32,
    /// True over a unix socket.
    pub unix_socket: bool,
}

/// A transaction being queued.
#[derive(Clone, Debug, Default)]
pub struct Queued {
    /// The commands, each with its arguments.
    pub commands: Vec<Vec<Vec<u8>>>,
    /// The bytes of all arguments.
    pub bytes: usize,
    /// An error while queueing: EXEC will refuse.
    pub aborted: bool,
}

/// What a client waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// BLPOP and its like: until a key is ready.
    Keys(Box<KeyWait>),
    /// WAIT and WAITAOF: until this moment.
    Wait {
        /// What has to be the case.
        awaited: Acknowledged,
        /// Unix milliseconds; none waits for ever.
        deadline_ms: Option<i64>,
    },
    /// A job of the host (SAVE, SHUTDOWN): until it answers.
    Host,
}

impl Blocked {
    /// When the wait ends by itself, unix milliseconds.
    #[must_use]
    pub fn deadline_ms(&self) -> Option<i64> {
        match self {
            Self::Keys(wait) => wait.deadline_ms,
            Self::Wait { deadline_ms, .. } => *deadline_ms,
            Self::Host => None,
        }
    }
}

/// What REPLCONF told of a replica before it asked for the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaOptions {
    /// The port it listens on.
    pub listening_port: u16,
    /// The address it wants to be shown under.
    pub announced_ip: Option<String>,
    /// It takes `$EOF:` transfers.
    pub capa_eof: bool,
    /// It takes a new id with `+CONTINUE`.
    pub capa_psync2: bool,
    /// It takes what has changed in the place of everything.
    pub capa_delta: bool,
    /// It is a node of ours.
    pub capa_towline: bool,
    /// It knows of a second channel for the snapshot, as Redis does from 8.0 on.
    pub capa_rdb_channel: bool,
    /// The version it said it is, as major × 65536 + minor × 256 + patch.
    pub version: Option<u32>,
    /// It wants a snapshot and no stream.
    pub rdb_only: bool,
    /// The parts of the snapshot that it wants.
    pub rdb_filter: RdbFilter,
}

/// `REPLCONF rdb-filter-only`: the parts of a snapshot that a reader wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RdbFilter {
    /// All that there is.
    #[default]
    Everything,
    /// Functions and no keys.
    Functions,
    /// Neither: a frame without content.
    Nothing,
}

/// The first version that knows fields that expire, among those that tell theirs.
const KNOWS_EXPIRING_FIELDS: u32 = 9 << 16;

impl ReplicaOptions {
    /// What the replica understands, by what it said; none where that is everything.
    /// Redis does not tell its version, so one that said nothing may be a 7.0.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        if self.capa_towline || self.capa_delta {
            return None;
        }
        let valkey9 = (self.version).is_some_and(|version| version >= KNOWS_EXPIRING_FIELDS);
        Some(match (valkey9, self.capa_rdb_channel) {
            (true, _) => Dialect::Valkey9,
            (false, true) => Dialect::Redis8,
            (false, false) => Dialect::Redis7,
        })
    }

    /// Whether it is known to know fields that expire.
    #[must_use]
    pub fn knows_expiring_fields(&self) -> bool {
        self.dialect().is_none_or(Dialect::knows_field_expiries)
    }
}

/// See the module's comment.
#[derive(Debug)]
pub struct Client {
    /// Its name in the engine.
    pub id: ClientId,
    /// How it came.
    pub peer: Peer,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Vec<u8>,
    /// The selected database.
    pub db: usize,
    /// Its properties.
    pub flags: ClientFlags,
    /// True once AUTH succeeded, or where none is needed.
    pub authenticated: bool,
    /// When it connected, unix ms.
    pub created_ms: i64,
    /// When its last command ran, unix ms.
    pub last_active_ms: i64,
    /// The full name of its last command.
    pub last_command: &'static str,
    /// Commands it ran.
    pub commands: u64,
    /// Bytes it sent and got.
    pub net_in: u64,
    /// Bytes sent to it.
    pub net_out: u64,
    /// Unread input, as the driver last reported it.
    pub query_buffer_bytes: usize,
    /// Output that the driver has taken and the socket has not. The driver writes it
    /// between batches, without the engine.
    pub unsent: Arc<AtomicUsize>,
    /// The buffers of its connection.
    pub buffers: Buffers,
    /// What was counted last of the memory that it takes (maxmemory-clients).
    pub(super) counted_bytes: usize,
    /// A reply of it ended in its middle, because it is to be closed for its output.
    pub(crate) cut_short: bool,
    /// Since when it is beyond the soft limit of its output, unix ms.
    pub over_soft_limit_since_ms: Option<i64>,
    /// Replies and pushes not yet taken by the driver.
    pub reply: Reply,
    /// Messages that its own command sent to it; they follow the command's reply.
    pub(crate) pushes: Reply,
    /// The version of the protocol it speaks.
    pub protocol: Protocol,
    /// The transaction being queued.
    pub multi: Option<Queued>,
    /// A watched key changed: EXEC will answer null.
    pub dirty_watch: bool,
    /// The keys it watches, each with whether it had expired already.
    pub watching: Vec<(usize, Vec<u8>, bool)>,
    /// The channels it is subscribed to.
    pub channels: BTreeSet<Vec<u8>>,
    /// The patterns it is subscribed to.
    pub patterns: BTreeSet<Vec<u8>>,
    /// The shard channels it is subscribed to.
    pub shard_channels: BTreeSet<Vec<u8>>,
    /// CLIENT TRACKING.
    pub tracking: Option<Box<ClientTracking>>,
    /// What it waits for.
    pub blocked: Option<Blocked>,
    /// The command that the host carries out.
    pub(super) host_wait: Option<Box<HostWait>>,
    /// CLIENT REPLY silences the command that waits.
    pub(crate) silent_wait: bool,
    /// The place in the queues and the deadline that its command, which is run
    /// again after a wait, keeps if it has to wait again.
    pub(crate) retrying: Option<(u64, Option<i64>)>,
    /// The command that a pause holds back; empty for the stream's own, which stays
    /// with whoever applies the stream.
    pub(crate) postponed: Option<Vec<Vec<u8>>>,
    /// PSYNC or SYNC came: its connection is to become a replica's link.
    pub sync_request: Option<SyncRequest>,
    /// What REPLCONF said.
    pub replica: ReplicaOptions,
    /// Where the stream ends for a replica; none for everybody else.
    pub stream_end: Option<StreamEnd>,
    /// The stream's offset behind its last write, for WAIT.
    pub write_offset: Offset,
    /// The same, of those writes whose replies no `durability` holds until they are on
    /// disk: with `appendfsync always` the driver does.
    pub(super) gate_offset: Offset,
    /// CLIENT DURABILITY; none is the server's.
    pub durability: Option<Durability>,
    /// Its replies that wait for it.
    pub(super) held: HeldReplies,
}

impl Client {
    pub(super) fn new(id: ClientId, peer: Peer, now_ms: i64) -> Self {
        let flag = if peer.unix_socket {
            ClientFlags::UNIX_SOCKET
        } else {
            ClientFlags::empty()
        };
        Self {
            id,
            peer,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            db: 0,
            flags: flag,
            authenticated: false,
            created_ms: now_ms,
            last_active_ms: now_ms,
            last_command: "NULL",
            commands: 0,
            net_in: 0,
            net_out: 0,
            query_buffer_bytes: 0,
            unsent: Arc::default(),
            buffers: Buffers::new(now_ms),
            counted_bytes: 0,
            cut_short: false,
            over_soft_limit_since_ms: None,
            reply: Reply::new(Protocol::Resp2),
            pushes: Reply::new(Protocol::Resp2),
            protocol: Protocol::Resp2,
            multi: None,
            dirty_watch: false,
            watching: Vec::new(),
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            shard_channels: BTreeSet::new(),
            tracking: None,
            blocked: None,
            host_wait: None,
            silent_wait: false,
            postponed: None,
            retrying: None,
            sync_request: None,
            replica: ReplicaOptions::default(),
            stream_end: None,
            write_offset: Offset::ZERO,
            gate_offset: Offset::ZERO,
            durability: None,
            held: HeldReplies::default(),
        }
    }

    /// True for the link to our primary.
    #[must_use]
    pub const fn is_primary(&self) -> bool {
        self.flags.contains(ClientFlags::PRIMARY)
    }

    /// True where CLIENT REPLY silences the command that runs.
    #[must_use]
    pub const fn skips_replies(&self) -> bool {
        self.flags
            .intersects(ClientFlags::REPLY_OFF.union(ClientFlags::REPLY_SKIP))
    }

    /// Takes the reply from `start` on back, where the command that waits is silent.
    pub(super) fn hush(&mut self, start: usize) {
        if self.silent_wait {
            self.reply.truncate(start);
        }
    }

    /// What was pushed to it while its command ran follows in its output.
    pub(super) fn deliver_pushes(&mut self) {
        if !self.pushes.is_empty() {
            self.reply.raw(self.pushes.as_bytes());
            self.pushes.clear();
        }
    }

    /// Notes how far the stream is with its last write, whose reply may be held until that
    /// is on disk.
    pub(super) fn wrote_up_to(&mut self, offset: Offset, held_for_disk: bool) {
        self.write_offset = offset;
        if !held_for_disk {
            self.gate_offset = offset;
        }
    }

    /// True for a client on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let loopback = |prefix: &str| self.peer.addr.starts_with(prefix);
        self.flags.contains(ClientFlags::UNIX_SOCKET) || loopback("127.") || loopback("[::1]")
    }

    /// True where its next command has to wait, for whatever reason.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.blocked.is_some() || self.postponed.is_some()
    }

    /// Switches the version of the protocol for what is written from here on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.reply.set_protocol(protocol);
        self.pushes.set_protocol(protocol);
    }

    /// The names of one kind that it is subscribed to.
    pub const fn subscribed_mut(&mut self, kind: Kind) -> &mut BTreeSet<Vec<u8>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }

    /// The number of subscriptions of all kinds.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }

    /// True where only subscription commands are allowed: RESP2 with subscriptions.
    #[must_use]
    pub fn in_pubsub_mode(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions() > 0
    }
}
