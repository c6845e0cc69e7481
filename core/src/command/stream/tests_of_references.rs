//! Deleting entries that groups have to do with.

use crate::testing::TestEngine;

/// A stream of `entries` entries, all of which the groups a and b have delivered.
fn delivered(entries: u32) -> TestEngine {
    let mut t = TestEngine::new();
    for id in 1..=entries {
        t.run(&format!("xadd s {id} f v"));
    }
    for group in ["a", "b"] {
        t.run(&format!("xgroup create s {group} 0"));
        t.run(&format!("xreadgroup group {group} c streams s >"));
    }
    t.stream();
    t
}

/// How many entries are pending in a and in b.
fn pending(t: &mut TestEngine) -> [String; 2] {
    ["a", "b"].map(|group| {
        let summary = t.run(&format!("xpending s {group}"));
        let count = summary.split(' ').nth(1).expect("a count");
        count.trim_start_matches(':').to_owned()
    })
}

#[test]
fn references_stay_or_go_or_save_the_entry() {
    let mut t = delivered(4);
    assert_eq!(t.run("xdelex s ids 2 1-0 9-0"), "*2 :1 :-1");
    assert_eq!(pending(&mut t), ["4", "4"]);
    assert_eq!(t.run("xdelex s DELREF IDS 1 2-0"), "*1 :1");
    assert_eq!(pending(&mut t), ["3", "3"]);
    assert_eq!(t.run("xdelex s acked ids 3 3-0 1-0 9-0"), "*3 :2 :2 :2");
    t.run("xack s a 3-0");
    assert_eq!(t.run("xdelex s ids 1 3-0 acked"), "*1 :2");
    t.run("xack s b 3-0");
    assert_eq!(t.run("xdelex s acked ids 1 3-0"), "*1 :1");
    // Of an entry that is gone only the references are left to go.
    assert_eq!(t.run("xdelex s delref ids 1 1-0"), "*1 :-1");
    assert_eq!(pending(&mut t), ["1", "1"]);
    assert_eq!(t.run("xlen s"), ":1");
    assert_eq!(
        t.stream(),
        "XDEL s 1-0 | MULTI | XACK s a 2-0 | XACK s b 2-0 | XDEL s 2-0 | EXEC | xack s a 3-0 \
         | xack s b 3-0 | XDEL s 3-0 | MULTI | XACK s a 1-0 | XACK s b 1-0 | EXEC"
    );
}

#[test]
fn acknowledging_and_deleting_are_one_step() {
    let mut t = delivered(3);
    assert_eq!(t.run("xackdel s a acked ids 2 1-0 2-0"), "*2 :2 :2");
    assert_eq!(t.run("xackdel s a acked ids 1 1-0"), "*1 :-1");
    assert_eq!(t.run("xackdel s b acked ids 2 1-0 2-0"), "*2 :1 :1");
    assert_eq!(t.run("xackdel s a keepref ids 1 3-0"), "*1 :1");
    assert_eq!(pending(&mut t), ["0", "1"]);
    assert_eq!(t.run("xackdel s b ids 1 3-0"), "*1 :1");
    assert_eq!(
        t.stream(),
        "XACK s a 1-0 2-0 | MULTI | XACK s b 1-0 2-0 | XDEL s 1-0 2-0 | EXEC | MULTI \
         | XACK s a 3-0 | XDEL s 3-0 | EXEC | XACK s b 3-0"
    );
    let mut t = delivered(2);
    assert_eq!(t.run("xackdel s a delref ids 2 1-0 2-0"), "*2 :1 :1");
    assert_eq!(pending(&mut t), ["0", "0"]);
    assert_eq!(
        t.stream(),
        "MULTI | XACK s a 1-0 2-0 | XACK s b 1-0 2-0 | XDEL s 1-0 2-0 | EXEC"
    );
}

#[test]
fn what_is_not_there_is_missing() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("xdelex s ids 2 1 2"), "*2 :-1 :-1");
    assert_eq!(t.run("xackdel s g ids 1 1"), "*1 :-1");
    t.run("xadd s 1 f v");
    assert_eq!(t.run("xackdel s g ids 1 1"), "*1 :-1");
    assert_eq!(t.run("xlen s"), ":1");
    assert_eq!(t.run("exists nope"), ":0");
    t.run("set k v");
    for line in ["xdelex k ids 1 1", "xackdel k g ids 1 1"] {
        assert!(t.run(line).starts_with("-WRONGTYPE"), "{line}");
    }
}

