//! Keys through the engine.

use std::collections::BTreeSet;

use crate::engine::append_only::LogState;
use crate::testing::TestEngine;

#[test]
fn keys_are_removed_counted_and_named() {
    let mut t = TestEngine::new();
    t.run("mset a 1 b 2 c 3");
    t.stream();
    assert_eq!(t.run("del a nope"), ":1");
    assert_eq!(t.run("unlink nope"), ":0");
    assert_eq!(t.run("exists b b c nope"), ":3");
    assert_eq!(t.run("rename nope x"), "-ERR no such key");
    assert_eq!(t.run("rename b d"), "+OK");
    assert_eq!(t.run("renamenx d c"), ":0");
    assert_eq!(t.run("type d"), "+string");
    assert_eq!(t.run("type b"), "+none");
    assert_eq!(
        t.run("move d 0"),
        "-ERR source and destination objects are the same"
    );
    assert_eq!(t.run("move d 99"), "-ERR DB index is out of range");
    assert_eq!(t.run("move d 3"), ":1");
    assert_eq!(t.run("move d 3"), ":0");
    assert_eq!(t.stream(), "del a nope | rename b d | move d 3");
}

#[test]
fn a_copy_is_new_to_the_policy_and_a_key_that_moves_is_not() {
    let mut t = TestEngine::new();
    t.run("config set maxmemory-policy allkeys-lfu");
    t.run("config set lfu-log-factor 0");
    t.run("set k v");
    for _ in 0..20 {
        t.run("get k");
    }
    t.run("copy k c");
    assert_eq!(t.run("object freq c"), ":5");
    t.run("copy c k replace");
    assert_eq!(t.run("object freq k"), ":5");
    for _ in 0..20 {
        t.run("get k");
    }
    t.run("rename k r");
    assert_eq!(t.run("object freq r"), ":25");
}

#[test]
fn a_copy_is_a_value_of_its_own() {
    let mut t = TestEngine::new();
    t.run("rpush l a b");
    t.run("pexpire l 5000");
    t.run("set k 1");
    t.stream();
    assert_eq!(t.run("copy nope x"), ":0");
    assert_eq!(t.run("copy l k"), ":0");
    assert_eq!(t.run("copy l k replace"), ":1");
    assert_eq!(t.run("copy l l db 3"), ":1");
    assert_eq!(
        t.run("copy l l DB 0"),
        "-ERR source and destination objects are the same"
    );
    assert_eq!(t.run("copy l x db 16"), "-ERR DB index is out of range");
    assert_eq!(t.run("copy l x db"), "-ERR syntax error");
    assert_eq!(t.stream(), "copy l k replace | copy l l db 3");
    t.run("rpush k c");
    assert_eq!(t.run("llen l"), ":2");
    assert_eq!(t.run("pttl k"), ":5000");
    t.run("select 3");
    assert_eq!(t.run("lrange l 0 -1"), "*2 $1 a $1 b");
}

#[test]
fn expiries_are_absolute_in_the_stream() {
    let mut t = TestEngine::new();
    t.run("set k v");
    t.stream();
    assert_eq!(t.run("ttl k"), ":-1");
    assert_eq!(t.run("ttl nope"), ":-2");
    assert_eq!(t.run("expire k 100 xx"), ":0");
    assert_eq!(t.run("expire k 100 gt"), ":0");
    assert_eq!(t.run("expire k 100"), ":1");
    assert_eq!(t.run("expire k 50 gt"), ":0");
    assert_eq!(t.run("expire k 200 nx"), ":0");
    assert_eq!(t.run("pexpire k 50000 lt"), ":1");
    assert_eq!(t.run("pttl k"), ":50000");
    assert_eq!(t.run("expiretime k"), ":1050");
    assert_eq!(t.run("persist k"), ":1");
    assert_eq!(t.run("pexpireat k 1"), ":1");
    assert_eq!(t.run("exists k"), ":0");
    assert_eq!(
        t.stream(),
        "PEXPIREAT k 1100000 | PEXPIREAT k 1050000 lt | persist k | DEL k"
    );
}

