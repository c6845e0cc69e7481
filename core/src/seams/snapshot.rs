//! How a dataset becomes bytes and comes back: RDB, the native snapshot, or a
//! format of the embedder's own.
//!
//! ```text
//! keyspace ─► EntryView ─► SnapshotEncoder ─► blocks ─► SnapshotWriter      (a file, memory, a replica's link)
//! bytes in any chunks ─► SnapshotDecoder ─► SnapshotSink                    (a keyspace, a checker, a converter)
//! ```
//! Encoders and decoders are machines: they append to the caller's buffer and
//! take what the caller has. Only a [`SnapshotWriter`] may wait.

use std::fmt;

use async_trait::async_trait;

use crate::keyspace::{Entry, HashSeed};
use crate::offset::{Offset, ReplicationId};
use crate::seams::StorageError;
use crate::text::number::{parse_i64, parse_u64};
use crate::value::{EncodingLimits, Value, ValueRef};

/// Where the bytes of one snapshot go, in order.
///
/// An implementer owes: blocks arrive as written or not at all, `finish`
/// returns `Ok` only when the whole snapshot is where it belongs (for a file:
/// durable and under its name), and a snapshot that was neither finished nor
/// aborted is never taken for a whole one.
#[async_trait]
pub trait SnapshotWriter: Send {
    /// Takes the next bytes.
    async fn write(&mut self, block: Vec<u8>) -> Result<(), SnapshotWriteError>;

    /// Completes the snapshot; nothing may be written after it.
    async fn finish(&mut self) -> Result<(), SnapshotWriteError>;

    /// Gives up, and leaves nothing behind that could be taken for a snapshot.
    async fn abort(&mut self) -> Result<(), SnapshotWriteError>;
}

/// Why a snapshot could not be written where it was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotWriteError {
    /// The storage failed.
    Storage(StorageError),
    /// The other end of a link failed or went away; its own words.
    Link(String),
}

impl fmt::Display for SnapshotWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Link(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for SnapshotWriteError {}

impl From<StorageError> for SnapshotWriteError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// A snapshot format.
pub trait SnapshotCodec: Send + Sync {
    /// The format's name, as operators write it: `rdb`, `towline`.
    fn name(&self) -> &'static str;

    /// Whether a snapshot that starts with `head` is of this format; `None`
    /// while `head` is too short to tell.
    fn recognises(&self, head: &[u8]) -> Option<bool>;

    /// An encoder for one snapshot.
    fn encoder(&self, meta: &SnapshotMeta) -> Box<dyn SnapshotEncoder>;

    /// A decoder for one snapshot.
    fn decoder(&self, options: DecodeOptions) -> Box<dyn SnapshotDecoder>;
}

/// Turns one dataset into bytes, appending them to the caller's buffer.
///
/// The order of calls is `begin`, `function` any number of times, then per
/// database `select_db` and its entries, then `finish`.
///
/// Entries may also be put together in parts, beside this encoder and at the same
/// time: [`part`](Self::part) makes who does that, and [`append`](Self::append) takes
/// the results, in any order but one at a time.
pub trait SnapshotEncoder: Send {
    /// The header.
    fn begin(&mut self, out: &mut Vec<u8>);

    /// One library of functions, as its source text.
    fn function(&mut self, source: &[u8], out: &mut Vec<u8>);

    /// Entries that follow belong to `db`, which holds about this many.
    fn select_db(&mut self, db: u32, keys: u64, expires: u64, out: &mut Vec<u8>);

    /// One entry, whole. On an error `out` is as it was.
    fn entry(&mut self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// One who encodes entries of one database, on any thread.
    fn part(&self) -> Box<dyn PartEncoder>;

    /// Appends what a part holds, which belongs to the database selected last.
    fn append(&mut self, part: EncodedPart, out: &mut Vec<u8>);

    /// Everything that closes the snapshot.
    fn finish(&mut self, out: &mut Vec<u8>);
}

/// Encodes entries of one database apart from the rest of their snapshot.
pub trait PartEncoder: Send {
    /// One entry, whole. After an error the part is of no use.
    fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError>;

    /// Starts a large entry that the encoder then owns, to be continued with
    /// [`resume`](Self::resume) until that returns `false`. Its value shares its pieces
    /// with the keyspace, so no lock is needed.
    fn begin_large(&mut self, entry: SnapshotEntry) -> Result<(), EncodeError>;

    /// Takes in about `budget_bytes` more of the large entry; `true` while some of it is
    /// left. The part may be finished in between; what follows is then the next to be
    /// appended.
    fn resume(&mut self, budget_bytes: usize) -> bool;

    /// What was encoded since the last call; the next one begins another part.
    fn finish(&mut self) -> EncodedPart;
}

/// Entries that were encoded apart, in a form that their own encoder understands.
#[derive(Debug, Default)]
pub struct EncodedPart(pub Vec<u8>);

/// Takes one dataset apart, from bytes in chunks of any size.
///
/// What it holds in memory is bounded by the largest single string and not by
/// the snapshot: a collection is built element by element, and no allocation
/// is larger than the bytes that have arrived justify.
pub trait SnapshotDecoder: Send {
    /// Takes the next bytes and hands what they complete to `sink`. After an
    /// error, and after [`Progress::Complete`], no more may be fed.
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn SnapshotSink) -> Result<Progress, DecodeError>;

    /// Says that there are no more bytes. A snapshot that is not complete by
    /// now is truncated.
    fn finish(&mut self) -> Result<(), DecodeError>;
}

/// How far a decoder has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It wants more bytes.
    More,
    /// The snapshot is whole and its checksum holds. Bytes after the first
    /// `consumed` of the chunk just fed are not part of it.
    Complete {
        /// How many bytes of the last chunk belonged to the snapshot.
        consumed: usize,
    },
}

