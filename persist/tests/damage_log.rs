//! A log's directory with one of its files cut short, or with bits turned over: an error
//! that names a file and a place, or the very commands of the original, or, where the
//! last file lost its end, the first of them. Never a panic, and never memory for a
//! length that nothing but its own claim justifies.
//!
//! With `TOWLINE_LONG` in the environment every cut, and 100,000 flips; else a few
//! hundred and a few thousand.

mod support;

#[path = "../../fuzz/src/heap.rs"]
mod heap;
#[path = "support/log_rig.rs"]
mod log_rig;

use futures::executor::block_on;
use log_rig::{NAME, Rig, Taken, id, origin};
use support::random::Random;
use support::{describe, fixture, options};
use towline_core::offset::Offset;
use towline_core::seams::Storage;
use towline_core::seams::snapshot::SnapshotWriter;
use towline_persist::aof::Manifest;
use towline_persist::contents::Contents;
use towline_persist::journal::{FsyncPolicy, Lineage, inspect};
use towline_persist::rdb::RdbCodec;
use towline_persist::storage::MemoryStorage;

const EDGE_BYTES: usize = 1024;
const CUTS_BETWEEN: usize = 1000;
/// Ordinarily one cut in so many is made.
const CUTS_ONE_IN: usize = 25;
const FLIPS: usize = 3_000;
const FLIPS_LONG: usize = 100_000;

/// What reading holds for each byte of the directory: its files are in memory here, and
/// compressed strings stand for more than they are.
const EXPANSION: usize = 256;
/// What it holds in any case: a chunk of a file, and its parsed commands.
const BASE_BYTES: usize = 4 << 20;

/// Commands in each increment: the SELECT that it begins with, and what was written.
const FILE_COMMANDS: usize = 162;

const BASE: &str = "appendonly.aof.2.base.rdb";
const FIRST: &str = "appendonly.aof.2.incr.aof";
const LAST: &str = "appendonly.aof.3.incr.aof";
const MANIFEST: &str = "appendonly.aof.manifest";

/// A directory as a run leaves it: what a rewrite put aside for replicas, a base, an
/// increment that a change of history closed, and one that a clean stop closed.
fn directory() -> MemoryStorage {
    let mut rig = Rig::new(FsyncPolicy::Always, Offset(500));
    rig.parts.journal.retain(1 << 30);
    rig.parts.journal.keep_history(true);
    let lineage = Lineage::new(id(1));
    write_some(&mut rig, "before");
    let cut = rig.parts.journal.cut(origin(&lineage, rig.at, Some(3)));
    let base = block_on(async {
        let mut base = rig.parts.journal.new_base("rdb").await.expect("room");
        base.write(fixture("redis-7.2", "rdb")).await.expect("room");
        base.finish().await.expect("it syncs");
        base.file()
    });
    let journal = rig.parts.journal.clone();
    rig.finish(journal.commit_rewrite(cut, base))
        .expect("it works");
    write_some(&mut rig, "first");
    let next = lineage.continued(id(2), rig.at);
    let _ = rig.parts.journal.cut(origin(&next, rig.at, Some(3)));
    write_some(&mut rig, "last");
    rig.stop(true).expect("it works");
    rig.storage
}

fn write_some(rig: &mut Rig, word: &str) {
    rig.write(&["SELECT", "3"]);
    for number in 0..40 {
        let number = number.to_string();
        rig.write(&["SET", &format!("{word}:{number}"), &"value ".repeat(5)]);
        rig.write(&["MULTI"]);
        rig.write(&["RPUSH", word, &number]);
        rig.write(&["EXEC"]);
    }
}

/// What a directory holds: the keys of its base, and its commands.
type Held = (serde_json::Value, Vec<String>);

/// Reads all of it, as a start does.
fn load(storage: &MemoryStorage) -> Result<Held, String> {
    let found = block_on(inspect(storage, NAME)).map_err(|error| error.to_string())?;
    let found = found.ok_or("no manifest")?;
    let base = found.base.clone().ok_or("no base")?;
    let length = block_on(storage.len(&base)).map_err(|error| error.to_string())?;
    let bytes = block_on(storage.read(&base, 0, length as usize));
    let bytes = bytes.map_err(|error| error.to_string())?;
    let contents = Contents::read(&RdbCodec::default(), options(), &bytes);
    let contents = contents.map_err(|error| format!("{base}: {error}"))?;
    let mut taken = Taken::default();
    let replayed = block_on(found.replay(storage, &mut taken));
    replayed.map_err(|error| error.to_string())?;
    let words = taken.0.iter().map(|line| {
        let (_, words) = line.split_once(' ').expect("an offset, and words");
        words.to_owned()
    });
    Ok((describe(&contents), words.collect()))
}

/// A directory, and what it holds.
struct Specimen {
    files: Vec<(String, Vec<u8>)>,
    held: Held,
}

impl Specimen {
    fn new() -> Self {
        let storage = directory();
        let names = block_on(storage.list()).expect("it lists");
        let read = |name: String| {
            let bytes = block_on(storage.read(&name, 0, 1 << 20)).expect("it is there");
            (name, bytes)
        };
        let held = load(&storage).expect("it is whole");
        assert_eq!(held.1.len(), 2 * FILE_COMMANDS, "two increments");
        Self {
            files: names.into_iter().map(read).collect(),
            held,
        }
    }

    fn bytes(&self, name: &str) -> &[u8] {
        let mut files = self.files.iter();
        &files
            .find(|(found, _)| found == name)
            .expect("it is there")
            .1
    }