#[test]
fn arguments_are_refused_in_redis_words() {
    let mut t = delivered(1);
    let count = "-ERR Number of IDs must be a positive integer";
    let match_ = "-ERR The `numids` parameter must match the number of arguments";
    for (arguments, error) in [
        ("ids abc 1-1", count),
        ("ids 0 1-1", count),
        ("ids -5 1-1", count),
        ("ids 3 1-1 2-2", match_),
        ("ids 9223372036854775807 1-1", match_),
        ("ids 1 1-1 2-2", "-ERR syntax error"),
        ("keepref delref ids 1 1-1", "-ERR syntax error"),
        ("acked ids 1 1-1 acked", "-ERR syntax error"),
        ("keepref 1 ids", "-ERR syntax error"),
        (
            "ids 1 x",
            "-ERR Invalid stream ID specified as stream command argument",
        ),
    ] {
        for command in ["xdelex s", "xackdel s a"] {
            assert_eq!(
                t.run(&format!("{command} {arguments}")),
                error,
                "{arguments}"
            );
        }
    }
    assert_eq!(t.stream(), "");
}

#[test]
fn trimming_leaves_what_was_not_acknowledged() {
    let mut t = TestEngine::new();
    for id in 1..=5 {
        t.run(&format!("xadd s {id} f v"));
    }
    t.run("xgroup create s a 0");
    t.stream();
    t.run("xadd s maxlen = 1 acked 6-0 f v");
    assert_eq!(t.run("xlen s"), ":6");
    t.run("xreadgroup group a c count 1 streams s >");
    t.run("xack s a 1-0");
    t.stream();
    t.run("xadd s maxlen = 1 ACKED 7-0 f v");
    assert_eq!(t.run("xlen s"), ":6");
    assert_eq!(t.stream(), "MULTI | XADD s 7-0 f v | XDEL s 1-0 | EXEC");
    t.run("xreadgroup group a c streams s >");
    t.run("xack s a 2-0 4-0 5-0 6-0 7-0");
    t.stream();
    assert_eq!(t.run("xtrim s acked minid 5"), ":2");
    assert_eq!(t.run("xtrim s maxlen 2 acked"), ":2");
    assert_eq!(
        t.run("xrange s - +"),
        "*2 *2 $3 3-0 *2 $1 f $1 v *2 $3 7-0 *2 $1 f $1 v"
    );
    assert_eq!(t.stream(), "XDEL s 2-0 4-0 | XDEL s 5-0 6-0");
}

#[test]
fn whole_runs_without_references_are_trimmed() {
    let mut t = TestEngine::new();
    t.run("config set stream-node-max-entries 2");
    for id in 1..=8 {
        t.run(&format!("xadd s {id} f v"));
    }
    t.run("xgroup create s a 0");
    t.run("xreadgroup group a c streams s >");
    t.run("xack s a 1-0 2-0 3-0 5-0 6-0 7-0 8-0");
    // Of the runs 1-2, 3-4, 5-6 and 7-8 the second has a reference.
    assert_eq!(t.run("xtrim s maxlen ~ 4 acked limit 2"), ":2");
    assert_eq!(t.run("xtrim s maxlen ~ 4 acked"), ":2");
    assert!(t.run("xrange s - + count 1").contains("3-0"));
    assert_eq!(t.run("xlen s"), ":4");
}

#[test]
fn trimming_takes_references_along() {
    let mut t = delivered(5);
    assert_eq!(t.run("xtrim s maxlen 4 delref"), ":1");
    t.run("xadd s minid 4 delref 6-0 f v");
    assert_eq!(pending(&mut t), ["2", "2"]);
    assert_eq!(t.run("xlen s"), ":3");
    assert_eq!(
        t.stream(),
        "MULTI | XTRIM s MAXLEN = 4 | XACK s a 1-0 | XACK s b 1-0 | EXEC | MULTI | XADD s 6-0 f v \
         | XTRIM s MAXLEN = 3 | XACK s a 2-0 3-0 | XACK s b 2-0 3-0 | EXEC"
    );
}

/// Replicas of other families do not know the word.
#[test]
fn the_stream_has_no_keepref() {
    let mut t = delivered(5);
    t.run("xadd s keepref 6-0 f v");
    t.run("xadd s maxlen 4 keepref 7-0 f v");
    t.run("xtrim s keepref maxlen 3");
    assert_eq!(
        t.stream(),
        "xadd s 6-0 f v | xadd s maxlen 4 7-0 f v | xtrim s maxlen 3"
    );
    assert_eq!(
        t.run("xtrim s keepref delref maxlen 1"),
        "-ERR syntax error"
    );
    assert_eq!(
        t.run("xadd s keepref acked 9-0 f v"),
        "-ERR Invalid stream ID specified as stream command argument"
    );
}

#[test]
fn ids_are_not_looked_at_where_there_is_nothing() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("xdelex nope ids 2 what 1-0"), "*2 :-1 :-1");
    assert_eq!(t.run("xackdel nope g ids 1 what"), "*1 :-1");
    t.run("xadd s 1-0 f v");
    assert_eq!(t.run("xackdel s nope ids 1 what"), "*1 :-1");
    assert_eq!(
        t.run("xdelex s ids 1 what"),
        "-ERR Invalid stream ID specified as stream command argument"
    );
}
