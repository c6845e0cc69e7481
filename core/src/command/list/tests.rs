//! Lists through the engine: replies, errors, the stream and the events.

use crate::engine::ClientId;
use crate::engine::pubsub::Kind;
use crate::testing::TestEngine;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_INTEGER: &str = "-ERR value is not an integer or out of range";

#[test]
fn pushes_and_pops_work_at_both_ends() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("rpush l b c"), ":2");
    assert_eq!(t.run("lpush l a 0"), ":4");
    assert_eq!(t.run("lrange l 0 -1"), "*4 $1 0 $1 a $1 b $1 c");
    assert_eq!(t.run("lpop l"), "$1 0");
    assert_eq!(t.run("rpop l 2"), "*2 $1 c $1 b");
    assert_eq!(t.run("lpop l 0"), "*0");
    assert_eq!(t.run("llen l"), ":1");
    assert_eq!(t.run("lpop l 9"), "*1 $1 a");
    assert_eq!(t.run("llen l"), ":0");
    assert_eq!(t.run("lpop l"), "$-1");
    assert_eq!(t.run("lpop l 1"), "*-1");
    assert_eq!(
        t.stream(),
        "rpush l b c | lpush l a 0 | lpop l | rpop l 2 | lpop l 9"
    );
}

#[test]
fn pops_refuse_what_is_no_count() {
    let mut t = TestEngine::new();
    let refused = "-ERR value is out of range, must be positive";
    assert_eq!(t.run("lpop l -1"), refused);
    assert_eq!(t.run("rpop l x"), refused);
    assert_eq!(
        t.run("rpop l 1 2"),
        "-ERR wrong number of arguments for 'rpop' command"
    );
    t.run("set s v");
    for line in [
        "lpop s",
        "lpop s 1",
        "rpush s a",
        "lpushx s a",
        "llen s",
        "lindex s 0",
        "lrange s 0 1",
        "lset s 0 a",
        "linsert s before a b",
        "lrem s 0 a",
        "ltrim s 0 1",
        "lpos s a",
        "lmove s l left left",
        "lmpop 1 s left",
    ] {
        assert_eq!(t.run(line), WRONG_TYPE, "{line}");
    }
    assert_eq!(t.stream(), "set s v");
}

#[test]
fn pushx_needs_a_list() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("lpushx l a"), ":0");
    assert_eq!(t.run("rpushx l a"), ":0");
    t.run("rpush l a");
    assert_eq!(t.run("rpushx l b c"), ":3");
    assert_eq!(t.stream(), "rpush l a | rpushx l b c");
}

#[test]
fn elements_are_read_by_index_and_range() {
    let mut t = TestEngine::new();
    t.run("rpush l a 10 c");
    assert_eq!(t.run("lindex l 1"), "$2 10");
    assert_eq!(t.run("lindex l -3"), "$1 a");
    assert_eq!(t.run("lindex l 3"), "$-1");
    assert_eq!(t.run("lindex l -4"), "$-1");
    assert_eq!(t.run("lindex l x"), NOT_INTEGER);
    assert_eq!(t.run("lindex none x"), "$-1");
    assert_eq!(t.run("lrange l -2 100"), "*2 $2 10 $1 c");
    assert_eq!(t.run("lrange l -100 0"), "*1 $1 a");
    assert_eq!(t.run("lrange l 2 1"), "*0");
    assert_eq!(t.run("lrange l 3 5"), "*0");
    assert_eq!(t.run("lrange none 0 x"), NOT_INTEGER);
    assert_eq!(t.run("lrange none 0 1"), "*0");
}

#[test]
fn lpos_counts_ranks_from_either_end() {
    let mut t = TestEngine::new();
    t.run("rpush l a b c 1 2 3 c c");
    assert_eq!(t.run("lpos l c"), ":2");
    assert_eq!(t.run("lpos l c rank 2"), ":6");
    assert_eq!(t.run("lpos l c rank -1"), ":7");
    assert_eq!(t.run("lpos l c count 2"), "*2 :2 :6");
    assert_eq!(t.run("lpos l c count 0 rank -2"), "*2 :6 :2");
    assert_eq!(t.run("lpos l c count 0 maxlen 7"), "*2 :2 :6");
    assert_eq!(t.run("lpos l c count 0 maxlen 2 rank -1"), "*2 :7 :6");
    assert_eq!(t.run("lpos l c maxlen 2"), "$-1");
    assert_eq!(t.run("lpos l none count 1"), "*0");
    assert_eq!(t.run("lpos none c count 1"), "*0");
    assert_eq!(t.run("lpos none c"), "$-1");
}

