//! HyperLogLogs through the engine. The estimates and the digests of strings are what
//! redis-server 7.0.15 has after the same commands.

use sha1::{Digest, Sha1};

use crate::seams::host::PrimaryAddress;
use crate::testing::TestEngine;
use crate::value::ValueRef;

fn all(t: &mut TestEngine, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        assert_eq!(t.run(line), *reply, "{line}");
    }
}

fn bytes_of(t: &TestEngine, key: &str) -> Vec<u8> {
    let entry = t.engine.keyspace.find(0, key.as_bytes());
    match entry.expect("the key is there").value() {
        ValueRef::Str(bytes) => bytes.to_vec(),
        _ => panic!("{key} is no string"),
    }
}

fn sha1_of(t: &TestEngine, key: &str) -> String {
    let digest = Sha1::digest(bytes_of(t, key));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add_up_to(t: &mut TestEngine, key: &str, last: u32) {
    for number in 1..=last {
        t.run(&format!("pfadd {key} {number}"));
    }
}

#[test]
fn strings_equal_those_of_redis() {
    let mut t = TestEngine::new();
    add_up_to(&mut t, "mid", 700);
    assert_eq!(
        sha1_of(&t, "mid"),
        "f5e10fbb1073c6975c32db9babba8246bc76d30a"
    );
    all(&mut t, &[("strlen mid", ":1407"), ("pfcount mid", ":706")]);
    add_up_to(&mut t, "big", 5000);
    all(
        &mut t,
        &[
            ("pfcount big", ":4985"),
            ("pfdebug encoding big", "+dense"),
            ("strlen big", ":12304"),
        ],
    );
    assert_eq!(
        sha1_of(&t, "big"),
        "ab981a9ca691fef0de089e024b11c5ffa4d51986"
    );
}

#[test]
fn pfadd_answers_whether_something_changed() {
    let mut t = TestEngine::new();
    all(
        &mut t,
        &[
            ("pfadd h", ":1"),
            ("pfadd h", ":0"),
            ("pfadd h a", ":1"),
            ("pfadd h a", ":0"),
            ("pfadd h b c d", ":1"),
            ("pfcount h", ":4"),
            ("pfcount h none", ":4"),
            ("pfcount none", ":0"),
            ("object encoding h", "$3 raw"),
        ],
    );
}

#[test]
fn the_estimate_is_kept_and_replicas_are_told() {
    let mut t = TestEngine::new();
    t.run("pfadd h a");
    assert_eq!(bytes_of(&t, "h")[15], 0x80);
    t.stream();
    t.run("pfcount h");
    assert_eq!(t.stream(), "pfcount h");
    assert_eq!(bytes_of(&t, "h")[8..16], [1, 0, 0, 0, 0, 0, 0, 0]);
    t.run("pfcount h");
    t.run("pfcount h none");
    t.run("pfadd h a");
    assert_eq!(t.stream(), "");
}

/// A replica remembers as well, and holds what its primary does all the same.
#[test]
fn a_replica_keeps_the_estimate_for_itself() {
    let mut t = TestEngine::new();
    t.run("pfadd h a");
    let address = PrimaryAddress {
        host: "p".to_owned(),
        port: 1,
    };
    t.engine.server.become_replica_of(address);
    t.stream();
    assert_eq!(t.run("pfcount h"), ":1");
    assert_eq!(bytes_of(&t, "h")[15], 0, "it is kept");
    assert_eq!(t.stream(), "");
    assert!(t.engine.server.continues_from().is_some());
}

#[test]
fn pfmerge_merges_into_what_is_there() {
    let mut t = TestEngine::new();
    t.run("pfadd a 1 2 3");
    t.run("pfadd b 3 4");
    all(
        &mut t,
        &[
            ("pfmerge d", "+OK"),
            ("pfcount d", ":0"),
            ("pfmerge d a b none", "+OK"),
            ("pfcount d", ":4"),
            ("pfcount a b", ":4"),
            ("pfdebug encoding d", "+sparse"),
            ("pfdebug todense b", ":1"),
            ("pfmerge d b", "+OK"),
            ("pfdebug encoding d", "+dense"),
            ("pfcount d a", ":4"),
        ],
    );
}

#[test]
fn the_setting_says_when_a_sparse_one_ends() {
    let mut t = TestEngine::new();
    t.run("config set hll-sparse-max-bytes 20");
    t.run("pfadd h a");
    assert_eq!(t.run("pfdebug encoding h"), "+dense");
    t.run("config set hll-sparse-max-bytes 21");
    t.run("pfadd i a");
    assert_eq!(t.run("pfdebug encoding i"), "+sparse");
}

#[test]
fn pfdebug_shows_registers() {
    let mut t = TestEngine::new();
    t.run("pfadd h a");
    all(
        &mut t,
        &[
            ("pfdebug decode h", "$20 Z:12711 v:2,1 Z:3672"),
            ("pfdebug encoding h", "+sparse"),
            ("pfdebug foo h", "-ERR Unknown PFDEBUG subcommand 'foo'"),
            ("pfdebug foo none", "-ERR The specified key does not exist"),
        ],
    );
    t.stream();
    let registers = t.run("pfdebug getreg h");
    let ranks: Vec<&str> = registers.split(' ').skip(1).collect();
    assert_eq!(ranks.len(), 16384);
    assert_eq!(ranks[12711], ":2");
    assert_eq!(ranks.iter().filter(|rank| **rank == ":0").count(), 16383);
    assert_eq!(t.stream(), "pfdebug getreg h");
    all(
        &mut t,
        &[
            ("pfdebug todense h", ":0"),
            ("pfdebug decode h", "-ERR HLL encoding is not sparse"),
            ("pfselftest", "+OK"),
        ],
    );
}

#[test]
fn other_strings_and_types_are_refused() {
    let mut t = TestEngine::new();
    t.run("rpush l x");
    t.run("set n 5");
    t.run("set s HYLL");
    let no_hll = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for (key, reply) in [("n", no_hll), ("s", no_hll), ("l", wrong)] {
        for command in [
            "pfadd",
            "pfcount",
            "pfcount none",
            "pfmerge",
            "pfmerge none",
        ] {
            assert_eq!(t.run(&format!("{command} {key}")), reply, "{command} {key}");
        }
        assert_eq!(t.run(&format!("pfdebug encoding {key}")), reply);
    }
    assert_eq!(t.run("exists none"), ":0");
}

#[test]
fn corrupt_runs_are_noticed() {
    let mut t = TestEngine::new();
    t.run("pfadd h a b c");
    t.run(r#"append h "\x00""#);
    let corrupt = "-INVALIDOBJ Corrupted HLL object detected";
    all(
        &mut t,
        &[
            ("pfcount h", corrupt),
            ("pfcount h none", corrupt),
            ("pfmerge d h", corrupt),
            ("pfdebug getreg h", corrupt),
            ("pfdebug todense h", corrupt),
        ],
    );
    t.run("setrange h 15 \"\\x80\"");
    t.run("setrange h 16 \"\\x00\"");
    t.run("setrange h 17 \"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"");
    assert_eq!(
        t.run("pfadd h a"),
        corrupt,
        "its register is behind the end"
    );
}