/// What takes the contents of a snapshot.
///
/// Nothing is proven until the decoder reports [`Progress::Complete`]: a sink
/// that serves what it holds before that serves unverified data.
pub trait SnapshotSink: Send {
    /// A piece of metadata; [`SnapshotMeta::learn`] understands those that
    /// this project writes.
    fn aux(&mut self, _key: &[u8], _value: &[u8]) -> Result<(), Refused> {
        Ok(())
    }

    /// Entries that follow belong to `db`.
    fn select_db(&mut self, db: u64) -> Result<(), Refused>;

    /// The database just selected holds about this many keys; a hint that may
    /// be wrong and that nothing may be allocated for unseen.
    fn resize(&mut self, _keys: u64, _expires: u64) -> Result<(), Refused> {
        Ok(())
    }

    /// One key and its value.
    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused>;

    /// The same, as a keyspace keeps it, which spares one that fills a keyspace a
    /// copy. Decoders call this one.
    fn ready(&mut self, entry: Entry, access: Access) -> Result<(), Refused> {
        self.entry(SnapshotEntry {
            key: entry.key().to_vec(),
            expire_ms: entry.expire_ms(),
            value: entry.into_value(),
            access,
        })
    }

    /// A part that can be decoded by itself, on any thread. One that takes it owes
    /// what comes of it its place in the order; one that gives it back has it
    /// decoded at once.
    fn part(&mut self, part: SnapshotPart) -> Option<SnapshotPart> {
        Some(part)
    }

    /// One library of functions, as its source text.
    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused>;

    /// A key whose collection has no elements. Such keys were written by old
    /// servers with a bug; they are left out, as Redis does.
    fn empty_key(&mut self, _key: &[u8]) -> Result<(), Refused> {
        Ok(())
    }

    /// Something was left out because [`DecodeOptions::skip_unknown`] asks for it:
    /// what else would have been the error.
    fn skipped(&mut self, _what: DecodeError) -> Result<(), Refused> {
        Ok(())
    }
}

/// A part of a snapshot that depends on no other: it hands what it holds to a sink.
pub type SnapshotPart = Box<dyn FnOnce(&mut dyn SnapshotSink) -> Result<(), DecodeError> + Send>;

/// Why a sink does not take what it was handed, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// One key on its way into a snapshot, lent.
#[derive(Clone, Copy, Debug)]
pub struct EntryView<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: ValueRef<'a>,
    /// When it expires, in unix milliseconds.
    pub expire_ms: Option<i64>,
    /// How it was used, where the eviction policy keeps that.
    pub access: Access,
}

