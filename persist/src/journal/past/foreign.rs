//! What other servers note of times: annotations in increments, and in a snapshot when
//! it was made.

use towline_core::keyspace::HashSeed;
use towline_core::offset::Offset;
use towline_core::seams::snapshot::{
    DecodeOptions, Refused, SnapshotEntry, SnapshotMeta, SnapshotSink,
};
use towline_core::seams::{SnapshotCodec, Storage, StorageError};

use super::super::side_file::Checkpoint;
use super::Piece;
use super::ends::{Step, walk};
use crate::rdb::RdbCodec;

/// How much of a base is looked at for when it was made.
const HEAD_BYTES: usize = 4 << 10;

/// What an increment tells of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// Behind the last unit that was there at the time asked for.
    pub(super) position: Option<u64>,
    /// The first time in the file.
    pub(super) first_ms: Option<u64>,
    /// The latest.
    pub(super) latest_ms: Option<u64>,
}

const BEGIN: Checkpoint = Checkpoint {
    position: 0,
    offset: Offset::ZERO,
    unix_ms: 0,
    crc: 0,
    synced: 0,
};

const fn ms(unix_s: i64) -> u64 {
    if unix_s < 0 {
        0
    } else {
        (unix_s as u64).saturating_mul(1000)
    }
}

/// The times that annotations tell. One says of what follows it, up to the next, that it
/// was written in that second or later; it counts as written then.
pub(super) async fn times(
    storage: &dyn Storage,
    piece: &Piece,
    unix_ms: u64,
) -> Result<Times, StorageError> {
    let mut times = Times::default();
    let mut was_before = false;
    let mut note = |step| {
        let Step::Time(unix_s, end) = step else {
            return;
        };
        if was_before {
            times.position = Some(end.position);
        }
        let at_ms = ms(unix_s);
        was_before = at_ms <= unix_ms;
        times.first_ms = times.first_ms.or(Some(at_ms));
        times.latest_ms = times.latest_ms.max(Some(at_ms));
    };
    let end = walk(storage, &piece.file, BEGIN, &mut note).await?;
    if was_before {
        times.position = Some(end.position);
    }
    Ok(times)
}

/// Whether the file's first record is a time, so that all in it has one.
pub(super) async fn begins_with_time(
    storage: &dyn Storage,
    piece: &Piece,
) -> Result<bool, StorageError> {
    let head = storage.read(&piece.file.name, 0, HEAD_BYTES).await?;
    Ok(head.starts_with(b"#TS:"))
}

/// When a snapshot was made, as it says itself.
pub(super) async fn made_ms(
    storage: &dyn Storage,
    base: &str,
) -> Result<Option<u64>, StorageError> {
    let head = storage.read(base, 0, HEAD_BYTES).await?;
    let mut found = Meta::default();
    let mut decoder = RdbCodec::default().decoder(DecodeOptions::new(HashSeed::new(0, 0)));
    // What is no snapshot tells nothing, and is found to be none when it is loaded.
    let _ = decoder.feed(&head, &mut found);
    Ok(Some(found.0.created_ms).filter(|made_ms| *made_ms > 0))
}

/// Takes what a snapshot says of itself.
#[derive(Default)]
struct Meta(SnapshotMeta);

impl SnapshotSink for Meta {
    fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.0.learn(key, value);
        Ok(())
    }

    fn select_db(&mut self, _db: u64) -> Result<(), Refused> {
        Ok(())
    }

    fn entry(&mut self, _entry: SnapshotEntry) -> Result<(), Refused> {
        Ok(())
    }

    fn function(&mut self, _source: Vec<u8>) -> Result<(), Refused> {
        Ok(())
    }
}
