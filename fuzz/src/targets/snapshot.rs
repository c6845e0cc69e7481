//! What is promised of every snapshot format.

use towline_core::keyspace::HashSeed;
use towline_core::seams::snapshot::{
    DecodeError, DecodeFault, DecodeOptions, Progress, SnapshotCodec, SnapshotSink,
};
use towline_persist::contents::Contents;
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::TowlineCodec;

use super::facts::{Facts, Without};

/// The seed of whoever reads.
pub(super) const SEED: HashSeed = HashSeed::new(0x0123_4567_89ab_cdef, 0x5eed);

/// All that RDB may be written as.
const VERSIONS: [RdbVersion; 5] = [
    RdbVersion::V10,
    RdbVersion::V11,
    RdbVersion::V12,
    RdbVersion::V13,
    RdbVersion::Valkey80,
];

/// Redis's own bound on a string is more than a small input could reach; a lower
/// one is.
const MAX_STRING_BYTES: u64 = 1 << 20;

fn options() -> DecodeOptions {
    DecodeOptions {
        max_string_bytes: MAX_STRING_BYTES,
        // What is left out is read as well as what is not.
        skip_unknown: true,
        ..DecodeOptions::new(SEED)
    }
}

/// Reads a snapshot that arrives in these chunks, and returns where it ended.
pub(super) fn read(
    codec: &dyn SnapshotCodec,
    chunks: &[&[u8]],
    sink: &mut dyn SnapshotSink,
) -> Result<usize, DecodeError> {
    let mut decoder = codec.decoder(options());
    let mut before = 0;
    for chunk in chunks {
        match decoder.feed(chunk, sink)? {
            Progress::More => before += chunk.len(),
            Progress::Complete { consumed } => {
                assert!(consumed <= chunk.len());
                decoder.finish().expect("it said that it was complete");
                return Ok(before + consumed);
            }
        }
    }
    let error = decoder
        .finish()
        .expect_err("it did not say that it was complete");
    Err(error)
}

/// Reads into memory.
pub(super) fn contents(
    codec: &dyn SnapshotCodec,
    chunks: &[&[u8]],
) -> Result<(Contents, usize), DecodeFault> {
    let mut contents = Contents::default();
    let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    match read(codec, chunks, &mut contents) {
        Ok(end) => Ok((contents, end)),
        Err(error) => {
            assert!(error.offset <= length as u64, "an error beyond the input");
            assert!(!error.to_string().is_empty());
            Err(error.fault)
        }
    }
}

/// A snapshot is read or refused in the same way however it is cut, and what was
/// read survives every format that can hold it.
pub(super) fn check(codec: &dyn SnapshotCodec, input: &[u8]) {
    let mut wanted = None;
    for cut in super::cuts(input) {
        let read = contents(codec, &cut);
        if let Ok((contents, _)) = &read
            && wanted.is_none()
        {
            survives_all(contents);
        }
        let facts = read.map(|(contents, end)| (Facts::of(&contents, Without::default()), end));
        let first = wanted.get_or_insert_with(|| facts.clone());
        assert_eq!(*first, facts, "chunks decide what is read");
    }
}

fn survives_all(wanted: &Contents) {
    for version in VERSIONS {
        let options = RdbOptions {
            version,
            // Some with and some without: compression is independent of the rest.
            compress: version != RdbVersion::V12,
            checksum: true,
        };
        let without = Without {
            activity: version == RdbVersion::V10,
            access: false,
        };
        survives(&RdbCodec::new(options), wanted, without);
    }
    let held = survives(&TowlineCodec, wanted, Without::default());
    assert!(held, "the native snapshot holds everything");
}

/// What can be written is read back whole; whether it can.
fn survives(codec: &dyn SnapshotCodec, wanted: &Contents, without: Without) -> bool {
    let Ok(bytes) = wanted.write(codec) else {
        return false;
    };
    let chunks = super::cut_anywhere(&bytes);
    let (found, end) = match contents(codec, &chunks) {
        Ok(read) => read,
        Err(fault) => panic!("{} wrote what it does not read: {fault}", codec.name()),
    };
    assert_eq!(end, bytes.len(), "bytes behind the end");
    assert_eq!(
        found.meta,
        wanted.meta,
        "{} changed what a snapshot says of itself",
        codec.name()
    );
    assert_eq!(
        Facts::of(&found, without),
        Facts::of(wanted, without),
        "{} reads something else than it wrote",
        codec.name()
    );
    true
}
