//! MIGRATE between Towline and the real servers, in both directions.

use std::io::{Read, Write};
use std::net::TcpListener;

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server, Setup, free_port};
use towline_tests::sync::digest_values;
use towline_tests::wait;

const LOAD: [&str; 9] = [
    "SET text ahoy",
    "SET number 12",
    "RPUSH list a b c 4",
    "HSET hash f v g w",
    "SADD set 1 2 3",
    "SADD words a b c",
    "ZADD zset 1.5 a 2.5 b",
    "XADD stream 1-1 f v",
    "SET late v PX 1000000",
];

const KEYS: [&str; 11] = [
    "text", "number", "list", "hash", "set", "words", "zset", "stream", "late", "large", "long",
];

fn load(client: &mut Client) {
    for line in LOAD {
        client.ok(line);
    }
    for chunk in 0..50 {
        let members: Vec<String> = (0..100)
            .map(|at| format!("m{}", chunk * 100 + at))
            .collect();
        client.ok(&format!("SADD large {}", members.join(" ")));
    }
    client.ok(&format!("SET long {}", "x".repeat(300_000)));
}

fn migrate(client: &mut Client, target: u16, rest: &str) -> String {
    client
        .cmd(&format!("MIGRATE 127.0.0.1 {target} {rest}"))
        .to_string()
}

/// As `migrate`, with an empty key and these.
fn migrate_keys(client: &mut Client, target: u16, options: &str, keys: &[&str]) -> String {
    let target = target.to_string();
    let mut args = vec!["MIGRATE", "127.0.0.1", &target, "", "0", "5000"];
    args.extend(options.split_whitespace());
    args.push("KEYS");
    args.extend(keys);
    client.call(&args).to_string()
}

fn exists(client: &mut Client, keys: &[&str]) -> i64 {
    client.cmd(&format!("EXISTS {}", keys.join(" "))).int()
}

fn moves_everything(from: Kind, to: Kind) {
    let (source, target) = (Server::new(from), Server::new(to));
    let (mut here, mut there) = (source.client(), target.client());
    load(&mut here);
    let before = digest_values(&mut here, &KEYS);
    assert_eq!(migrate_keys(&mut here, target.port(), "COPY", &KEYS), "+OK");
    assert_eq!(exists(&mut here, &KEYS), 11, "{from} to {to}");
    assert_eq!(digest_values(&mut there, &KEYS), before, "{from} to {to}");
    let busy = migrate_keys(&mut here, target.port(), "", &KEYS);
    assert!(
        busy.contains("Target instance replied with error: BUSYKEY"),
        "{busy}"
    );
    assert_eq!(exists(&mut here, &KEYS), 11, "{from} to {to}");
    assert_eq!(
        migrate_keys(&mut here, target.port(), "REPLACE", &KEYS),
        "+OK"
    );
    assert_eq!(exists(&mut here, &KEYS), 0, "{from} to {to}");
    assert_eq!(digest_values(&mut there, &KEYS), before, "{from} to {to}");
    let left_ms = there.cmd("PTTL late").int();
    assert!((900_000..=1_000_000).contains(&left_ms), "{left_ms}");
    assert_eq!(migrate_keys(&mut here, target.port(), "", &KEYS), "+NOKEY");
}

#[test]
fn keys_move_to_every_kind_of_server() {
    for to in [Kind::Redis, Kind::Valkey, Kind::Towline] {
        moves_everything(Kind::Towline, to);
    }
}

#[test]
fn keys_come_from_every_kind_of_server() {
    for from in [Kind::Redis, Kind::Valkey] {
        moves_everything(from, Kind::Towline);
    }
}

