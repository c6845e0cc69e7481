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

#[test]
fn a_string_can_be_compared_before_it_is_set_or_removed() {
    let mut t = TestEngine::new();
    t.run("set k a px 5000");
    t.stream();
    assert_eq!(t.run("set k b ifeq x"), "$-1");
    assert_eq!(t.run("set k b ifeq a keepttl"), "+OK");
    assert_eq!(t.run("pttl k"), ":5000");
    assert_eq!(t.run("set k 12 ifeq b get"), "$1 b");
    assert_eq!(t.run("set k c IFEQ 12 ex 1"), "+OK");
    assert_eq!(t.run("set nope c ifeq c get"), "$-1");
    assert_eq!(t.run("delifeq k x"), ":0");
    assert_eq!(t.run("delifeq k c"), ":1");
    assert_eq!(t.run("delifeq k c"), ":0");
    assert_eq!(
        t.stream(),
        "SET k b KEEPTTL | SET k 12 | SET k c PXAT 1001000 | DEL k"
    );
    t.run("rpush l a");
    for line in ["set l x ifeq a", "delifeq l a"] {
        assert!(t.run(line).starts_with("-WRONGTYPE"), "{line}");
    }
    for line in ["set k v ifeq", "set k v ifeq a nx", "set k v xx ifeq a"] {
        assert_eq!(t.run(line), "-ERR syntax error", "{line}");
    }
}

#[test]
fn several_strings_are_set_together_or_not_at_all() {
    let mut t = TestEngine::new();
    t.stream();
    assert_eq!(t.run("msetex 2 a 1 b 2 px 500"), ":1");
    assert_eq!(t.run("msetex 2 b 3 c 3 nx"), ":0");
    assert_eq!(t.run("msetex 2 b 3 c 3 xx"), ":0");
    assert_eq!(t.run("msetex 1 a 4 xx keepttl"), ":1");
    assert_eq!(t.run("pttl a"), ":500");
    assert_eq!(t.run("mget a b c"), "*3 $1 4 $1 2 $-1");
    assert_eq!(
        t.stream(),
        "MULTI | SET a 1 PXAT 1000500 | SET b 2 PXAT 1000500 | EXEC | SET a 4 KEEPTTL"
    );
    let range = "-ERR invalid numkeys value or out of range";
    for (line, error) in [
        ("msetex 0 a 1", range),
        ("msetex 2147483648 a 1", range),
        ("msetex 2147483647 a 1", "-ERR syntax error"),
        ("msetex 2 a 1 b", "-ERR syntax error"),
        ("msetex 1 a 1 get", "-ERR syntax error"),
        ("msetex 1 a 1 ifeq 2", "-ERR syntax error"),
        (
            "msetex 1 a 1 ex 0",
            "-ERR invalid expire time in 'msetex' command",
        ),
    ] {
        assert_eq!(t.run(line), error, "{line}");
    }
}

/// The digests are those of Redis's own tests.
#[test]
fn a_digest_is_xxh3_in_sixteen_digits() {
    let mut t = TestEngine::new();
    let leading_zeros = "v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2j\
                         kfzkjytls2kwlj7626sd";
    for (string, digest) in [
        (leading_zeros, "00006c38adf31777"),
        ("hello", "9555e8555c62dcfd"),
        ("123", "404a763b3f4c8c9a"),
    ] {
        t.run(&format!("set k {string}"));
        assert_eq!(t.run("digest k"), format!("$16 {digest}"));
    }
    t.run("rpush l a");
    assert_eq!(t.run("digest nope"), "$-1");
    assert!(t.run("digest l").starts_with("-WRONGTYPE"));
}

const HELLO: &str = "9555E8555c62dcfd";

#[test]
fn a_condition_may_be_on_what_a_string_is_not_and_on_its_digest() {
    let mut t = TestEngine::new();
    for (condition, holds, holds_for_nothing) in [
        ("ifeq hello", true, false),
        ("ifeq other", false, false),
        ("IFNE hello", false, true),
        ("ifne other", true, true),
        (&format!("ifdeq {HELLO}"), true, false),
        ("ifdeq 0000000000000000", false, false),
        (&format!("ifdne {HELLO}"), false, true),
        ("ifdne zzzzzzzzzzzzzzzz", true, true),
    ] {
        t.run("flushall");
        let set = if holds { "+OK" } else { "$-1" };
        let set_new = if holds_for_nothing { "+OK" } else { "$-1" };
        t.run("set k hello");
        assert_eq!(t.run(&format!("set k new {condition}")), set, "{condition}");
        assert_eq!(t.run(&format!("set n new {condition}")), set_new);
        t.run("mset k hello n hello");
        assert_eq!(t.run(&format!("set k new get {condition}")), "$5 hello");
        t.run("set k hello");
        let removed = format!(":{}", i32::from(holds));
        assert_eq!(t.run(&format!("delex k {condition}")), removed);
        assert_eq!(t.run(&format!("delex nope {condition}")), ":0");
    }
}

#[test]
fn conditions_enter_the_stream_as_what_they_came_to() {
    let mut t = TestEngine::new();
    t.run("set k hello px 5000");
    t.stream();
    t.run("set k a ifne x keepttl");
    t.run("set k b ifne a");
    t.run("set k c ifdne 0000000000000000 px 9");
    t.run("delex k ifeq x");
    t.run("delex k ifne x");
    t.run("rpush l a");
    t.run("delex l");
    t.run("delex l");
    assert_eq!(
        t.stream(),
        "SET k a KEEPTTL | SET k c PXAT 1000009 | DEL k | rpush l a | DEL l"
    );
}

#[test]
fn conditions_are_refused_as_redis_8_does() {
    let mut t = TestEngine::new();
    t.run("mset k hello k2 v");
    t.run("rpush l a");
    let digest = "-ERR must be exactly 16 hexadecimal characters";
    for (line, error) in [
        ("set k v ifdeq 12", digest),
        ("delex k ifdne 9555e8555c62dcf", digest),
        ("set k v ifne", "-ERR syntax error"),
        ("set k v ifne a ifeq b", "-ERR syntax error"),
        ("set k v nx ifdeq b", "-ERR syntax error"),
        (
            "delex k what x",
            "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
        ),
        (
            "delex l what x",
            "-ERR Key should be of string type if conditions are specified",
        ),
        (
            "delex k ifeq",
            "-ERR wrong number of arguments for 'delex' command",
        ),
        (
            "delex k ifeq a b",
            "-ERR wrong number of arguments for 'delex' command",
        ),
    ] {
        assert_eq!(t.run(line), error, "{line}");
    }
    assert!(t.run("set l v ifdne 12").starts_with("-WRONGTYPE"));
    assert_eq!(t.run("set k v ifdeq 12 get"), digest, "and nothing else");
    assert_eq!(t.run("set nope v ifdeq 12"), "$-1");
    assert_eq!(t.run("delex nope what x"), ":0");
}
