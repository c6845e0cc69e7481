//! Sets through the engine: replies in both protocols, encodings, errors, and
//! what the stream says.

use crate::config::SetRules;
use crate::resp::Protocol;
use crate::testing::TestEngine;
use crate::value::ValueRef;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

fn encoding(t: &TestEngine, key: &str) -> &'static str {
    let entry = t.engine.keyspace.find(0, key.as_bytes());
    match entry.expect("the key is there").value() {
        ValueRef::Set(set) => set.encoding(),
        _ => "no set",
    }
}

/// The members of a reply, sorted; its header must fit them.
fn members(reply: &str) -> Vec<String> {
    let words: Vec<&str> = reply.split(' ').collect();
    let mut members: Vec<String> = words
        .iter()
        .skip(2)
        .step_by(2)
        .map(ToString::to_string)
        .collect();
    assert_eq!(words[0][1..], members.len().to_string(), "{reply}");
    members.sort();
    members
}

#[test]
fn members_are_added_looked_up_and_removed() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("sadd s 1 2 2"), ":2");
    assert_eq!(t.run("sadd s 2 1"), ":0");
    assert_eq!(t.run("sadd s a 2"), ":1");
    assert_eq!(t.run("scard s"), ":3");
    assert_eq!(t.run("scard nope"), ":0");
    assert_eq!(t.run("sismember s a"), ":1");
    assert_eq!(t.run("sismember s b"), ":0");
    assert_eq!(t.run("smismember s 1 b a"), "*3 :1 :0 :1");
    assert_eq!(t.run("smismember nope 1 b"), "*2 :0 :0");
    assert_eq!(members(&t.run("smembers s")), ["1", "2", "a"]);
    assert_eq!(t.run("smembers nope"), "*0");
    assert_eq!(t.run("srem s x y"), ":0");
    assert_eq!(t.run("srem s x 1 1"), ":1");
    assert_eq!(t.run("srem s a 2"), ":2");
    assert!(t.engine.keyspace.find(0, b"s").is_none());
    assert_eq!(
        t.stream(),
        "sadd s 1 2 2 | sadd s a 2 | srem s x 1 1 | srem s a 2"
    );
}

#[test]
fn resp3_has_sets() {
    let mut t = TestEngine::new();
    t.run("sadd s 1 2");
    t.run("sadd r 2 3");
    let client = t.engine.server.clients.get_mut(t.id).expect("connected");
    client.reply.set_protocol(Protocol::Resp3);
    assert_eq!(t.run("smembers s"), "~2 $1 1 $1 2");
    assert_eq!(t.run("smembers nope"), "~0");
    assert_eq!(t.run("sinter s r"), "~1 $1 2");
    assert_eq!(t.run("sunion s r"), "~3 $1 1 $1 2 $1 3");
    assert_eq!(t.run("sdiff s r nope"), "~1 $1 1");
    assert_eq!(t.run("srandmember s 5"), "*2 $1 1 $1 2");
    assert_eq!(t.run("srandmember nope"), "_");
    assert_eq!(t.run("spop s 0"), "~0");
    assert_eq!(t.run("spop nope 1"), "~0");
    assert_eq!(t.run("spop s 9"), "~2 $1 1 $1 2");
    assert_eq!(t.run("spop nope"), "_");
    assert_eq!(t.run("sscan r 0"), "*2 $1 0 *2 $1 2 $1 3");
}

#[test]
fn errors_are_those_of_redis() {
    let mut t = TestEngine::new();
    t.run("set x x");
    t.run("sadd s 1");
    for command in [
        "sadd x 1",
        "srem x 1",
        "smove x s 1",
        "smove s x 1",
        "scard x",
        "sismember x 1",
        "smismember x 1",
        "smembers x",
        "spop x",
        "spop x 1",
        "srandmember x",
        "srandmember x 1",
        "sscan x 0",
        "sinter s x",
        "sinter nope x",
        "sunion x",
        "sdiff nope x",
        "sinterstore d s x",
        "sunionstore d x",
        "sdiffstore d x",
        "sintercard 1 x",
    ] {
        assert_eq!(t.run(command), WRONG_TYPE, "{command}");
    }
    for (command, want) in [
        ("spop s x", "-ERR value is out of range, must be positive"),
        ("spop s -1", "-ERR value is out of range, must be positive"),
        ("spop s 1 1", "-ERR syntax error"),
        (
            "srandmember s x",
            "-ERR value is not an integer or out of range",
        ),
        ("srandmember s 1 1", "-ERR syntax error"),
        ("sscan s x", "-ERR invalid cursor"),
        ("sscan s 0 foo", "-ERR syntax error"),
        ("sscan nope 0 foo", "*2 $1 0 *0"),
        ("sintercard 0 s", "-ERR numkeys should be greater than 0"),
        ("sintercard a s", "-ERR numkeys should be greater than 0"),
        (
            "sintercard 2 s",
            "-ERR Number of keys can't be greater than number of args",
        ),
        ("sintercard 1 s t", "-ERR syntax error"),
        ("sintercard 1 s limit", "-ERR syntax error"),
        ("sintercard 1 s limit -1", "-ERR LIMIT can't be negative"),
        ("sintercard 1 s limit a", "-ERR LIMIT can't be negative"),
    ] {
        assert_eq!(t.run(command), want, "{command}");
    }
    assert_eq!(t.stream(), "set x x | sadd s 1");
}

