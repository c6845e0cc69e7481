//! A journal in memory, and the stream that it is given.

#![allow(dead_code, reason = "each test uses its part")]

use std::sync::Arc;

use futures::executor::block_on;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::SnapshotWriter;
use towline_core::seams::{LogSink, Storage};
use towline_persist::journal::{
    BaseFile, FsyncPolicy, Journal, JournalError, JournalOptions, Lineage, Origin, Parts,
    Recovered, ReplayError, ReplaySink, Turn, inspect,
};
use towline_persist::storage::MemoryStorage;

pub(crate) const NAME: &str = "appendonly.aof";

/// A journal, and the stream that it is given.
pub(crate) struct Rig {
    pub(crate) storage: MemoryStorage,
    pub(crate) parts: Parts,
    pub(crate) at: Offset,
    pub(crate) now_ms: u64,
    /// How long the next run keeps the past.
    pub(crate) past_ms: u64,
}

pub(crate) fn options(policy: FsyncPolicy) -> JournalOptions {
    JournalOptions {
        name: NAME.to_owned(),
        policy,
        timestamps: false,
        retained_bytes: 0,
        past_ms: 0,
    }
}

pub(crate) fn id(digit: u8) -> ReplicationId {
    ReplicationId::from_random([digit; 20])
}

pub(crate) fn origin(lineage: &Lineage, at: Offset, stream_db: Option<u32>) -> Origin {
    Origin {
        lineage: lineage.clone(),
        offset: at,
        stream_db,
    }
}

pub(crate) fn unit(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

impl Rig {
    /// A new log at `at` with an empty base.
    pub(crate) fn new(policy: FsyncPolicy, at: Offset) -> Self {
        let storage = MemoryStorage::new();
        let parts = block_on(Journal::fresh(
            Arc::new(storage.clone()),
            options(policy),
            at,
        ));
        let mut rig = Self {
            storage,
            parts: parts.expect("nothing is there"),
            at,
            now_ms: 1_700_000_000_000,
            past_ms: 0,
        };
        rig.rewrite(&Lineage::new(id(1)), None).expect("it works");
        rig
    }

    pub(crate) fn turn(&mut self) -> Turn {
        self.now_ms += 100;
        block_on(self.parts.writer.turn(self.now_ms))
    }

    pub(crate) fn write(&mut self, words: &[&str]) -> Turn {
        let bytes = unit(words);
        self.parts.journal.sink().append(self.at, &bytes);
        self.at = self.at.advance(bytes.len());
        self.turn()
    }

    pub(crate) fn base(&self, text: &str) -> BaseFile {
        block_on(async {
            let mut base = self.parts.journal.new_base("rdb").await.expect("room");
            base.write(text.as_bytes().to_vec()).await.expect("room");
            base.finish().await.expect("it syncs");
            base.file()
        })
    }

    pub(crate) fn rewrite(
        &mut self,
        lineage: &Lineage,
        db: Option<u32>,
    ) -> Result<(), JournalError> {
        let cut = self.parts.journal.cut(origin(lineage, self.at, db));
        let base = self.base(&format!("base at {}", self.at));
        let journal = self.parts.journal.clone();
        let commit = journal.commit_rewrite(cut, base);
        self.finish(commit)
    }

    /// Runs what a caller waits for, with the writer's turns.
    pub(crate) fn finish<T>(&mut self, task: impl Future<Output = T>) -> T {
        let mut task = Box::pin(task);
        block_on(async {
            loop {
                if let std::task::Poll::Ready(done) = futures::poll!(&mut task) {
                    return done;
                }
                self.now_ms += 100;
                self.parts.writer.turn(self.now_ms).await;
            }
        })
    }

    pub(crate) fn stop(&mut self, drained: bool) -> Result<(), JournalError> {
        let journal = self.parts.journal.clone();
        self.finish(journal.stop(drained))
    }

    pub(crate) fn durable(&self) -> Option<Offset> {
        self.parts.journal.progress().durable
    }

    pub(crate) fn read(&self) -> (Vec<String>, Recovered) {
        read(&self.storage).expect("it is whole")
    }

    /// The next run on the same files.
    pub(crate) fn again(&self, lineage: &Lineage) -> Self {
        let found = block_on(inspect(&self.storage, NAME)).expect("no error");
        let (_, recovered) = self.read();
        let start = origin(lineage, recovered.end, recovered.stream_db);
        let parts = block_on(Journal::resume(
            Arc::new(self.storage.clone()),
            JournalOptions {
                retained_bytes: 1 << 30,
                past_ms: self.past_ms,
                ..options(FsyncPolicy::Always)
            },
            found.expect("a log"),
            &recovered,
            start,
            self.now_ms,
        ));
        Self {
            storage: self.storage.clone(),
            parts: parts.expect("it goes on"),
            at: recovered.end,
            now_ms: self.now_ms,
            past_ms: self.past_ms,
        }
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        block_on(self.storage.read(name, 0, 1 << 20)).expect("it is there")
    }

    pub(crate) fn manifest(&self) -> String {
        String::from_utf8(self.file("appendonly.aof.manifest")).expect("it is text")
    }
}

#[derive(Default)]
pub(crate) struct Taken(pub(crate) Vec<String>);

impl ReplaySink for Taken {
    fn command(&mut self, offset: Offset, args: &[&[u8]]) -> Result<(), String> {
        let words: Vec<String> = args.iter().map(|a| a.escape_ascii().to_string()).collect();
        self.0.push(format!("{offset} {}", words.join(" ")));
        Ok(())
    }
}

pub(crate) fn read(storage: &MemoryStorage) -> Result<(Vec<String>, Recovered), ReplayError> {
    let found = block_on(inspect(storage, NAME)).expect("it has a manifest");
    let mut taken = Taken::default();
    let recovered = block_on(found.expect("a log").replay(storage, &mut taken))?;
    Ok((taken.0, recovered))
}