#[test]
fn many_keys_move_window_by_window() {
    let (source, target) = (Server::new(Kind::Towline), Server::new(Kind::Redis));
    let (mut here, mut there) = (source.client(), target.client());
    let names: Vec<String> = (0..1000).map(|at| format!("k{at}")).collect();
    let pairs: Vec<String> = names.iter().map(|name| format!("{name} v{name}")).collect();
    here.ok(&format!("MSET {}", pairs.join(" ")));
    there.ok("SET k500 taken");
    let keys: Vec<&str> = names.iter().map(String::as_str).collect();
    let reply = migrate_keys(&mut here, target.port(), "", &keys);
    assert!(reply.contains("BUSYKEY"), "{reply}");
    assert_eq!(
        here.cmd("KEYS *").texts(),
        ["k500"],
        "only that one was not taken"
    );
    assert_eq!(there.cmd("DBSIZE").int(), 1000);
    assert_eq!(there.cmd("GET k999").text(), "vk999");
}

/// The entry that MIGRATE leaves in the slow log, without its time.
fn slow_log_entry(client: &mut Client) -> Vec<String> {
    client.ok("SLOWLOG RESET");
    client.ok("SET k v");
    client.ok("CLIENT SETNAME mover");
    client.cmd("CONFIG SET slowlog-log-slower-than 1000000");
    client.cmd("CONFIG SET slowlog-log-slower-than 0");
    let port = free_port();
    let failed = migrate(client, port, "k 0 5000 AUTH secret");
    assert!(failed.starts_with("-IOERR"), "{failed}");
    client.cmd("CONFIG SET slowlog-log-slower-than -1");
    let log = client.ok("SLOWLOG GET -1");
    let of_migrate = log.items().iter().filter_map(|entry| {
        let words = entry.items()[3].texts();
        (words[0] == "MIGRATE").then(|| (words, entry.items()[5].text()))
    });
    let found: Vec<_> = of_migrate.collect();
    let [(words, name)] = &found[..] else {
        panic!("one entry, not {found:?}");
    };
    let mut entry = [&words[..2], &words[3..]].concat();
    entry.push(name.clone());
    entry
}

#[test]
fn the_slow_log_has_it_once_and_without_secrets() {
    let (redis, towline) = (Server::new(Kind::Redis), Server::new(Kind::Towline));
    let ours = slow_log_entry(&mut towline.client());
    assert_eq!(ours, slow_log_entry(&mut redis.client()));
    assert!(ours.contains(&"(redacted)".to_owned()), "{ours:?}");
}

/// A password, another database, and what the target says to wrong ones: the same
/// replies from Towline as from Redis.
#[test]
fn replies_are_those_of_redis() {
    let redis = Server::new(Kind::Redis);
    let towline = Server::new(Kind::Towline);
    let secret = Setup::new(Kind::Redis).password("secret").start();
    let open = Server::new(Kind::Redis);
    let (closed, port, other) = (free_port(), secret.port(), open.port());
    for line in [
        format!("127.0.0.1 {port} k 0 5000"),
        format!("127.0.0.1 {port} k 0 5000 AUTH wrong"),
        format!("127.0.0.1 {port} k 9 5000 AUTH secret COPY"),
        format!("127.0.0.1 {port} k 9 5000 AUTH2 default secret"),
        format!("127.0.0.1 {port} k 9 5000 AUTH secret REPLACE"),
        format!("127.0.0.1 {port} k 99 5000 AUTH secret"),
        format!("127.0.0.1 {other} k 99 5000"),
        format!("127.0.0.1 {other} k 0 5000 AUTH needless REPLACE"),
        format!("127.0.0.1 {closed} k 0 5000"),
        "127.0.0.1 x k 0 5000".to_owned(),
        "127.0.0.1 99999 k 0 5000".to_owned(),
        "no.such.host.invalid 1 k 0 5000".to_owned(),
    ] {
        let replies = [&redis, &towline].map(|server| {
            // Each starts from the same.
            for target in [&secret, &open] {
                target.ok("FLUSHALL");
            }
            let mut client = server.client();
            client.ok("SET k v");
            let reply = client.cmd(&format!("MIGRATE {line}")).to_string();
            (reply, exists(&mut client, &["k"]))
        });
        assert_eq!(replies[0], replies[1], "MIGRATE {line}");
    }
}

