use crate::testing::TestEngine;

fn ids(reply: &str) -> Vec<&str> {
    let words = reply.split(' ');
    let is_id = |word: &&str| word.split_once('-').is_some_and(|(ms, _)| !ms.is_empty());
    words.filter(is_id).collect()
}

#[test]
fn ids_are_made_from_the_clock_and_stay_ascending() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("xadd s * a 1"), "$9 1000000-0");
    assert_eq!(t.run("xadd s * a 1"), "$9 1000000-1");
    assert_eq!(t.stream(), "xadd s 1000000-0 a 1 | xadd s 1000000-1 a 1");
    t.now_ms -= 5;
    assert_eq!(t.run("xadd s * a 1"), "$9 1000000-2");
    assert_eq!(t.run("xadd s 1000000-* a 1"), "$9 1000000-3");
    assert_eq!(t.run("xadd s 1000001-* a 1"), "$9 1000001-0");
    assert!(
        t.run("xadd s 1000001-0 a 1")
            .starts_with("-ERR The ID specified in XADD is equal")
    );
    assert!(
        t.run("xadd t 0-0 a 1")
            .starts_with("-ERR The ID specified in XADD must be greater")
    );
    assert_eq!(t.run("exists t"), ":0");
    assert_eq!(t.run("xadd t 0-* a 1"), "$3 0-1");
    assert_eq!(t.run("xadd u nomkstream * a 1"), "$-1");
    assert_eq!(t.run("xlen s"), ":5");
}

#[test]
fn the_last_possible_id_is_the_end() {
    let mut t = TestEngine::new();
    t.run("xadd s 18446744073709551615-18446744073709551614 a 1");
    assert_eq!(
        t.run("xadd s * a 1"),
        "$41 18446744073709551615-18446744073709551615"
    );
    assert!(
        t.run("xadd s * a 1")
            .starts_with("-ERR The stream has exhausted")
    );
    assert_eq!(
        t.run("xrange s (18446744073709551615-18446744073709551615 +"),
        "-ERR invalid start ID for the interval"
    );
    assert_eq!(
        t.run("xrange s - (0-0"),
        "-ERR invalid end ID for the interval"
    );
}

#[test]
fn ranges_go_both_ways_over_many_runs() {
    let mut t = TestEngine::new();
    for n in 1..=250 {
        t.run(&format!("xadd s {n}-1 f {n}"));
    }
    let reply = t.run("xrange s 99 101");
    assert_eq!(ids(&reply), ["99-1", "100-1", "101-1"]);
    let reply = t.run("xrange s (99-1 + count 3");
    assert_eq!(ids(&reply), ["100-1", "101-1", "102-1"]);
    let reply = t.run("xrevrange s 101 99");
    assert_eq!(ids(&reply), ["101-1", "100-1", "99-1"]);
    let reply = t.run("xrevrange s + - count 2");
    assert_eq!(ids(&reply), ["250-1", "249-1"]);
    assert_eq!(t.run("xrange s - + count 0"), "*-1");
    assert_eq!(ids(&t.run("xrange s - +")).len(), 250);
    assert_eq!(ids(&t.run("xrevrange s + -")).len(), 250);
    t.run("xdel s 100-1 101-1 101-1 7-7");
    assert_eq!(ids(&t.run("xrange s 99 102")), ["99-1", "102-1"]);
    assert_eq!(ids(&t.run("xrevrange s 102 99")), ["102-1", "99-1"]);
    assert_eq!(t.run("xlen s"), ":248");
}

