//! How keys are used, under the policies that keep it: through snapshots and full
//! syncs, from and to the real servers.

use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::wait_link_up;
use towline_tests::wait;

fn setup(kind: Kind, policy: &str) -> Setup {
    let setup = Setup::new(kind).line(format!("maxmemory-policy {policy}"));
    setup.line("lfu-decay-time 0").line("lfu-log-factor 255")
}

/// Restarts it, and waits until it has loaded its snapshot.
fn restart(server: &mut Server) {
    server.restart();
    wait::until_equal("the snapshot is loaded", &0, || {
        server.info("persistence").number("loading")
    });
}

/// Keys of several kinds, each with a counter of its own.
fn load(client: &mut Client) {
    for (at, line) in ["SET a 1", "SET b text", "RPUSH c x", "SADD d 1 x"]
        .iter()
        .enumerate()
    {
        client.ok(line);
        let key = line.split(' ').nth(1).expect("a key");
        let payload = client.call(&["DUMP", key]);
        let towline_tests::resp::Value::Bulk(payload) = payload else {
            panic!("{key} is there");
        };
        let counter = (60 + 40 * at).to_string();
        let args: [&[u8]; 7] = [
            b"RESTORE",
            key.as_bytes(),
            b"0",
            &payload,
            b"REPLACE",
            b"FREQ",
            counter.as_bytes(),
        ];
        assert_eq!(client.call(&args).to_string(), "+OK");
    }
    let members: Vec<String> = (0..9000).map(|at| format!("m{at}")).collect();
    client.ok(&format!("SADD large {}", members.join(" ")));
}

fn counters(server: &Server) -> Vec<i64> {
    let mut client = server.client();
    let keys = ["a", "b", "c", "d", "large"];
    let counter = |key: &str| client.ok(&format!("OBJECT FREQ {key}")).int();
    keys.map(counter).to_vec()
}

const LOADED: [i64; 5] = [60, 100, 140, 180, 5];

#[test]
fn counters_survive_a_restart() {
    let mut server = setup(Kind::Towline, "allkeys-lfu").start();
    load(&mut server.client());
    assert_eq!(counters(&server), LOADED);
    server.ok("SAVE");
    restart(&mut server);
    assert_eq!(counters(&server), LOADED);
    server.ok("DEBUG RELOAD");
    assert_eq!(counters(&server), LOADED);
}

#[test]
fn counters_cross_full_syncs() {
    for (from, to) in [
        (Kind::Towline, Kind::Redis),
        (Kind::Towline, Kind::Valkey),
        (Kind::Towline, Kind::Towline),
        (Kind::Redis, Kind::Towline),
        (Kind::Valkey, Kind::Towline),
    ] {
        let primary = setup(from, "volatile-lfu").start();
        load(&mut primary.client());
        let replica = setup(to, "volatile-lfu").replica_of(&primary).start();
        wait_link_up(&replica);
        wait::until_equal("the replica has them all", &5, || {
            replica.ok("DBSIZE").int()
        });
        assert_eq!(counters(&replica), LOADED, "{from} to {to}");
    }
}

#[test]
fn idle_times_survive_a_restart_under_an_lru_policy() {
    let mut server = setup(Kind::Towline, "allkeys-lru").start();
    let mut client = server.client();
    client.ok("SET a 1");
    let towline_tests::resp::Value::Bulk(payload) = client.call(&["DUMP", "a"]) else {
        panic!("it is there");
    };
    let args: [&[u8]; 6] = [b"RESTORE", b"b", b"0", &payload, b"IDLETIME", b"1000"];
    assert_eq!(client.call(&args).to_string(), "+OK");
    server.ok("SAVE");
    restart(&mut server);
    let mut client = server.client();
    let idle_s = client.ok("OBJECT IDLETIME b").int();
    assert!((1000..1200).contains(&idle_s), "{idle_s}");
    assert!(client.ok("OBJECT IDLETIME a").int() < 200);
    // The policy says what is told.
    let replies = [Kind::Towline, Kind::Redis].map(|kind| {
        let server = setup(kind, "noeviction").start();
        let mut client = server.client();
        client.ok("SET k v");
        let first = client.cmd("OBJECT FREQ k").to_string();
        client.ok("CONFIG SET maxmemory-policy allkeys-lfu");
        let second = client.cmd("OBJECT IDLETIME k").to_string();
        (first, second, client.cmd("OBJECT FREQ nope").to_string())
    });
    assert_eq!(replies[0], replies[1]);
}
