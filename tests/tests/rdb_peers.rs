//! What Towline writes, the real tools and servers read: redis-check-rdb passes
//! it, and a Redis or Valkey that loads it holds the same as it was made from.

#![allow(clippy::print_stdout, reason = "the matrix is for whoever runs this")]

#[path = "../../persist/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{FIXTURES, assert_same, describe, fixture, load, options};
use towline_persist::contents::Contents;
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_tests::paths;
use towline_tests::server::{Kind, Server};

/// What a peer may be given.
const READS: [(Kind, &[RdbVersion]); 2] = [
    (Kind::Redis, &[RdbVersion::V10]),
    (
        Kind::Valkey,
        &[RdbVersion::V10, RdbVersion::V11, RdbVersion::Valkey80],
    ),
];

/// Fixtures that a peer loads as they came.
fn loads_original(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Redis => name == "redis-7.0",
        _ => !matches!(name, "redis-8.0" | "redis-8.6"),
    }
}

fn written(contents: &Contents, version: RdbVersion, compress: bool) -> Option<Vec<u8>> {
    let codec = RdbCodec::new(RdbOptions {
        version,
        compress,
        ..RdbOptions::default()
    });
    contents.write(&codec).ok()
}

/// Starts `server` anew with `bytes` as its snapshot.
fn serve(server: &mut Server, bytes: &[u8]) {
    server.kill();
    fs::write(server.dir().join("dump.rdb"), bytes).expect("the directory is ours");
    server.start_again();
}

fn digest(server: &Server) -> String {
    server.ok("DEBUG DIGEST").text()
}

/// What `server` itself says that it holds: its own snapshot, read.
fn saved(server: &Server) -> Contents {
    server.ok("SAVE");
    let bytes = fs::read(server.dir().join("dump.rdb")).expect("it was saved");
    Contents::read(&RdbCodec::default(), options(), &bytes).expect("a server wrote it")
}

#[test]
fn peers_load_what_is_written_to_the_same_content() {
    for (kind, versions) in READS {
        let mut server = Server::new(kind);
        for name in FIXTURES {
            let contents = load(name);
            let original = loads_original(kind, name).then(|| {
                serve(&mut server, &fixture(name, "rdb"));
                digest(&server)
            });
            for version in versions {
                let of = format!("{name} as {} in {kind}", version.name());
                let Some(bytes) = written(&contents, *version, true) else {
                    println!("{of}: has what that version cannot hold");
                    continue;
                };
                serve(&mut server, &bytes);
                let found = saved(&server);
                assert_same(&describe(&found), &describe(&contents), &of);
                assert_eq!(found.functions, contents.functions, "{of}");
                if let Some(original) = &original {
                    assert_eq!(&digest(&server), original, "{of}");
                }
                println!("{of}: same");
            }
        }
    }
}

#[test]
fn redis_check_rdb_passes_every_file_it_knows() {
    let dir = std::env::temp_dir().join(format!("towline-check-rdb-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("the temporary directory is writable");
    for name in FIXTURES {
        let contents = load(name);
        for compress in [true, false] {
            let Some(bytes) = written(&contents, RdbVersion::V10, compress) else {
                continue;
            };
            let file = dir.join(format!("{name}-{compress}.rdb"));
            fs::write(&file, bytes).expect("the directory is ours");
            check(&file);
        }
    }
    fs::remove_dir_all(&dir).expect("the directory is ours");
}

fn check(file: &Path) {
    let output = Command::new(paths::peer("redis-check-rdb"))
        .arg(file)
        .output()
        .expect("redis-check-rdb starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {printed}", file.display());
    assert!(printed.contains("RDB looks OK"), "{printed}");
}

/// What DEBUG OBJECT says of a key.
fn serialized_length(server: &Server, key: &str) -> usize {
    let shown = server.ok(&format!("DEBUG OBJECT {key}")).to_string();
    let (_, length) = shown.split_once("serializedlength:").expect("it is told");
    let length = length.split(' ').next().expect("it is a number");
    length.parse().expect("it is a number")
}

/// Of what is too short to be compressed, which each server does in its own way.
#[test]
fn values_are_as_long_as_redis_says() {
    let servers = [Kind::Redis, Kind::Towline].map(Server::new);
    let lines = [
        "SET number 12345",
        "SET text abcdefgh",
        "RPUSH list 1 2 3 abc",
        "HSET hash a 1 b xyz",
        "SADD set a b",
        "SADD numbers 1 2 3",
        "ZADD zset 1 a 2.5 b",
        "XADD stream 1-1 a b",
    ];
    for line in lines {
        let key = line.split(' ').nth(1).expect("a key");
        let lengths = servers.each_ref().map(|server| {
            server.ok(line);
            serialized_length(server, key)
        });
        assert_eq!(lengths[0], lengths[1], "{key}");
    }
}
