//! Bitmaps through the engine: replies, errors, encodings and what the stream says.

use crate::testing::TestEngine;

fn all(t: &mut TestEngine, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        assert_eq!(t.run(line), *reply, "{line}");
    }
}

#[test]
fn setbit_grows_the_string_and_tells_only_changes() {
    let mut t = TestEngine::new();
    all(
        &mut t,
        &[
            ("setbit k 3 0", ":0"),
            ("setbit k 3 0", ":0"),
            ("setbit k 3 1", ":0"),
            ("setbit k 3 1", ":1"),
            ("setbit k 17 0", ":0"),
            ("strlen k", ":3"),
            ("getbit k 3", ":1"),
            ("getbit k 400", ":0"),
            ("object encoding k", "$3 raw"),
        ],
    );
    assert_eq!(
        t.stream(),
        "setbit k 3 0 | setbit k 3 1 | setbit k 17 0",
        "what changed nothing stays here"
    );
}

#[test]
fn setbit_works_on_integers_and_on_long_strings() {
    let mut t = TestEngine::new();
    t.run("set n 123 px 5000");
    all(
        &mut t,
        &[
            ("setbit n 7 0", ":1"),
            ("get n", "$3 023"),
            ("pttl n", ":5000"),
        ],
    );
    all(
        &mut t,
        &[
            ("setbit long 80000 1", ":0"),
            ("setbit long 1 1", ":0"),
            ("bitcount long", ":2"),
            ("strlen long", ":10001"),
        ],
    );
}

#[test]
fn offsets_and_bits_are_checked_before_the_key() {
    let mut t = TestEngine::new();
    t.run("rpush l x");
    let offset = "-ERR bit offset is not an integer or out of range";
    let bit = "-ERR bit is not an integer or out of range";
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    all(
        &mut t,
        &[
            ("setbit l -1 0", offset),
            ("setbit l 4294967296 0", offset),
            ("setbit l #1 0", offset),
            ("getbit l x", offset),
            ("setbit l 0 2", bit),
            ("setbit l 0 x", bit),
            ("setbit l 0 1", wrong),
            ("getbit l 0", wrong),
            ("bitcount l 1 2 X", "-ERR syntax error"),
            (
                "bitcount none a b",
                "-ERR value is not an integer or out of range",
            ),
            ("bitcount l", wrong),
            ("bitpos l 2", "-ERR The bit argument must be 1 or 0."),
            ("bitpos l 1", wrong),
            ("bitpos none 0 0 -1 BIT x", "-ERR syntax error"),
        ],
    );
}

