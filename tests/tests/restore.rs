//! Moments of the past, restored from the log and what it kept, and loaded by
//! redis-server: each is what the dataset was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use towline_tests::paths;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync;
use towline_tests::wait;
use towline_tests::workload::Workload;

/// What a workload gives a time to live is over by then, or not before the test is.
const SOON: Duration = Duration::from_millis(600);

/// What a server was at a moment.
struct Instant {
    offset: i64,
    unix_ms: u128,
    digest: String,
}

fn unix_ms() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is after 1970").as_millis()
}

fn capture(server: &Server) -> Instant {
    let offset = || server.info("replication").number("master_repl_offset");
    // What expires meanwhile moves the stream on.
    wait::until_some("the dataset rests", || {
        let before = offset();
        let digest = sync::digest(server);
        (offset() == before).then(|| Instant {
            offset: before,
            digest,
            unix_ms: unix_ms(),
        })
    })
}

fn rewrite(server: &Server) {
    server.ok("BGREWRITEAOF");
    wait::until("the rewrite is over", || {
        let info = server.info("persistence");
        info.number("aof_rewrite_in_progress") + info.number("aof_rewrite_scheduled") == 0
    });
}

fn towline(args: &[&str]) -> Output {
    let program = paths::towline_server().with_file_name("towline");
    let output = Command::new(&program).args(args).output();
    output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Restores a moment of the log in `directory` to `file`.
fn restore(directory: &Path, moment: [&str; 2], file: &Path) -> Result<String, String> {
    let _ = fs::remove_file(file);
    let (directory, file) = (directory.display().to_string(), file.display().to_string());
    let output = towline(&[
        "restore", "--dir", &directory, moment[0], moment[1], "--out", &file,
    ]);
    match output.status.code() {
        Some(0) => Ok(text(&output.stdout)),
        _ => Err(text(&output.stderr)),
    }
}

/// Lets `redis` have what a moment is restored to, and answers its digest.
fn digest_at(redis: &Server, log: &Path, moment: [&str; 2]) -> String {
    let file = redis.dir().join("dump.rdb");
    restore(log, moment, &file).unwrap_or_else(|error| panic!("{moment:?}: {error}"));
    redis.ok("DEBUG RELOAD NOSAVE");
    sync::digest(redis)
}

fn logging(kind: Kind) -> Setup {
    Setup::new(kind)
        .line("appendonly yes")
        .line("appendfsync always")
}

/// A log that keeps its past, written to in several databases, rewritten twice, with
/// what it was at several instants.
fn history(setup: Setup) -> (Server, Vec<Instant>) {
    let server = setup.start();
    let mut instants = Vec::new();
    for round in 0..3 {
        Workload::new(round).run(&mut server.client(), 400);
        let mut client = server.client();
        for command in [
            "SELECT 3",
            "SET a 1 EX 100000",
            "MULTI",
            "INCR n",
            "RPUSH l x y",
            "EXEC",
        ] {
            client.ok(command);
        }
        thread::sleep(SOON);
        instants.push(capture(&server));
        // The log tells times to within a second.
        thread::sleep(Duration::from_millis(1300));
        client.ok("SET after 1");
        client.ok(&format!("SADD s {round}"));
        instants.push(capture(&server));
        thread::sleep(Duration::from_millis(1300));
        client.ok("DEL after");
        if round < 2 {
            rewrite(&server);
            // Redis notes a time where it is another second than the last it noted.
            thread::sleep(Duration::from_millis(1300));
        }
    }
    (server, instants)
}

fn log_of(server: &Server) -> PathBuf {
    server.dir().join("appendonlydir")
}

#[test]
fn every_instant_is_what_redis_loads_of_it() {
    let setup = logging(Kind::Towline).line("aof-history-retention 1h");
    let (mut server, instants) = history(setup);
    let redis = Server::new(Kind::Redis);
    let check = |log: &Path| {
        for instant in &instants {
            let offset = instant.offset.to_string();
            let found = digest_at(&redis, log, ["--to-offset", &offset]);
            assert_eq!(found, instant.digest, "at offset {offset}");
            let time = instant.unix_ms.to_string();
            let found = digest_at(&redis, log, ["--to-time", &time]);
            assert_eq!(found, instant.digest, "at {time}");
        }
    };
    // The server is there all the while, and its directory is as it was.
    check(server.dir());
    let last = capture(&server);
    let offset = last.offset.to_string();
    let found = digest_at(&redis, server.dir(), ["--to-offset", &offset]);
    assert_eq!(found, last.digest);
    assert_eq!(sync::digest(&server), last.digest);

    // Real tools take the directory as it is, the past in its manifest.
    let log = log_of(&server);
    let manifest = log.join("appendonly.aof.manifest");
    let lines = fs::read_to_string(&manifest).expect("it is there");
    assert_eq!(lines.matches("type h").count(), 4, "{lines}");
    let checked = Command::new(paths::peer("redis-check-aof"))
        .arg(&manifest)
        .output();
    let checked = checked.expect("it starts");
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    server.restart();
    assert_eq!(sync::digest(&server), last.digest);
    check(&log);

    // A native snapshot holds the same.
    let native = server.dir().join("past.towline");
    let first = instants[0].offset.to_string();
    restore(&log, ["--to-offset", &first], &native).expect("it is kept");
    let loaded = Setup::new(Kind::Towline)
        .line("dbfilename past.towline")
        .start();
    fs::copy(&native, loaded.dir().join("past.towline")).expect("it is ours");
    loaded.ok("DEBUG RELOAD NOSAVE");
    assert_eq!(sync::digest(&loaded), instants[0].digest);
}

#[test]
fn redis_starts_from_a_log_with_a_past() {
    let setup = logging(Kind::Towline).line("aof-history-retention 7d");
    let (mut server, _) = history(setup);
    let last = capture(&server);
    server.kill();
    let setup = logging(Kind::Redis).line("aof-disable-auto-gc yes");
    let mut redis = setup.start();
    redis.kill();
    let target = log_of(&redis);
    fs::remove_dir_all(&target).expect("it is ours");
    fs::create_dir(&target).expect("it is ours");
    for entry in fs::read_dir(log_of(&server)).expect("it is there") {
        let file = entry.expect("it lists").path();
        let name = file.file_name().expect("it has one");
        fs::copy(&file, target.join(name)).expect("it is ours");
    }
    redis.start_again();
    assert_eq!(sync::digest(&redis), last.digest);
}

#[test]
fn a_moment_that_is_not_kept_is_refused_in_words() {
    let setup = logging(Kind::Towline).line("aof-history-retention 0");
    let server = setup.start();
    server.ok("SET a 1");
    rewrite(&server);
    server.ok("SET b 1");
    let end: i64 = server.info("replication").number("master_repl_offset");
    let file = server.dir().join("out.rdb");
    let home = server.dir().to_owned();
    let told = |moment: [&str; 2]| -> String {
        restore(&home, moment, &file).expect_err("it is not kept")
    };
    let error = told(["--to-offset", "1"]);
    assert!(
        error.contains("before what is kept, which begins at offset"),
        "{error}"
    );
    let beyond = (end + 1).to_string();
    let error = told(["--to-offset", &beyond]);
    assert!(
        error.contains(&format!(
            "after the end of the log, which is at offset {end}"
        )),
        "{error}"
    );
    let error = told(["--to-time", "2001-01-01T00:00:00Z"]);
    assert!(
        error.contains("before what is kept") && error.contains("(20"),
        "{error}"
    );
    let error = told(["--to-time", "2101-01-01T00:00:00+01:00"]);
    assert!(error.contains("after the end"), "{error}");
    for time in ["yesterday", "2001-01-01", "-5", ""] {
        let error = told(["--to-time", time]);
        assert!(error.contains("is no time"), "{error}");
    }
    assert!(!file.exists());
    // A file that is there is not written over.
    restore(server.dir(), ["--to-offset", &end.to_string()], &file).expect("it is there");
    let (directory, out) = (
        server.dir().display().to_string(),
        file.display().to_string(),
    );
    let output = towline(&[
        "restore",
        "--dir",
        &directory,
        "--to-offset",
        &end.to_string(),
        "--out",
        &out,
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("exists"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn damage_is_named_with_its_file() {
    let mut server = logging(Kind::Towline).start();
    server.ok("SET a 1");
    rewrite(&server);
    server.ok("SET b 1");
    let end: i64 = server.info("replication").number("master_repl_offset");
    let file = server.dir().join("out.rdb");
    server.signal(Signal::TERM);
    server.wait_exit();
    let log = log_of(&server);
    let increment = log.join("appendonly.aof.2.incr.aof");
    let mut bytes = fs::read(&increment).expect("it is there");
    let at = bytes.len() - 4;
    bytes[at] ^= 1;
    fs::write(&increment, bytes).expect("it is ours");
    let error = restore(server.dir(), ["--to-offset", &end.to_string()], &file);
    let error = error.expect_err("it is damaged");
    assert!(error.contains("appendonly.aof.2.incr.aof"), "{error}");
}

#[test]
fn what_had_expired_since_is_there_as_long_as_the_log_says() {
    let server = logging(Kind::Towline)
        .line("aof-history-retention 1d")
        .start();
    server.ok("SET brief 1 PX 150");
    server.ok("SET lasting 1");
    let before = capture(&server);
    wait::until("the key has expired", || server.ok("DBSIZE").int() == 1);
    wait::until("the log says so", || {
        capture(&server).offset > before.offset
    });
    let after = capture(&server);
    let file = server.dir().join("out.rdb");
    for (offset, keys) in [(before.offset, 2), (after.offset, 1)] {
        restore(server.dir(), ["--to-offset", &offset.to_string()], &file).expect("it is kept");
        let dumped = towline(&["dump", &file.display().to_string()]);
        assert_eq!(text(&dumped.stdout).lines().count(), keys, "at {offset}");
    }
}

#[test]
fn a_log_of_redis_is_restored_by_its_annotations() {
    let setup = logging(Kind::Redis).line("aof-timestamp-enabled yes");
    let (server, instants) = history(setup);
    let redis = Server::new(Kind::Redis);
    // Redis keeps nothing of what a rewrite replaced.
    for instant in &instants[4..] {
        let time = (instant.unix_ms / 1000).to_string();
        let found = digest_at(&redis, server.dir(), ["--to-time", &time]);
        assert_eq!(found, instant.digest, "at {time}");
    }
    let file = server.dir().join("out.rdb");
    let time = (instants[0].unix_ms / 1000 - 100).to_string();
    let error = restore(server.dir(), ["--to-time", &time], &file).expect_err("it is gone");
    assert!(error.contains("before what is kept"), "{error}");
    let error = restore(server.dir(), ["--to-offset", "1"], &file).expect_err("nobody knows");
    assert!(error.contains("no side files"), "{error}");
}
