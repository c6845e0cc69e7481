//! The bridge between Redis and Valkey: a chain of three servers with Towline in the
//! middle, whose ends do not know each other's commands. What the last does not know is
//! said to it in its own words, in a history of its own.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use towline_tests::chain::Chain;
use towline_tests::content;
use towline_tests::paths;
use towline_tests::resp::{Client, Value};
use towline_tests::rng::Rng;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{link_status, wait_in_sync};
use towline_tests::wait;
use towline_tests::workload::Workload;

const LOSSY: &str = "replica-lossy-dialect yes";

/// A chain with a Towline in the middle, which has `line` in its configuration.
fn chain(first: Kind, last: Kind, line: &str) -> Chain {
    Chain::start([first, Kind::Towline, last], (1, 1_000), line)
}

/// Waits until the last holds what the first does. Its offsets may be its own: that
/// it has everything is what the middle makes of its acknowledgements.
fn wait_equal(chain: &Chain) {
    wait::until_equal("all hold the same data", &Vec::new(), || {
        wait_in_sync(&[&chain.first, &chain.middle]);
        wait::until("the last has acknowledged all", || has_all(&chain.middle));
        let wanted = content::read(&chain.first);
        let mut found = content::differences(&wanted, &content::read(&chain.middle));
        found.extend(content::differences(&wanted, &content::read(&chain.last)));
        found
    });
}

/// Full and partial resyncs of the last.
fn syncs(chain: &Chain) -> [i64; 2] {
    ["sync_full", "sync_partial_ok"].map(|name| chain.middle.info("stats").number(name))
}

/// Cuts one link or both, each time a random moment after both are up again.
fn cut_links(chain: &Chain, seed: u64) -> i64 {
    let (mut rng, mut cut) = (Rng::new(seed), 0);
    for _ in 0..cuts() {
        wait::until("both links are up", || chain.links_are_up());
        thread::sleep(Duration::from_millis(rng.below(200)));
        let which = 1 + rng.below(3);
        if which & 1 != 0 {
            chain.upper.cut();
        }
        if which & 2 != 0 {
            cut += i64::from(chain.lower.cut() > 0);
        }
        let noticed = || !chain.links_are_up() || syncs(chain)[1] >= cut;
        wait::until("the cut is seen", noticed);
    }
    wait::until("both links are up", || chain.links_are_up());
    cut
}

fn cuts() -> u32 {
    match std::env::var_os("TOWLINE_LONG") {
        Some(_) => 200,
        None => 10,
    }
}

/// The value of `name=…` in what INFO says of the first replica.
fn of_replica(server: &Server, name: &str) -> Option<String> {
    let info = server.info("replication");
    let line = info.find("slave0")?;
    let mut pairs = line.split(',').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
}

fn has_all(server: &Server) -> bool {
    let end = server.info("replication").number("master_repl_offset");
    of_replica(server, "offset") == Some(end.to_string())
}

fn dialect(server: &Server) -> Option<String> {
    of_replica(server, "dialect")
}

/// How many full syncs were made for commands without words.
fn for_unknown_commands(server: &Server) -> u64 {
    let info = server.info("stats");
    let mut reasons = info.get("sync_full_reasons").split(',');
    let count = reasons.find_map(|reason| reason.strip_prefix("unknown_commands="));
    count.map_or(0, |count| count.parse().expect("a count is a number"))
}

/// Which of what is new is written.
#[derive(Clone, Copy, PartialEq)]
enum News {
    /// What Valkey 9.1 has and Redis 7.0 has not, without expiries of fields.
    Valkey,
    /// Expiries of fields, as Valkey 9.1 and Redis 8 have them.
    Fields,
    Nothing,
}

fn news(rng: &mut Rng, news: News) -> String {
    let [k, m] = [rng.below(30), rng.below(80)];
    let field = format!("member:{m}");
    match (news, rng.below(6)) {
        (News::Nothing, _) => "PING".to_owned(),
        (News::Valkey, 0) => format!("MSETEX 2 s:{k} {m} s:{m} {k} PX 5000000"),
        (News::Valkey, 1) => format!("SET s:{k} new IFEQ {m}"),
        (News::Valkey, 2) => format!("DELIFEQ s:{k} new"),
        (News::Fields, 0) => format!("HPEXPIRE h:{k} 5000000 FIELDS 1 {field}"),
        (News::Fields, 1) => format!("HPEXPIRE h:{k} {} FIELDS 1 {field}", 1 + m * 3),
        (News::Fields, 2) => format!("HPERSIST h:{k} FIELDS 1 {field}"),
        (News::Fields, 3) => format!("HSETEX h:{k} EX 5000 FIELDS 1 {field} 7"),
        (News::Valkey, 3) => format!("HSETEX h:{k} FIELDS 2 {field} 7 more 8"),
        (_, 4) => format!("HSETEX h:{k} KEEPTTL FIELDS 1 {field} 9"),
        (_, _) => format!("HGETDEL h:{k} FIELDS 1 {field}"),
    }
}

