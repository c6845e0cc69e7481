//! The dataset as a whole, through the engine.

use crate::testing::TestEngine;

#[test]
fn flushes_are_always_propagated() {
    let mut t = TestEngine::new();
    t.run("set a 1");
    t.run("select 1");
    t.run("set b 1");
    assert_eq!(t.run("dbsize"), ":1");
    t.stream();
    assert_eq!(t.run("flushdb async"), "+OK");
    assert_eq!(t.run("dbsize"), ":0");
    assert_eq!(t.run("flushdb"), "+OK");
    assert_eq!(t.run("flushall sync"), "+OK");
    assert_eq!(t.stream(), "flushdb async | flushdb | flushall sync");
    assert_eq!(t.run("flushall now"), "-ERR syntax error");
    assert!(t.engine.keyspace.is_empty());
}

#[test]
fn swapped_databases_change_their_keys() {
    let mut t = TestEngine::new();
    t.run("set a 1");
    assert_eq!(t.run("swapdb 0 1"), "+OK");
    assert_eq!(t.run("get a"), "$-1");
    t.run("select 1");
    assert_eq!(t.run("get a"), "$1 1");
    assert_eq!(t.run("swapdb x 1"), "-ERR invalid first DB index");
    assert_eq!(t.run("swapdb 0 99"), "-ERR DB index is out of range");
}

#[test]
fn watchers_of_a_flushed_key_fail() {
    let mut t = TestEngine::new();
    t.run("set a 1");
    for line in ["flushall", "swapdb 0 5"] {
        t.run("set a 1");
        t.run("watch a");
        t.run(line);
        t.run("multi");
        t.run("ping");
        assert_eq!(t.run("exec"), "*-1", "{line}");
    }
}

/// That they equal those of redis-server is tested with a redis-server.
#[test]
fn a_digest_follows_the_content() {
    let mut t = TestEngine::new();
    let nothing = "+0000000000000000000000000000000000000000";
    assert_eq!(t.run("debug digest"), nothing);
    t.run("set a 1");
    let of_one = t.run("debug digest");
    t.run("set b 1");
    assert_ne!(t.run("debug digest"), of_one);
    t.run("del b");
    assert_eq!(t.run("debug digest"), of_one);
    t.run("expire a 100");
    assert_ne!(t.run("debug digest"), of_one);
    assert_eq!(t.run("debug digest-value nope"), format!("*1 {nothing}"));
}

#[test]
fn populate_makes_what_is_not_there() {
    let mut t = TestEngine::new();
    t.run("set key:1 mine");
    assert_eq!(t.run("debug populate 3 key 10"), "+OK");
    assert_eq!(t.run("dbsize"), ":3");
    assert_eq!(t.run("get key:1"), "$4 mine");
    assert_eq!(t.run("strlen key:2"), ":10");
    assert!(
        t.run("debug nonsense")
            .starts_with("-ERR unknown subcommand or wrong number")
    );
}

#[test]
fn populate_stays_on_its_server() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("debug populate 2 p 0"), "+OK");
    assert_eq!(t.run("get p:1"), "$7 value:1");
    assert_eq!(t.stream(), "");
    assert_eq!(
        t.run("debug populate x"),
        "-ERR value is out of range, must be positive"
    );
}

#[test]
fn pushes_follow_the_reply() {
    let mut t = TestEngine::new();
    assert_eq!(
        t.run("debug protocol push"),
        "-ERR RESP2 is not supported by this command"
    );
    t.run("hello 3");
    assert_eq!(
        t.run("debug protocol push"),
        "$40 Some real reply following the push reply >2 $16 server-cpu-usage :42"
    );
}

#[test]
fn swapping_tells_watchers_what_they_would_see() {
    let mut t = TestEngine::new();
    let mut outcome = |before: &str, line: &str| {
        t.run("flushall");
        t.run(before);
        t.run("watch k");
        t.run(line);
        t.run("multi");
        t.run("exec")
    };
    assert_eq!(outcome("set k 1", "swapdb 0 5"), "*-1");
    assert_eq!(outcome("set l 1", "swapdb 0 5"), "*0");
    assert_eq!(outcome("set k 1", "swapdb 0 0"), "*0");
}

