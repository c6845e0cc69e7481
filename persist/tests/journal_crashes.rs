//! The journal on a disk that loses, tears and reorders what was not synced:
//! whenever the power goes, what was told to be durable is there, nothing is
//! there that was not written, and the next run starts.
//!
//! `TOWLINE_LONG=1` crashes 100,000 times.

use std::sync::Arc;

use futures::executor::block_on;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::SnapshotWriter;
use towline_core::seams::{LogSink, Storage, StorageOp, StreamArchive};
use towline_persist::journal::{
    CutId, FsyncPolicy, Journal, JournalOptions, Lineage, LogState, Origin, Parts, Recovered,
    ReplaySink, inspect,
};
use towline_persist::storage::CrashDisk;
use towline_persist::storage::conformance::CrashStorage;

const NAME: &str = "log.aof";
/// How often the power goes in one life of a disk.
const CRASHES_PER_CASE: u64 = 4;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// One stream, as the engine knows it: what a log must be a prefix of.
#[derive(Clone, Default)]
struct Stream {
    number: u64,
    /// Commands and where they start.
    commands: Vec<(Offset, Vec<Vec<u8>>)>,
    /// The histories and where they begin, in order.
    lineages: Vec<(Offset, Lineage)>,
    end: Offset,
    durable: Option<Offset>,
    /// The last thing that happened was a clean stop, perhaps cut short.
    stopping: bool,
}

struct Life {
    disk: CrashDisk,
    random: Random,
    policy: FsyncPolicy,
    /// The streams, the present one last.
    streams: Vec<Stream>,
    serial: u64,
    now_ms: u64,
    rewrite: Option<CutId>,
    faults: bool,
    /// Bytes that replicas could have been served, over all runs.
    served: u64,
}