#[test]
fn ranges_of_bits_are_counted_and_searched() {
    let mut t = TestEngine::new();
    t.run("set s foobar");
    t.run(r#"set ones "\xff\xff""#);
    all(
        &mut t,
        &[
            ("bitcount s", ":26"),
            ("bitcount s 1", ":22"),
            ("bitcount s -7", ":26"),
            (
                "bitcount s x",
                "-ERR value is not an integer or out of range",
            ),
            ("bitcount s -7 -9", ":0"),
            ("bitpos s 1 -7 -9", ":1"),
            ("bitpos s 1 0 a x", "-ERR syntax error"),
            ("bitcount s 1 1", ":6"),
            ("bitcount s 5 30 BIT", ":17"),
            ("bitcount none", ":0"),
            ("bitpos s 1", ":1"),
            ("bitpos s 1 2", ":17"),
            ("bitpos s 0 8 -1 BIT", ":8"),
            ("bitpos ones 0", ":16"),
            ("bitpos ones 0 0 -1", ":-1"),
            ("bitpos none 0", ":0"),
            ("bitpos none 1", ":-1"),
        ],
    );
}

#[test]
fn bitop_pads_with_zeros_and_stores_a_raw_string() {
    let mut t = TestEngine::new();
    t.run(r#"set a "\xf0\xff""#);
    t.run(r#"set b "\xcc""#);
    t.run(r#"set c "\xaa\x01\x80""#);
    t.stream();
    let hex = |t: &mut TestEngine| {
        let fields = [0, 8, 16].map(|at| t.run(&format!("bitfield_ro d get u8 {at}")));
        fields.map(|reply| {
            reply[4..]
                .trim_start_matches(':')
                .parse::<u8>()
                .expect("a number")
        })
    };
    for (line, want) in [
        ("bitop and d a b c", [0x80, 0, 0]),
        ("bitop or d a b c", [0xfe, 0xff, 0x80]),
        ("bitop xor d a b c", [0x96, 0xfe, 0x80]),
        ("bitop diff d a b c", [0x10, 0xfe, 0]),
        ("bitop diff1 d a b c", [0x0e, 0, 0x80]),
        ("bitop andor d a b c", [0xe0, 0x01, 0]),
        ("bitop one d a b c", [0x16, 0xfe, 0x80]),
    ] {
        assert_eq!(t.run(line), ":3", "{line}");
        assert_eq!(hex(&mut t), want, "{line}");
    }
    assert_eq!(t.run("bitop not d a"), ":2");
    assert_eq!(hex(&mut t), [0x0f, 0, 0]);
    assert_eq!(t.run("object encoding d"), "$3 raw");
    assert_eq!(t.run("bitop or d none"), ":0");
    assert_eq!(t.run("exists d"), ":0");
}

#[test]
fn bitop_checks_its_sources() {
    let mut t = TestEngine::new();
    t.run("rpush l x");
    for (line, reply) in [
        ("bitop foo d l", "-ERR syntax error"),
        (
            "bitop not d a b",
            "-ERR BITOP NOT must be called with a single source key.",
        ),
        (
            "bitop diff d a",
            "-ERR BITOP DIFF must be called with at least two source keys.",
        ),
        (
            "bitop diff1 d a",
            "-ERR BITOP DIFF1 must be called with at least two source keys.",
        ),
        (
            "bitop andor d a",
            "-ERR BITOP ANDOR must be called with at least two source keys.",
        ),
        (
            "bitop or d a l",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        ("bitop one d a", ":0"),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
}

/// Valkey and Redis before 8.2 do not know them.
#[test]
fn replicas_get_the_results_of_the_newer_operations() {
    let mut t = TestEngine::new();
    t.run("mset a abc b a");
    t.stream();
    t.run("bitop diff d a b");
    assert_eq!(t.stream(), "SET d \0bc");
    t.run("bitop andor d none none");
    assert_eq!(t.stream(), "DEL d");
    t.run("bitop andor d none none");
    assert_eq!(t.stream(), "");
    t.run("bitop or d a b");
    assert_eq!(t.stream(), "bitop or d a b");
}

#[test]
fn bitfield_reads_and_writes_in_turn() {
    let mut t = TestEngine::new();
    all(
        &mut t,
        &[
            ("bitfield k set u8 0 300 get u8 0", "*2 :0 :44"),
            (
                "bitfield k set i64 0 9223372036854775807",
                "*1 :3170534137668829184",
            ),
            ("bitfield k incrby i64 0 1", "*1 :-9223372036854775808"),
            ("bitfield k get u8 #0 get i5 3 get u63 1", "*3 :128 :0 :0"),
            ("bitfield k set u4 #3 -1 get u4 12", "*2 :0 :15"),
            ("bitfield k", "*0"),
            ("bitfield_ro k get u8 0 get u1 4294967295", "*2 :128 :0"),
            ("bitfield none get u8 0", "*1 :0"),
            ("exists none", ":0"),
        ],
    );
}

#[test]
fn overflows_wrap_saturate_or_fail() {
    let mut t = TestEngine::new();
    all(
        &mut t,
        &[
            ("bitfield k overflow sat set u8 0 -5 get u8 0", "*2 :0 :255"),
            ("bitfield k overflow sat incrby u8 0 -300", "*1 :0"),
            ("bitfield k overflow wrap incrby u8 0 -1", "*1 :255"),
            (
                "bitfield k overflow fail incrby u8 0 1 get u8 0",
                "*2 $-1 :255",
            ),
            (
                "bitfield k set i8 0 100 overflow sat incrby i8 0 100",
                "*2 :-1 :127",
            ),
            ("bitfield k overflow sat incrby i8 0 -300", "*1 :-128"),
            ("bitfield k incrby i8 0 -1", "*1 :127"),
        ],
    );
}

#[test]
fn bitfield_refuses_what_it_cannot_read() {
    let mut t = TestEngine::new();
    t.run("rpush l x");
    let kind = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                supported but i64 is.";
    let offset = "-ERR bit offset is not an integer or out of range";
    for (line, reply) in [
        ("bitfield l get u64 0", kind),
        ("bitfield l get i65 0", kind),
        ("bitfield l get u0 0", kind),
        ("bitfield l get U8 0", kind),
        ("bitfield l get u08 0", kind),
        ("bitfield l get u8 -1", offset),
        ("bitfield l get u8 #", offset),
        ("bitfield l get u8 #536870912", offset),
        ("bitfield l get u8", "-ERR syntax error"),
        (
            "bitfield l overflow foo",
            "-ERR Invalid OVERFLOW type specified",
        ),
        (
            "bitfield l set u8 0 x",
            "-ERR value is not an integer or out of range",
        ),
        (
            "bitfield l get u8 0",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        (
            "bitfield_ro l set u8 0 1",
            "-ERR BITFIELD_RO only supports the GET subcommand",
        ),
        ("bitfield_ro l incrby u8 0", "-ERR syntax error"),
        ("bitfield_ro l set u8 0 1 get u8 -1", offset),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
}

/// Redis leaves the grown string out of the stream, and its replicas behind.
#[test]
fn a_refused_write_that_made_the_string_longer_reaches_replicas() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("bitfield k overflow fail set u8 8 256"), "*1 $-1");
    assert_eq!(t.run("strlen k"), ":2");
    assert_eq!(t.stream(), "bitfield k overflow fail set u8 8 256");
    t.run("bitfield k overflow fail set u8 8 256");
    assert_eq!(t.stream(), "");
}
