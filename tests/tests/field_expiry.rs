//! Fields that expire, across servers: a random load of them on one side, and the
//! same fields with the same expiries on the other, by snapshot and by stream.

use std::collections::BTreeMap;

use towline_tests::resp::Value;
use towline_tests::rng::Rng;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{link_status, wait_in_sync};
use towline_tests::wait;

const KEYS: u64 = 8;
const FIELDS: u64 = 24;

/// One step of the load: fields come and go, expire soon, late, at once or no more.
fn step(rng: &mut Rng) -> String {
    let key = format!("h{}", rng.below(KEYS));
    let [a, b] = [(); 2].map(|()| format!("f{}", rng.below(FIELDS)));
    let late_s = 1000 + rng.below(1000);
    let soon_ms = 1 + rng.below(300);
    match rng.below(16) {
        0 | 1 => format!("HSET {key} {a} 1 {b} 2"),
        2 => format!("HDEL {key} {a}"),
        3 => format!("HINCRBY {key} {a} 3"),
        4 => format!("HINCRBYFLOAT {key} {b} 0.5"),
        5 => format!("HSETNX {key} {a} 4"),
        6 => format!("HEXPIRE {key} {late_s} FIELDS 2 {a} {b}"),
        7 => format!("HPEXPIRE {key} {soon_ms} FIELDS 2 {a} {b}"),
        8 => format!("HEXPIRE {key} {late_s} GT FIELDS 2 {a} {b}"),
        9 => format!("HPERSIST {key} FIELDS 2 {a} {b}"),
        10 => format!("HSETEX {key} EX {late_s} FIELDS 2 {a} 5 {b} 6"),
        11 => format!("HSETEX {key} FNX PX {soon_ms} FIELDS 1 {a} 7"),
        12 => format!("HSETEX {key} KEEPTTL FIELDS 2 {a} 8 {b} 9"),
        13 => format!("HGETEX {key} PX {soon_ms} FIELDS 1 {a}"),
        14 => format!("HGETDEL {key} FIELDS 1 {b}"),
        _ => match rng.below(4) {
            0 => format!("COPY {key} h{} REPLACE", rng.below(KEYS)),
            1 => format!("HPEXPIREAT {key} 1 FIELDS 1 {a}"),
            2 => format!("HGETEX {key} PERSIST FIELDS 2 {a} {b}"),
            _ => format!("EXPIRE {key} {late_s}"),
        },
    }
}

fn load(server: &Server, rng: &mut Rng, steps: usize) {
    let mut client = server.client();
    for _ in 0..steps {
        client.cmd(&step(rng));
    }
}

/// Every field's value and expiry, and how many fields each hash has.
type Fields = BTreeMap<String, Vec<String>>;

fn fields(server: &Server) -> Fields {
    let mut client = server.client();
    let keys = client.ok("KEYS *").texts();
    let described = keys.into_iter().map(|key| {
        let mut pairs = Vec::new();
        // A field may go while they are read; the next look finds it gone.
        for field in client.call(&["HKEYS", &key]).texts() {
            let value = client.call(&["HGET", &key, &field]);
            let at = client.call(&["HPEXPIRETIME", &key, "FIELDS", "1", &field]);
            pairs.push(format!("{field}={value:?}@{}", at.items()[0].int()));
        }
        pairs.sort();
        pairs.push(client.call(&["HLEN", &key]).int().to_string());
        (key, pairs)
    });
    described.collect()
}

/// Waits until no field is about to expire, and both hold the same.
fn assert_same_fields(primary: &Server, replica: &Server) {
    wait::until_equal("the replica has the same fields", &Vec::new(), || {
        wait_in_sync(&[primary, replica]);
        let (ours, theirs) = (fields(primary), fields(replica));
        let names = ours.keys().chain(theirs.keys());
        let different = names.filter(|key| ours.get(*key) != theirs.get(*key));
        let different =
            different.map(|key| format!("{key}: {:?} but {:?}", ours.get(key), theirs.get(key)));
        different.collect::<Vec<String>>()
    });
}

fn primary(kind: Kind) -> Server {
    Setup::new(kind).line("repl-diskless-sync-delay 0").start()
}

