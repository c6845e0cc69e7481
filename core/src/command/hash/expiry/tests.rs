//! Fields that expire, through the engine and in virtual time.

use crate::engine::replication::Upstream;
use crate::seams::host::PrimaryAddress;
use crate::testing::TestEngine;
use crate::value::ValueRef;

fn encoding(t: &TestEngine, key: &str) -> &'static str {
    let entry = t.engine.keyspace.find(0, key.as_bytes());
    match entry.expect("the key is there").value() {
        ValueRef::Hash(hash) => hash.encoding(),
        _ => "no hash",
    }
}

/// An engine with `h` = a 1, b 2, c 3 at 1,000,000 ms, and nothing in the stream.
fn with_hash() -> TestEngine {
    let mut t = TestEngine::new();
    t.run("hset h a 1 b 2 c 3");
    t.stream();
    t
}

fn follow(t: &mut TestEngine) {
    t.engine.server.replication.upstream = Some(Upstream::new(PrimaryAddress {
        host: "primary".to_owned(),
        port: 6379,
    }));
}

#[test]
fn expiries_are_set_told_and_removed() {
    let mut t = with_hash();
    assert_eq!(encoding(&t, "h"), "listpack");
    assert_eq!(t.run("hexpire h 100 fields 2 a x"), "*2 :1 :-2");
    assert_eq!(encoding(&t, "h"), "hashtable");
    assert_eq!(t.run("hpexpire h 1500 FIELDS 1 b"), "*1 :1");
    assert_eq!(t.run("httl h fields 4 a b c x"), "*4 :100 :2 :-1 :-2");
    assert_eq!(t.run("hpttl h fields 2 a b"), "*2 :100000 :1500");
    assert_eq!(t.run("hexpiretime h fields 1 a"), "*1 :1100");
    assert_eq!(t.run("hpexpiretime h fields 1 b"), "*1 :1001500");
    assert_eq!(t.run("hexpireat h 2000 fields 1 a"), "*1 :1");
    assert_eq!(t.run("hpexpireat h 2000001 fields 1 a"), "*1 :1");
    assert_eq!(t.run("hpersist h fields 3 a c x"), "*3 :1 :-1 :-2");
    assert_eq!(t.run("hpersist h fields 1 a"), "*1 :-1");
    assert_eq!(t.run("httl nope fields 2 a b"), "*2 :-2 :-2");
    assert_eq!(t.run("hexpire nope 1 fields 1 a"), "*1 :-2");
    assert_eq!(
        t.stream(),
        "HPEXPIREAT h 1100000 FIELDS 1 a | HPEXPIREAT h 1001500 FIELDS 1 b | \
         HPEXPIREAT h 2000000 FIELDS 1 a | HPEXPIREAT h 2000001 FIELDS 1 a | \
         HPERSIST h FIELDS 1 a"
    );
}

#[test]
fn conditions_are_those_of_expire() {
    let mut t = with_hash();
    assert_eq!(t.run("hexpire h 100 xx fields 1 a"), "*1 :0");
    assert_eq!(t.run("hexpire h 100 gt fields 1 a"), "*1 :0");
    assert_eq!(t.run("hexpire h 100 nx fields 1 a"), "*1 :1");
    assert_eq!(t.run("hexpire h 200 nx fields 2 a b"), "*2 :0 :1");
    assert_eq!(t.run("hexpire h 150 gt fields 2 a b"), "*2 :1 :0");
    assert_eq!(t.run("hexpire h 120 lt fields 3 a b c"), "*3 :1 :1 :1");
    assert_eq!(t.run("hpexpireat h 1 xx fields 1 a"), "*1 :2");
    assert_eq!(
        t.stream(),
        "HPEXPIREAT h 1100000 FIELDS 1 a | HPEXPIREAT h 1200000 FIELDS 1 b | \
         HPEXPIREAT h 1150000 FIELDS 1 a | HPEXPIREAT h 1120000 FIELDS 3 a b c | HDEL h a"
    );
}

#[test]
fn a_moment_that_has_passed_removes_at_once() {
    let mut t = with_hash();
    assert_eq!(t.run("hexpire h 0 fields 3 a a x"), "*3 :2 :-2 :-2");
    assert_eq!(t.run("hgetex h pxat 1 fields 2 b b"), "*2 $1 2 $-1");
    assert_eq!(t.run("hsetex h exat 1 fields 2 c 9 d 9"), ":1");
    assert_eq!(t.run("exists h"), ":0");
    assert_eq!(t.run("hsetex h exat 1 fields 1 a 9"), ":1");
    assert_eq!(t.run("exists h"), ":0");
    assert_eq!(t.stream(), "HDEL h a | HDEL h b | HDEL h c");
    assert_eq!(t.engine.key_stats().expired_fields, 3);
}

