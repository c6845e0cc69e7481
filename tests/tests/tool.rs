//! The `towline` binary beside the real servers' own tools.

#[path = "../../persist/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value as Json, json};
use support::{FIXTURES, assert_same, describe, load, options};
use towline_persist::contents::Contents;
use towline_persist::rdb::RdbCodec;
use towline_persist::towline::TowlineCodec;
use towline_tests::paths;
use towline_tests::server::{Kind, Server, Setup};

fn towline(args: &[&str]) -> Output {
    let program = paths::towline_server().with_file_name("towline");
    let output = Command::new(&program).args(args).output();
    output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Its standard output, after it succeeded.
fn succeed(args: &[&str]) -> String {
    let output = towline(args);
    let said = text(&output.stderr);
    assert!(
        output.status.success(),
        "{args:?}: {said}{}",
        text(&output.stdout)
    );
    text(&output.stdout)
}

/// What it said, after it ended with `code`.
fn fail(args: &[&str], code: i32) -> String {
    let output = towline(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    text(&output.stdout) + &text(&output.stderr)
}

fn name(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

/// A directory of this test's own, empty.
fn scratch(test: &str) -> PathBuf {
    let directory = paths::target().join("tool").join(test);
    fs::remove_dir_all(&directory)
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .expect("it is ours");
    fs::create_dir_all(&directory).expect("it is ours");
    directory
}

fn fixture_file(name: &str) -> PathBuf {
    paths::repository().join(format!("tests/fixtures/rdb/{name}.rdb"))
}

/// The directory of a log of redis-server with a base and an increment, which ends
/// with a transaction.
fn log_of_redis(server: &mut Server) -> PathBuf {
    server.ok("DEBUG POPULATE 100 key 10");
    server.ok("BGREWRITEAOF");
    towline_tests::wait::until("the log is rewritten", || {
        server.info("persistence").get("aof_rewrite_in_progress") == "0"
    });
    let mut client = server.client();
    for command in ["SET a 1", "MULTI", "INCR a", "RPUSH l x y", "EXEC"] {
        client.ok(command);
    }
    server.kill();
    server.dir().join("appendonlydir")
}

fn redis_with_log() -> Server {
    Setup::new(Kind::Redis)
        .line("appendonly yes")
        .line("appendfsync always")
        .start()
}

#[test]
fn a_log_is_judged_as_redis_check_aof_judges_it() {
    let mut server = redis_with_log();
    let directory = log_of_redis(&mut server);
    let said = succeed(&["check", name(&directory)]);
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(said.contains(": ok: 1 base, 1 increments"), "{said}");
    assert!(
        said.contains(": ok: REDIS0010, 100 keys in 1 databases, 0 of them expire"),
        "{said}"
    );

    let increment = directory.join("appendonly.aof.2.incr.aof");
    let whole = fs::read(&increment).expect("it is there");
    let manifest = directory.join("appendonly.aof.manifest");
    for lost in [1, 9, 20, 40, 60, 80, 100, whole.len() - 3] {
        let length = whole.len() - lost;
        fs::write(&increment, &whole[..length]).expect("it is ours");
        let redis = Command::new(paths::peer("redis-check-aof"))
            .arg(&manifest)
            .output();
        let redis = text(&redis.expect("it starts").stdout);
        let (_, whole_to) = redis.rsplit_once("ok_up_to=").expect(&redis);
        let whole_to = whole_to.split(',').next().expect("a number");
        let ours = fail(&["check", name(&manifest)], 1);
        let expected = format!("whole up to offset {whole_to} of {length} bytes");
        assert!(ours.contains(&expected), "{expected}: {ours}");
    }

    let mut damaged = whole.clone();
    damaged[0] = b'X';
    fs::write(&increment, &damaged).expect("it is ours");
    let said = fail(&["check", name(&increment)], 1);
    assert!(said.contains("expected '*', got 'X' at offset 0"), "{said}");

    fs::remove_file(&increment).expect("it is ours");
    let said = fail(&["check", name(&directory)], 1);
    assert!(
        said.contains("incr.aof: DAMAGED: No such file or directory"),
        "{said}"
    );
}

#[test]
fn a_snapshot_is_whole_or_damaged_at_a_place() {
    let directory = scratch("check");
    for fixture in FIXTURES {
        let file = fixture_file(fixture);
        let said = succeed(&["check", name(&file)]);
        let keys: usize = load(fixture).databases.values().map(BTreeMap::len).sum();
        assert!(said.contains(&format!(" {keys} keys in ")), "{said}");

        let mut bytes = fs::read(&file).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        let damaged = directory.join("damaged.rdb");
        fs::write(&damaged, &bytes).expect("it is ours");
        let said = fail(&["check", name(&damaged)], 1);
        assert!(
            said.contains(": DAMAGED: ") && said.contains(" at offset "),
            "{said}"
        );
    }
    let said = fail(&["check", name(&directory)], 1);
    assert!(said.contains("there is no manifest in it"), "{said}");
}

#[test]
fn every_fixture_survives_the_way_to_the_native_format_and_back() {
    let directory = scratch("convert");
    for fixture in FIXTURES {
        let native = directory.join(format!("{fixture}.towline"));
        let back = directory.join(format!("{fixture}.rdb"));
        succeed(&["convert", name(&fixture_file(fixture)), name(&native)]);
        succeed(&["convert", name(&native), name(&back)]);
        let before = load(fixture);
        let read = |codec: &dyn towline_core::seams::SnapshotCodec, path: &Path| {
            let bytes = fs::read(path).expect("it was written");
            Contents::read(codec, options(), &bytes).expect("it is whole")
        };
        for contents in [
            read(&TowlineCodec, &native),
            read(&RdbCodec::default(), &back),
        ] {
            assert_same(&describe(&contents), &describe(&before), fixture);
            assert_eq!(contents.functions, before.functions);
        }
        if fs::read(&back)
            .expect("it was written")
            .starts_with(b"REDIS0010")
        {
            let checked = Command::new(paths::peer("redis-check-rdb"))
                .arg(&back)
                .output();
            let checked = checked.expect("it starts");
            assert!(checked.status.success(), "{}", text(&checked.stdout));
        }
    }
    let left: Vec<_> = fs::read_dir(&directory).expect("it is ours").collect();
    assert_eq!(left.len(), 2 * FIXTURES.len(), "{left:?}");
}

#[test]
fn a_damaged_native_snapshot_is_told_block_by_block_and_salvaged() {
    let directory = scratch("salvage");
    let source = paths::repository().join("persist/tests/fixtures/version-1.towline");
    let mut bytes = fs::read(source).expect("it is kept");
    let begins = |at: &usize| bytes[*at..].starts_with(b"TWBK");
    let marks: Vec<_> = (0..bytes.len()).filter(begins).collect();
    let damaged = directory.join("damaged.towline");
    bytes[marks[1] + 100] ^= 1;
    bytes[marks[2] + 20] ^= 1;
    fs::write(&damaged, &bytes).expect("it is ours");
    let said = fail(&["check", name(&damaged)], 1);
    let wanted = [
        "damaged.towline: DAMAGED: block 1 is damaged (its checksum)",
        "block 1 is damaged (its checksum) at offset ",
        "block 2 is damaged (its header) at offset ",
        ", hashes ",
        "520 keys are whole, 516 are lost",
    ];
    for text in wanted {
        assert!(said.contains(text), "{text}: {said}");
    }
    let out = directory.join("out.towline");
    let said = fail(&["convert", name(&damaged), name(&out)], 2);
    assert!(said.contains("block 1 is damaged"), "{said}");
    let said = fail(&["convert", "--salvage", name(&damaged), name(&out)], 1);
    assert!(said.contains("520 keys are whole, 516 are lost"), "{said}");
    let said = succeed(&["check", name(&out)]);
    assert!(
        said.contains("out.towline: ok: towline, 520 keys"),
        "{said}"
    );
    let whole = directory.join("whole.rdb");
    let said = succeed(&["convert", "--salvage", name(&out), name(&whole)]);
    assert!(!said.contains("DAMAGED"), "{said}");
}

#[test]
fn a_conversion_that_cannot_be_leaves_nothing() {
    let directory = scratch("refused");
    let out = directory.join("out.rdb");
    let source = fixture_file("valkey-9.1");
    let said = fail(
        &["convert", "--rdb-version", "10", name(&source), name(&out)],
        2,
    );
    assert!(said.contains("RDB 10 cannot hold"), "{said}");
    assert!(said.contains("key 'hash:field-ttl"), "{said}");

    let torn = directory.join("torn.rdb");
    let bytes = fs::read(&source).expect("it is there");
    fs::write(&torn, &bytes[..bytes.len() - 9]).expect("it is ours");
    let said = fail(&["convert", name(&torn), name(&out)], 2);
    assert!(said.contains("unexpected end of file at offset"), "{said}");
    let said = fail(&["convert", name(&source), name(&torn)], 2);
    assert!(said.contains("exists"), "{said}");
    let said = fail(
        &["convert", name(&source), name(&directory.join("out.txt"))],
        2,
    );
    assert!(said.contains("must end in .rdb or .towline"), "{said}");
    let left = fs::read_dir(&directory).expect("it is ours").count();
    assert_eq!(left, 1, "only what was to be read is there");
}

#[test]
fn keys_are_printed_as_json() {
    let server = Server::new(Kind::Valkey);
    let mut client = server.client();
    for command in [
        "SET s hello",
        "SET n 12345",
        "RPUSH l a b",
        "SADD i 3 1 2",
        "ZADD z 1.5 m inf top",
        "HSET h f v g w",
        "HPEXPIREAT h 4000000000000 FIELDS 1 g",
        "XADD x 1-1 f v",
        "XGROUP CREATE x group 0",
        "XREADGROUP GROUP group reader STREAMS x >",
        "SELECT 3",
        "SET gone soon PXAT 4000000000000",
    ] {
        client.ok(command);
    }
    client.call(&[&b"SET"[..], b"\xff\xfe", b"\x00\x80"]);
    server.ok("SAVE");
    let file = server.dir().join("dump.rdb");
    let said = succeed(&["dump", name(&file)]);
    let mut lines: Vec<Json> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    lines.sort_by_key(|line| line["key"].to_string());
    let line = |db: u32, key: Json, kind: &str, value: Json| json!({"db": db, "key": key, "type": kind, "value": value});
    let groups = json!([{"name": "group", "last_id": "1-1", "pending": [["1-1", "reader", 1]]}]);
    let mut gone = line(3, json!("gone"), "string", json!("soon"));
    gone["expire_ms"] = json!(4_000_000_000_000_i64);
    let expected = [
        gone,
        line(
            0,
            json!("h"),
            "hash",
            json!([["f", "v"], ["g", "w", 4_000_000_000_000_i64]]),
        ),
        line(0, json!("i"), "set", json!(["1", "2", "3"])),
        line(0, json!("l"), "list", json!(["a", "b"])),
        line(0, json!("n"), "string", json!("12345")),
        line(0, json!("s"), "string", json!("hello")),
        line(
            0,
            json!("x"),
            "stream",
            json!({"entries": [["1-1", [["f", "v"]]]], "last_id": "1-1", "groups": groups}),
        ),
        line(0, json!("z"), "zset", json!([["m", 1.5], ["top", "inf"]])),
        line(3, json!({"hex": "fffe"}), "string", json!({"hex": "0080"})),
    ];
    assert_eq!(Json::from(lines), Json::from(expected.to_vec()));

    let said = succeed(&["dump", "--summary", name(&file)]);
    let strings = said
        .lines()
        .find(|line| line.starts_with("string"))
        .expect(&said);
    assert_eq!(strings.split_whitespace().nth(1), Some("4"), "{said}");
    assert!(
        said.lines().last().expect("keys").starts_with("db "),
        "{said}"
    );
}

#[test]
fn a_wrong_call_gets_the_usage() {
    for args in [
        &[][..],
        &["frobnicate"],
        &["check"],
        &["dump"],
        &["convert", "a"],
    ] {
        let said = fail(args, 2);
        assert!(said.contains("usage: towline check"), "{args:?}: {said}");
    }
    assert!(succeed(&["--help"]).starts_with("usage: towline check"));
}
