//! Strings through the engine: replies, expiries, and what the stream says.

use crate::testing::TestEngine;

#[test]
fn set_honours_its_options() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("set k 1"), "+OK");
    assert_eq!(t.run("set k 2 nx"), "$-1");
    assert_eq!(t.run("set k 2 xx get"), "$1 1");
    assert_eq!(t.run("set k 3 ex 10 keepttl"), "-ERR syntax error");
    assert_eq!(
        t.run("set k 3 ex 0"),
        "-ERR invalid expire time in 'set' command"
    );
    assert_eq!(t.run("set k 3 px 5"), "+OK");
    assert_eq!(t.run("set k 4 keepttl"), "+OK");
    assert_eq!(
        t.stream(),
        "set k 1 | SET k 2 | SET k 3 PXAT 1000005 | set k 4 keepttl"
    );
    t.now_ms += 5;
    assert_eq!(t.run("get k"), "$-1");
    assert_eq!(t.stream(), "DEL k");
}

#[test]
fn getex_and_getdel_propagate_what_they_changed() {
    let mut t = TestEngine::new();
    t.run("set k v");
    t.stream();
    assert_eq!(t.run("getex k ex 100"), "$1 v");
    assert_eq!(t.run("getex k persist"), "$1 v");
    assert_eq!(t.run("getex k persist"), "$1 v");
    assert_eq!(t.run("getdel k"), "$1 v");
    assert_eq!(t.run("getdel k"), "$-1");
    assert_eq!(t.stream(), "PEXPIREAT k 1100000 | PERSIST k | DEL k");
}

#[test]
fn counters_keep_their_expiry_and_their_limits() {
    let mut t = TestEngine::new();
    t.run("set n 41 px 1000");
    assert_eq!(t.run("incr n"), ":42");
    assert_eq!(t.run("incrbyfloat n 0.5"), "$4 42.5");
    assert_eq!(
        t.run("incr n"),
        "-ERR value is not an integer or out of range"
    );
    assert_eq!(
        t.run("decrby m -9223372036854775808"),
        "-ERR decrement would overflow"
    );
    t.run("set m 9223372036854775807");
    assert_eq!(
        t.run("incr m"),
        "-ERR increment or decrement would overflow"
    );
    t.now_ms += 1000;
    assert_eq!(t.run("get n"), "$-1");
}

#[test]
fn parts_of_strings_can_be_read_and_written() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("append k abc"), ":3");
    assert_eq!(t.run("append k def"), ":6");
    assert_eq!(t.run("setrange k 8 x"), ":9");
    assert_eq!(t.run("getrange k 3 -4"), "$3 def");
    assert_eq!(t.run("getrange k -1 -3"), "$0");
    assert_eq!(t.run("strlen k"), ":9");
    assert_eq!(t.run("setrange k -1 x"), "-ERR offset is out of range");
    assert_eq!(
        t.run("setrange k 536870911 xy"),
        "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    );
}

#[test]
fn an_expired_key_that_is_made_anew_is_removed_first_in_the_stream() {
    let mut t = TestEngine::new();
    t.run("set k 1 px 5");
    t.stream();
    t.now_ms += 10;
    assert_eq!(t.run("incrbyfloat k 2"), "$1 2");
    assert_eq!(t.stream(), "MULTI | DEL k | SET k 2 KEEPTTL | EXEC");
    t.run("set e 1 px 5");
    t.stream();
    t.now_ms += 10;
    t.tick();
    assert_eq!(t.stream(), "DEL e");
}

#[test]
fn unknown_commands_and_arities_are_refused_in_redis_words() {
    let mut t = TestEngine::new();
    assert_eq!(
        t.run("nope a b"),
        "-ERR unknown command 'nope', with args beginning with: 'a' 'b'"
    );
    assert_eq!(
        t.run("get"),
        "-ERR wrong number of arguments for 'get' command"
    );
}

#[test]
fn the_longest_common_subsequence_is_found() {
    let mut t = TestEngine::new();
    t.run("mset a ohmytext b mynewtext");
    assert_eq!(t.run("lcs a b"), "$6 mytext");
    assert_eq!(t.run("lcs a b len"), ":6");
    assert_eq!(
        t.run("lcs a b idx"),
        "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6"
    );
    assert_eq!(
        t.run("lcs a b idx minmatchlen 4 withmatchlen"),
        "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6"
    );
    t.run("rpush l x");
    assert_eq!(
        t.run("lcs a l"),
        "-ERR The specified keys must contain string values"
    );
    assert!(
        t.run("lcs a b len idx")
            .starts_with("-ERR If you want both")
    );
}