/// Writes until `stop`, at a pace that leaves time for the replicas. Some of what is new
/// stands in transactions.
fn write_until(stop: &AtomicBool, server: &Server, what: News) {
    let (mut client, mut workload) = (server.client(), Workload::new(2));
    let mut rng = Rng::new(3);
    while !stop.load(Ordering::SeqCst) {
        workload.run(&mut client, 40);
        client.ok("MULTI");
        client.cmd(&news(&mut rng, what));
        client.cmd("INCR n:counted");
        client.cmd(&news(&mut rng, what));
        client.cmd("EXEC");
        for _ in 0..8 {
            client.cmd(&news(&mut rng, what));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The data that the first holds is on the last, however often the links break; none of
/// that takes a full sync.
fn survives_cuts(chain: &Chain, what: News) {
    wait_equal(chain);
    let [full, _] = syncs(chain);
    let stop = AtomicBool::new(false);
    let cut = thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(&stop, &chain.first, what));
        let cut = cut_links(chain, 4);
        stop.store(true, Ordering::SeqCst);
        writer.join().expect("the writer does not fail");
        cut
    });
    wait_equal(chain);
    let [full_after, partial] = syncs(chain);
    assert_eq!(
        full_after, full,
        "a full sync that the backlog could have avoided"
    );
    assert!(partial >= cut, "{partial} resyncs, {cut} cuts");
    for server in [&chain.middle, &chain.last] {
        let errors = server.info("errorstats");
        // A replica that comes while the middle's own link is down is told so.
        let others = |name: &&str| *name != "errorstat_NOMASTERLINK";
        let names = errors.fields().iter().map(|field| field.name.as_str());
        let unknown: Vec<&str> = names.filter(others).collect();
        assert_eq!(unknown, Vec::<&str>::new(), "{}", server.kind());
    }
}

/// Every field's expiry, key by key.
fn expiries(server: &Server) -> Vec<String> {
    let mut client = server.client();
    let mut found = Vec::new();
    for db in 0..4 {
        client.ok(&format!("SELECT {db}"));
        for key in client.ok("KEYS h:*").texts() {
            found.extend(expiries_of(&mut client, db, &key));
        }
    }
    found.sort();
    found
}

fn expiries_of(client: &mut Client, db: u32, key: &str) -> Vec<String> {
    let fields = client.call(&["HKEYS", key]).texts();
    let at = fields.into_iter().map(|field| {
        let at = client.call(&["HPEXPIRETIME", key, "FIELDS", "1", &field]);
        format!("{db} {key} {field} {at:?}")
    });
    at.collect()
}

fn assert_same_expiries(chain: &Chain) {
    let none: Vec<String> = Vec::new();
    wait::until_equal("the fields expire at the same times", &none, || {
        wait_equal(chain);
        let (ours, theirs) = (expiries(&chain.first), expiries(&chain.last));
        let other = |line: &&String| theirs.binary_search(line).is_err();
        ours.iter().filter(other).cloned().collect()
    });
    let timed = |line: &&String| !line.ends_with("Array([Int(-1)])");
    assert!(expiries(&chain.last).iter().filter(timed).count() > 0);
}

#[test]
fn valkey_to_redis_7() {
    let chain = chain(Kind::Valkey, Kind::Redis, "");
    survives_cuts(&chain, News::Valkey);
    assert_eq!(dialect(&chain.middle).as_deref(), Some("redis-7"));
    let replid = |server: &Server| server.info("replication").get("master_replid").to_owned();
    assert_eq!(replid(&chain.middle), replid(&chain.first));
    assert_ne!(replid(&chain.last), replid(&chain.first));
    let shown = chain.middle.info("replication").get("dialect0").to_owned();
    assert!(shown.contains(&replid(&chain.last)), "{shown}");
}

#[test]
fn valkey_to_redis_7_with_expiries_of_fields_left_out() {
    let chain = chain(Kind::Valkey, Kind::Redis, LOSSY);
    survives_cuts(&chain, News::Fields);
    let info = chain.middle.info("replication");
    assert!(info.number("dialect_left_out_commands") > 0);
}

