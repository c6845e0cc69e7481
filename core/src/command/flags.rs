//! The flag sets of the command table and the names under which COMMAND prints
//! them. Each set has its names in one array, in the order Redis prints them.

use bitflags::bitflags;

bitflags! {
    /// Properties of a command that dispatch, replication and clients act on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change the dataset.
        const WRITE = 1 << 0;
        /// Only reads the dataset.
        const READONLY = 1 << 1;
        /// Refused when memory is short.
        const DENYOOM = 1 << 2;
        /// Administrative.
        const ADMIN = 1 << 3;
        /// Part of publish and subscribe.
        const PUBSUB = 1 << 4;
        /// Not allowed from scripts.
        const NOSCRIPT = 1 << 5;
        /// May wait for another client.
        const BLOCKING = 1 << 6;
        /// Allowed while a dataset is being loaded.
        const LOADING = 1 << 7;
        /// Allowed on a replica whose dataset may be old.
        const STALE = 1 << 8;
        /// Not shown to MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not entered in the slow log.
        const SKIP_SLOWLOG = 1 << 10;
        /// Allowed in a slot that is being imported.
        const ASKING = 1 << 11;
        /// Constant or logarithmic time.
        const FAST = 1 << 12;
        /// Allowed before authentication.
        const NO_AUTH = 1 << 13;
        /// May enter the replication stream without being a write.
        const MAY_REPLICATE = 1 << 14;
        /// Takes keys, but may be called with none.
        const NO_MANDATORY_KEYS = 1 << 15;
        /// Needs an enable- directive besides a permission.
        const PROTECTED = 1 << 16;
        /// Refused while a dataset is loaded beside the old one.
        const NO_ASYNC_LOADING = 1 << 17;
        /// Not allowed in a transaction.
        const NO_MULTI = 1 << 18;
        /// Allowed while a script runs too long.
        const ALLOW_BUSY = 1 << 19;
        /// May find any key expired, on its way to what it answers.
        const TOUCHES_ARBITRARY_KEYS = 1 << 20;
        /// Waits for the host, and therefore has no place in a transaction.
        const AWAITS_HOST = 1 << 21;
    }
}

/// Names of [`Flags`] in COMMAND INFO. `MAY_REPLICATE`, `PROTECTED`,
/// `TOUCHES_ARBITRARY_KEYS` and `AWAITS_HOST` have no name there; `movablekeys` is printed by [`CommandSpec`](super::CommandSpec).
pub const FLAG_NAMES: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::ASKING, "asking"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_ASYNC_LOADING, "no_async_loading"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];

bitflags! {
    /// ACL categories.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Acl: u32 {
        /// Works on keys whatever their type.
        const KEYSPACE = 1 << 0;
        /// Reads the dataset.
        const READ = 1 << 1;
        /// Changes the dataset.
        const WRITE = 1 << 2;
        /// Sets.
        const SET = 1 << 3;
        /// Sorted sets.
        const SORTEDSET = 1 << 4;
        /// Lists.
        const LIST = 1 << 5;
        /// Hashes.
        const HASH = 1 << 6;
        /// Strings.
        const STRING = 1 << 7;
        /// Bitmaps.
        const BITMAP = 1 << 8;
        /// HyperLogLogs.
        const HYPERLOGLOG = 1 << 9;
        /// Geographic indexes.
        const GEO = 1 << 10;
        /// Streams.
        const STREAM = 1 << 11;
        /// Publish and subscribe.
        const PUBSUB = 1 << 12;
        /// Administration.
        const ADMIN = 1 << 13;
        /// Fast commands.
        const FAST = 1 << 14;
        /// Commands that are not fast.
        const SLOW = 1 << 15;
        /// Commands that may wait for another client.
        const BLOCKING = 1 << 16;
        /// Commands that can harm the server or its data.
        const DANGEROUS = 1 << 17;
        /// The connection itself.
        const CONNECTION = 1 << 18;
        /// Transactions.
        const TRANSACTION = 1 << 19;
        /// Scripts and functions.
        const SCRIPTING = 1 << 20;
    }
}

/// Names of [`Acl`] categories; COMMAND INFO puts an `@` in front.
pub const ACL_NAMES: &[(Acl, &str)] = &[
    (Acl::KEYSPACE, "keyspace"),
    (Acl::READ, "read"),
    (Acl::WRITE, "write"),
    (Acl::SET, "set"),
    (Acl::SORTEDSET, "sortedset"),
    (Acl::LIST, "list"),
    (Acl::HASH, "hash"),
    (Acl::STRING, "string"),
    (Acl::BITMAP, "bitmap"),
    (Acl::HYPERLOGLOG, "hyperloglog"),
    (Acl::GEO, "geo"),
    (Acl::STREAM, "stream"),
    (Acl::PUBSUB, "pubsub"),
    (Acl::ADMIN, "admin"),
    (Acl::FAST, "fast"),
    (Acl::SLOW, "slow"),
    (Acl::BLOCKING, "blocking"),
    (Acl::DANGEROUS, "dangerous"),
    (Acl::CONNECTION, "connection"),
    (Acl::TRANSACTION, "transaction"),
    (Acl::SCRIPTING, "scripting"),
];

impl Acl {
    /// The category of this name, in any case.
    pub fn by_name(name: &[u8]) -> Option<Acl> {
        let named = |row: &&(Acl, &str)| row.1.as_bytes().eq_ignore_ascii_case(name);
        ACL_NAMES.iter().find(named).map(|row| row.0)
    }

    /// The categories that follow from a command's flags. `explicit` are those
    /// its row names; scripts that only read do not count as reads.
    pub const fn implied_by(flags: Flags, explicit: Acl) -> Acl {
        let mut acl = Acl::empty();
        if flags.contains(Flags::WRITE) {
            acl = acl.union(Acl::WRITE);
        }
        if flags.contains(Flags::READONLY) && !explicit.contains(Acl::SCRIPTING) {
            acl = acl.union(Acl::READ);
        }
        if flags.contains(Flags::ADMIN) {
            acl = acl.union(Acl::ADMIN).union(Acl::DANGEROUS);
        }
        if flags.contains(Flags::PUBSUB) {
            acl = acl.union(Acl::PUBSUB);
        }
        if flags.contains(Flags::BLOCKING) {
            acl = acl.union(Acl::BLOCKING);
        }
        acl.union(if flags.contains(Flags::FAST) {
            Acl::FAST
        } else {
            Acl::SLOW
        })
    }
}

bitflags! {
    /// What a command does with the keys that a key spec finds.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// The value is only read.
        const RO = 1 << 0;
        /// The value is read and changed.
        const RW = 1 << 1;
        /// The value is overwritten without being read.
        const OW = 1 << 2;
        /// The key is removed.
        const RM = 1 << 3;
        /// Data of the value reaches the client or another key.
        const ACCESS = 1 << 4;
        /// Existing data is changed.
        const UPDATE = 1 << 5;
        /// Data is added.
        const INSERT = 1 << 6;
        /// Data is removed.
        const DELETE = 1 << 7;
        /// Looks like a key, but is none (a channel).
        const NOT_KEY = 1 << 8;
        /// The spec may miss keys.
        const INCOMPLETE = 1 << 9;
        /// Which flags hold depends on other arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

/// Names of [`KeyFlags`] in COMMAND INFO and GETKEYSANDFLAGS.
pub const KEY_FLAG_NAMES: &[(KeyFlags, &str)] = &[
    (KeyFlags::RO, "RO"),
    (KeyFlags::RW, "RW"),
    (KeyFlags::OW, "OW"),
    (KeyFlags::RM, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE_FLAGS, "variable_flags"),
];
