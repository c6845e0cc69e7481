//! The log on disk as what replicas are served from: whatever files hold it, a
//! reader gets the stream's bytes, none missing and none twice, and what is not
//! read any more goes once it lies beyond the size.

#[path = "support/log_rig.rs"]
mod log_rig;

use futures::executor::block_on;
use log_rig::{NAME, Rig, id, origin, unit};
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{ArchiveError, Storage, StreamArchive, StreamReader};
use towline_persist::journal::{FsyncPolicy, Lineage, inspect};

/// More than is ever written here.
const PLENTY: u64 = 1 << 30;

/// A log whose stream is known.
struct Archive {
    rig: Rig,
    begin: Offset,
    stream: Vec<u8>,
}

impl Archive {
    fn new(retained_bytes: u64) -> Self {
        let begin = Offset(1000);
        let rig = Rig::new(FsyncPolicy::Always, begin);
        rig.parts.journal.retain(retained_bytes);
        rig.parts.journal.keep_history(true);
        let stream = Vec::new();
        Self { rig, begin, stream }
    }

    fn write(&mut self, words: &[&str]) {
        self.stream.extend(unit(words));
        self.rig.write(words);
    }

    /// As many units, of about a hundred bytes each.
    fn fill(&mut self, units: usize) {
        for n in 0..units {
            self.write(&["SET", &format!("key{n}"), &"v".repeat(60 + n % 30)]);
        }
    }

    fn start(&self) -> Option<Offset> {
        StreamArchive::start(&self.rig.parts.journal)
    }

    fn reader(&self, at: Offset, replid: ReplicationId) -> Option<Box<dyn StreamReader>> {
        self.rig.parts.journal.reader(at, replid)
    }

    /// Everything from `at` on, which ends where the stream does.
    fn read(&self, at: Offset, replid: ReplicationId) -> Result<Vec<u8>, ArchiveError> {
        let mut reader = self.reader(at, replid).expect("it is held");
        self.read_on(&mut *reader, at)
    }

    fn read_on(&self, reader: &mut dyn StreamReader, at: Offset) -> Result<Vec<u8>, ArchiveError> {
        let wanted = self.rig.at.since(at) as usize;
        let mut read = Vec::new();
        while read.len() < wanted {
            read.extend(block_on(reader.read())?);
        }
        Ok(read)
    }

    fn after(&self, at: Offset) -> &[u8] {
        &self.stream[at.since(self.begin) as usize..]
    }

    fn names(&self) -> Vec<String> {
        let names = block_on(self.rig.storage.list()).expect("it lists");
        let logs = names.into_iter().filter(|name| name.ends_with(".aof"));
        logs.collect()
    }
}

#[test]
fn every_position_is_served_across_files_and_annotations() {
    let mut log = Archive::new(PLENTY);
    let lineage = Lineage::new(id(1));
    log.rig.parts.journal.set_timestamps(true);
    log.fill(50);
    log.rig.rewrite(&lineage, Some(3)).expect("it works");
    log.fill(50);
    let renamed = lineage.continued(id(2), log.rig.at);
    log.rig
        .parts
        .journal
        .cut(origin(&renamed, log.rig.at, Some(3)));
    log.rig.now_ms += 5000;
    log.fill(50);
    assert_eq!(log.start(), Some(log.begin));
    for at in (log.begin.0..log.rig.at.0).step_by(7).map(Offset) {
        let read = log.read(at, id(2)).expect("it is whole");
        assert_eq!(read, log.after(at), "{at}");
    }
}

#[test]
fn a_rewrite_keeps_what_replicas_may_ask_for_until_it_is_too_old() {
    let mut log = Archive::new(6000);
    let lineage = Lineage::new(id(1));
    log.fill(20);
    log.rig.rewrite(&lineage, None).expect("it works");
    log.fill(20);
    log.rig.rewrite(&lineage, None).expect("it works");
    assert_eq!(log.start(), Some(log.begin));
    let kept = log.names();
    assert_eq!(kept.len(), 3, "{kept:?}");
    let manifest = log.rig.manifest();
    assert!(manifest.contains("1.incr.aof seq 1 type h"), "{manifest}");
    // The first file lies beyond the size now, the second does not.
    log.rig.now_ms += 2000;
    log.fill(60);
    let start = log.start().expect("it serves");
    assert_eq!(start, Offset(log.rig.at.0 - 6000));
    assert_eq!(log.names(), kept[1..]);
    assert_eq!(log.read(start, id(1)).expect("whole"), log.after(start));
    assert!(log.reader(Offset(start.0 - 1), id(1)).is_none());
    // What another server makes of the directory is the same log.
    let (commands, _) = log.rig.read();
    assert_eq!(commands.len(), 60);
}