#[test]
fn approximate_trimming_keeps_whole_runs_and_is_propagated_exactly() {
    let mut t = TestEngine::new();
    t.run("config set stream-node-max-entries 10");
    for n in 1..=35 {
        t.run(&format!("xadd s {n}-1 f {n}"));
    }
    t.stream();
    assert_eq!(t.run("xtrim s maxlen ~ 22"), ":10");
    assert_eq!(t.stream(), "xtrim s maxlen = 25");
    assert_eq!(t.run("xtrim s maxlen ~ 0 limit 5"), ":0");
    assert_eq!(t.stream(), "");
    assert_eq!(t.run("xadd s minid ~ 25 36 f 36"), "$4 36-0");
    assert_eq!(t.stream(), "xadd s minid = 21-1 36 f 36");
    assert_eq!(t.run("xtrim s maxlen 3"), ":13");
    assert_eq!(t.stream(), "xtrim s maxlen 3");
    assert_eq!(ids(&t.run("xrange s - +")), ["34-1", "35-1", "36-0"]);
    let no_id = "-ERR Invalid stream ID specified as stream command argument";
    assert_eq!(t.run("xtrim s minid +"), no_id);
    assert_eq!(t.run("xtrim s minid = 40"), ":3");
    assert_eq!(
        t.run("xtrim s maxlen 3 limit 4"),
        "-ERR syntax error, LIMIT cannot be used without the special ~ option"
    );
    // An empty stream is still a key, and knows its last id.
    assert_eq!(t.run("type s"), "+stream");
    assert!(t.run("xadd s 36 a 1").starts_with("-ERR"));
}

#[test]
fn xread_gives_what_is_behind_an_id() {
    let mut t = TestEngine::new();
    t.run("xadd a 1-1 f 1");
    t.run("xadd b 2-1 f 2");
    t.run("xadd b 2-2 f 3");
    assert_eq!(t.run("xread streams a $"), "*-1");
    assert_eq!(
        t.run("xread count 1 streams a b missing 0 2-1 0"),
        "*2 *2 $1 a *1 *2 $3 1-1 *2 $1 f $1 1 *2 $1 b *1 *2 $3 2-2 *2 $1 f $1 3"
    );
    t.run("hello 3");
    assert_eq!(
        t.run("xread streams a b 0 2-1"),
        "%2 $1 a *1 *2 $3 1-1 *2 $1 f $1 1 $1 b *1 *2 $3 2-2 *2 $1 f $1 3"
    );
    assert_eq!(
        t.run("xread streams a b 0"),
        "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
    );
}

#[test]
fn xinfo_describes_a_stream() {
    let mut t = TestEngine::new();
    for n in 1..=250 {
        t.run(&format!("xadd s {n}-1 f {n}"));
    }
    t.run("xdel s 1-1");
    let reply = t.run("xinfo stream s");
    assert!(
        reply.contains("radix-tree-keys :3 $16 radix-tree-nodes :8 "),
        "{reply}"
    );
    assert!(
        reply.contains("max-deleted-entry-id $3 1-1 $13 entries-added :250"),
        "{reply}"
    );
    assert!(reply.contains("recorded-first-entry-id $3 2-1"), "{reply}");
    assert!(
        t.run("xinfo stream s nonsense")
            .starts_with("-ERR unknown subcommand or wrong")
    );
}

#[test]
fn xsetid_moves_the_counters_but_not_below_what_is_there() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("xsetid s 5-5"), "-ERR no such key");
    t.run("xadd s 5-5 a 1");
    assert!(
        t.run("xsetid s 5-4")
            .ends_with("than the target stream top item")
    );
    assert_eq!(t.run("xsetid s 9-9 entriesadded 7 maxdeletedid 6-6"), "+OK");
    assert!(
        t.run("xsetid s 6-5")
            .ends_with("than current max_deleted_entry_id")
    );
    assert!(
        t.run("xsetid s 9-9 entriesadded 0")
            .ends_with("than the target stream length")
    );
    assert!(t.run("xinfo stream s").contains("entries-added :7"));
}

#[test]
fn xsetid_of_a_primary_may_go_below_what_was_deleted() {
    let mut t = TestEngine::new();
    t.run("xadd s 5-5 a 1");
    t.run("xdel s 5-5");
    assert!(
        t.run("xsetid s 5-4")
            .ends_with("than current max_deleted_entry_id")
    );
    t.apply("xsetid s 5-4");
    assert!(t.run("xinfo stream s").contains("last-generated-id $3 5-4"));
}

