//! Hashes through the engine: replies in both protocols, encodings, errors,
//! and what the stream says.

use crate::config::SetRules;
use crate::testing::TestEngine;
use crate::value::ValueRef;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

fn resp3(t: &mut TestEngine) {
    use crate::resp::Protocol;
    let client = t.engine.server.clients.get_mut(t.id).expect("connected");
    client.reply.set_protocol(Protocol::Resp3);
}

fn encoding(t: &TestEngine, key: &str) -> &'static str {
    let entry = t.engine.keyspace.find(0, key.as_bytes());
    match entry.expect("the key is there").value() {
        ValueRef::Hash(hash) => hash.encoding(),
        _ => "no hash",
    }
}

#[test]
fn fields_are_set_read_and_removed() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("hset h a 1 b two a 3"), ":2");
    assert_eq!(t.run("hget h a"), "$1 3");
    assert_eq!(t.run("hget h c"), "$-1");
    assert_eq!(t.run("hget nope a"), "$-1");
    assert_eq!(t.run("hmget h b c a"), "*3 $3 two $-1 $1 3");
    assert_eq!(t.run("hmget nope b c"), "*2 $-1 $-1");
    assert_eq!(t.run("hlen h"), ":2");
    assert_eq!(t.run("hstrlen h b"), ":3");
    assert_eq!(t.run("hstrlen h c"), ":0");
    assert_eq!(t.run("hexists h b"), ":1");
    assert_eq!(t.run("hexists h c"), ":0");
    assert_eq!(t.run("hgetall h"), "*4 $1 a $1 3 $1 b $3 two");
    assert_eq!(t.run("hkeys h"), "*2 $1 a $1 b");
    assert_eq!(t.run("hvals h"), "*2 $1 3 $3 two");
    assert_eq!(t.run("hsetnx h a 9"), ":0");
    assert_eq!(t.run("hsetnx h c 9"), ":1");
    assert_eq!(t.run("hmset h d 4"), "+OK");
    assert_eq!(t.run("hdel h x"), ":0");
    assert_eq!(t.run("hdel h x a a b c"), ":3");
    assert_eq!(t.run("hdel h d"), ":1");
    assert_eq!(t.run("hlen h"), ":0");
    assert!(t.engine.keyspace.find(0, b"h").is_none());
    assert_eq!(
        t.stream(),
        "hset h a 1 b two a 3 | hsetnx h c 9 | hmset h d 4 | hdel h x a a b c | hdel h d"
    );
}

#[test]
fn resp3_has_maps_and_pairs() {
    let mut t = TestEngine::new();
    t.run("hset h a 1");
    resp3(&mut t);
    assert_eq!(t.run("hgetall h"), "%1 $1 a $1 1");
    assert_eq!(t.run("hgetall nope"), "%0");
    assert_eq!(t.run("hkeys nope"), "*0");
    assert_eq!(t.run("hget h x"), "_");
    assert_eq!(t.run("hrandfield h 1 withvalues"), "*1 *2 $1 a $1 1");
    assert_eq!(t.run("hscan h 0"), "*2 $1 0 *2 $1 a $1 1");
}

#[test]
fn errors_are_those_of_redis() {
    let mut t = TestEngine::new();
    t.run("set s x");
    t.run("hset h a x");
    for command in [
        "hset s a 1",
        "hsetnx s a 1",
        "hget s a",
        "hmget s a",
        "hgetall s",
        "hlen s",
        "hdel s a",
        "hincrby s a 1",
        "hincrbyfloat s a 1",
        "hscan s 0",
        "hrandfield s",
        "hrandfield s 1",
    ] {
        assert_eq!(t.run(command), WRONG_TYPE, "{command}");
    }
    for (command, want) in [
        (
            "hset h a",
            "-ERR wrong number of arguments for 'hset' command",
        ),
        (
            "hset h a 1 b",
            "-ERR wrong number of arguments for 'hset' command",
        ),
        (
            "hmset h a 1 b",
            "-ERR wrong number of arguments for 'hmset' command",
        ),
        (
            "hincrby h a 1.5",
            "-ERR value is not an integer or out of range",
        ),
        ("hincrby h a 1", "-ERR hash value is not an integer"),
        ("hincrbyfloat h a 1", "-ERR hash value is not a float"),
        ("hincrbyfloat h b x", "-ERR value is not a valid float"),
        ("hincrbyfloat h b inf", "-ERR value is NaN or Infinity"),
        ("hscan h x", "-ERR invalid cursor"),
        ("hscan nope x", "-ERR invalid cursor"),
        ("hscan h 0 count", "-ERR syntax error"),
        ("hscan nope 0 count", "*2 $1 0 *0"),
        (
            "hrandfield h x",
            "-ERR value is not an integer or out of range",
        ),
        ("hrandfield h 1 values", "-ERR syntax error"),
        ("hrandfield h 1 withvalues x", "-ERR syntax error"),
        (
            "hrandfield h -9223372036854770000 withvalues",
            "-ERR value is out of range",
        ),
    ] {
        assert_eq!(t.run(command), want, "{command}");
    }
    assert_eq!(t.run("hlen nope"), ":0");
    assert_eq!(t.stream(), "set s x | hset h a x");
}