#[test]
fn what_has_expired_is_hidden_and_then_removed() {
    let mut t = with_hash();
    t.run("debug set-active-expire 0");
    t.run("hpexpire h 10 fields 2 a b");
    t.stream();
    t.now_ms += 9;
    assert_eq!(t.run("hget h a"), "$1 1");
    t.now_ms += 1;
    for (command, want) in [
        ("hget h a", "$-1"),
        ("hmget h a b c", "*3 $-1 $-1 $1 3"),
        ("hgetall h", "*2 $1 c $1 3"),
        ("hkeys h", "*1 $1 c"),
        ("hvals h", "*1 $1 3"),
        ("hexists h a", ":0"),
        ("hstrlen h a", ":0"),
        ("hscan h 0", "*2 $1 0 *2 $1 c $1 3"),
        ("hrandfield h", "$1 c"),
        ("hrandfield h 9", "*1 $1 c"),
        ("hrandfield h -2", "*2 $1 c $1 c"),
        ("httl h fields 2 a c", "*2 :-2 :-1"),
        ("hpersist h fields 1 a", "*1 :-2"),
        ("hexpire h 9 fields 1 a", "*1 :-2"),
        ("hgetex h persist fields 1 a", "*1 $-1"),
        ("hgetdel h fields 1 a", "*1 $-1"),
        ("hdel h a b", ":0"),
        ("hlen h", ":3"),
    ] {
        assert_eq!(t.run(command), want, "{command}");
    }
    assert_eq!(t.stream(), "");
    t.run("debug set-active-expire 1");
    t.tick();
    assert_eq!(t.run("hlen h"), ":1");
    assert_eq!(t.stream(), "HDEL h a b");
    t.run("hpexpire h 1 fields 1 c");
    t.now_ms += 1;
    t.tick();
    assert_eq!(t.run("exists h"), ":0");
    assert_eq!(t.stream(), "HPEXPIREAT h 1000011 FIELDS 1 c | HDEL h c");
    assert_eq!(t.engine.keyspace.db(0).hashes_with_expiring_fields(), 0);
}

#[test]
fn what_replaces_an_expired_field_is_new() {
    let mut t = with_hash();
    t.run("debug set-active-expire 0");
    t.run("hset h d 4 e 5");
    t.run("hpexpire h 1 fields 4 a b c d");
    t.run("config set notify-keyspace-events Eh");
    t.run("subscribe __keyevent@0__:hexpired");
    t.stream();
    let other = t.connect();
    t.now_ms += 1;
    assert_eq!(t.run_as(other, "hset h a 9"), ":1");
    assert_eq!(
        t.output(t.id),
        "*3 $7 message $23 __keyevent@0__:hexpired $1 h"
    );
    assert_eq!(t.run_as(other, "hsetnx h b 9"), ":1");
    assert_eq!(t.run_as(other, "hincrby h c 9"), ":9");
    assert_eq!(t.run_as(other, "hpexpire h 50 fields 1 e"), "*1 :1");
    assert_eq!(t.run_as(other, "hsetex h keepttl fields 2 d 9 e 9"), ":1");
    assert_eq!(
        t.run_as(other, "hpttl h fields 5 a b c d e"),
        "*5 :-1 :-1 :-1 :-1 :50"
    );
    assert_eq!(
        t.stream(),
        "hset h a 9 | HSET h b 9 | HSET h c 9 | HPEXPIREAT h 1000051 FIELDS 1 e | \
         MULTI | HDEL h d | HSETEX h KEEPTTL FIELDS 2 d 9 e 9 | EXEC"
    );
    assert_eq!(t.engine.key_stats().expired_fields, 4);
}

#[test]
fn who_sets_a_field_clears_its_expiry_and_who_counts_keeps_it() {
    let mut t = with_hash();
    t.run("hexpire h 100 fields 3 a b c");
    t.stream();
    t.run("hset h a 5");
    t.run("hincrby h b 5");
    t.run("hincrbyfloat h c 0.5");
    assert_eq!(t.run("httl h fields 3 a b c"), "*3 :-1 :100 :100");
    t.run("hmset h b 1");
    t.run("hset h c 3");
    assert_eq!(t.run("httl h fields 3 a b c"), "*3 :-1 :-1 :-1");
    t.run("hincrby h b 5");
    assert_eq!(
        t.stream(),
        "hset h a 5 | HSETEX h PXAT 1100000 FIELDS 1 b 7 | HSETEX h PXAT 1100000 FIELDS 1 c 3.5 | \
         hmset h b 1 | hset h c 3 | hincrby h b 5"
    );
    assert_eq!(encoding(&t, "h"), "hashtable");
}