    /// Reads the directory with `damaged` in the place of `name`.
    fn load_with(&self, name: &str, damaged: &[u8], what: &str) -> Result<Held, String> {
        let storage = MemoryStorage::new();
        for (file, bytes) in &self.files {
            let bytes = if file == name { damaged } else { bytes };
            block_on(storage.create(file)).expect("room");
            block_on(storage.append(file, bytes.to_vec())).expect("room");
        }
        let total: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum();
        heap::begin();
        let loaded = load(&storage);
        let cost = heap::cost();
        let limit = total * EXPANSION + BASE_BYTES;
        assert!(
            cost.single_bytes <= limit && cost.total_bytes <= 2 * limit,
            "{name}, {what}: {cost:?}"
        );
        if let Err(error) = &loaded {
            assert!(!error.is_empty(), "{name}, {what}");
        }
        loaded
    }

    /// Cut short in every place.
    fn cut(&self, random: &mut Random) {
        for (name, bytes) in &self.files {
            let length = bytes.len();
            let edges = (0..EDGE_BYTES).chain(length.saturating_sub(EDGE_BYTES)..length);
            let between = (0..CUTS_BETWEEN).map(|_| random.below(length));
            let cuts: Vec<usize> = edges.chain(between).filter(|cut| *cut < length).collect();
            let step = if is_long() { 1 } else { CUTS_ONE_IN };
            for &cut in cuts.iter().step_by(step) {
                let what = format!("cut at {cut}");
                let loaded = self.load_with(name, &bytes[..cut], &what);
                self.judge_cut(name, &loaded, &what);
            }
        }
    }

    fn judge_cut(&self, name: &str, loaded: &Result<Held, String>, what: &str) {
        let (keys, commands) = &self.held;
        match (name, loaded) {
            // Somebody cut the log, or a crash did: the rest is the beginning of it.
            (LAST, Ok(held)) => {
                assert_eq!(held.0, *keys, "{what}");
                assert!(commands.starts_with(&held.1), "{what}");
                assert!(held.1.len() >= FILE_COMMANDS, "{what}: of the file before");
            }
            (BASE | FIRST, Ok(_)) => panic!("{name}, {what}: it was loaded"),
            (BASE | FIRST | LAST, Err(error)) => {
                assert!(
                    error.contains(name) && error.contains("offset"),
                    "{what}: {error}"
                );
            }
            (MANIFEST, loaded) => self.judge_manifest(loaded, what),
            // What vouches for a file, or was put aside: the log itself is whole.
            (_, loaded) => assert_eq!(loaded.as_ref(), Ok(&self.held), "{name}, {what}"),
        }
    }

    /// A manifest has no checksum, since Redis reads it: another one that is well formed
    /// and names files that are there is another one. But what is loaded is then whole
    /// files in the order of the log, and none twice.
    fn judge_manifest(&self, loaded: &Result<Held, String>, what: &str) {
        let Ok((keys, commands)) = loaded else {
            return;
        };
        assert_eq!(*keys, self.held.0, "{what}");
        let parts = self.held.1.chunks(FILE_COMMANDS);
        let mut rest = &commands[..];
        for part in parts {
            rest = rest.strip_prefix(part).unwrap_or(rest);
        }
        let before = rest.iter().filter(|line| line.contains("before"));
        assert!(rest.is_empty() || before.count() > 0, "{what}: {rest:?}");
    }

    /// With one or two bits turned over.
    fn flip(&self, random: &mut Random, times: usize) {
        let all: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut unnoticed = 0;
        for _ in 0..times {
            let mut at = random.below(all);
            let mut files = self.files.iter();
            let (name, bytes) = loop {
                let (name, bytes) = files.next().expect("it is below the sum");
                match at.checked_sub(bytes.len()) {
                    Some(rest) => at = rest,
                    None => break (name, bytes),
                }
            };
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << random.below(8);
            if random.below(2) == 0 {
                damaged[random.below(bytes.len())] ^= 1 << random.below(8);
            }
            let what = format!("a bit at {at}");
            let loaded = self.load_with(name, &damaged, &what);
            if damaged == *bytes {
                continue;
            }
            match (&**name, &loaded) {
                (MANIFEST, loaded) => self.judge_manifest(loaded, &what),
                (BASE | FIRST | LAST, Ok(held)) => {
                    assert_eq!(*held, self.held, "{name}, {what}: loads as something else");
                    unnoticed += 1;
                }
                (BASE | FIRST | LAST, Err(error)) => {
                    let named = error.contains(&**name) && error.contains("offset");
                    assert!(named, "{name}, {what}: {error}");
                }
                (_, loaded) => assert_eq!(loaded.as_ref(), Ok(&self.held), "{name}, {what}"),
            }
        }
        assert!(
            unnoticed <= times / 20,
            "{unnoticed} of {times} went unnoticed"
        );
    }
}

fn is_long() -> bool {
    std::env::var_os("TOWLINE_LONG").is_some()
}

#[test]
fn a_directory_cut_in_any_place() {
    let specimen = Specimen::new();
    let manifest = Manifest::parse(specimen.bytes(MANIFEST)).expect("it is one");
    assert_eq!((manifest.increments.len(), manifest.history.len()), (2, 1));
    specimen.cut(&mut Random(0x5bd1_e995));
}

#[test]
fn a_directory_with_bits_turned_over() {
    let times = if is_long() { FLIPS_LONG } else { FLIPS };
    Specimen::new().flip(&mut Random(0x1b87_3593), times);
}
