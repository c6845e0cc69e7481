//! SORT through the engine.

use crate::testing::TestEngine;

/// The elements of an array of bulk strings, joined by blanks.
fn words(reply: &str) -> String {
    assert!(reply.starts_with('*'), "{reply}");
    let words = reply.split(' ').skip(1);
    let words: Vec<&str> = words.filter(|word| !word.starts_with('$')).collect();
    words.join(" ")
}

fn sorted(t: &mut TestEngine, line: &str) -> String {
    let reply = t.run(line);
    words(&reply)
}

#[test]
fn numbers_and_texts_have_their_own_orders() {
    let mut t = TestEngine::new();
    t.run("rpush l 10 9 1 -2 2.5");
    assert_eq!(sorted(&mut t, "sort l"), "-2 1 2.5 9 10");
    assert_eq!(sorted(&mut t, "sort l desc"), "10 9 2.5 1 -2");
    assert_eq!(sorted(&mut t, "sort l alpha"), "-2 1 10 2.5 9");
    assert_eq!(sorted(&mut t, "sort_ro l limit 1 2"), "1 2.5");
    assert_eq!(sorted(&mut t, "sort l limit 9 2"), "");
    t.run("rpush l x");
    assert_eq!(
        t.run("sort l"),
        "-ERR One or more scores can't be converted into double"
    );
    assert_eq!(t.run("sort_ro l store d"), "-ERR syntax error");
    assert_eq!(
        t.run("sort l limit a 1"),
        "-ERR value is not an integer or out of range"
    );
    t.run("hset h f v");
    assert!(t.run("sort h").starts_with("-WRONGTYPE"));
    assert_eq!(t.run("sort nope"), "*0");
}

#[test]
fn other_keys_and_fields_give_the_order_and_the_answer() {
    let mut t = TestEngine::new();
    t.run("sadd s 1 2 3");
    t.run("mset w1 30 w2 20 w3 10");
    t.run("hset h1 n a r 2");
    t.run("hset h2 n b r 3");
    assert_eq!(sorted(&mut t, "sort s by w*"), "3 2 1");
    assert_eq!(
        t.run("sort s by h*->r get # get h*->n"),
        "*6 $1 3 $-1 $1 1 $1 a $1 2 $1 b"
    );
    assert_eq!(sorted(&mut t, "sort s by h*->n alpha desc"), "2 1 3");
    t.run("zadd z 1 c 2 b 3 a");
    assert_eq!(sorted(&mut t, "sort z by nosort"), "c b a");
    assert_eq!(sorted(&mut t, "sort z by nosort desc limit 1 5"), "b c");
    t.run("rpush l c b a");
    assert_eq!(sorted(&mut t, "sort l by nosort desc limit 1 5"), "b c");
    assert_eq!(sorted(&mut t, "sort l by nosort limit 1 1"), "b");
    assert_eq!(t.run("sort s by nosort get w1 limit 0 1"), "*1 $-1");
}

#[test]
fn a_stored_result_is_a_list_and_enters_the_stream_as_the_command() {
    let mut t = TestEngine::new();
    t.run("sadd s b a c");
    t.run("set d old ex 100");
    t.stream();
    assert_eq!(t.run("sort s by nosort get # get w* store d"), ":6");
    assert_eq!(sorted(&mut t, "lrange d 0 -1"), "a  b  c");
    assert_eq!(t.run("ttl d"), ":-1");
    assert_eq!(t.run("sort nope store d"), ":0");
    assert_eq!(t.run("exists d"), ":0");
    assert_eq!(t.run("sort nope store d"), ":0");
    assert_eq!(
        t.stream(),
        "sort s by nosort get # get w* store d | sort nope store d"
    );
}

#[test]
fn a_result_that_not_every_server_would_find_enters_the_stream_as_it_is() {
    let mut t = TestEngine::new();
    t.run("rpush l 3 0x2 1");
    t.run("rpush plain 3 2 1");
    t.run("mset w3 0x1 w2 2 w1 3");
    t.stream();
    t.run("sort l store d");
    t.run("sort plain store d");
    t.run("sort plain by w* store d");
    t.run("sort l limit 5 1 store d");
    t.run("sort l limit 5 1 store d");
    assert_eq!(
        t.stream(),
        "MULTI | DEL d | RPUSH d 1 0x2 3 | EXEC | sort plain store d | \
         MULTI | DEL d | RPUSH d 3 2 1 | EXEC | DEL d"
    );
}
