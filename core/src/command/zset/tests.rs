//! Sorted sets through the engine: replies in both protocols, encodings,
//! errors, events, and what the stream says.

use crate::engine::ClientId;
use crate::engine::pubsub::Kind;
use crate::resp::Protocol;
use crate::testing::TestEngine;
use crate::value::ValueRef;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

fn resp3(t: &mut TestEngine) {
    let client = t.engine.server.clients.get_mut(t.id).expect("connected");
    client.reply.set_protocol(Protocol::Resp3);
}

fn encoding(t: &TestEngine, key: &str) -> &'static str {
    let entry = t.engine.keyspace.find(0, key.as_bytes());
    match entry.expect("the key is there").value() {
        ValueRef::ZSet(zset) => zset.encoding(),
        _ => "no sorted set",
    }
}

/// Runs each line and compares its reply. STRLEN, which a sorted set refuses,
/// shows that a key is gone.
fn all(t: &mut TestEngine, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        assert_eq!(t.run(line), *reply, "{line}");
    }
}

#[test]
fn zadd_honours_its_options() {
    let mut t = TestEngine::new();
    all(
        &mut t,
        &[
            ("zadd z 1 a 2 b", ":2"),
            ("zadd z 3 a 2 b 4 c", ":1"),
            ("zadd z ch 5 a 2 b 4 d", ":2"),
            ("zadd z nx 9 a 9 e", ":1"),
            ("zadd z xx ch 6 a 6 nobody", ":1"),
            ("zadd z gt ch 5 a 7 b", ":1"),
            ("zadd z lt ch 7 a 1 b 1 new", ":2"),
            ("zadd z incr 2 b", "$1 3"),
            ("zadd z nx incr 2 b", "$-1"),
            ("zadd z gt incr -2 b", "$-1"),
            ("zadd none xx 1 a", ":0"),
            ("zadd none xx incr 1 a", "$-1"),
            ("strlen none", ":0"),
            ("zincrby z 1.5 b", "$3 4.5"),
            ("zincrby fresh 1.5 b", "$3 1.5"),
            ("zadd z inf i", ":1"),
            (
                "zincrby z -inf i",
                "-ERR resulting score is not a number (NaN)",
            ),
            ("zscore z i", "$3 inf"),
        ],
    );
}

#[test]
fn zadd_refuses_in_the_words_of_redis() {
    let mut t = TestEngine::new();
    t.run("set str v");
    let gt_lt = "-ERR GT, LT, and/or NX options at the same time are not compatible";
    all(
        &mut t,
        &[
            ("zadd str 1 a", WRONG_TYPE),
            (
                "zadd z 1",
                "-ERR wrong number of arguments for 'zadd' command",
            ),
            ("zadd z 1 a 2", "-ERR syntax error"),
            ("zadd z nx ch", "-ERR syntax error"),
            ("zadd z x a", "-ERR value is not a valid float"),
            ("zadd z nan a", "-ERR value is not a valid float"),
            (
                "zadd z nx xx 1 a",
                "-ERR XX and NX options at the same time are not compatible",
            ),
            ("zadd z gt lt 1 a", gt_lt),
            ("zadd z nx gt 1 a", gt_lt),
            (
                "zadd z incr 1 a 2 b",
                "-ERR INCR option supports a single increment-element pair",
            ),
            ("zadd z 1 a x b", "-ERR value is not a valid float"),
            ("strlen z", ":0"),
        ],
    );
    assert_eq!(
        t.stream(),
        "set str v",
        "what failed did not change anything"
    );
}