#[test]
fn redis_7_to_valkey() {
    let chain = chain(Kind::Redis, Kind::Valkey, "");
    survives_cuts(&chain, News::Nothing);
    assert_eq!(
        dialect(&chain.middle),
        None,
        "it knows all that Redis 7 says"
    );
}

#[test]
fn redis_8_to_valkey_and_its_fields() {
    let chain = chain(Kind::Redis8, Kind::Valkey, "");
    survives_cuts(&chain, News::Fields);
    assert_eq!(dialect(&chain.middle).as_deref(), Some("valkey-9"));
    assert_same_expiries(&chain);
}

#[test]
fn valkey_to_redis_8_and_its_fields() {
    let chain = chain(Kind::Valkey, Kind::Redis8, "");
    survives_cuts(&chain, News::Fields);
    assert_eq!(dialect(&chain.middle).as_deref(), Some("redis-8"));
    assert_same_expiries(&chain);
}

/// Replicas of both families, of one node, at the same time.
#[test]
fn every_replica_is_spoken_to_in_its_own_words() {
    let first = Server::new(Kind::Valkey);
    let middle = Setup::new(Kind::Towline)
        .line(LOSSY)
        .replica_of(&first)
        .start();
    wait_in_sync(&[&first, &middle]);
    let kinds = [Kind::Redis, Kind::Redis8, Kind::Valkey, Kind::Towline];
    let last = kinds.map(|kind| Setup::new(kind).replica_of(&middle).start());
    for server in &last {
        wait::until("it follows", || link_status(server) == "up");
    }
    first.ok("MSETEX 2 a 1 b 2 EX 1000");
    first.ok("HSETEX h EX 1000 FIELDS 1 f v");
    first.ok("SET end 1");
    for server in &last {
        wait::until("the end arrives", || server.ok("EXISTS end").int() == 1);
        assert_eq!(server.ok("MGET a b").texts(), ["1", "2"]);
        assert_eq!(server.ok("HGET h f").text(), "v");
        if server.kind() != Kind::Redis {
            let left = server.ok("HTTL h FIELDS 1 f").items()[0].int();
            assert!((900..=1000).contains(&left), "{}: {left}", server.kind());
        }
    }
}

#[test]
fn what_a_replica_cannot_hold_is_refused_with_the_name_of_its_key() {
    let first = Server::new(Kind::Valkey);
    let middle = Setup::new(Kind::Towline).replica_of(&first).start();
    wait_in_sync(&[&first, &middle]);
    let last = Setup::new(Kind::Redis).replica_of(&middle).start();
    wait::until("it follows", || link_status(&last) == "up");
    first.ok("HSETEX boat EX 1000 FIELDS 1 name tug");
    first.ok("SET after 1");
    wait::until("the link ends", || link_status(&last) != "up");
    wait::until("the log names the key", || {
        middle
            .log()
            .contains("would miss HSETEX of key 'boat' without a word")
    });
    wait::until("so does that of the full sync", || {
        middle
            .log()
            .contains("key 'boat': RDB 10 cannot hold fields that expire")
    });
    assert_eq!(
        last.ok("EXISTS after").int(),
        0,
        "nothing came behind the gap"
    );
    assert!(for_unknown_commands(&middle) >= 1);
    middle.ok("CONFIG SET replica-lossy-dialect yes");
    wait::until("it follows", || link_status(&last) == "up");
    assert_eq!(last.ok("HGET boat name").text(), "tug");
    assert_eq!(last.ok("EXISTS after").int(), 1);
    let info = middle.info("replication");
    assert!(info.number("dialect_left_out_hashes") >= 1);
}

/// What no words of the replica tell, a full sync does.
#[test]
fn what_depends_on_the_dataset_arrives_by_a_full_sync() {
    let first = Server::new(Kind::Redis8);
    let middle = Setup::new(Kind::Towline).replica_of(&first).start();
    wait_in_sync(&[&first, &middle]);
    let last = Setup::new(Kind::Redis).replica_of(&middle).start();
    wait::until("it follows", || link_status(&last) == "up");
    first.ok("SET a abc");
    first.ok("SET b b");
    first.ok("BITOP DIFF c a b");
    let wanted = first.ok("GET c");
    wait::until("it arrives", || last.client().cmd("GET c") == wanted);
    assert_eq!(for_unknown_commands(&middle), 1);
    assert!(
        middle.log().contains("BITOP of key 'DIFF'"),
        "{}",
        middle.log()
    );
}