#[test]
fn nothing_is_kept_where_nothing_is_asked_for() {
    let mut log = Archive::new(0);
    log.fill(20);
    assert_eq!(log.start(), None);
    assert!(log.reader(log.rig.at, id(1)).is_none());
    log.rig
        .rewrite(&Lineage::new(id(1)), None)
        .expect("it works");
    assert_eq!(log.names(), ["appendonly.aof.2.incr.aof"]);
}

#[test]
fn what_the_log_does_not_need_stays_only_where_that_is_asked_for() {
    let mut log = Archive::new(PLENTY);
    log.rig.parts.journal.keep_history(false);
    log.fill(20);
    let second = log.rig.at;
    assert_eq!(log.start(), Some(log.begin), "the log itself is served");
    log.rig
        .rewrite(&Lineage::new(id(1)), None)
        .expect("it works");
    assert_eq!(log.names(), ["appendonly.aof.2.incr.aof"]);
    assert!(log.reader(Offset(second.0 - 1), id(1)).is_none());
}

#[test]
fn a_reader_keeps_its_files_and_lets_go_of_them_one_by_one() {
    let mut log = Archive::new(PLENTY);
    let lineage = Lineage::new(id(1));
    log.fill(20);
    let mut reader = log.reader(log.begin, id(1)).expect("it is held");
    log.rig.parts.journal.retain(0);
    for _ in 0..2 {
        log.rig.rewrite(&lineage, None).expect("it works");
        log.fill(20);
    }
    assert_eq!(log.names().len(), 3, "all of them are to be read");
    let read = log.read_on(&mut *reader, log.begin).expect("whole");
    assert_eq!(read, log.stream);
    drop(reader);
    log.rig.now_ms += 2000;
    log.fill(1);
    assert_eq!(log.names().len(), 1, "nobody reads the others any more");
}

#[test]
fn a_reader_follows_what_is_written() {
    let mut log = Archive::new(PLENTY);
    let mut reader = log.reader(log.begin, id(1)).expect("the end is held");
    let mut read = Vec::new();
    for n in 0..30 {
        if n % 7 == 0 {
            log.rig
                .rewrite(&Lineage::new(id(1)), None)
                .expect("it works");
        }
        {
            let mut waiting = reader.read();
            let early = block_on(async { futures::poll!(&mut waiting) });
            assert!(early.is_pending(), "there is nothing yet");
        }
        log.fill(1);
        read.extend(block_on(reader.read()).expect("there is more"));
        assert_eq!(read, log.stream);
    }
}

#[test]
fn a_reader_gets_no_byte_of_a_later_history() {
    let mut log = Archive::new(PLENTY);
    log.fill(3);
    let end = log.rig.at;
    let mut reader = log.reader(log.begin, id(1)).expect("held");
    let renamed = Lineage::new(id(1)).continued(id(2), end);
    log.rig.parts.journal.cut(origin(&renamed, end, None));
    log.fill(3);
    let mut read = Vec::new();
    let ended = loop {
        match block_on(reader.read()) {
            Ok(bytes) => read.extend(bytes),
            Err(error) => break error,
        }
    };
    assert_eq!(ended, ArchiveError::Ended);
    assert_eq!(read.len() as u64, end.since(log.begin));
    assert_eq!(log.read(log.begin, id(2)).expect("whole"), log.stream);
}

#[test]
fn another_dataset_ends_what_was_kept() {
    let mut log = Archive::new(PLENTY);
    log.fill(3);
    let mut reader = log.reader(log.begin, id(1)).expect("held");
    let base = log.rig.base("another");
    let at = Offset(77);
    let journal = log.rig.parts.journal.clone();
    journal.replace(base, origin(&Lineage::new(id(4)), at, None));
    assert_eq!(log.start(), None, "at once");
    assert_eq!(block_on(reader.read()), Err(ArchiveError::Ended));
    drop(reader);
    (log.rig.at, log.begin) = (at, at);
    log.stream.clear();
    log.fill(3);
    assert_eq!(log.names(), ["appendonly.aof.2.incr.aof"]);
    assert_eq!(log.read(at, id(4)).expect("whole"), log.stream);
}