#[test]
fn scores_ranks_and_counts() {
    let mut t = TestEngine::new();
    t.run("zadd z 1 a 2 b 3 c 3.5 d");
    all(
        &mut t,
        &[
            ("zcard z", ":4"),
            ("zcard none", ":0"),
            ("zscore z d", "$3 3.5"),
            ("zscore z x", "$-1"),
            ("zmscore z a x c", "*3 $1 1 $-1 $1 3"),
            ("zmscore none a b", "*2 $-1 $-1"),
            ("zrank z c", ":2"),
            ("zrevrank z c", ":1"),
            ("zrank z x", "$-1"),
            ("zrank z c withscore", "*2 :2 $1 3"),
            ("zrank z x withscore", "*-1"),
            ("zrank z c x", "-ERR syntax error"),
            (
                "zrank z c withscore x",
                "-ERR wrong number of arguments for 'zrank' command",
            ),
            ("zcount z (1 3", ":2"),
            ("zcount z -inf +inf", ":4"),
            ("zcount z 3 1", ":0"),
            ("zcount z a 1", "-ERR min or max is not a float"),
            ("zlexcount z - +", ":4"),
            ("zlexcount z [b (d", ":2"),
            (
                "zlexcount z b d",
                "-ERR min or max not valid string range item",
            ),
        ],
    );
}

#[test]
fn zrange_in_all_its_forms() {
    let mut t = TestEngine::new();
    t.run("zadd z 1 a 2 b 3 c 4 d");
    t.run("zadd lex 0 a 0 b 0 c");
    let limit =
        "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    let scores = "-ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    all(
        &mut t,
        &[
            ("zrange z 0 -1", "*4 $1 a $1 b $1 c $1 d"),
            ("zrange z 1 2 rev withscores", "*4 $1 c $1 3 $1 b $1 2"),
            ("zrange z 4 2 rev byscore limit 1 1", "*1 $1 c"),
            ("zrange z (1 +inf byscore limit 1 -1", "*2 $1 c $1 d"),
            ("zrange z 0 9 byscore limit -1 5", "*0"),
            ("zrange lex [c (a bylex rev", "*2 $1 c $1 b"),
            ("zrange z 0 1 limit 0 1", limit),
            ("zrange lex - + bylex withscores", scores),
            ("zrange z 0 1 rev rev", "-ERR syntax error"),
            (
                "zrange z 0 x",
                "-ERR value is not an integer or out of range",
            ),
            ("zrevrange z 0 1 rev", "-ERR syntax error"),
            ("zrevrange z 0 1 withscores", "*4 $1 d $1 4 $1 c $1 3"),
            ("zrangebyscore z 2 3", "*2 $1 b $1 c"),
            ("zrevrangebyscore z 3 2 limit 0 1", "*1 $1 c"),
            ("zrangebylex lex - (c", "*2 $1 a $1 b"),
            ("zrevrangebylex lex + [b", "*2 $1 c $1 b"),
            ("zrange none 0 -1", "*0"),
        ],
    );
}

#[test]
fn resp3_nests_pairs_and_has_doubles() {
    let mut t = TestEngine::new();
    resp3(&mut t);
    t.run("zadd z 1 a 2.5 b 3 c 4 d");
    all(
        &mut t,
        &[
            ("zscore z b", ",2.5"),
            ("zscore z x", "_"),
            ("zincrby z 0.5 b", ",3"),
            ("zrank z x withscore", "_"),
            ("zrange z 0 0 withscores", "*1 *2 $1 a ,1"),
            (
                "zunion 1 z withscores",
                "*4 *2 $1 a ,1 *2 $1 b ,3 *2 $1 c ,3 *2 $1 d ,4",
            ),
            ("zpopmin z", "*2 $1 a ,1"),
            ("zpopmin z 1", "*1 *2 $1 b ,3"),
            ("zmpop 1 z max", "*2 $1 z *1 *2 $1 d ,4"),
            ("zrandmember z -2 withscores", "*2 *2 $1 c ,3 *2 $1 c ,3"),
            ("zscan z 0", "*2 $1 0 *2 $1 c $1 3"),
            ("zmpop 1 none max", "_"),
        ],
    );
}