#[test]
fn lpos_refuses_bad_options() {
    let mut t = TestEngine::new();
    assert_eq!(
        t.run("lpos l c rank 0"),
        "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
         or use negative to start from the end of the list"
    );
    assert_eq!(
        t.run("lpos l c rank -9223372036854775808"),
        "-ERR value is out of range, value must between -9223372036854775807 and \
         9223372036854775807"
    );
    assert_eq!(t.run("lpos l c rank x"), NOT_INTEGER);
    assert_eq!(t.run("lpos l c count -1"), "-ERR COUNT can't be negative");
    assert_eq!(t.run("lpos l c maxlen x"), "-ERR MAXLEN can't be negative");
    assert_eq!(t.run("lpos l c rank"), "-ERR syntax error");
    assert_eq!(t.run("lpos l c nope 1"), "-ERR syntax error");
}

#[test]
fn elements_are_set_inserted_and_removed() {
    let mut t = TestEngine::new();
    t.run("rpush l a b a c a");
    t.stream();
    assert_eq!(t.run("lset l -1 z"), "+OK");
    assert_eq!(t.run("lset l 5 z"), "-ERR index out of range");
    assert_eq!(t.run("lset l x z"), NOT_INTEGER);
    assert_eq!(t.run("lset none x z"), "-ERR no such key");
    assert_eq!(t.run("linsert l before c 7"), ":6");
    assert_eq!(t.run("linsert l AFTER z 8"), ":7");
    assert_eq!(t.run("linsert l after none 8"), ":-1");
    assert_eq!(t.run("linsert none after a 8"), ":0");
    assert_eq!(t.run("linsert l beside a 8"), "-ERR syntax error");
    assert_eq!(
        t.run("lrange l 0 -1"),
        "*7 $1 a $1 b $1 a $1 7 $1 c $1 z $1 8"
    );
    assert_eq!(t.run("lrem l -1 a"), ":1");
    assert_eq!(t.run("lrem l 0 none"), ":0");
    assert_eq!(t.run("lrem none 0 a"), ":0");
    assert_eq!(t.run("lrem none x a"), NOT_INTEGER);
    assert_eq!(t.run("lrange l 0 -1"), "*6 $1 a $1 b $1 7 $1 c $1 z $1 8");
    assert_eq!(
        t.stream(),
        "lset l -1 z | linsert l before c 7 | linsert l AFTER z 8 | lrem l -1 a"
    );
}

#[test]
fn a_trim_is_propagated_if_it_removed_something() {
    let mut t = TestEngine::new();
    t.run("rpush l a b c d");
    t.stream();
    assert_eq!(t.run("ltrim l 0 -1"), "+OK");
    assert_eq!(t.run("ltrim l 1 -2"), "+OK");
    assert_eq!(t.run("lrange l 0 -1"), "*2 $1 b $1 c");
    assert_eq!(t.run("ltrim l 5 9"), "+OK");
    assert_eq!(t.run("llen l"), ":0");
    assert_eq!(t.run("ltrim l 5 9"), "+OK");
    assert_eq!(t.run("ltrim l 5 x"), NOT_INTEGER);
    assert_eq!(t.stream(), "ltrim l 1 -2 | ltrim l 5 9");
}

#[test]
fn elements_move_between_lists_and_within_one() {
    let mut t = TestEngine::new();
    t.run("rpush a 1 2 3");
    t.stream();
    assert_eq!(t.run("lmove a b left right"), "$1 1");
    assert_eq!(t.run("rpoplpush a b"), "$1 3");
    assert_eq!(t.run("lrange b 0 -1"), "*2 $1 3 $1 1");
    assert_eq!(t.run("lmove b b RIGHT LEFT"), "$1 1");
    assert_eq!(t.run("lrange b 0 -1"), "*2 $1 1 $1 3");
    assert_eq!(t.run("rpoplpush a a"), "$1 2");
    assert_eq!(t.run("llen a"), ":1");
    assert_eq!(t.run("lmove none b left left"), "$-1");
    assert_eq!(t.run("lmove a b left up"), "-ERR syntax error");
    assert_eq!(
        t.stream(),
        "lmove a b left right | rpoplpush a b | lmove b b RIGHT LEFT | rpoplpush a a"
    );
    t.run("set s v");
    assert_eq!(t.run("lmove a s left left"), WRONG_TYPE);
    assert_eq!(t.run("llen a"), ":1");
    assert_eq!(t.run("rpoplpush none s"), "$-1");
}

