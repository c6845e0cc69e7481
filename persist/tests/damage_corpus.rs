//! Every fixture, and a native snapshot of what it holds, cut short and with bits
//! turned over: an error that names a place in the file, or the very contents of
//! the original. Never a panic, and never memory for a length that nothing but its
//! own claim justifies.
//!
//! With `TOWLINE_LONG` in the environment 100,000 times; else a few thousand times.

mod support;

// Where this is compiled for tests it is also the allocator.
#[path = "../../fuzz/src/heap.rs"]
mod heap;

use heap::Cost;
use serde_json::Value as Json;
use support::random::Random;
use support::{FIXTURES, describe, fixture, load, options};
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{DecodeError, DecodeFault, DecodeOptions, Progress};
use towline_persist::contents::Contents;
use towline_persist::rdb::RdbCodec;
use towline_persist::towline::TowlineCodec;

/// So many bytes at either end are cut off one by one.
const EDGE_BYTES: usize = 1024;
/// So many cuts lie between.
const CUTS_BETWEEN: usize = 1000;
/// Damaged copies of all files together.
const FLIPS: usize = 6_000;
const FLIPS_LONG: usize = 100_000;

/// The most that a compressed byte of RDB (LZF) or of a block (lz4) stands for,
/// rounded up.
const EXPANSION: usize = 256;
/// What a decoder holds whatever it reads: its chunks, and a block.
const BASE_BYTES: usize = 1 << 20;

/// A file that is to be damaged.
struct Specimen {
    name: String,
    codec: Box<dyn SnapshotCodec>,
    bytes: Vec<u8>,
    options: DecodeOptions,
    holds: Json,
    /// What reading it undamaged costs.
    cost: Cost,
}

impl Specimen {
    fn new(
        name: String,
        codec: Box<dyn SnapshotCodec>,
        bytes: Vec<u8>,
        options: DecodeOptions,
    ) -> Self {
        let (read, cost) = measured(&*codec, options, &bytes);
        let holds = describe(&read.expect("it is whole"));
        Self {
            name,
            codec,
            bytes,
            options,
            holds,
            cost,
        }
    }

    /// The fixture, and a native snapshot of it.
    fn both(name: &str) -> [Self; 2] {
        let native = load(name)
            .write(&TowlineCodec)
            .expect("it holds everything");
        let rdb = Box::new(RdbCodec::default());
        [
            Self::new(format!("{name}.rdb"), rdb, fixture(name, "rdb"), options()),
            Self::new(
                format!("{name}.towline"),
                Box::new(TowlineCodec),
                native,
                options(),
            ),
        ]
    }

    /// Data of modules, of which nothing but the length is understood.
    fn of_modules() -> Self {
        let options = DecodeOptions {
            skip_unknown: true,
            ..options()
        };
        let bytes = fixture("modules", "rdb");
        let codec = Box::new(RdbCodec::default());
        Self::new("modules.rdb".to_owned(), codec, bytes, options)
    }

    /// Reads damaged bytes of this file within the memory that they justify.
    fn read(
        &self,
        options: DecodeOptions,
        bytes: &[u8],
        what: &dyn Fn() -> String,
    ) -> Result<Contents, DecodeError> {
        let (read, cost) = measured(&*self.codec, options, bytes);
        let single = self.cost.single_bytes.max(bytes.len() * EXPANSION) + BASE_BYTES;
        let total = 2 * self.cost.total_bytes + bytes.len() * EXPANSION + BASE_BYTES;
        assert!(
            cost.single_bytes <= single && cost.total_bytes <= total,
            "{}, {}: {cost:?}",
            self.name,
            what()
        );
        if let Err(error) = &read {
            let inside = error.offset <= bytes.len() as u64;
            assert!(inside, "{}, {}: {error:?}", self.name, what());
        }
        read
    }