#[test]
fn moving_a_member() {
    let mut t = TestEngine::new();
    t.run("sadd a 1 2");
    t.run("sadd b 2 3");
    t.stream();
    assert_eq!(t.run("smove nope b 1"), ":0");
    assert_eq!(t.run("smove a b 9"), ":0");
    assert_eq!(t.run("smove a a 1"), ":1");
    assert_eq!(t.run("smove a a 9"), ":0");
    assert_eq!(t.run("smove a b 2"), ":1");
    assert_eq!(t.run("smove a c 1"), ":1");
    assert!(t.engine.keyspace.find(0, b"a").is_none());
    assert_eq!(members(&t.run("smembers b")), ["2", "3"]);
    assert_eq!(members(&t.run("smembers c")), ["1"]);
    assert_eq!(t.stream(), "smove a b 2 | smove a c 1");
}

#[test]
fn combinations() {
    let mut t = TestEngine::new();
    t.run("sadd a 1 2 3 x y");
    t.run("sadd b 2 3 4 x");
    t.run("sadd c 3 x z");
    assert_eq!(members(&t.run("sinter a b c")), ["3", "x"]);
    assert_eq!(
        members(&t.run("sunion a b c")),
        ["1", "2", "3", "4", "x", "y", "z"]
    );
    assert_eq!(members(&t.run("sdiff a b c")), ["1", "y"]);
    assert_eq!(members(&t.run("sdiff a")), ["1", "2", "3", "x", "y"]);
    assert_eq!(t.run("sinter a nope"), "*0");
    assert_eq!(t.run("sdiff nope a"), "*0");
    assert_eq!(t.run("sunion nope"), "*0");
    assert_eq!(t.run("sintercard 3 a b c"), ":2");
    assert_eq!(t.run("sintercard 3 a b c limit 1"), ":1");
    assert_eq!(t.run("sintercard 3 a b c limit 0"), ":2");
    assert_eq!(t.run("sintercard 2 a nope"), ":0");
    t.stream();
    assert_eq!(t.run("sinterstore d a b"), ":3");
    assert_eq!(t.run("sunionstore a a c"), ":6");
    assert_eq!(t.run("sdiffstore e nope a"), ":0");
    assert_eq!(t.run("sdiffstore d nope a"), ":0");
    assert!(t.engine.keyspace.find(0, b"d").is_none());
    assert_eq!(
        t.stream(),
        "sinterstore d a b | sunionstore a a c | sdiffstore d nope a"
    );
    t.run("set v 1 px 1000");
    assert_eq!(t.run("sunionstore v a"), ":6");
    let stored = t.engine.keyspace.find(0, b"v").expect("just stored");
    assert_eq!(stored.expire_ms(), None);
}