#[test]
fn wrong_expiries_are_refused_in_redis_words() {
    let mut t = TestEngine::new();
    t.run("set k v");
    for (line, error) in [
        ("expire k x", "-ERR value is not an integer or out of range"),
        (
            "expire k 9223372036854775807",
            "-ERR invalid expire time in 'expire' command",
        ),
        ("expire k 1 maybe", "-ERR Unsupported option maybe"),
        (
            "expire k 1 nx gt",
            "-ERR NX and XX, GT or LT options at the same time are not compatible",
        ),
        (
            "expire k 1 lt gt",
            "-ERR GT and LT options at the same time are not compatible",
        ),
    ] {
        assert_eq!(t.run(line), error);
    }
}

/// All keys that a whole walk answers.
fn scan_all(t: &mut TestEngine, options: &str) -> Vec<String> {
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = t.run(&format!("scan {cursor} {options}"));
        let mut words = reply
            .split(' ')
            .filter(|word| !word.starts_with(['*', '$']));
        words.next().expect("a cursor").clone_into(&mut cursor);
        keys.extend(words.map(str::to_owned));
        if cursor == "0" {
            return keys;
        }
    }
}

#[test]
fn a_scan_answers_every_key_once() {
    let mut t = TestEngine::new();
    for key in 0..3_000 {
        t.run(&format!("set key:{key} v"));
    }
    t.run("rpush list a");
    let keys = scan_all(&mut t, "count 50");
    let distinct: BTreeSet<&String> = keys.iter().collect();
    assert_eq!((keys.len(), distinct.len()), (3_001, 3_001));
    assert_eq!(scan_all(&mut t, "type list"), ["list"]);
    assert_eq!(scan_all(&mut t, "match key:12?").len(), 10);
    assert_eq!(t.run("scan x"), "-ERR invalid cursor");
}

#[test]
fn a_scan_removes_what_has_expired() {
    let mut t = TestEngine::new();
    t.run("set k v px 10");
    t.now_ms += 10;
    assert_eq!(scan_all(&mut t, ""), Vec::<String>::new());
    assert!(t.engine.keyspace.is_empty());
}

#[test]
fn objects_tell_their_encoding() {
    let mut t = TestEngine::new();
    let long = "x".repeat(45);
    for (line, encoding) in [
        ("set k 12", "int"),
        ("set k abc", "embstr"),
        (&format!("set k {long}"), "raw"),
    ] {
        t.run(line);
        assert!(t.run("object encoding k").ends_with(encoding));
    }
    t.run("set k abc");
    t.run("append k d");
    assert_eq!(t.run("object encoding k"), "$3 raw");
    assert_eq!(t.run("object refcount k"), ":1");
    t.now_ms += 7_000;
    assert_eq!(t.run("object idletime k"), ":7");
    assert_eq!(t.run("object encoding nope"), "$-1");
}

#[test]
fn wait_without_replicas_blocks_until_its_time() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("wait 0 0"), ":0");
    assert_eq!(t.run("wait 1 -1"), "-ERR timeout is negative");
    assert_eq!(t.run("wait 1 100"), "");
    t.now_ms += 99;
    t.tick();
    assert_eq!(t.output(t.id), "");
    t.now_ms += 1;
    t.tick();
    assert_eq!(t.output(t.id), ":0");
}