/// One key on its way out of a snapshot, or frozen on its way into one.
#[derive(Clone, Debug)]
pub struct SnapshotEntry {
    /// The key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Value,
    /// When it expires, in unix milliseconds.
    pub expire_ms: Option<i64>,
    /// How it was used, where the snapshot says.
    pub access: Access,
}

impl SnapshotEntry {
    /// The same, as a keyspace keeps it.
    #[must_use]
    pub fn into_ready(self) -> (Entry, Access) {
        (
            Entry::new(&self.key, self.value, self.expire_ms),
            self.access,
        )
    }

    /// This entry, lent.
    #[must_use]
    pub fn view(&self) -> EntryView<'_> {
        EntryView {
            key: &self.key,
            value: self.value.view(),
            expire_ms: self.expire_ms,
            access: self.access,
        }
    }
}

/// What the eviction policy knew of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    #[default]
    Unknown,
    /// LRU: seconds since it was last used.
    IdleSeconds(u64),
    /// LFU: the logarithmic counter.
    Frequency(u8),
}

/// What a snapshot says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The version a Redis would print, for tools that read it.
    pub redis_version: String,
    /// When it was made, in unix milliseconds.
    pub created_ms: u64,
    /// How much memory the dataset took.
    pub used_memory_bytes: u64,
    /// The point in the replication log that it stands for.
    pub position: Option<SnapshotPosition>,
    /// The seed of the tables' hash, so that SCAN cursors survive.
    pub hash_seed: Option<HashSeed>,
    /// Whether it is the base of an append-only log.
    pub aof_base: bool,
}

/// The point in the replication log that a snapshot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPosition {
    /// The history.
    pub replid: ReplicationId,
    /// How much of it the snapshot contains.
    pub offset: Offset,
    /// The database that the stream had selected, if it had selected one.
    pub stream_db: Option<u32>,
}

/// The AUX fields, by the names that Redis gave them; the seed's is our own,
/// and every Redis and Valkey skips a field that it does not know.
mod aux_field {
    pub(super) const REDIS_VERSION: &str = "redis-ver";
    pub(super) const REDIS_BITS: &str = "redis-bits";
    pub(super) const CREATED: &str = "ctime";
    pub(super) const USED_MEMORY: &str = "used-mem";
    pub(super) const STREAM_DB: &str = "repl-stream-db";
    pub(super) const REPLID: &str = "repl-id";
    pub(super) const OFFSET: &str = "repl-offset";
    pub(super) const AOF_BASE: &str = "aof-base";
    pub(super) const HASH_SEED: &str = "towline-hash-seed";
}

impl SnapshotMeta {
    /// The fields that say this, in the order in which Redis writes them.
    #[must_use]
    pub fn aux_fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            (aux_field::REDIS_VERSION, self.redis_version.clone()),
            (aux_field::REDIS_BITS, "64".to_owned()),
            (aux_field::CREATED, (self.created_ms / 1000).to_string()),
            (aux_field::USED_MEMORY, self.used_memory_bytes.to_string()),
        ];
        if let Some(position) = &self.position {
            let db = position
                .stream_db
                .map_or("-1".to_owned(), |db| db.to_string());
            fields.push((aux_field::STREAM_DB, db));
            fields.push((aux_field::REPLID, position.replid.to_string()));
            fields.push((aux_field::OFFSET, position.offset.to_string()));
        }
        fields.push((aux_field::AOF_BASE, u8::from(self.aof_base).to_string()));
        if let Some(seed) = self.hash_seed {
            let text = format!("{:016x}{:016x}", seed.k0, seed.k1);
            fields.push((aux_field::HASH_SEED, text));
        }
        fields
    }

    /// Takes in one field. Fields that are unknown or not well formed change
    /// nothing, because a snapshot loads without any of them.
    pub fn learn(&mut self, key: &[u8], value: &[u8]) {
        let Ok(key) = std::str::from_utf8(key) else {
            return;
        };
        match key {
            aux_field::REDIS_VERSION => {
                self.redis_version = String::from_utf8_lossy(value).into_owned();
            }
            aux_field::CREATED => {
                self.created_ms = parse_u64(value).map_or(0, |s| s.saturating_mul(1000));
            }
            aux_field::USED_MEMORY => self.used_memory_bytes = parse_u64(value).unwrap_or(0),
            aux_field::STREAM_DB => {
                let db = parse_i64(value).and_then(|db| u32::try_from(db).ok());
                self.position_mut().stream_db = db;
            }
            aux_field::REPLID => {
                if let Some(replid) = ReplicationId::parse(value) {
                    self.position_mut().replid = replid;
                }
            }
            aux_field::OFFSET => {
                if let Some(offset) = parse_u64(value) {
                    self.position_mut().offset = Offset(offset);
                }
            }
            aux_field::AOF_BASE => self.aof_base = value == b"1",
            aux_field::HASH_SEED => self.hash_seed = parse_seed(value).or(self.hash_seed),
            _ => {}
        }
    }

    fn position_mut(&mut self) -> &mut SnapshotPosition {
        self.position.get_or_insert(SnapshotPosition {
            replid: ReplicationId::NONE,
            offset: Offset::ZERO,
            stream_db: None,
        })
    }
}