fn follows(upper: Kind, lower: Kind, seed: u64) {
    let primary = primary(upper);
    let mut rng = Rng::new(seed);
    load(&primary, &mut rng, 1000);
    let replica = Setup::new(lower).replica_of(&primary).start();
    assert_same_fields(&primary, &replica);
    load(&primary, &mut rng, 3000);
    assert_same_fields(&primary, &replica);
    let volatile = primary.info("keyspace").get("db0").to_owned();
    assert!(
        !volatile.ends_with("keys_with_volatile_items=0"),
        "{volatile}"
    );
    let volatile = volatile.rsplit(',').next().map(str::to_owned);
    let theirs = replica.info("keyspace").get("db0").to_owned();
    assert_eq!(theirs.rsplit(',').next().map(str::to_owned), volatile);
    assert_eq!(primary.info("stats").number("sync_full"), 1);
}

#[test]
fn a_valkey_replica_has_the_fields_of_towline() {
    follows(Kind::Towline, Kind::Valkey, 1);
}

#[test]
fn towline_has_the_fields_of_a_valkey_primary() {
    follows(Kind::Valkey, Kind::Towline, 2);
}

#[test]
fn a_towline_replica_has_the_fields_of_towline() {
    follows(Kind::Towline, Kind::Towline, 3);
}

#[test]
fn a_restart_keeps_expiries_and_removes_what_is_over() {
    let mut server = Server::new(Kind::Towline);
    server.ok("HSET h a 1 b 2 c 3");
    server.ok("HPEXPIRE h 40 FIELDS 1 a");
    server.ok("HEXPIREAT h 4000000000 FIELDS 1 b");
    server.ok("SAVE");
    server.crash_and_restart();
    wait::until("the field is removed", || {
        server.client().cmd("HLEN h") == Value::Int(2)
    });
    let times = server.ok("HEXPIRETIME h FIELDS 3 a b c");
    let times: Vec<i64> = times.items().iter().map(Value::int).collect();
    assert_eq!(times, [-2, 4_000_000_000, -1]);
}

#[test]
fn a_replica_that_does_not_know_them_is_cut_off_and_comes_back_when_none_is_left() {
    let primary = primary(Kind::Towline);
    primary.ok("HSET h a 1 b 2");
    let replica = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    // What an older replica can be told, it is told.
    primary.ok("HSETEX h FIELDS 1 a 5");
    primary.ok("HGETDEL h FIELDS 1 b");
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(replica.ok("HGETALL h").texts(), ["a", "5"]);
    assert_eq!(primary.info("stats").number("sync_full"), 1);

    primary.ok("HEXPIRE h 1000 FIELDS 1 a");
    primary.ok("SET after x");
    wait::until("the link is cut", || link_status(&replica) != "up");
    assert!(
        primary
            .log()
            .contains("would miss HPEXPIREAT of key 'h' without a word")
    );
    wait::until("a full sync has failed", || {
        primary.log().contains("key 'h'") && primary.log().contains("fields that expire in RDB")
            || primary.info("stats").number("sync_full") > 2
    });
    assert_eq!(
        replica.ok("EXISTS after").int(),
        0,
        "nothing came behind the gap"
    );

    primary.ok("HPERSIST h FIELDS 1 a");
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(replica.ok("HGETALL h").texts(), ["a", "5"]);
    assert_eq!(replica.ok("EXISTS after").int(), 1);
}

#[test]
fn a_chain_is_cut_where_it_goes_on_to_a_replica_that_does_not_know_them() {
    let top = primary(Kind::Valkey);
    let middle = Setup::new(Kind::Towline)
        .line("repl-diskless-sync-delay 0")
        .replica_of(&top)
        .start();
    wait_in_sync(&[&top, &middle]);
    let last = Setup::new(Kind::Redis).replica_of(&middle).start();
    wait_in_sync(&[&middle, &last]);
    top.ok("HSETEX h EX 1000 FIELDS 1 a 1");
    wait::until("the lower link is cut", || link_status(&last) != "up");
    assert!(
        middle.log().contains("would miss HSETEX of key 'h'"),
        "{}",
        middle.log()
    );
    assert_eq!(link_status(&middle), "up");
    top.ok("DEL h");
    wait_in_sync(&[&top, &middle, &last]);
}