#[test]
fn fields_are_set_under_conditions() {
    let mut t = with_hash();
    assert_eq!(t.run("hsetex h fnx ex 10 fields 2 a 9 d 9"), ":0");
    assert_eq!(t.run("hsetex h fxx fields 2 a 9 d 9"), ":0");
    assert_eq!(t.run("hsetex h nx fields 1 d 9"), ":0");
    assert_eq!(t.run("hsetex n xx fields 1 d 9"), ":0");
    assert_eq!(t.run("hsetex n xx ex x fields 1 d 9"), ":0");
    let error = "-ERR value is not an integer or out of range";
    assert_eq!(t.run("hsetex n fxx ex x fields 1 d 9"), error);
    assert_eq!(t.run("hsetex n fxx fields 1 d 9"), ":0");
    assert_eq!(t.run("exists n"), ":0");
    assert_eq!(t.run("hsetex h xx fnx ex 10 fields 1 d 9"), ":1");
    assert_eq!(t.run("hsetex h fxx keepttl fields 2 a 9 d 8"), ":1");
    assert_eq!(t.run("hpttl h fields 2 a d"), "*2 :-1 :10000");
    assert_eq!(t.run("hsetex h fxx fields 1 d 7"), ":1");
    assert_eq!(t.run("hsetex n fnx nx fields 1 a 1"), ":1");
    assert_eq!(
        t.stream(),
        "HSETEX h PXAT 1010000 FIELDS 1 d 9 | HSETEX h KEEPTTL FIELDS 2 a 9 d 8 | \
         HSET h d 7 | HSET n a 1"
    );
}

#[test]
fn fields_are_read_and_changed() {
    let mut t = with_hash();
    assert_eq!(t.run("hgetex h fields 2 a x"), "*2 $1 1 $-1");
    assert_eq!(t.run("hgetex h px 70 fields 3 a x b"), "*3 $1 1 $-1 $1 2");
    assert_eq!(t.run("hgetex h persist fields 2 a c"), "*2 $1 1 $1 3");
    assert_eq!(t.run("hpttl h fields 2 a b"), "*2 :-1 :70");
    assert_eq!(t.run("hgetdel h fields 3 a x a"), "*3 $1 1 $-1 $-1");
    assert_eq!(t.run("hgetdel nope fields 1 a"), "*1 $-1");
    assert_eq!(t.run("hgetdel h fields 2 b c"), "*2 $1 2 $1 3");
    assert_eq!(t.run("exists h"), ":0");
    assert_eq!(
        t.stream(),
        "HPEXPIREAT h 1000070 FIELDS 2 a b | HPERSIST h FIELDS 1 a | HDEL h a | HDEL h b c"
    );
}

#[test]
fn a_replica_hides_what_has_expired_and_waits_for_the_stream() {
    let mut t = with_hash();
    follow(&mut t);
    t.apply("HPEXPIREAT h 1000010 FIELDS 2 a b");
    t.apply("HPEXPIREAT h 5 FIELDS 1 c");
    assert_eq!(t.run("hmget h a b c"), "*3 $1 1 $1 2 $-1");
    t.now_ms += 10;
    t.tick();
    assert_eq!(t.run("hgetall h"), "*0");
    assert_eq!(t.run("hlen h"), ":3");
    // The primary's word counts, whatever the time is here.
    t.apply("HSETEX h KEEPTTL FIELDS 1 a 7");
    t.apply("HPEXPIREAT h 2000000 FIELDS 1 a");
    t.apply("HINCRBY h b 5");
    t.apply("HPERSIST h FIELDS 1 b");
    assert_eq!(t.run("hmget h a b c"), "*3 $1 7 $1 7 $-1");
    t.apply("HDEL h c");
    assert_eq!(t.run("hlen h"), ":2");
    assert_eq!(t.engine.keyspace.db(0).hashes_with_expiring_fields(), 1);
}