fn parse_seed(text: &[u8]) -> Option<HashSeed> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.len() == 32)?;
    let (k0, k1) = text.split_at_checked(16)?;
    let half = |digits| u64::from_str_radix(digits, 16).ok();
    Some(HashSeed::new(half(k0)?, half(k1)?))
}

/// What a decoder may be asked to hold, and how it builds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The longest key, string, element or packed node, in bytes.
    pub max_string_bytes: u64,
    /// Whether checksums are compared; `rdbchecksum no` turns it off for files, DEBUG
    /// SET-SKIP-CHECKSUM-VALIDATION for payloads.
    pub verify_checksum: bool,
    /// When collections are packed.
    pub encoding: EncodingLimits,
    /// The seed of the keyspace that takes the values.
    pub hash_seed: HashSeed,
    /// Whether a seed in the snapshot replaces that one. Values then belong in
    /// a keyspace of that seed, which the sink learns from the AUX field before
    /// the first entry.
    pub adopt_hash_seed: bool,
    /// Whether [`Foreign`] things are left out, and versions tried that are newer
    /// than those that are known.
    pub skip_unknown: bool,
}

impl DecodeOptions {
    /// Redis's own bound on strings, 512 MiB, its default encodings, and the
    /// snapshot's seed where it has one.
    #[must_use]
    pub fn new(hash_seed: HashSeed) -> Self {
        Self {
            max_string_bytes: 512 << 20,
            verify_checksum: true,
            encoding: EncodingLimits::default(),
            hash_seed,
            adopt_hash_seed: true,
            skip_unknown: false,
        }
    }
}

/// Why an entry has no place in a snapshot of this format and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// The key that it is about.
    pub key: Vec<u8>,
    /// What its value has that the format lacks.
    pub what: &'static str,
    /// The format and version.
    pub format: &'static str,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, what, format } = self;
        write!(
            f,
            "key '{}': {format} cannot hold {what}",
            key.escape_ascii()
        )
    }
}

impl std::error::Error for EncodeError {}

/// Why bytes are not the snapshot that they claim to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where, in bytes from the snapshot's start.
    pub offset: u64,
    /// The key that was being read, if one was.
    pub key: Option<Vec<u8>>,
    /// What is wrong.
    pub fault: DecodeFault,
}

