//! What Redis 8.6 remembers of producers, so that an entry sent twice is added
//! once (XADD IDMP). Kept as it was read and written back; the commands are
//! not here yet.

use super::StreamId;

/// The producers of a stream and their recent entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotence {
    /// How long an entry's own id is remembered, in seconds.
    pub duration_s: u64,
    /// How many are remembered per producer.
    pub max_entries: u64,
    /// The producers, in the order of the snapshot.
    pub producers: Vec<Producer>,
    /// How many entries were added with an id of their producer.
    pub added: u64,
    /// How many were not added because they had been.
    pub duplicates: u64,
}

/// One producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// Its name.
    pub name: Vec<u8>,
    /// The producer's own ids of entries, and the ids the stream gave them.
    pub entries: Vec<(Vec<u8>, StreamId)>,
}

impl Default for Idempotence {
    /// Redis 8.6's own settings, and nothing remembered.
    fn default() -> Self {
        Self {
            duration_s: 100,
            max_entries: 100,
            producers: Vec::new(),
            added: 0,
            duplicates: 0,
        }
    }
}