#[test]
fn a_target_that_hangs_stops_nobody_else() {
    let towline = Server::new(Kind::Towline);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (mut client, mut other) = (towline.client(), towline.client());
    client.ok("MSET a 1 b 2");
    let command = format!("MIGRATE 127.0.0.1 {port} a 0 300");
    let words: Vec<&str> = command.split_whitespace().collect();
    client.send(&words).expect("connected");
    let (mut stream, _) = listener.accept().expect("Towline connects");
    let mut start = [0; 14];
    stream.read_exact(&mut start).expect("Towline sends");
    assert_eq!(&start, b"*4\r\n$7\r\nRESTOR");
    // The transfer is on its way, and others are served.
    assert_eq!(other.ok("INCR b").int(), 3);
    let reply = client.read().expect("an error").to_string();
    assert!(
        reply.contains("IOERR error or timeout reading to target instance"),
        "{reply}"
    );
    assert_eq!(other.ok("GET a").text(), "1");
}

/// A target that the test plays: it takes the key when told.
#[test]
fn a_key_that_changes_on_its_way_is_kept() {
    let towline = Server::new(Kind::Towline);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (mut client, mut other) = (towline.client(), towline.client());
    client.ok("MSET a 1 b 2");
    let command = [
        "MIGRATE",
        "127.0.0.1",
        &port.to_string(),
        "",
        "0",
        "60000",
        "KEYS",
        "a",
        "b",
    ];
    client.send(&command).expect("connected");
    let (mut stream, _) = listener.accept().expect("Towline connects");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("Towline sends");
    other.ok("APPEND a more");
    stream.write_all(b"+OK\r\n+OK\r\n").expect("Towline reads");
    let reply = client.read().expect("an error").to_string();
    assert!(
        reply.contains("changed while it was being migrated"),
        "{reply}"
    );
    assert_eq!(other.ok("MGET a b").items()[0].text(), "1more");
    assert_eq!(exists(&mut other, &["b"]), 0);
}

#[test]
fn connections_are_kept_and_found_closed() {
    let towline = Server::new(Kind::Towline);
    let mut target = Server::new(Kind::Redis);
    let mut client = towline.client();
    let sockets = || towline.info("stats").number("migrate_cached_sockets");
    for round in 0..2 {
        client.ok("SET a 1");
        assert_eq!(
            migrate(&mut client, target.port(), "a 3 5000 REPLACE"),
            "+OK"
        );
        wait::until_equal("one connection is kept", &1, sockets);
        let clients = target.info("clients").number("connected_clients");
        assert!(clients <= 2 + round, "{clients}");
        assert_eq!(target.info("stats").number("rejected_connections"), 0);
    }
    // The target closes the one that is kept: the next transfer opens another.
    target.restart();
    client.ok("SET a 2");
    assert_eq!(
        migrate(&mut client, target.port(), "a 3 5000 REPLACE"),
        "+OK"
    );
    let mut there = target.client();
    there.ok("SELECT 3");
    assert_eq!(there.ok("GET a"), Value::Bulk(b"2".to_vec()));
}

#[test]
fn replicas_see_one_del() {
    let towline = Server::new(Kind::Towline);
    let target = Server::new(Kind::Valkey);
    let replica = Setup::new(Kind::Redis).replica_of(&towline).start();
    towline_tests::sync::wait_link_up(&replica);
    let mut client = towline.client();
    client.ok("MSET a 1 b 2 c 3");
    let mut tap = towline_tests::tap::Tap::new(&towline);
    assert_eq!(
        migrate_keys(&mut client, target.port(), "", &["a", "b"]),
        "+OK"
    );
    let commands = tap.drain(&mut client);
    assert!(
        commands.contains(&["DEL", "a", "b"].map(str::to_owned).to_vec()),
        "{commands:?}"
    );
    towline_tests::sync::wait_same_data(&[&towline, &replica]);
    assert_eq!(replica.client().ok("KEYS *").texts(), ["c"]);
}