fn encode(words: &[Vec<u8>], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let policy = [FsyncPolicy::Always, FsyncPolicy::Everysec][random.below(2) as usize];
        Self {
            disk: CrashDisk::new(seed).torn_blocks(),
            policy,
            streams: Vec::new(),
            serial: 0,
            now_ms: 1_700_000_000_000,
            rewrite: None,
            served: 0,
            faults: random.below(4) == 0,
            random,
        }
    }

    fn stream(&mut self) -> &mut Stream {
        self.streams.last_mut().expect("a run has a stream")
    }

    fn id(&mut self) -> ReplicationId {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.random.below(u64::MAX).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.random.below(u64::MAX).to_le_bytes());
        ReplicationId::from_random(bytes)
    }

    /// A dataset of its own at some offset.
    fn begin_stream(&mut self) -> Origin {
        let lineage = Lineage::new(self.id());
        let offset = Offset(self.random.below(1 << 20));
        self.streams.push(Stream {
            number: self.streams.last().map_or(1, |stream| stream.number + 1),
            lineages: vec![(offset, lineage.clone())],
            end: offset,
            ..Stream::default()
        });
        Origin {
            lineage,
            offset,
            stream_db: Some(self.random.below(3) as u32),
        }
    }

    fn present(&mut self) -> Origin {
        let stream = self.stream();
        let lineage = stream.lineages.last().expect("there is one").1.clone();
        Origin {
            lineage,
            offset: stream.end,
            stream_db: Some(5),
        }
    }

    fn words(&mut self) -> Vec<Vec<u8>> {
        self.serial += 1;
        let padding = [3, 40, 700][self.random.below(3) as usize];
        let value = vec![b'v'; self.random.below(padding) as usize];
        let key = format!("k{}", self.serial).into_bytes();
        vec![b"SET".to_vec(), key, value]
    }

    /// Gives the journal some units.
    fn write(&mut self, journal: &Journal) {
        let mut batch = Vec::new();
        let start = self.stream().end;
        for _ in 0..=self.random.below(4) {
            let transaction = self.random.below(4) == 0;
            let mut unit: Vec<Vec<Vec<u8>>> = vec![self.words()];
            if transaction {
                unit.insert(0, vec![b"MULTI".to_vec()]);
                unit.push(self.words());
                unit.push(vec![b"EXEC".to_vec()]);
            }
            for words in unit {
                let at = start.advance(batch.len());
                encode(&words, &mut batch);
                self.stream().commands.push((at, words));
            }
        }
        let stream = self.stream();
        stream.end = start.advance(batch.len());
        stream.stopping = false;
        journal.sink().append(start, &batch);
    }

    /// A base that says of which stream and where it is; `None` where the disk
    /// fails.
    async fn base(
        &mut self,
        journal: &Journal,
        at: Offset,
    ) -> Option<towline_persist::journal::BaseFile> {
        let text = format!("{} {}", self.stream().number, at.0);
        let mut base = journal.new_base("rdb").await.ok()?;
        base.write(text.into_bytes()).await.ok()?;
        base.finish().await.ok()?;
        Some(base.file())
    }

    /// Notes what the journal has told.
    fn look(&mut self, journal: &Journal) {
        let durable = journal.progress().durable;
        let stream = self.stream();
        stream.durable = stream.durable.max(durable);
    }

    async fn turn(&mut self, parts: &mut Parts) {
        self.now_ms += self.random.below(400);
        parts.writer.turn(self.now_ms).await;
        self.look(&parts.journal);
    }

    /// Waits for what only the writer can answer.
    async fn until<T>(&mut self, parts: &mut Parts, task: impl Future<Output = T>) -> T {
        let mut task = Box::pin(task);
        loop {
            if let std::task::Poll::Ready(done) = futures::poll!(&mut task) {
                return done;
            }
            self.turn(parts).await;
        }
    }

    /// Does one thing that a server does.
    async fn step(&mut self, parts: &mut Parts) {
        let journal = parts.journal.clone();
        match self.random.below(20) {
            0..=8 => self.write(&journal),
            9..=12 => self.turn(parts).await,
            13..=14 => {
                parts.syncer.turn().await;
                self.look(&journal);
            }
            15 => {
                let origin = self.present();
                self.rewrite = Some(journal.cut(origin));
            }
            16 => self.commit(parts).await,
            17 => self.change_history(&journal),
            18 if self.random.below(3) == 0 => self.replace(parts).await,
            19 if self.faults => self.fault(),
            _ => {}
        }
        if matches!(journal.progress().state, LogState::Poisoned(_)) && self.rewrite.is_none() {
            let origin = self.present();
            self.rewrite = Some(journal.cut(origin));
        }
    }

    async fn commit(&mut self, parts: &mut Parts) {
        let journal = parts.journal.clone();
        let Some(_) = self.rewrite.take() else { return };
        // The base is of the moment of its cut, so both are made here.
        let origin = self.present();
        let cut = journal.cut(origin.clone());
        let Some(base) = self.base(&journal, origin.offset).await else {
            return;
        };
        if self.random.below(2) == 0 {
            self.write(&journal);
            self.turn(parts).await;
        }
        // Whether it came to be shows in what is recovered.
        let _ = self.until(parts, journal.commit_rewrite(cut, base)).await;
        self.look(&journal);
    }

    fn change_history(&mut self, journal: &Journal) {
        let id = self.id();
        let stream = self.stream();
        let old = stream.lineages.last().expect("there is one").1.clone();
        let lineage = old.continued(id, stream.end);
        stream.lineages.push((stream.end, lineage));
        stream.stopping = false;
        let origin = self.present();
        journal.cut(origin);
    }

    async fn replace(&mut self, parts: &mut Parts) {
        let journal = parts.journal.clone();
        let origin = self.begin_stream();
        let Some(base) = self.base(&journal, origin.offset).await else {
            self.streams.pop();
            return;
        };
        self.rewrite = None;
        journal.replace(base, origin);
    }

    fn fault(&mut self) {
        let ops = [
            StorageOp::Append,
            StorageOp::Sync,
            StorageOp::Rename,
            StorageOp::Create,
            StorageOp::SyncDir,
        ];
        self.disk.fail_next(ops[self.random.below(5) as usize]);
    }

    /// A run until the power goes or the work is done.
    async fn run(&mut self, mut parts: Parts) {
        for _ in 0..60 {
            if self.disk.is_off() {
                return;
            }
            self.step(&mut parts).await;
        }
        self.disk.fail_no_more();
        let drained = self.random.below(2) == 0;
        self.stream().stopping = drained;
        let journal = parts.journal.clone();
        let stopped = self.until(&mut parts, journal.stop(drained)).await;
        self.look(&journal);
        let good = journal.progress().attached && journal.progress().state.takes_writes();
        if stopped.is_ok() && good {
            let stream = self.stream();
            assert_eq!(stream.durable, Some(stream.end), "a stop leaves nothing");
        }
    }

    /// The next run; false where the power went in its start.
    async fn start(&mut self) -> Option<Parts> {
        let disk: Arc<dyn Storage> = Arc::new(self.disk.clone());
        let options = JournalOptions {
            name: NAME.to_owned(),
            policy: self.policy,
            timestamps: self.random.below(3) == 0,
            retained_bytes: [0, 500, 4000, 1 << 20][self.random.below(4) as usize],
            past_ms: [0, 0, 2_000, 1 << 30][self.random.below(4) as usize],
        };
        let found = inspect(&*disk, NAME).await;
        let found = self.sound(found)?;
        let Some(found) = found else {
            assert!(
                self.streams.iter().all(|stream| stream.durable.is_none()),
                "a log that was durable is gone"
            );
            let origin = self.begin_stream();
            let parts = Journal::fresh(disk, options, origin.offset).await.ok()?;
            parts.journal.keep_history(true);
            let cut = parts.journal.cut(origin.clone());
            let mut parts = parts;
            let journal = parts.journal.clone();
            let base = self.base(&journal, origin.offset).await?;
            let done = self
                .until(&mut parts, journal.commit_rewrite(cut, base))
                .await;
            self.look(&journal);
            done.ok()?;
            return Some(parts);
        };
        let mut taken = Taken::default();
        let recovered = found.replay(&*disk, &mut taken).await;
        let recovered = self.sound(recovered)?;
        let base = found.base.clone().expect("every commit has one");
        let base = disk.read(&base, 0, 100).await.ok()?;
        self.check(&base, &taken, &recovered);
        let lineage = self.next_lineage(&recovered);
        let origin = Origin {
            lineage,
            offset: recovered.end,
            stream_db: recovered.stream_db,
        };
        let now_ms = self.now_ms;
        let parts = Journal::resume(disk, options, found, &recovered, origin, now_ms).await;
        let parts = parts.ok()?;
        parts.journal.keep_history(true);
        self.check_archive(&parts.journal).await;
        Some(parts)
    }

    /// Compares what replicas would be served with what was written.
    async fn check_archive(&mut self, journal: &Journal) {
        let Some(start) = StreamArchive::start(journal) else {
            return;
        };
        let stream = self.streams.last().expect("a run has a stream");
        let end = journal.progress().written;
        // Files of the log before the power went may be served as well.
        let known = stream.commands.iter().take_while(|(at, _)| *at < end);
        let mut bytes = Vec::new();
        for (at, words) in known {
            // The base of a stream stands where it begins, and so does its log.
            assert_eq!(stream.lineages[0].0.advance(bytes.len()), *at);
            encode(words, &mut bytes);
        }
        let replid = stream.lineages.last().expect("there is one").1.replid;
        let skipped = start.since(stream.lineages[0].0) as usize;
        let mut reader = journal.reader(start, replid).expect("it says so");
        let mut read = Vec::new();
        while (read.len() as u64) < end.since(start) {
            match reader.read().await {
                Ok(bytes) => read.extend(bytes),
                Err(_) if self.disk.is_off() => return,
                Err(error) => panic!("what is kept cannot be read: {error}"),
            }
        }
        assert!(read == bytes[skipped..], "it is not what was written");
        self.served += read.len() as u64;
    }

    /// What went well; `None` where the power is gone, and nothing else may
    /// have gone wrong.
    fn sound<T, E: std::fmt::Display>(&self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(_) if self.disk.is_off() => None,
            Err(error) => panic!("a crash leaves a log that does not start: {error}"),
        }
    }

    /// Compares what was recovered with what was written and told.
    fn check(&mut self, base: &[u8], taken: &Taken, recovered: &Recovered) {
        let text = std::str::from_utf8(base).expect("bases are text");
        let (number, begin) = text.split_once(' ').expect("two numbers");
        let number: u64 = number.parse().expect("a number");
        let begin = Offset(begin.parse().expect("an offset"));
        let at = self
            .streams
            .iter()
            .rposition(|stream| stream.number == number);
        let at = at.expect("the base is one of ours");
        for later in &self.streams[at + 1..] {
            assert_eq!(later.durable, None, "a dataset that was durable is gone");
        }
        let stream = &self.streams[at];
        assert!(!recovered.foreign, "nobody else was there");
        assert!(
            stream.durable <= Some(recovered.end),
            "what was durable is gone"
        );
        assert!(recovered.end <= stream.end, "something was invented");
        let end = match &recovered.torn {
            // Commands of a torn transaction were read, and do not count.
            Some(_) => taken.0.iter().filter(|(at, _)| *at < recovered.end).count(),
            None => taken.0.len(),
        };
        let inside = |at: &Offset| *at >= begin && *at < recovered.end;
        let expected: Vec<_> = stream
            .commands
            .iter()
            .filter(|(at, _)| inside(at))
            .collect();
        let found: Vec<_> = taken.0[..end].iter().collect();
        assert_eq!(found, expected, "from {begin} to {}", recovered.end);
        let lineage = recovered.lineage.as_ref().expect("it is known");
        let before = stream
            .lineages
            .iter()
            .rev()
            .find(|(at, _)| *at < recovered.end);
        let mut allowed = stream
            .lineages
            .iter()
            .filter(|(at, _)| *at == recovered.end);
        let fits = before.is_some_and(|(_, known)| known == lineage)
            || allowed.any(|(_, known)| known == lineage);
        assert!(fits, "the history is another");
        assert!(
            !recovered.clean || stream.stopping,
            "nobody stopped cleanly"
        );
        assert!(!recovered.clean || recovered.end == stream.end);
        // What the crash took never was.
        let (end, lineage) = (recovered.end, lineage.clone());
        self.streams.truncate(at + 1);
        let stream = self.stream();
        stream.commands.retain(|(at, _)| *at < end);
        stream
            .lineages
            .retain(|(at, known)| *at < end || *known == lineage);
        stream.end = end;
        stream.stopping = recovered.clean;
    }

    /// A replica goes on in its history; a primary without proof begins one.
    fn next_lineage(&mut self, recovered: &Recovered) -> Lineage {
        let known = recovered.lineage.clone().expect("it is known");
        if recovered.clean || self.random.below(2) == 0 {
            return known;
        }
        let lineage = known.continued(self.id(), recovered.end);
        let at = recovered.end;
        self.stream().lineages.push((at, lineage.clone()));
        lineage
    }
}