#[test]
fn the_index_follows_keys_wherever_they_go() {
    let mut t = with_hash();
    t.run("hpexpire h 10 fields 1 a");
    t.run("copy h i");
    t.run("rename h j");
    t.run("move j 1");
    let listed = |t: &TestEngine, db| t.engine.keyspace.db(db).hashes_with_expiring_fields();
    assert_eq!((listed(&t, 0), listed(&t, 1)), (1, 1));
    t.run("set i x");
    assert_eq!(listed(&t, 0), 0);
    t.run("hset i2 a 1 b 2");
    t.run("hpexpire i2 20 fields 2 a b");
    t.run("swapdb 0 1");
    assert_eq!((listed(&t, 0), listed(&t, 1)), (1, 1));
    assert_eq!(t.run("hpttl j fields 1 a"), "*1 :10");
    t.stream();
    t.now_ms += 20;
    t.tick();
    assert_eq!((listed(&t, 0), listed(&t, 1)), (0, 0));
    assert_eq!(t.run("hlen j"), ":2");
    assert_eq!(t.stream(), "HDEL j a | HDEL i2 a b");
    t.run("hexpire j 10 fields 1 b");
    t.run("flushall");
    assert_eq!(listed(&t, 0), 0);
}

#[test]
fn many_due_fields_go_in_pieces() {
    let mut t = TestEngine::new();
    for field in 0..1000 {
        t.run(&format!(
            "hsetex h px {} fields 1 f{field} v",
            1 + field / 10
        ));
    }
    t.stream();
    t.now_ms += 50;
    t.tick();
    let stream = t.stream();
    assert_eq!(t.run("hlen h"), ":500");
    let named: usize = (stream.split(" | "))
        .map(|c| c.split(' ').count() - 2)
        .sum();
    assert_eq!((named, stream.split(" | ").count()), (500, 4));
    assert!(
        stream.starts_with("HDEL h f0 f1 "),
        "soonest first: {stream}"
    );
}

#[test]
fn errors_are_those_of_valkey() {
    let mut t = with_hash();
    t.run("set s x");
    t.stream();
    let num_fields =
        "-ERR numfields should be greater than 0 and match the provided number of fields";
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    let not_integer = "-ERR value is not an integer or out of range";
    let syntax = "-ERR syntax error";
    for (command, want) in [
        ("hexpire h 1 a b c", num_fields),
        ("hexpire h x fields 2 a", num_fields),
        ("hexpire h 1 fields 0 a", num_fields),
        ("hexpire h 1 fields 1 a nx", num_fields),
        ("hexpire h 1 fields x a", not_integer),
        ("hexpire h x fields 1 a", not_integer),
        ("hexpire h x foo fields 2 a", "-ERR Unsupported option foo"),
        (
            "hexpire h 1 nx xx fields 2 a",
            "-ERR NX and XX, GT or LT options at the same time are not compatible",
        ),
        ("hexpire s 1 fields 1 a", wrong_type),
        (
            "hexpireat s -1 fields 1 a",
            "-ERR invalid expire time in 'hexpireat' command",
        ),
        (
            "hexpire h 9223372036854775 fields 1 a",
            "-ERR invalid expire time in 'hexpire' command",
        ),
        ("hpersist h foo 1 a", syntax),
        ("hpersist h fields 2 a", num_fields),
        ("httl h fields 2 a", syntax),
        ("httl s fields 0 a", syntax),
        ("httl s fields 1 a", wrong_type),
        ("hgetdel h fields 2 a", num_fields),
        ("hgetdel h foo 1 a", syntax),
        ("hgetex h keepttl fields 1 a", syntax),
        ("hgetex h ex 1 persist fields 1 a", syntax),
        ("hgetex h ex 1 px 1 fields 1 a", syntax),
        ("hgetex s ex x fields 1 a", wrong_type),
        ("hgetex h ex x fields 1 a", not_integer),
        (
            "hgetex h ex -1 fields 1 a",
            "-ERR invalid expire time in 'hgetex' command",
        ),
        ("hsetex h ex 1 keepttl fields 1 a 1", syntax),
        ("hsetex h fnx fxx fields 1 a 1", syntax),
        ("hsetex h nx xx fields 1 a 1", syntax),
        ("hsetex h ex fields 1 a 1", syntax),
        ("hsetex h persist fields 1 a 1", syntax),
        ("hsetex h ex x fields 2 a 1", num_fields),
        ("hsetex h ex 1 a 1", num_fields),
        ("hsetex s ex -1 fields 1 a 1", wrong_type),
        (
            "hsetex h pxat -1 fields 1 a 1",
            "-ERR invalid expire time in 'hsetex' command",
        ),
    ] {
        assert_eq!(t.run(command), want, "{command}");
    }
    assert_eq!(t.stream(), "");
    assert_eq!(encoding(&t, "h"), "listpack");
}