/// What is wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeFault {
    /// It does not start as one.
    BadMagic,
    /// It is of a version that is not read here.
    UnsupportedVersion(String),
    /// A record that is not known, or is in a form that no release ever wrote, and
    /// does not tell its length.
    UnknownRecord(u8),
    /// Something that has no place here, and tells its length.
    Foreign(Foreign),
    /// It ends before it is complete.
    Truncated,
    /// Its bytes contradict each other.
    Corrupt(&'static str),
    /// A string is longer than the limit.
    TooLong {
        /// Its length.
        bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// The checksum at its end is not that of its bytes.
    Checksum {
        /// As written.
        expected: u64,
        /// As computed.
        found: u64,
    },
    /// A block of a native snapshot is damaged.
    DamagedBlock {
        /// Its number, from zero.
        block: u64,
        /// How many keys begin in it.
        keys: u64,
        /// How.
        what: &'static str,
    },
    /// The sink did not take what was read.
    Refused(String),
}

/// What other servers keep in their snapshots and this one has no place for: data of
/// their modules, each with the name that the module gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// The value of a key.
    ModuleValue(String),
    /// Data that belongs to no key.
    ModuleAux(String),
    /// What a module noted about a key, beside its value.
    KeyMetadata(String),
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModuleValue(name) => write!(f, "a value of the module type '{name}'"),
            Self::ModuleAux(name) => write!(f, "data of the module '{name}'"),
            Self::KeyMetadata(name) => write!(f, "metadata of the module class '{name}'"),
        }
    }
}

impl fmt::Display for DecodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMagic => f.write_str("not a snapshot"),
            Self::UnsupportedVersion(version) => write!(f, "can't handle version {version}"),
            Self::UnknownRecord(record) => {
                write!(f, "unknown record type {record}, which cannot be skipped")
            }
            Self::Foreign(what) => what.fmt(f),
            Self::Truncated => f.write_str("unexpected end of file"),
            Self::Corrupt(what) => f.write_str(what),
            Self::TooLong { bytes, max_bytes } => {
                write!(
                    f,
                    "a string of {bytes} bytes is over the limit of {max_bytes}"
                )
            }
            Self::Checksum { expected, found } => {
                write!(f, "CRC error: {expected:016x} written, {found:016x} found")
            }
            Self::DamagedBlock { block, keys, what } => {
                write!(
                    f,
                    "block {block} is damaged ({what}); {keys} keys begin in it"
                )
            }
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.fault, self.offset)?;
        match &self.key {
            Some(key) => write!(f, ", in key '{}'", key.escape_ascii()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> SnapshotMeta {
        SnapshotMeta {
            redis_version: "7.2.4".to_owned(),
            created_ms: 1_700_000_000_000,
            used_memory_bytes: 123_456,
            position: Some(SnapshotPosition {
                replid: ReplicationId::from_random([0x5a; 20]),
                offset: Offset(991),
                stream_db: Some(9),
            }),
            hash_seed: Some(HashSeed::new(1, u64::MAX)),
            aof_base: true,
        }
    }

    fn learned(meta: &SnapshotMeta) -> SnapshotMeta {
        let mut back = SnapshotMeta::default();
        for (key, value) in meta.aux_fields() {
            back.learn(key.as_bytes(), value.as_bytes());
        }
        back
    }

    #[test]
    fn metadata_survives_its_aux_fields() {
        assert_eq!(learned(&full()), full());
        let mut unselected = full();
        unselected.position.as_mut().expect("it was set").stream_db = None;
        unselected.hash_seed = None;
        assert_eq!(learned(&unselected), unselected);
        let bare = SnapshotMeta {
            position: None,
            ..full()
        };
        assert_eq!(learned(&bare), bare);
    }

    #[test]
    fn malformed_fields_change_nothing() {
        let mut meta = full();
        for (key, value) in [
            ("repl-id", "short"),
            ("repl-offset", "-3"),
            ("towline-hash-seed", "zz"),
            ("towline-hash-seed", "é23456789012345678901234567890"),
            ("unheard-of", "1"),
        ] {
            meta.learn(key.as_bytes(), value.as_bytes());
        }
        meta.learn(&[0xff], b"");
        assert_eq!(meta, full());
    }

    #[test]
    fn errors_name_the_key_and_the_place() {
        let error = DecodeError {
            offset: 77,
            key: Some(b"k\n".to_vec()),
            fault: DecodeFault::Truncated,
        };
        assert_eq!(
            error.to_string(),
            "unexpected end of file at offset 77, in key 'k\\n'"
        );
        let error = EncodeError {
            key: b"h".to_vec(),
            what: "field expiries",
            format: "RDB 10",
        };
        assert_eq!(
            error.to_string(),
            "key 'h': RDB 10 cannot hold field expiries"
        );
    }
}
