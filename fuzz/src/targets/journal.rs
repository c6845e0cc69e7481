//! The log on disk: the side file of an increment, and an increment beside one.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::Storage;
use towline_persist::journal::side_file::SideFile;
use towline_persist::journal::{
    FsyncPolicy, Journal, JournalOptions, Lineage, Origin, Recovered, ReplaySink, inspect,
};
use towline_persist::storage::MemoryStorage;

const NAME: &str = "aof";
const LOG: &str = "aof.1.incr.aof";
const SIDE: &str = "aof.1.incr.aof.idx";
const MANIFEST: &[u8] = b"file aof.1.incr.aof seq 1 type i\n";

/// A side file is read up to its first frame that is torn or damaged, and what was read
/// is written as the same bytes.
pub fn side_file(input: &[u8]) {
    let Some(side) = SideFile::parse(input) else {
        return;
    };
    let whole = usize::try_from(side.whole_bytes).expect("within the input");
    let again = SideFile::parse(&input[..whole]);
    assert_eq!(
        again.as_ref(),
        Some(&side),
        "cut behind its frames it differs"
    );
    let mut bytes = side.start.to_bytes();
    let points = side.marks.iter().filter_map(|mark| mark.checkpoint());
    assert!(points.clone().is_sorted_by_key(|point| point.position));
    assert!(points.is_sorted_by_key(|point| point.offset));
    for mark in &side.marks {
        mark.write(&mut bytes);
    }
    assert_eq!(side.bytes_up_to(u64::MAX), bytes.len() as u64);
    let written = SideFile::parse(&bytes).expect("it was just written");
    assert_eq!((&written.start, &written.marks), (&side.start, &side.marks));
}

/// The two files of an input: `length u16 | side file | log`.
#[must_use]
pub(crate) fn parts(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = input.split_first_chunk() else {
        return (&[], input);
    };
    let length = usize::from(u16::from_le_bytes(*length));
    rest.split_at(length.min(rest.len()))
}

/// An increment beside its side file is damaged, or a journal goes on behind it: what it
/// held is then there a second time, and nothing of it is torn.
pub fn recovery(input: &[u8]) {
    let (side, log) = parts(input);
    let storage = MemoryStorage::new();
    for (name, bytes) in [("aof.manifest", MANIFEST), (SIDE, side), (LOG, log)] {
        done(storage.create(name)).expect("memory takes everything");
        done(storage.append(name, bytes.to_vec())).expect("as above");
    }
    let Some((commands, recovered)) = replayed(&storage) else {
        return;
    };
    let found = done(inspect(&storage, NAME))
        .expect("it was read")
        .expect("it is there");
    let lineage = recovered.lineage.clone();
    let origin = Origin {
        lineage: lineage.unwrap_or_else(|| Lineage::new(ReplicationId::from_random([1; 20]))),
        offset: recovered.end,
        stream_db: recovered.stream_db,
    };
    let options = JournalOptions {
        name: NAME.to_owned(),
        policy: FsyncPolicy::Always,
        timestamps: false,
        retained_bytes: 0,
        past_ms: 0,
    };
    let files = Arc::new(storage.clone());
    let resumed = Journal::resume(files, options, found, &recovered, origin, 1);
    done(resumed).expect("what was replayed goes on");
    let (again, second) = replayed(&storage).expect("it was replayed before");
    assert!(second.torn.is_none() && second.end == recovered.end);
    // A transaction that a crash cut off is not there any more.
    assert!(commands.starts_with(&again), "other commands came back");
}

#[derive(Default)]
struct Taken(Vec<String>);

impl ReplaySink for Taken {
    fn command(&mut self, _offset: Offset, args: &[&[u8]]) -> Result<(), String> {
        // A file may begin with one of its own.
        if !args[0].eq_ignore_ascii_case(b"select") {
            self.0.push(format!("{args:?}"));
        }
        Ok(())
    }
}

fn replayed(storage: &MemoryStorage) -> Option<(Vec<String>, Recovered)> {
    let found = done(inspect(storage, NAME)).expect("the manifest is whole");
    let found = found.expect("it is there");
    let mut taken = Taken::default();
    match done(found.replay(storage, &mut taken)) {
        Ok(recovered) => Some((taken.0, recovered)),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// What a future comes to that never waits, as memory never does.
fn done<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("memory waits for nothing"),
    }
}