#[test]
fn acknowledgements_count_in_the_offsets_of_the_primary() {
    let primary = Setup::new(Kind::Towline).line(LOSSY).start();
    let replica = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait::until("it follows", || link_status(&replica) == "up");
    let mut client = primary.client();
    for i in 0..50 {
        client.ok(&format!("HSETEX h{i} EX 1000 FIELDS 1 name {i}"));
        client.ok(&format!("HEXPIRE h{i} 500 FIELDS 1 name"));
        client.ok("SET k v");
        assert_eq!(client.ok("WAIT 1 5000"), Value::Int(1));
        assert_eq!(replica.ok(&format!("HGET h{i} name")).text(), i.to_string());
    }
    client.ok("HEXPIRE h0 700 FIELDS 1 name");
    assert_eq!(
        client.ok("WAIT 1 5000"),
        Value::Int(1),
        "nothing was sent for it"
    );
    let info = primary.info("replication");
    assert_eq!(info.number("dialect_left_out_commands"), 101);
    let own = of_replica(&primary, "dialect_offset").expect("it has one");
    assert_ne!(own, info.get("master_repl_offset"));
}

/// After a promotion the replica goes on in its history, without a full sync.
#[test]
fn a_promotion_in_the_middle_changes_nothing_for_the_last() {
    let chain = chain(Kind::Valkey, Kind::Redis, "");
    wait_equal(&chain);
    chain.first.ok("MSETEX 2 a 1 b 2");
    wait_equal(&chain);
    let [full, _] = syncs(&chain);
    chain.middle.ok("REPLICAOF NO ONE");
    chain.middle.ok("SET c 3");
    wait::until("the write arrives", || chain.last.ok("EXISTS c").int() == 1);
    assert_eq!(chain.last.ok("MGET a b c").texts(), ["1", "2", "3"]);
    assert_eq!(syncs(&chain)[0], full);
}

/// The five commands of the README, with what is waited for between them.
fn migrates(from: Kind, to: Kind) {
    let (from, to) = (Server::new(from), Server::new(to));
    Workload::new(5).run(&mut from.client(), 2_000);
    let middle = Setup::new(Kind::Towline).replica_of(&from).start();
    wait_in_sync(&[&from, &middle]);
    to.ok(&format!("REPLICAOF 127.0.0.1 {}", middle.port()));
    wait::until("it follows", || link_status(&to) == "up");
    Workload::new(6).run(&mut from.client(), 2_000);
    from.ok("CLIENT PAUSE 600000 WRITE");
    wait_in_sync(&[&from, &middle]);
    wait::until("it has acknowledged all", || has_all(&middle));
    to.ok("REPLICAOF NO ONE");
    // Keys that expire are removed by whom they are read from, which a pause forbids.
    wait::until_equal("both hold the same", &Vec::new(), || {
        content::differences(&content::read(&from), &content::read(&to))
    });
    to.ok("SET written there");
    assert_eq!(from.ok("EXISTS written").int(), 0);
}

#[test]
fn a_migration_from_redis_to_valkey() {
    migrates(Kind::Redis, Kind::Valkey);
}

#[test]
fn a_migration_from_valkey_to_redis() {
    migrates(Kind::Valkey, Kind::Redis);
}

/// A primary that starts from a snapshot of Redis 8 sends it to the middle, and that to
/// replicas of both families.
fn payload_arrives(fixture: &str) {
    let mut first = Server::new(Kind::Redis8);
    let bytes = fs::read(paths::repository().join("tests/fixtures/rdb").join(fixture));
    first.kill();
    fs::write(first.dir().join("dump.rdb"), bytes.expect("it is there")).expect("it is ours");
    first.start_again();
    let middle = Setup::new(Kind::Towline)
        .line(LOSSY)
        .replica_of(&first)
        .start();
    wait_in_sync(&[&first, &middle]);
    let wanted = content::read(&first);
    assert!(!wanted.is_empty());
    for kind in [Kind::Redis, Kind::Valkey] {
        let last = Setup::new(kind).replica_of(&middle).start();
        wait::until("it follows", || link_status(&last) == "up");
        let found = content::differences(&wanted, &content::read(&last));
        assert_eq!(found, Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn a_payload_of_redis_8_0() {
    payload_arrives("redis-8.0.rdb");
}

#[test]
fn a_payload_of_redis_8_6() {
    payload_arrives("redis-8.6.rdb");
}
