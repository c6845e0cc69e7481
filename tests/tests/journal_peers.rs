//! What the journal writes, the real tools and servers read, and what they
//! write into its directory is seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures::executor::block_on;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::SnapshotMeta;
use towline_core::seams::{LogSink, SnapshotCodec, SnapshotWriter};
use towline_persist::journal::{FsyncPolicy, Journal, JournalOptions, Lineage, Origin, Parts};
use towline_persist::rdb::RdbCodec;
use towline_persist::storage::FsStorage;
use towline_tests::paths;
use towline_tests::server::{Kind, Setup};

const NAME: &str = "appendonly.aof";

/// A stream and the journal that takes it.
struct Writer {
    parts: Parts,
    at: Offset,
    now_ms: u64,
}

fn unit(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        out += &format!("${}\r\n{word}\r\n", word.len());
    }
    out.into_bytes()
}

/// An RDB file of nothing.
fn empty_base() -> Vec<u8> {
    let meta = SnapshotMeta {
        redis_version: "7.0.15".to_owned(),
        aof_base: true,
        ..SnapshotMeta::default()
    };
    let mut out = Vec::new();
    let mut encoder = RdbCodec::default().encoder(&meta);
    encoder.begin(&mut out);
    encoder.finish(&mut out);
    out
}

impl Writer {
    async fn begin(directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("it is ours");
        let storage = FsStorage::open(directory).expect("it was just made");
        let options = JournalOptions {
            name: NAME.to_owned(),
            policy: FsyncPolicy::Always,
            timestamps: true,
            retained_bytes: 0,
            past_ms: 0,
        };
        let at = Offset(4711);
        let parts = Journal::fresh(Arc::new(storage), options, at).await;
        let parts = parts.expect("the directory is empty");
        let now_ms = 1_700_000_000_000;
        let mut writer = Self { parts, at, now_ms };
        let cut = writer.cut(None);
        let mut base = writer.parts.journal.new_base("rdb").await.expect("room");
        base.write(empty_base()).await.expect("room");
        base.finish().await.expect("it syncs");
        let journal = writer.parts.journal.clone();
        writer
            .until(journal.commit_rewrite(cut, base.file()))
            .await
            .expect("it commits");
        writer
    }

    fn cut(&mut self, stream_db: Option<u32>) -> towline_persist::journal::CutId {
        self.parts.journal.cut(Origin {
            lineage: Lineage::new(ReplicationId::from_random([7; 20])),
            offset: self.at,
            stream_db,
        })
    }

    async fn write(&mut self, lines: &[&str]) {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| unit(line)).collect();
        self.parts.journal.sink().append(self.at, &bytes);
        self.at = self.at.advance(bytes.len());
        self.now_ms += 1500;
        self.parts.writer.turn(self.now_ms).await;
    }

    async fn until<T>(&mut self, task: impl Future<Output = T>) -> T {
        let mut task = Box::pin(task);
        loop {
            if let std::task::Poll::Ready(done) = futures::poll!(&mut task) {
                return done;
            }
            self.parts.writer.turn(self.now_ms).await;
        }
    }
}

/// A log of two increments; the second one goes on in database 3.
async fn write_log(directory: &Path) {
    let mut writer = Writer::begin(directory).await;
    writer.write(&["SELECT 0", "SET a 1"]).await;
    writer.write(&["PING"]).await;
    writer
        .write(&["SELECT 3", "MULTI", "INCR n", "INCR n", "EXEC"])
        .await;
    writer.cut(Some(3));
    writer.write(&["INCR n"]).await;
    let journal = writer.parts.journal.clone();
    writer.until(journal.stop(true)).await.expect("it stops");
}

/// What a tool says about a log.
fn say(program: PathBuf, args: &[&Path]) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn check(directory: &Path) -> String {
    let towline = paths::towline_server().with_file_name("towline");
    say(towline, &[Path::new("check"), directory])
}

#[test]
fn real_servers_start_from_the_log_and_are_noticed() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let mut server = Setup::new(kind)
            .line("appendonly yes")
            .line("appendfsync always")
            .start();
        server.kill();
        let directory = server.dir().join("appendonlydir");
        fs::remove_dir_all(&directory).expect("the server made it");
        block_on(write_log(&directory));
        let manifest = directory.join("appendonly.aof.manifest");
        let said = say(paths::peer("redis-check-aof"), &[&manifest]);
        assert!(
            said.contains("All AOF files and manifest are valid"),
            "{said}"
        );
        let said = check(&directory);
        assert!(said.contains(".idx: ok: they fit; history 0707"), "{said}");
        assert!(!said.contains("DAMAGED"), "{said}");

        server.start_again();
        assert_eq!(server.cli(&["get", "a"]).trim(), "1", "{kind:?}");
        assert_eq!(server.cli(&["-n", "3", "get", "n"]).trim(), "3", "{kind:?}");
        server.cli(&["set", "theirs", "1"]);
        server.kill();
        let said = check(&directory);
        assert!(
            said.contains("another server wrote to the log since"),
            "{said}"
        );
    }
}

#[test]
fn a_byte_that_no_syntax_guards_is_found_by_the_side_file() {
    let directory = paths::target().join("journal_peers");
    if directory.exists() {
        fs::remove_dir_all(&directory).expect("it is ours");
    }
    block_on(write_log(&directory));
    let increment = directory.join("appendonly.aof.1.incr.aof");
    let text = fs::read_to_string(&increment).expect("it is text");
    let changed = text.replace("$1\r\na\r\n", "$1\r\nb\r\n");
    assert_ne!(text, changed);
    fs::write(&increment, changed).expect("it is ours");
    let manifest = directory.join("appendonly.aof.manifest");
    let said = say(paths::peer("redis-check-aof"), &[&manifest]);
    assert!(said.contains("are valid"), "nothing else sees it: {said}");
    let said = check(&directory);
    assert!(said.contains("wrong checksum"), "{said}");
    fs::remove_dir_all(&directory).expect("it is ours");
}
