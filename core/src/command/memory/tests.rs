//! MEMORY through the engine: what keys take, and the shapes of the replies.

use crate::testing::TestEngine;

fn usage(t: &mut TestEngine, rest: &str) -> usize {
    let reply = t.run(&format!("memory usage {rest}"));
    let number = reply.strip_prefix(':').expect("a number");
    number.parse().expect("a number")
}

#[test]
fn a_string_takes_its_bytes_and_a_header() {
    let mut t = TestEngine::new();
    t.run("set k 12345");
    let int = usage(&mut t, "k");
    t.run("set longer-key 12345");
    assert_eq!(usage(&mut t, "longer-key"), int + 9);
    t.run("set k 12345 ex 100");
    assert!(usage(&mut t, "k") > int + 8, "an expiry takes room");
    t.run(&format!("set k {}", "x".repeat(1000)));
    let inline = usage(&mut t, "k");
    assert!((1000..1100).contains(&inline), "{inline}");
    t.run(&format!("set k {}", "x".repeat(5000)));
    let shared = usage(&mut t, "k");
    assert!((5000..5200).contains(&shared), "{shared}");
}

/// Elements of 100 bytes in the small and in the large encoding of each type.
#[test]
fn a_collection_grows_with_its_elements() {
    for fill in ["rpush k", "sadd k", "hset k field:%", "zadd k %"] {
        let mut t = TestEngine::new();
        let add = |t: &mut TestEngine, number: usize, bytes: usize| {
            let command = fill.replace('%', &number.to_string());
            let reply = t.run(&format!("{command} {number:0bytes$}"));
            assert!(reply.starts_with(':'), "{reply}");
        };
        add(&mut t, 0, 2);
        let small = usage(&mut t, "k samples 0");
        assert!((20..200).contains(&small), "{fill}: {small}");
        (1..400).for_each(|number| add(&mut t, number, 100));
        let all = usage(&mut t, "k samples 0");
        assert!((40_000..100_000).contains(&all), "{fill}: {all}");
        let few = usage(&mut t, "k");
        assert!(few.abs_diff(all) * 5 < all, "{fill}: {all} judged {few}");
    }
}

#[test]
fn sets_of_integers_take_their_packed_size() {
    let mut t = TestEngine::new();
    t.run("sadd k 1 2 3");
    let small = usage(&mut t, "k");
    for number in 0..400 {
        t.run(&format!("sadd k {number}"));
    }
    let large = usage(&mut t, "k");
    assert!((800..1800).contains(&(large - small)), "{small} {large}");
}

#[test]
fn usage_says_what_it_cannot_do() {
    let mut t = TestEngine::new();
    t.run("set k v");
    assert_eq!(t.run("memory usage nope"), "$-1");
    assert_eq!(t.run("memory usage nope samples 3 samples 0"), "$-1");
    assert_eq!(t.run("memory usage k samples"), "-ERR syntax error");
    assert_eq!(t.run("memory usage k sample 3"), "-ERR syntax error");
    assert_eq!(t.run("memory usage k samples -1"), "-ERR syntax error");
    let not_integer = "-ERR value is not an integer or out of range";
    assert_eq!(t.run("memory usage nope samples x"), not_integer);
    let arity = "-ERR wrong number of arguments for 'memory|usage' command";
    assert_eq!(t.run("memory usage"), arity);
}

#[test]
fn stats_show_databases_that_have_keys() {
    let mut t = TestEngine::new();
    let without = t.run("memory stats");
    assert!(without.starts_with("*54 "), "{without}");
    assert!(!without.contains("db."), "{without}");
    t.run("select 2");
    t.run("set k v");
    let with = t.run("memory stats");
    assert!(with.starts_with("*56 "), "{with}");
    assert!(with.contains("$4 db.2 *6 "), "{with}");
    assert!(with.contains("keys.count :1 "), "{with}");
}

#[test]
fn the_allocator_answers_as_one_that_is_not_jemalloc() {
    let mut t = TestEngine::new();
    let unsupported = "$45 Stats not supported for the current allocator";
    assert_eq!(t.run("memory malloc-stats"), unsupported);
    assert_eq!(t.run("memory purge"), "+OK");
    assert!(t.run("memory doctor").contains("too little in memory"));
    assert!(t.run("memory help").starts_with("*13 +MEMORY <subcommand>"));
    let unknown = "-ERR unknown subcommand 'nope'. Try MEMORY HELP.";
    assert_eq!(t.run("memory nope"), unknown);
}