#[test]
fn counters() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("hincrby h n 41"), ":41");
    assert_eq!(t.run("hincrby h n 1"), ":42");
    assert_eq!(t.run("hset h n 9223372036854775807"), ":0");
    assert_eq!(
        t.run("hincrby h n 1"),
        "-ERR increment or decrement would overflow"
    );
    assert_eq!(t.run("hset h f 10.1"), ":1");
    t.stream();
    assert_eq!(t.run("hincrbyfloat h f 0.1"), "$4 10.2");
    assert_eq!(t.run("hincrbyfloat h g -1e3"), "$5 -1000");
    assert_eq!(t.run("hincrby h i 7"), ":7");
    assert_eq!(t.stream(), "HSET h f 10.2 | HSET h g -1000 | hincrby h i 7");
}

#[test]
fn encodings_follow_the_thresholds() {
    let mut t = TestEngine::new();
    let limit: [&[u8]; 2] = [b"hash-max-listpack-entries", b"3"];
    let changed = t.engine.server.config.set(&limit, SetRules::default());
    assert!(changed.is_ok());
    t.run("hset h a 1 b 2 c 3");
    assert_eq!(encoding(&t, "h"), "listpack");
    t.run("hset h a 4");
    assert_eq!(encoding(&t, "h"), "listpack");
    t.run("hset h d 4");
    assert_eq!(encoding(&t, "h"), "hashtable");
    assert_eq!(t.run("hget h a"), "$1 4");
    t.run(&format!("hset long a {}", "x".repeat(65)));
    assert_eq!(encoding(&t, "long"), "hashtable");
}

#[test]
fn a_scan_of_a_large_hash_sees_every_field_once() {
    let mut t = TestEngine::new();
    for field in 0..1000 {
        t.run(&format!("hset h f{field} v{field}"));
    }
    assert_eq!(encoding(&t, "h"), "hashtable");
    let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let reply = t.run(&format!("hscan h {cursor} count 100 match f*"));
        let words: Vec<&str> = reply.split(' ').collect();
        seen.extend(
            words
                .iter()
                .filter(|word| word.starts_with('f'))
                .map(|word| (*word).to_owned()),
        );
        assert!(words.len() < 4 * 120, "about 100 pairs in one reply");
        cursor = words[2].to_owned();
        if cursor == "0" {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
    t.run("hset small a 1 b 2");
    assert_eq!(t.run("hscan small 0 match a"), "*2 $1 0 *2 $1 a $1 1");
    assert_eq!(t.run("hscan small 0 novalues"), "*2 $1 0 *2 $1 a $1 b");
}

#[test]
fn random_fields() {
    let mut t = TestEngine::new();
    t.run("hset h a 1 b 2 c 3");
    assert_eq!(t.run("hrandfield nope"), "$-1");
    assert_eq!(t.run("hrandfield nope 5"), "*0");
    assert_eq!(t.run("hrandfield h 0"), "*0");
    assert_eq!(
        t.run("hrandfield h 5 withvalues"),
        "*6 $1 a $1 1 $1 b $1 2 $1 c $1 3"
    );
    assert_eq!(t.run("hrandfield h 5"), "*3 $1 a $1 b $1 c");
    let two = t.run("hrandfield h 2");
    assert!(two.starts_with("*2 "), "{two}");
    let many = t.run("hrandfield h -50");
    assert!(many.starts_with("*50 "), "{many}");
    for field in ["$1 a", "$1 b", "$1 c"] {
        assert!(many.contains(field), "{many}");
    }
    assert!(["$1 a", "$1 b", "$1 c"].contains(&t.run("hrandfield h").as_str()));
}

#[test]
fn only_a_change_fails_a_transaction() {
    let mut t = TestEngine::new();
    t.run("hset h a 1");
    t.run("watch h");
    let dirty = |t: &TestEngine| {
        let client = t.engine.server.clients.get(t.id);
        client.expect("connected").dirty_watch
    };
    for command in ["hdel h x", "hsetnx h a 2", "hget h a"] {
        t.run(command);
        assert!(!dirty(&t), "{command} changes nothing");
    }
    t.run("hdel h a");
    assert!(dirty(&t));
}