#[test]
fn pops_and_removals() {
    let mut t = TestEngine::new();
    t.run("zadd z 1 a 2 b 3 c 4 d 5 e 6 f");
    t.run("set str v");
    let positive = "-ERR value is out of range, must be positive";
    all(
        &mut t,
        &[
            ("zpopmin z", "*2 $1 a $1 1"),
            ("zpopmax z 2", "*4 $1 f $1 6 $1 e $1 5"),
            ("zpopmin z 0", "*0"),
            ("zpopmin z -1", positive),
            ("zpopmin none", "*0"),
            ("zpopmin str", WRONG_TYPE),
            ("zmpop 2 none z min", "*2 $1 z *1 *2 $1 b $1 2"),
            ("zmpop 2 none str min", WRONG_TYPE),
            ("zmpop 1 none max count 3", "*-1"),
            ("zmpop 0 z min", "-ERR numkeys should be greater than 0"),
            (
                "zmpop 1 z min count 0",
                "-ERR count should be greater than 0",
            ),
            ("zmpop 1 z mid", "-ERR syntax error"),
            (
                "zmpop 1 z max count 9",
                "*2 $1 z *2 *2 $1 d $1 4 *2 $1 c $1 3",
            ),
            ("strlen z", ":0"),
            ("zadd z 1 a 2 b 3 c 4 d", ":4"),
            ("zrem z a x a", ":1"),
            ("zremrangebyscore z (2 3", ":1"),
            ("zremrangebyrank z 5 9", ":0"),
            ("zremrangebylex z [b [b", ":1"),
            ("zremrangebyrank z 0 -1", ":1"),
            ("strlen z", ":0"),
        ],
    );
}

#[test]
fn unions_intersections_and_differences() {
    let mut t = TestEngine::new();
    t.run("zadd x 1 a 2 b 3 c");
    t.run("zadd y 10 b 20 c 30 d");
    t.run("sadd s a d");
    t.run("set str v");
    all(
        &mut t,
        &[
            (
                "zunion 2 x y withscores",
                "*8 $1 a $1 1 $1 b $2 12 $1 c $2 23 $1 d $2 30",
            ),
            (
                "zunion 2 x s weights 2 5 withscores",
                "*8 $1 b $1 4 $1 d $1 5 $1 c $1 6 $1 a $1 7",
            ),
            (
                "zinter 2 x y aggregate max withscores",
                "*4 $1 b $2 10 $1 c $2 20",
            ),
            ("zinter 2 x none", "*0"),
            ("zdiff 2 x y withscores", "*2 $1 a $1 1"),
            ("zdiff 2 x x", "*0"),
            ("zintercard 2 x y", ":2"),
            ("zintercard 2 x y limit 1", ":1"),
            ("zintercard 2 x y limit -1", "-ERR LIMIT can't be negative"),
            ("zunionstore x 2 x y", ":4"),
            (
                "zrange x 0 -1 withscores",
                "*8 $1 a $1 1 $1 b $2 12 $1 c $2 23 $1 d $2 30",
            ),
            ("zinterstore str 1 none", ":0"),
            ("strlen str", ":0"),
            ("zdiffstore out 2 x s", ":2"),
            (
                "zunion 0 x",
                "-ERR at least 1 input key is needed for 'zunion' command",
            ),
            ("zunion 3 x y", "-ERR syntax error"),
            ("zdiff 2 x y weights 1 2", "-ERR syntax error"),
            ("zunion 1 x weights a", "-ERR weight value is not a float"),
            ("zunionstore out 1 x withscores", "-ERR syntax error"),
        ],
    );
    t.run("set str v");
    assert_eq!(t.run("zunion 2 x str foo"), WRONG_TYPE);
}

#[test]
fn infinities_that_meet_leave_zero() {
    let mut t = TestEngine::new();
    t.run("zadd p inf a");
    t.run("zadd m -inf a");
    all(
        &mut t,
        &[
            ("zunion 2 p m withscores", "*2 $1 a $1 0"),
            ("zinter 2 p m withscores", "*2 $1 a $1 0"),
            ("zunion 1 p weights 0 withscores", "*2 $1 a $1 0"),
            ("zunion 2 p m aggregate min withscores", "*2 $1 a $4 -inf"),
        ],
    );
}