/// The commands, without those of the prefix of a file.
#[derive(Default)]
struct Taken(Vec<(Offset, Vec<Vec<u8>>)>);

impl ReplaySink for Taken {
    fn command(&mut self, offset: Offset, args: &[&[u8]]) -> Result<(), String> {
        if args[0] != b"SELECT" {
            let words = args.iter().map(|arg| arg.to_vec()).collect();
            self.0.push((offset, words));
        }
        Ok(())
    }
}

/// How many bytes replicas could have been served.
fn live(seed: u64) -> u64 {
    let mut life = Life::new(seed);
    for _ in 0..CRASHES_PER_CASE {
        let calls = life.random.below(120);
        life.disk.crash_after(calls);
        block_on(async {
            if let Some(parts) = life.start().await {
                life.rewrite = None;
                life.run(parts).await;
            }
        });
        life.disk.crash();
    }
    // With the power on, what is left starts.
    let started = block_on(life.start());
    assert!(started.is_some(), "it does not start");
    life.served
}

#[test]
fn no_crash_loses_what_was_durable_or_invents_anything() {
    let cases = match std::env::var_os("TOWLINE_LONG") {
        Some(_) => 100_000 / CRASHES_PER_CASE,
        None => 3_000 / CRASHES_PER_CASE,
    };
    let first = std::env::var("TOWLINE_SEED").ok();
    let first: u64 = first.and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut served = 0;
    for seed in first..first + cases {
        match std::panic::catch_unwind(|| live(seed)) {
            Ok(bytes) => served += bytes,
            Err(panic) => {
                let said = panic.downcast_ref::<String>();
                panic!("TOWLINE_SEED={seed}: {}", said.map_or("", String::as_str));
            }
        }
    }
    assert!(
        served > 100 * cases,
        "replicas could be served {served} bytes"
    );
}