#[test]
fn both_ways_to_a_difference_agree() {
    let mut t = TestEngine::new();
    let many = |from: u32, to: u32| {
        (from..to)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    t.run(&format!("sadd large {}", many(0, 1000)));
    t.run("sadd one 5");
    t.run("sadd two 7");
    t.run("sadd three 9");
    // Few small sets against a large one are taken away from it …
    assert_eq!(t.run("sdiffstore d large one two three"), ":997");
    assert_eq!(t.run("smismember d 5 7 9 11"), "*4 :0 :0 :0 :1");
    assert_eq!(t.run("scard large"), ":1000");
    // … and a small one's members are tried on a large one.
    assert_eq!(t.run("sadd one 5000"), ":1");
    assert_eq!(members(&t.run("sdiff one large two")), ["5000"]);
}

#[test]
fn encodings_follow_the_thresholds() {
    let mut t = TestEngine::new();
    let limits: [&[u8]; 4] = [
        b"set-max-intset-entries",
        b"4",
        b"set-max-listpack-entries",
        b"3",
    ];
    let changed = t.engine.server.config.set(&limits, SetRules::default());
    assert!(changed.is_ok());
    for (members, want) in [
        ("1 2 3 4", "intset"),
        ("1 2 3 4 5", "hashtable"),
        ("1 x 2", "listpack"),
        ("x 1 2", "listpack"),
        ("x 1 2 3", "hashtable"),
    ] {
        t.run("srem s 1 2 3 4 5 x");
        t.run(&format!("sadd s {members}"));
        assert_eq!(encoding(&t, "s"), want, "{members}");
    }
    t.run("sadd i 1 2 3 4");
    t.run("sadd i 5");
    assert_eq!(encoding(&t, "i"), "hashtable");
    t.run("sadd j 1 2 3");
    t.run("sadd j x");
    assert_eq!(encoding(&t, "j"), "hashtable");
    t.run("sinterstore d i j");
    assert_eq!(encoding(&t, "d"), "intset");
}

#[test]
fn popping_tells_replicas_what_went() {
    let mut t = TestEngine::new();
    t.run("sadd s only");
    t.stream();
    assert_eq!(t.run("spop s"), "$4 only");
    assert!(t.engine.keyspace.find(0, b"s").is_none());
    assert_eq!(t.run("spop s"), "$-1");
    assert_eq!(t.stream(), "SREM s only");

    t.run("sadd s a b c d e");
    t.stream();
    let popped = members(&t.run("spop s 2"));
    let mut left = members(&t.run("smembers s"));
    let stream = t.stream();
    let mut told: Vec<&str> = stream.split(' ').collect();
    assert_eq!(told.drain(..2).collect::<Vec<_>>(), ["SREM", "s"]);
    told.sort_unstable();
    assert_eq!(told, popped);
    left.extend(popped);
    left.sort();
    assert_eq!(left, ["a", "b", "c", "d", "e"]);
    assert_eq!(t.run("spop s 100").split(' ').next(), Some("*3"));
    assert_eq!(t.stream(), "DEL s");

    let many: Vec<String> = (0..3000).map(|n| n.to_string()).collect();
    t.run(&format!("sadd s {}", many.join(" ")));
    t.stream();
    t.run("spop s 2000");
    let stream = t.stream();
    let sizes: Vec<usize> = stream
        .split(" | ")
        .map(|command| command.split(' ').count())
        .collect();
    assert_eq!(sizes, [1, 1026, 978, 1], "MULTI, two SREMs, EXEC");
    assert_eq!(t.run("scard s"), ":1000");
}

#[test]
fn random_members() {
    let mut t = TestEngine::new();
    t.run("sadd s a b c");
    assert_eq!(t.run("srandmember nope"), "$-1");
    assert_eq!(t.run("srandmember nope 2"), "*0");
    assert_eq!(t.run("srandmember s 0"), "*0");
    assert_eq!(members(&t.run("srandmember s 9")), ["a", "b", "c"]);
    assert_eq!(members(&t.run("srandmember s 2")).len(), 2);
    let many = members(&t.run("srandmember s -60"));
    assert_eq!(many.len(), 60);
    for member in ["a", "b", "c"] {
        assert!(many.iter().any(|drawn| drawn == member), "{many:?}");
    }
}

#[test]
fn a_scan_of_a_large_set_sees_every_member_once() {
    let mut t = TestEngine::new();
    let all: Vec<String> = (0..1000).map(|n| format!("m{n}")).collect();
    t.run(&format!("sadd s {}", all.join(" ")));
    let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let reply = t.run(&format!("sscan s {cursor}"));
        let words: Vec<&str> = reply.split(' ').collect();
        seen.extend(
            words[4..]
                .iter()
                .skip(1)
                .step_by(2)
                .map(ToString::to_string),
        );
        cursor = words[2].to_owned();
        if cursor == "0" {
            break;
        }
    }
    seen.sort();
    let mut all = all;
    all.sort();
    assert_eq!(seen, all);
    t.run("sadd small a b 1");
    assert_eq!(t.run("sscan small 0 match a count 1"), "*2 $1 0 *1 $1 a");
}

#[test]
fn only_a_change_fails_a_transaction() {
    let mut t = TestEngine::new();
    t.run("sadd s a");
    t.run("watch s");
    let dirty = |t: &TestEngine| {
        let client = t.engine.server.clients.get(t.id);
        client.expect("connected").dirty_watch
    };
    for command in [
        "sadd s a",
        "srem s b",
        "smove s t b",
        "smove s s a",
        "spop s 0",
        "sunion s",
    ] {
        t.run(command);
        assert!(!dirty(&t), "{command} changes nothing");
    }
    t.run("srem s a");
    assert!(dirty(&t));
}