#[test]
fn the_limits_decide_the_encoding() {
    let mut t = TestEngine::new();
    for id in 0..128 {
        t.run(&format!("zadd z {id} m{id}"));
    }
    assert_eq!(encoding(&t, "z"), "listpack");
    t.run("zrangestore copy z 0 -1");
    t.run("zadd z 0.1 more");
    assert_eq!(
        (encoding(&t, "z"), encoding(&t, "copy")),
        ("skiplist", "listpack")
    );
    t.run("zunionstore sum 2 z copy");
    assert_eq!(encoding(&t, "sum"), "skiplist");
    t.run("zinterstore both 2 z copy");
    assert_eq!(encoding(&t, "both"), "listpack");
    t.run(&format!("zadd long 1 {}", "x".repeat(65)));
    assert_eq!(encoding(&t, "long"), "skiplist");
}

#[test]
fn a_scan_visits_every_member_once() {
    let mut t = TestEngine::new();
    t.run("zadd small 0.1 a 2 b");
    all(
        &mut t,
        &[
            ("zscan small 0", "*2 $1 0 *4 $1 a $3 0.1 $1 b $1 2"),
            ("zscan small 0 match a*", "*2 $1 0 *2 $1 a $3 0.1"),
            ("zscan small 0 noscores count 1", "*2 $1 0 *2 $1 a $1 b"),
            ("zscan none 0 foo", "*2 $1 0 *0"),
            ("zscan small x", "-ERR invalid cursor"),
            (
                "zscan small 0 novalues",
                "-ERR NOVALUES option can only be used in HSCAN",
            ),
        ],
    );
    for id in 0..1000 {
        t.run(&format!("zadd z 0.1 m{id}"));
    }
    let (mut cursor, mut seen) = (String::from("0"), Vec::new());
    loop {
        let reply = t.run(&format!("zscan z {cursor} count 50"));
        let words: Vec<&str> = reply.split(' ').collect();
        // *2 $n cursor *n, then $n member $n score for each
        words[2].clone_into(&mut cursor);
        for member in words[4..].chunks_exact(4) {
            assert_eq!(member[3], "0.10000000000000001");
            seen.push(member[1].to_owned());
        }
        if cursor == "0" {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
}

#[test]
fn random_members_are_members() {
    let mut t = TestEngine::new();
    t.run("zadd z 1 a 2 b 3 c");
    for _ in 0..20 {
        assert!(["$1 a", "$1 b", "$1 c"].contains(&t.run("zrandmember z").as_str()));
    }
    let out_of_range = "-ERR value is out of range";
    all(
        &mut t,
        &[
            ("zrandmember z 3", "*3 $1 a $1 b $1 c"),
            (
                "zrandmember z 9 withscores",
                "*6 $1 a $1 1 $1 b $1 2 $1 c $1 3",
            ),
            ("zrandmember z 0", "*0"),
            ("zrandmember none", "$-1"),
            ("zrandmember none 2", "*0"),
            ("zrandmember z 1 foo", "-ERR syntax error"),
            ("zrandmember z 9223372036854775807 withscores", out_of_range),
        ],
    );
    let repeated = t.run("zrandmember z -40");
    assert_eq!(repeated.split(' ').count(), 1 + 2 * 40);
    let two = t.run("zrandmember z 2");
    assert!(["*2 $1 a $1 b", "*2 $1 a $1 c", "*2 $1 b $1 c"].contains(&two.as_str()));
}

#[test]
fn the_stream_says_what_changed() {
    let mut t = TestEngine::new();
    for line in [
        "zadd z 1 a 2 b 3 c 4 d",
        "zadd z 1 a",
        "zadd z nx 5 a",
        "zincrby z 0 a",
        "zincrby z 1 a",
        "zpopmin z",
        "zpopmax z 1",
        "zmpop 2 none z min count 1",
        "zrem z nobody",
        "zrange z 0 -1",
        "zrangestore dst z 0 -1",
        "zrangestore none none 0 -1",
        "zremrangebyrank z 5 6",
        "zunionstore dst 1 none",
        "zremrangebyscore z -inf inf",
    ] {
        t.run(line);
    }
    let wanted = [
        "zadd z 1 a 2 b 3 c 4 d",
        "zincrby z 1 a",
        "zpopmin z",
        "zpopmax z 1",
        "ZPOPMIN z 1",
        "zrangestore dst z 0 -1",
        "zunionstore dst 1 none",
        "zremrangebyscore z -inf inf",
    ];
    assert_eq!(t.stream(), wanted.join(" | "));
}

/// The events that `line` caused, each with its key.
fn events(t: &mut TestEngine, ears: ClientId, line: &str) -> String {
    t.run(line);
    let heard = t.output(ears);
    let words: Vec<&str> = heard.split(' ').collect();
    // *4 $8 pmessage $16 pattern $n channel $n key
    let event = |message: &[&str]| {
        let name = message[6].trim_start_matches("__keyevent@0__:");
        format!("{name} {}", message[8])
    };
    let events: Vec<String> = words.chunks_exact(9).map(event).collect();
    events.join(", ")
}

#[test]
fn events_tell_what_happened_in_redis_order() {
    let mut t = TestEngine::new();
    let ears = t.connect();
    let server = &mut t.engine.server;
    let loaded = server.config.load(b"notify-keyspace-events", &[b"KEA"]);
    loaded.expect("a directive and its value");
    server
        .pubsub
        .subscribe(Kind::Pattern, b"__keyevent@0__:*", ears);
    for (line, expected) in [
        ("zadd z 1 a 2 b 3 c", "zadd z"),
        ("zadd z 1 a", ""),
        ("zadd z incr 1 a", "zincr z"),
        ("zincrby z 1 a", "zincr z"),
        ("zrangestore y z 0 -1", "zrangestore y"),
        ("zrem z a nobody", "zrem z"),
        ("zremrangebyrank z 0 0", "zremrangebyrank z"),
        ("zremrangebyscore z 9 9", ""),
        ("zpopmax z", "zpopmax z, del z"),
        ("zunionstore x 1 y", "zunionstore x"),
        ("zinterstore x 1 none", "del x"),
        ("zdiffstore x 1 none", ""),
        ("zmpop 1 y min count 2", "zpopmin y"),
        ("zremrangebylex y - +", "zremrangebylex y, del y"),
    ] {
        assert_eq!(events(&mut t, ears, line), expected, "{line}");
    }
}

#[test]
fn doubles_that_only_strtod_reads_travel_plainly() {
    let mut t = TestEngine::new();
    for (line, stream) in [
        ("zadd z 0x10 0x10", "zadd z 16 0x10"),
        (
            "zadd z nx ch 1 a .5 inf 0X2 c",
            "zadd z nx ch 1 a 0.5 inf 2 c",
        ),
        ("zadd z 1 a", ""),
        ("zadd z +1 a", ""),
        ("zincrby z -0x1p-1 a", "zincrby z -0.5 a"),
        ("zincrby z 1.5 a", "zincrby z 1.5 a"),
        ("zadd z incr 0x1 a", "zadd z incr 1 a"),
        ("zremrangebyscore z (0x0 +0.5", "zremrangebyscore z (0 0.5"),
        (
            "zrangestore 0x1 z 0x0 (1e400 byscore limit 0 1",
            "zrangestore 0x1 z 0 (inf byscore limit 0 1",
        ),
        (
            "zunionstore w 2 z 0x1 aggregate max WEIGHTS 0x2 1",
            "zunionstore w 2 z 0x1 aggregate max WEIGHTS 2 1",
        ),
        (
            "geoadd g 13.36138933897018433 38.11555639549629859 0x5",
            "ZADD g 3479099956230698 0x5",
        ),
        (
            "georadius g 0xd 38 +200 km store 0x7",
            "georadius g 13 38 200 km store 0x7",
        ),
        (
            "georadiusbymember g 0x5 0xff m store 0x8",
            "georadiusbymember g 0x5 255 m store 0x8",
        ),
        (
            "geosearchstore 0x9 g frommember 0x5 bybox 0x10 1. m",
            "geosearchstore 0x9 g frommember 0x5 bybox 16 1 m",
        ),
        (
            "geosearchstore d g byradius 0x100 km fromlonlat 13 0x26",
            "geosearchstore d g byradius 256 km fromlonlat 13 38",
        ),
    ] {
        t.stream();
        t.run(line);
        assert_eq!(t.stream(), stream, "{line}");
    }
}