#[test]
fn xread_waits_for_what_comes_after_it() {
    let mut t = TestEngine::new();
    let (reader, late) = (t.connect(), t.connect());
    t.run("xadd s 1-1 f 1");
    assert_eq!(t.run_as(reader, "xread block 0 streams s missing $ $"), "");
    assert_eq!(t.run_as(late, "xread block 100 streams s $"), "");
    t.run("xdel s 1-1");
    assert_eq!(t.output(reader), "");
    t.run("xadd s 2-1 f 2");
    let expected = "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 2";
    assert_eq!(t.output(reader), expected);
    assert_eq!(t.output(late), expected);
    assert_eq!(t.run_as(late, "xread block 100 streams s $"), "");
    t.run("set s x");
    assert_eq!(t.output(late), "");
    t.now_ms += 101;
    t.expire_waits();
    assert_eq!(t.output(late), "*-1");
    t.run("del s");
    t.run("multi");
    t.run("xread block 0 streams s $");
    assert_eq!(t.run("exec"), "*1 *-1");
    assert_eq!(
        t.run("xread block -1 streams s $"),
        "-ERR timeout is negative"
    );
}

/// Three entries and a group that has read none.
fn with_group() -> TestEngine {
    let mut t = TestEngine::new();
    for id in ["1-1", "2-1", "3-1"] {
        t.run(&format!("xadd s {id} f v"));
    }
    t.run("xgroup create s g 0");
    t.stream();
    t
}

#[test]
fn what_a_group_reads_is_propagated_as_claims() {
    let mut t = with_group();
    assert_eq!(
        t.run("xreadgroup group g c count 1 streams s >"),
        "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v"
    );
    assert_eq!(
        t.stream(),
        "XCLAIM s g c 0 1-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1"
    );
    t.run("xreadgroup group g d streams s >");
    assert_eq!(
        t.stream(),
        "MULTI | XCLAIM s g d 0 2-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-1 | XCLAIM \
         s g d 0 3-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 3-1 | EXEC"
    );
    assert_eq!(t.run("xreadgroup group g d streams s >"), "*-1");
    assert_eq!(t.stream(), "");
    assert_eq!(
        t.run("xpending s g"),
        "*4 :3 $3 1-1 $3 3-1 *2 *2 $1 c $1 1 *2 $1 d $1 2"
    );
    assert_eq!(t.run("xack s g 2-1 2-1 9-9"), ":1");
    t.now_ms += 7;
    assert_eq!(
        t.run("xpending s g - + 10"),
        "*2 *4 $3 1-1 $1 c :7 :1 *4 $3 3-1 $1 d :7 :1"
    );
    assert_eq!(t.run("xpending s g idle 8 - + 10"), "*0");
    assert_eq!(t.run("xpending s g (1-1 + 10 c"), "*0");
}

#[test]
fn reading_without_acknowledgement_leaves_nothing_pending() {
    let mut t = with_group();
    t.run("xreadgroup group g c noack count 2 streams s >");
    assert_eq!(
        t.stream(),
        "MULTI | XGROUP CREATECONSUMER s g c | XGROUP SETID s g 2-1 ENTRIESREAD 2 | EXEC"
    );
    assert_eq!(t.run("xpending s g"), "*4 :0 $-1 $-1 *-1");
    assert!(
        t.run("xinfo groups s")
            .ends_with("entries-read :2 $3 lag :1")
    );
}

#[test]
fn history_is_what_is_pending_at_the_consumer() {
    let mut t = with_group();
    t.run("xreadgroup group g c streams s >");
    t.run("xdel s 2-1");
    t.stream();
    t.now_ms += 5;
    assert_eq!(
        t.run("xreadgroup group g c streams s 1-1"),
        "*1 *2 $1 s *2 *2 $3 2-1 *-1 *2 $3 3-1 *2 $1 f $1 v"
    );
    assert_eq!(t.stream(), "");
    let pending = t.run("xpending s g - + 10");
    assert!(
        pending.ends_with("$3 2-1 $1 c :5 :1 *4 $3 3-1 $1 c :0 :2"),
        "{pending}"
    );
    assert_eq!(
        t.run("xreadgroup group g other streams s 0"),
        "*1 *2 $1 s *0"
    );
}