#[test]
fn lmpop_takes_from_the_first_list_and_is_propagated_as_a_pop() {
    let mut t = TestEngine::new();
    t.run("rpush b 1 2 3");
    t.stream();
    assert_eq!(t.run("lmpop 2 a b left"), "*2 $1 b *1 $1 1");
    assert_eq!(t.run("lmpop 2 a b right count 9"), "*2 $1 b *2 $1 3 $1 2");
    assert_eq!(t.run("lmpop 2 a b right count 9"), "*-1");
    assert_eq!(t.stream(), "LPOP b 1 | RPOP b 2");
    let not_positive = "-ERR numkeys should be greater than 0";
    assert_eq!(t.run("lmpop 0 a left"), not_positive);
    assert_eq!(t.run("lmpop x a left"), not_positive);
    for line in [
        "lmpop 2 a left",
        "lmpop 9223372036854775807 a left",
        "lmpop 1 a up",
        "lmpop 1 a left count",
        "lmpop 1 a left count 1 count 1",
        "lmpop 1 a left more 1",
    ] {
        assert_eq!(t.run(line), "-ERR syntax error", "{line}");
    }
    let not_positive = "-ERR count should be greater than 0";
    assert_eq!(t.run("lmpop 1 a left count 0"), not_positive);
    assert_eq!(t.run("lmpop 1 a left count x count 1"), not_positive);
}

#[test]
fn a_large_list_answers_as_a_small_one_does() {
    let mut t = TestEngine::new();
    for i in 0..5000 {
        t.run(&format!("rpush l element:{i:05}"));
    }
    t.stream();
    assert_eq!(t.run("lindex l 2500"), "$13 element:02500");
    assert_eq!(t.run("lindex l -1"), "$13 element:04999");
    assert_eq!(t.run("lpos l element:04000"), ":4000");
    assert_eq!(t.run("lset l 3000 x"), "+OK");
    assert_eq!(t.run("linsert l after x y"), ":5001");
    assert_eq!(t.run("lrange l 3000 3001"), "*2 $1 x $1 y");
    assert_eq!(t.run("ltrim l 2999 3001"), "+OK");
    assert_eq!(t.run("lrange l 0 -1"), "*3 $13 element:02999 $1 x $1 y");
}

/// An engine with a second client who hears of every event.
fn listening() -> (TestEngine, ClientId) {
    let mut t = TestEngine::new();
    let ears = t.connect();
    let server = &mut t.engine.server;
    let loaded = server.config.load(b"notify-keyspace-events", &[b"KEAn"]);
    loaded.expect("a directive and its value");
    server
        .pubsub
        .subscribe(Kind::Pattern, b"__keyevent@0__:*", ears);
    (t, ears)
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
    let (mut t, ears) = listening();
    for (line, expected) in [
        ("rpush a 1 2 3 4", "new a, rpush a"),
        ("lpush a 0", "lpush a"),
        ("lmove a b left right", "new b, rpush b, lpop a"),
        ("rpoplpush b a", "lpush a, rpop b, del b"),
        ("rpoplpush a a", "lpush a, rpop a"),
        ("lset a 0 x", "lset a"),
        ("lset a 9 x", ""),
        ("linsert a after x y", "linsert a"),
        ("linsert a after none y", ""),
        ("lrem a 0 none", ""),
        ("lrem a 0 y", "lrem a"),
        ("ltrim a 0 -1", "ltrim a"),
        ("lpop a 0", ""),
        ("lmpop 1 a right", "rpop a"),
        ("ltrim a 9 9", "ltrim a, del a"),
        ("rpush a z z", "new a, rpush a"),
        ("lrem a 0 z", "lrem a, del a"),
        ("lrange a 0 -1", ""),
    ] {
        assert_eq!(events(&mut t, ears, line), expected, "{line}");
    }
}