    /// Cut short it is called truncated, in every place.
    fn cut(&self, random: &mut Random) {
        let length = self.bytes.len();
        let edges = (0..EDGE_BYTES).chain(length - EDGE_BYTES..length);
        let between = (0..CUTS_BETWEEN).map(|_| random.below(length));
        for cut in edges.chain(between) {
            let what = || format!("cut at {cut}");
            let read = self.read(self.options, &self.bytes[..cut], &what);
            let error = read
                .err()
                .unwrap_or_else(|| panic!("{} {}", self.name, what()));
            assert_eq!(error.fault, DecodeFault::Truncated, "{} {cut}", self.name);
        }
    }

    /// With one or two bits turned over.
    fn flip(&self, random: &mut Random, times: usize) {
        let mut loaded = 0;
        for _ in 0..times {
            let mut bytes = self.bytes.clone();
            let bits = [0, 1].map(|_| (random.below(bytes.len()), random.below(8)));
            let count = 1 + random.below(2);
            for (at, bit) in &bits[..count] {
                bytes[*at] ^= 1 << bit;
            }
            let what = || format!("bits {:?}", &bits[..count]);
            if let Ok(contents) = self.read(self.options, &bytes, &what) {
                let same = describe(&contents) == self.holds;
                assert!(same, "{}, {}: loads as something else", self.name, what());
                loaded += 1;
            }
            // Without the checksum a changed value is a value. What holds all the
            // same, no panic and no claim that is believed, is shown by coming back.
            let unchecked = DecodeOptions {
                verify_checksum: false,
                ..self.options
            };
            let _ = self.read(unchecked, &bytes, &what);
        }
        let rare = loaded <= times / 20;
        assert!(rare, "{}: {loaded} of {times} went unnoticed", self.name);
    }
}

/// What `bytes` hold, all of them, and what reading them cost.
fn measured(
    codec: &dyn SnapshotCodec,
    options: DecodeOptions,
    bytes: &[u8],
) -> (Result<Contents, DecodeError>, Cost) {
    heap::begin();
    let read = read_all(codec, options, bytes);
    (read, heap::cost())
}

fn read_all(
    codec: &dyn SnapshotCodec,
    options: DecodeOptions,
    bytes: &[u8],
) -> Result<Contents, DecodeError> {
    let mut contents = Contents::default();
    let mut decoder = codec.decoder(options);
    match decoder.feed(bytes, &mut contents)? {
        Progress::More => decoder.finish()?,
        // What follows a snapshot is refused by whoever reads a file of one.
        Progress::Complete { consumed } if consumed < bytes.len() => {
            return Err(DecodeError {
                offset: consumed as u64,
                key: None,
                fault: DecodeFault::Refused("bytes behind the end".to_owned()),
            });
        }
        Progress::Complete { .. } => {}
    }
    Ok(contents)
}

fn flips_each() -> usize {
    let long = std::env::var_os("TOWLINE_LONG").is_some();
    let all = if long { FLIPS_LONG } else { FLIPS };
    all.div_ceil(2 * FIXTURES.len())
}

fn damage(name: &str) {
    assert!(FIXTURES.contains(&name));
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::from(name.as_bytes()[name.len() - 1]));
    for specimen in Specimen::both(name) {
        specimen.cut(&mut random);
        specimen.flip(&mut random, flips_each());
    }
}

#[test]
fn modules() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let specimen = Specimen::of_modules();
    specimen.cut(&mut random);
    specimen.flip(&mut random, flips_each());
}

#[test]
fn redis_7_0() {
    damage("redis-7.0");
}

#[test]
fn redis_7_2() {
    damage("redis-7.2");
}

#[test]
fn redis_8_0() {
    damage("redis-8.0");
}

#[test]
fn redis_8_6() {
    damage("redis-8.6");
}

#[test]
fn valkey_8_1() {
    damage("valkey-8.1");
}

#[test]
fn valkey_9_1() {
    damage("valkey-9.1");
}
