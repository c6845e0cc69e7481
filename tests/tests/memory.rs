//! MEMORY of running servers: what USAGE tells is what the allocator hands out, and
//! STATS has the shape of the real one's.

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};
use towline_tests::wait;

/// Elements of each value, enough for a tree of three levels.
const ELEMENTS: usize = 40_000;
/// Elements of one command.
const BATCH: usize = 500;

/// The words that element so-and-so adds to the command.
type WordsOf<'a> = &'a dyn Fn(usize) -> Vec<String>;

fn used(server: &Server) -> i64 {
    server.info("memory").number("used_memory")
}

/// Fills a key in an order that is not the order of its elements.
fn fill(client: &mut Client, command: &str, words_of: WordsOf<'_>) {
    for batch in 0..ELEMENTS / BATCH {
        let mut args = vec![command.to_owned(), "key".to_owned()];
        for number in batch * BATCH..(batch + 1) * BATCH {
            args.extend(words_of(number * 7919 % ELEMENTS));
        }
        assert!(!client.call(&args).is_error());
    }
}

/// What the allocator handed out for a value, and what USAGE says of it, judged by
/// all elements and by a few of them.
fn measured(command: &str, words_of: WordsOf<'_>) -> (i64, i64, i64) {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    // The first key of all brings the table along.
    client.ok("SET other 1");
    let before = used(&server);
    fill(&mut client, command, words_of);
    let taken = used(&server) - before;
    let all = client.ok("MEMORY USAGE key SAMPLES 0").int();
    let few = client.ok("MEMORY USAGE key SAMPLES 500").int();
    (taken, all, few)
}

/// Within a twentieth.
fn is_near(left: i64, right: i64) -> bool {
    (left - right).abs() * 20 <= left.max(right)
}

#[test]
fn usage_is_what_the_allocator_hands_out() {
    let text = |number: usize| format!("an element of a size that varies {number}");
    let kinds: [(&str, WordsOf<'_>); 4] = [
        ("RPUSH", &|number| vec![text(number)]),
        ("SADD", &|number| vec![text(number)]),
        ("HSET", &|number| vec![text(number), text(number)]),
        ("ZADD", &|number| vec![number.to_string(), text(number)]),
    ];
    for (command, words_of) in kinds {
        let (taken, all, few) = measured(command, words_of);
        assert!(taken > ELEMENTS as i64 * 32, "{command}: {taken}");
        assert!(is_near(taken, all), "{command}: {taken} taken, {all} told");
        assert!(is_near(all, few), "{command}: {all} in all, {few} judged");
    }
}

/// Names of a map and, where values are maps themselves, theirs.
fn names(map: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for pair in map.items().chunks(2) {
        found.push(pair[0].text());
        if pair[0].text().starts_with("db.") && pair[0].text() != "db.dict.rehashing.count" {
            found.extend(names(&pair[1]));
        }
    }
    found
}

#[test]
fn stats_have_the_names_of_the_real_one_in_its_order() {
    let names_of = |kind| {
        let server = Server::new(kind);
        server.ok("SET k v EX 1000");
        names(&server.ok("MEMORY STATS"))
    };
    let (towline, redis) = (names_of(Kind::Towline), names_of(Kind::Redis));
    assert_eq!(towline, redis);
}

#[test]
fn stats_agree_with_what_is_known_otherwise() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    client.ok("DEBUG POPULATE 5000 key 100");
    client.ok("SELECT 3");
    client.ok("SET k v EX 1000");
    let stats = client.ok("MEMORY STATS");
    let find = |map: &Value, name: &str| {
        let mut pairs = map.items().chunks(2);
        let found = pairs.find(|pair| pair[0].text() == name);
        found.unwrap_or_else(|| panic!("no {name}"))[1].clone()
    };
    let number = |name: &str| find(&stats, name).int();
    assert_eq!(number("keys.count"), 5001);
    assert!(number("dataset.bytes") > 5000 * 100);
    assert!(number("keys.bytes-per-key") > 100);
    assert!(number("peak.allocated") >= number("total.allocated"));
    assert!(number("overhead.total") > number("startup.allocated"));
    let in_three = find(&stats, "db.3");
    assert!(find(&in_three, "overhead.hashtable.main").int() > 0);
    assert!(find(&in_three, "overhead.hashtable.expires").int() > 0);
    let in_none = find(&find(&stats, "db.0"), "overhead.hashtable.expires");
    assert_eq!(in_none.int(), 0);
    let share: f64 = find(&stats, "dataset.percentage").text().parse().unwrap();
    assert!((1.0..=100.0).contains(&share), "{share}");
}

#[test]
fn what_is_removed_goes_back_to_the_system() {
    let server = Server::new(Kind::Towline);
    let resident = || server.info("memory").number("used_memory_rss");
    let before = resident();
    server.ok("DEBUG POPULATE 100000 key 1000");
    let full = resident() - before;
    assert!(full > 100_000_000, "{full}");
    server.ok("FLUSHALL");
    wait::until("most of the memory is given back", || {
        resident() - before < full / 4
    });
}