#[test]
fn a_picture_has_the_size_that_was_asked_for_and_the_version_below() {
    let mut t = TestEngine::new();
    assert!(t.run("lolwut").ends_with("Redis ver. 7.2.4"));
    let town = t.run("lolwut version 6 10 4");
    let lines: Vec<&str> = town.lines().collect();
    assert!(lines.len() > 4, "{town}");
    // Ten columns are forty dots in ten characters; two squares a row are ten dots high.
    let squares = t.run("lolwut VERSION 5 10 2 3");
    let braille = squares.lines().filter(|line| line.contains('\u{2800}'));
    assert!(braille.clone().count() > 3);
    assert!(
        braille
            .clone()
            .skip(1)
            .all(|line| line.chars().count() == 10)
    );
    for line in [
        "lolwut version 5 x",
        "lolwut version x",
        "lolwut version 6 1 x",
    ] {
        assert_eq!(
            t.run(line),
            "-ERR value is not an integer or out of range",
            "{line}"
        );
    }
    let smallest = t.run("lolwut version 5 -1 0 0");
    assert!(smallest.ends_with("Redis ver. 7.2.4"), "{smallest}");
    assert!(t.run("lolwut 1 2 3").ends_with("Redis ver. 7.2.4"));
}

#[test]
fn the_packed_threshold_outlives_other_changes_of_the_configuration() {
    let mut t = TestEngine::new();
    t.run("config set list-max-listpack-size 2");
    let pieces = |t: &mut TestEngine| {
        t.run("del l");
        t.run("rpush l a b 12345 c d");
        let text = t.run("debug object l");
        let tail = text.split("ql_nodes:").nth(1).expect("a list");
        tail.split(' ').next().expect("a number").to_owned()
    };
    assert_eq!(pieces(&mut t), "3");
    assert_eq!(t.run("debug quicklist-packed-threshold 5b"), "+OK");
    t.run("config set timeout 10");
    assert_eq!(pieces(&mut t), "3");
    assert_eq!(t.run("debug quicklist-packed-threshold 1b"), "+OK");
    t.run("config set timeout 0");
    assert_eq!(pieces(&mut t), "5");
    assert_eq!(t.run("debug quicklist-packed-threshold 0"), "+OK");
    assert_eq!(pieces(&mut t), "3");
    let refused = "-ERR argument must be a memory value bigger than 1 and smaller than 4gb";
    for wrong in ["4gb", "4294967296", "x", "-1"] {
        let line = format!("debug quicklist-packed-threshold {wrong}");
        assert_eq!(t.run(&line), refused);
    }
    assert_eq!(
        t.run("debug quicklist-packed-threshold 4293918720"),
        "+OK",
        "4 GB but one MB"
    );
}

#[test]
fn statistics_of_a_table_add_up() {
    let mut t = TestEngine::new();
    for number in 0..1000 {
        t.run(&format!("sadd s m:{number}"));
        t.run(&format!("zadd z {number} m:{number}"));
        t.run(&format!("hset h m:{number} v"));
    }
    for key in ["s", "z", "h"] {
        let text = t.run(&format!("debug htstats-key {key}"));
        assert!(text.contains(" number of elements: 1000\n"), "{text}");
        let find = |name: &str| -> f64 {
            let rest = text.split(name).nth(1).expect("a named number");
            let number = rest.trim_start_matches(": ").split('\n').next();
            number.expect("a line").parse().expect("a number")
        };
        let (slots, longest) = (find("different slots"), find("max chain length"));
        assert!(slots > 1.0 && longest < 1000.0 && slots * longest >= 1000.0);
        let lines = text.lines().filter(|line| line.starts_with("   "));
        let sum: f64 = lines
            .map(|line| {
                let (len, rest) = line.split_once(": ").expect("a length and its count");
                let count = rest.split(' ').next().expect("a count");
                len.trim().parse::<f64>().unwrap() * count.parse::<f64>().unwrap()
            })
            .sum();
        assert!((sum - 1000.0).abs() < 0.5, "{text}");
        assert!(!text.contains("rehashing"), "{text}");
    }
    t.run("set k v");
    let no_table =
        "-ERR The value stored at the specified key is not represented using an hash table";
    assert_eq!(t.run("debug htstats-key k"), no_table);
    assert_eq!(t.run("debug htstats-key nope"), "-ERR no such key");
}