#[test]
fn waitaof_needs_a_log_where_it_is_to_look_at_it() {
    let mut t = TestEngine::new();
    let off = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    assert_eq!(t.run("waitaof 1 0 0"), off);
    assert_eq!(t.run("waitaof 0 0 0"), "*2 :0 :0");
    for (line, error) in [
        (
            "waitaof 2 0 0",
            "value is out of range, value must between 0 and 1",
        ),
        ("waitaof 0 -1 0", "value is out of range, must be positive"),
        ("waitaof x -1 0", "value is not an integer or out of range"),
        ("waitaof 0 0 -1", "timeout is negative"),
        ("waitaof 0 0 x", "timeout is not an integer or out of range"),
    ] {
        assert_eq!(t.run(line), format!("-ERR {error}"));
    }
}

#[test]
fn waitaof_waits_for_the_log_that_may_be_switched_off() {
    let mut t = TestEngine::new();
    t.engine.set_log_state(LogState::Starting);
    t.run("set a 1");
    let end = t.engine.server.log.offset();
    t.engine.set_durable(end);
    assert_eq!(
        t.run("waitaof 1 0 0"),
        "",
        "what was there before is not written"
    );
    t.engine.set_log_state(LogState::On);
    assert_eq!(t.output(t.id), "*2 :1 :0");
    t.run("set a 2");
    let other = t.connect();
    assert_eq!(
        t.run_as(other, "waitaof 1 0 0"),
        "*2 :1 :0",
        "it wrote nothing"
    );
    assert_eq!(t.run("waitaof 1 0 10"), "");
    t.now_ms += 10;
    t.tick();
    assert_eq!(t.output(t.id), "*2 :0 :0");
    assert_eq!(t.run("waitaof 1 0 0"), "");
    t.engine.set_log_state(LogState::Off);
    assert!(
        t.output(t.id)
            .starts_with("-ERR WAITAOF cannot be used when numlocal")
    );
}

#[test]
fn waitaof_counts_replicas_by_what_their_disks_hold() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("set a 1");
    let end = t.engine.server.log.offset();
    let entry = t.engine.server.replication.replica_mut(replica);
    let entry = entry.expect("it follows");
    entry.ack_offset = end;
    assert_eq!(t.run("wait 1 0"), ":1");
    assert_eq!(t.run("waitaof 0 1 0"), "");
    let entry = t.engine.server.replication.replica_mut(replica);
    entry.expect("it follows").fack_offset = Some(end);
    t.engine.check_waits();
    assert_eq!(t.output(t.id), "*2 :0 :1");
}

#[test]
fn expiries_are_checked_and_repeated_as_redis_does() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("expire k x zz"), "-ERR Unsupported option zz");
    t.run("set k 1");
    t.stream();
    assert_eq!(t.run("expire k 100 nx"), ":1");
    assert_eq!(t.stream(), "PEXPIREAT k 1100000 nx");
    assert_eq!(
        t.run("expire k -9223372036854775808"),
        "-ERR invalid expire time in 'expire' command"
    );
    assert_eq!(t.run("pexpire k -9223372036854775808"), ":1");
    assert_eq!(t.stream(), "DEL k");
    assert_eq!(
        t.run("wait 1 9223372036854775807"),
        "-ERR timeout is out of range"
    );
}

#[test]
fn asking_about_a_key_counts_as_a_look_up() {
    let mut t = TestEngine::new();
    t.run("set k 1");
    for line in [
        "ttl k",
        "type k",
        "exists k n",
        "object encoding k",
        "expire k 5",
    ] {
        t.run(line);
    }
    let stats = t.engine.key_stats();
    assert_eq!((stats.hits, stats.misses), (4, 1));
}

#[test]
fn keys_that_a_walk_finds_expired_leave_one_by_one() {
    for walk in ["scan 0", "randomkey"] {
        let mut t = TestEngine::new();
        t.run("debug set-active-expire 0");
        t.run("set a 1 px 1");
        t.run("set b 1 px 1");
        t.now_ms += 2;
        t.stream();
        t.run(walk);
        let stream = t.stream();
        let mut commands: Vec<&str> = stream.split(" | ").collect();
        commands.sort_unstable();
        assert_eq!(commands, ["DEL a", "DEL b"], "{walk}");
    }
}