#[test]
fn an_offered_base_is_what_the_log_begins_with() {
    let mut log = Archive::new(PLENTY);
    log.fill(3);
    let journal = log.rig.parts.journal.clone();
    let (storage, name) = block_on(StreamArchive::new_base(&journal)).expect("room");
    block_on(storage.append(&name, b"received".to_vec())).expect("room");
    journal.offer_base(&name, "rdb");
    let start = origin(&Lineage::new(id(4)), Offset(500), None);
    assert!(journal.restart(start.clone()).1);
    log.rig.at = Offset(500);
    log.fill(1);
    assert_eq!(log.rig.durable(), Some(log.rig.at));
    let manifest = log.rig.manifest();
    assert!(manifest.starts_with("file appendonly.aof.2.base.rdb seq 2 type b\n"));
    assert_eq!(log.rig.file("appendonly.aof.2.base.rdb"), b"received");
    let (commands, recovered) = log.rig.read();
    assert_eq!((commands.len(), recovered.end), (1, log.rig.at));
    assert!(!journal.restart(start).1, "an offer counts once");
}

#[test]
fn damage_is_never_served_and_not_offered_again() {
    let mut log = Archive::new(PLENTY);
    let lineage = Lineage::new(id(1));
    log.fill(20);
    log.rig.rewrite(&lineage, None).expect("it works");
    let second = log.rig.at;
    log.fill(20);
    let file = "appendonly.aof.1.incr.aof";
    let mut bytes = log.rig.file(file);
    bytes[700] ^= 1;
    block_on(async {
        log.rig.storage.create(file).await.expect("created");
        log.rig.storage.append(file, bytes).await.expect("room");
    });
    let mut reader = log.reader(log.begin, id(1)).expect("nobody knows yet");
    let mut read = Vec::new();
    let error = loop {
        match block_on(reader.read()) {
            Ok(bytes) => read.extend(bytes),
            Err(error) => break error.to_string(),
        }
    };
    assert!(log.stream[..690].starts_with(&read), "{}", read.len());
    assert!(
        error.contains(file) && error.contains("checksum"),
        "{error}"
    );
    assert_eq!(log.start(), Some(second));
    assert!(log.reader(log.begin, id(1)).is_none());
    assert_eq!(log.read(second, id(1)).expect("whole"), log.after(second));
}

#[test]
fn the_next_run_serves_what_this_one_kept() {
    let mut log = Archive::new(PLENTY);
    let lineage = Lineage::new(id(1));
    log.fill(20);
    log.rig.rewrite(&lineage, None).expect("it works");
    log.fill(20);
    log.rig.rewrite(&lineage, None).expect("it works");
    log.fill(20);
    let renamed = lineage.continued(id(2), log.rig.at);
    let rig = log.rig.again(&renamed);
    let mut next = Archive { rig, ..log };
    assert_eq!(next.start(), Some(next.begin));
    next.fill(20);
    for at in [0, 150, 2500, 4500, 6000].map(|n| Offset(next.begin.0 + n)) {
        let read = next.read(at, id(2)).expect("it is whole");
        assert_eq!(read, next.after(at), "{at}");
    }
    // A file that is gone ends what can be served before it.
    let second = "appendonly.aof.2.incr.aof.idx";
    block_on(next.rig.storage.remove(second)).expect("it was there");
    let rig = next.rig.again(&renamed);
    let last = Archive { rig, ..next };
    let start = last.start().expect("it serves");
    assert!(start > last.begin);
    assert_eq!(last.read(start, id(2)).expect("whole"), last.after(start));
    let found = block_on(inspect(&last.rig.storage, NAME)).expect("no error");
    assert_eq!(found.expect("a log").increments.len(), 2);
}

#[test]
fn a_log_of_another_server_serves_nobody() {
    let mut log = Archive::new(PLENTY);
    log.fill(3);
    log.rig.stop(true).expect("it stops");
    let more = unit(&["SET", "theirs", "1"]);
    let file = "appendonly.aof.1.incr.aof";
    block_on(log.rig.storage.append(file, more)).expect("room");
    let rig = log.rig.again(&Lineage::new(id(7)));
    let (begin, stream) = (rig.at, Vec::new());
    let mut next = Archive { rig, begin, stream };
    assert_eq!(next.start(), Some(begin));
    next.fill(2);
    assert_eq!(next.read(begin, id(7)).expect("whole"), next.stream);
}