#[test]
fn a_packed_value_of_every_type_shows_its_listpack() {
    let mut t = TestEngine::new();
    t.run("rpush l a b");
    t.run("sadd s a b");
    t.run("hset h a b");
    t.run("zadd z 1 a");
    for key in ["l", "s", "h", "z"] {
        let shown = t.run(&format!("debug listpack {key}"));
        assert_eq!(shown, "+Listpack structure printed on stdout");
    }
    t.run("sadd ints 1");
    let refused = "-ERR Not a listpack encoded object.";
    assert_eq!(t.run("debug listpack ints"), refused);
}

#[test]
fn reload_names_its_options() {
    let mut t = TestEngine::new();
    assert_eq!(
        t.run("debug reload nosave now"),
        "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
    );
    let refused = t.run("debug reload nosave noflush merge");
    assert!(refused.starts_with("-ERR this embedded engine has no host"));
    t.run("client reply off");
    assert_eq!(t.run("debug reload"), "");
}

#[test]
fn debug_object_tells_what_redis_tells() {
    let mut t = TestEngine::new();
    t.now_ms = ((1 << 24) + 7) * 1000;
    t.run("set s text");
    assert!(
        t.run("debug object s")
            .contains(" lru:7 lru_seconds_idle:0")
    );
    t.run("config set list-max-listpack-size 2");
    t.run("rpush l a b");
    assert!(t.run("debug object l").ends_with("lru_seconds_idle:0"));
    t.run("rpush l c");
    let shown = t.run("debug object l");
    let tail = " ql_nodes:2 ql_avg_node:1.50 ql_listpack_max:2 ql_compressed:0 \
                ql_uncompressed_size:";
    assert!(shown.contains(tail), "{shown}");
}

#[test]
fn without_a_finer_clock_time_is_the_moment_of_the_command() {
    let mut t = TestEngine::new();
    t.now_ms = 1_234_567;
    assert_eq!(t.run("time"), "*2 $4 1234 $6 567000");
}

#[test]
fn a_flush_counts_the_keys_that_it_removed() {
    let mut t = TestEngine::new();
    t.run("mset a 1 b 2");
    t.run("select 3");
    t.run("set c 3");
    let before = t.engine.server.persistence.changes;
    assert_eq!(
        t.run("flushall"),
        "+OK",
        "a host that saves nothing is no obstacle"
    );
    assert_eq!(t.engine.server.persistence.changes, before + 3);
    t.run("flushall");
    assert_eq!(t.engine.server.persistence.changes, before + 3);
}

#[test]
fn debug_is_for_those_whom_enable_debug_command_admits() {
    let mut t = TestEngine::new();
    let may = |t: &mut TestEngine, value: &str| {
        let config = &mut t.engine.server.config;
        let loaded = config.load(b"enable-debug-command", &[value.as_bytes()]);
        loaded.expect("one of its words");
        let stranger = t.connect();
        let client = t.engine.server.clients.get_mut(stranger);
        client.expect("connected").peer.addr = "192.0.2.1:1000".to_owned();
        let client = t.engine.server.clients.get_mut(t.id);
        client.expect("connected").peer.addr = "127.0.0.1:1000".to_owned();
        [t.id, stranger].map(|id| t.run_as(id, "DEBUG SLEEP 0") == "+OK")
    };
    assert_eq!(may(&mut t, "no"), [false, false]);
    assert_eq!(may(&mut t, "local"), [true, false]);
    assert_eq!(may(&mut t, "yes"), [true, true]);
    let config = &mut t.engine.server.config;
    config
        .load(b"enable-debug-command", &[b"no"])
        .expect("one of its words");
    let refused = t.run("DEBUG HELP");
    assert!(
        refused.starts_with("-ERR DEBUG command not allowed."),
        "{refused}"
    );
}

#[test]
fn debug_reads_numbers_as_c_does() {
    let mut t = TestEngine::new();
    for (word, slept_us) in [
        ("0.5", 500_000),
        ("0.25s", 250_000),
        ("' 1e-3x'", 1000),
        ("soon", 0),
        ("''", 0),
        ("-1", 0),
        ("nan", 0),
    ] {
        let before_ns = t.host.now_ns;
        assert_eq!(t.run(&format!("debug sleep {word}")), "+OK", "{word}");
        assert_eq!((t.host.now_ns - before_ns) / 1000, slept_us, "{word}");
    }
    for (word, on) in [
        ("0", false),
        ("1x", true),
        ("off", false),
        ("-1", true),
        ("''", false),
    ] {
        assert_eq!(t.run(&format!("debug set-active-expire {word}")), "+OK");
        assert_eq!(t.engine.server.active_expire, on, "{word}");
    }
}