#[test]
fn claims_move_entries_and_drop_those_that_are_gone() {
    let mut t = with_group();
    t.run("xreadgroup group g c streams s >");
    t.run("xdel s 2-1");
    t.now_ms += 50;
    t.stream();
    assert_eq!(t.run("xclaim s g d 60 1-1"), "*0");
    assert_eq!(t.stream(), "");
    assert_eq!(t.run("xclaim s g d 50 1-1 2-1 idle 10 justid"), "*1 $3 1-1");
    assert_eq!(
        t.stream(),
        "MULTI | XCLAIM s g d 0 1-1 TIME 1000040 RETRYCOUNT 1 FORCE JUSTID LASTID 3-1 | XCLAIM \
         s g c 0 2-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 3-1 | EXEC"
    );
    assert_eq!(t.run("xclaim s g d 0 9-9 lastid 4-0"), "*0");
    assert_eq!(t.stream(), "XGROUP SETID s g 4-0 ENTRIESREAD 3");
    assert!(
        t.run("xclaim s g d 0 1-1 what")
            .ends_with("Unrecognized XCLAIM option 'what'")
    );
    assert_eq!(t.run("xgroup delconsumer s g d"), ":1");
    assert_eq!(t.run("xpending s g"), "*4 :1 $3 3-1 $3 3-1 *1 *2 $1 c $1 1");
}

#[test]
fn xautoclaim_goes_on_where_it_stopped() {
    let mut t = with_group();
    t.run("xreadgroup group g c streams s >");
    t.run("xdel s 2-1");
    t.stream();
    assert_eq!(
        t.run("xautoclaim s g d 0 0 count 1"),
        "*3 $3 2-1 *1 *2 $3 1-1 *2 $1 f $1 v *0"
    );
    assert_eq!(
        t.run("xautoclaim s g d 0 2-1 justid"),
        "*3 $3 0-0 *1 $3 3-1 *1 $3 2-1"
    );
    assert!(
        t.stream()
            .contains("XCLAIM s g d 0 3-1 TIME 1000000 RETRYCOUNT 1")
    );
    assert_eq!(
        t.run("xautoclaim s g d 0 0 count 0"),
        "-ERR COUNT must be > 0"
    );
    assert_eq!(
        t.run("xautoclaim s g d 0 (2-0 count 1 justid"),
        "*3 $3 0-0 *1 $3 3-1 *0"
    );
}

#[test]
fn readers_of_a_group_are_served_in_turn_and_told_when_it_is_gone() {
    let mut t = with_group();
    t.run("xreadgroup group g c streams s >");
    let (first, second) = (t.connect(), t.connect());
    for reader in [first, second] {
        assert_eq!(
            t.run_as(reader, "xreadgroup group g r block 0 count 1 streams s >"),
            ""
        );
    }
    t.run("xadd s 4-1 f 1");
    assert!(t.output(first).contains("4-1"));
    assert_eq!(t.output(second), "");
    t.run("xgroup destroy s g");
    assert!(
        t.output(second)
            .starts_with("-NOGROUP No such key 's' or consumer group 'g'")
    );
    t.run("xgroup create s g $");
    assert_eq!(
        t.run_as(first, "xreadgroup group g r block 0 streams s >"),
        ""
    );
    t.run("del s");
    assert!(t.output(first).starts_with("-NOGROUP"));
    t.run("xgroup create s g $ mkstream");
    assert_eq!(
        t.run_as(first, "xreadgroup group g r block 0 streams s >"),
        ""
    );
    t.run("set s x");
    assert!(t.output(first).starts_with("-WRONGTYPE"));
}

#[test]
fn groups_are_made_once_and_only_where_a_stream_is() {
    let mut t = TestEngine::new();
    assert!(
        t.run("xgroup create s g $")
            .starts_with("-ERR The XGROUP subcommand requires")
    );
    assert!(
        t.run("xgroup create s g bad mkstream")
            .starts_with("-ERR Invalid stream ID")
    );
    assert_eq!(t.run("exists s"), ":0");
    assert_eq!(t.run("xgroup create s g $ mkstream"), "+OK");
    assert_eq!(
        t.run("xgroup create s g $"),
        "-BUSYGROUP Consumer Group name already exists"
    );
    assert_eq!(t.run("xgroup createconsumer s g c"), ":1");
    assert_eq!(t.run("xgroup createconsumer s g c"), ":0");
    assert!(
        t.run("xgroup setid s h 0")
            .starts_with("-NOGROUP No such consumer group 'h'")
    );
    assert_eq!(t.run("xgroup setid s g 5 entriesread -1"), "+OK");
    assert!(
        t.run("xinfo groups s")
            .ends_with("last-delivered-id $3 5-0 $12 entries-read $-1 $3 lag :0")
    );
    assert_eq!(t.run("xgroup destroy s g"), ":1");
    assert_eq!(t.run("xgroup destroy s g"), ":0");
}
