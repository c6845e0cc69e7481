//! The classic how-tos of replication, as they are written: two configuration files,
//! redis-cli, and what INFO shows on either side.

use towline_tests::info::Info;
use towline_tests::resp::Value;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{link_status, wait_in_sync, wait_link_up};
use towline_tests::tap::read_snapshot;
use towline_tests::{tables, wait};

const PASSWORD: &str = "Sid@123";

fn primary_conf(kind: Kind) -> Setup {
    Setup::new(kind)
        .bare()
        .line("bind 127.0.0.1 -::1")
        .line("protected-mode no")
        .password(PASSWORD)
}

fn replica_conf(kind: Kind, primary: &Server) -> Setup {
    primary_conf(kind)
        .line(format!("slaveof 127.0.0.1 {}", primary.port()))
        .line(format!("masterauth {PASSWORD}"))
}

fn cli(server: &Server, args: &[&str]) -> String {
    let mut all = vec!["-a", PASSWORD, "--no-auth-warning"];
    all.extend(args);
    server.cli(&all)
}

/// The fields of INFO replication in a reference file, in order.
fn expected_fields(file: &str) -> Vec<String> {
    let info = Info::parse(&tables::read_text(file));
    info.names("Replication")
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The fields of INFO replication without those that are Towline's alone, which stand
/// behind all others.
fn shown_fields(info: &Info) -> Vec<String> {
    let names = info.names("Replication").into_iter();
    let mut names: Vec<String> = names.map(ToString::to_string).collect();
    let ours = names
        .iter()
        .rposition(|name| !OURS.contains(&name.as_str()));
    names.truncate(ours.map_or(0, |last| last + 1));
    names
}

const OURS: [&str; 4] = [
    "master_sync_reasons",
    "master_sync_last_reason",
    "master_sync_last_bytes",
    "master_sync_last_duration_ms",
];

/// Ten hashes written on the primary are on the replica.
fn the_how_to(primary: Kind, replica: Kind) {
    let primary = primary_conf(primary).start();
    let replica = replica_conf(replica, &primary).start();
    let mut written = Vec::new();
    for i in 1..=10 {
        let key = format!("testhashreplication:key{i}");
        let (field, value) = (format!("field{i}"), format!("value{i}"));
        assert_eq!(cli(&primary, &["hset", &key, &field, &value]), "1");
        written.push(key);
    }
    wait_in_sync(&[&primary, &replica]);
    let printed = cli(&replica, &["keys", "testhashreplication*"]);
    let mut keys: Vec<&str> = printed.lines().collect();
    keys.sort_unstable();
    written.sort_unstable();
    assert_eq!(keys, written);
    assert_eq!(
        cli(&replica, &["hget", "testhashreplication:key7", "field7"]),
        "value7"
    );
    let refused = cli(&replica, &["set", "k", "v"]);
    assert_eq!(
        refused,
        "READONLY You can't write against a read only replica."
    );
    check_info(&primary, &replica);
}

fn check_info(primary: &Server, replica: &Server) {
    if primary.kind() == Kind::Towline {
        check_primary_info(primary, replica);
    }
    if replica.kind() == Kind::Towline {
        check_replica_info(primary, replica);
    }
}

fn check_primary_info(primary: &Server, replica: &Server) {
    // The offset in slave0 follows the replica's acknowledgements, one a second.
    let start = format!("ip=127.0.0.1,port={},state=online,offset=", replica.port());
    let info = wait::until_some("the replica has acknowledged everything", || {
        let info = primary.info("replication");
        let acknowledged = format!("{start}{},lag=", info.get("master_repl_offset"));
        info.get("slave0")
            .starts_with(&acknowledged)
            .then_some(info)
    });
    assert_eq!(
        info.names("Replication"),
        expected_fields("info-redis-7.2-primary.txt")
    );
    assert_eq!(info.get("role"), "master");
    assert_eq!(info.get("connected_slaves"), "1");
    assert_eq!(info.get("master_failover_state"), "no-failover");
    assert_eq!(info.get("master_replid").len(), 40);
    assert_eq!(info.get("master_replid2"), "0".repeat(40));
    assert_eq!(info.get("second_repl_offset"), "-1");
    assert_eq!(info.get("repl_backlog_active"), "1");
    assert_eq!(info.get("repl_backlog_size"), "1048576");
    let begin = info.number("repl_backlog_first_byte_offset");
    let length = info.number("repl_backlog_histlen");
    assert_eq!(begin + length - 1, info.number("master_repl_offset"));
}

fn check_replica_info(primary: &Server, replica: &Server) {
    let info = replica.info("replication");
    assert_eq!(
        shown_fields(&info),
        expected_fields("info-redis-7.2-replica.txt")
    );
    assert_eq!(info.get("role"), "slave");
    assert_eq!(info.get("master_host"), "127.0.0.1");
    assert_eq!(info.get("master_port"), primary.port().to_string());
    assert_eq!(info.get("master_link_status"), "up");
    assert_eq!(info.get("master_sync_in_progress"), "0");
    assert_eq!(info.get("slave_priority"), "100");
    assert_eq!(info.get("slave_read_only"), "1");
    assert_eq!(info.get("replica_announced"), "1");
    assert_eq!(
        info.get("slave_read_repl_offset"),
        info.get("slave_repl_offset")
    );
    let replid = primary.info("replication").get("master_replid").to_owned();
    assert_eq!(info.get("master_replid"), replid);
}

#[test]
fn the_how_to_with_towline_on_both_sides() {
    the_how_to(Kind::Towline, Kind::Towline);
}

#[test]
fn the_how_to_with_towline_as_the_primary_of_redis() {
    the_how_to(Kind::Towline, Kind::Redis);
}

#[test]
fn the_how_to_with_towline_as_the_replica_of_redis() {
    the_how_to(Kind::Redis, Kind::Towline);
}

#[test]
fn a_wrong_masterauth_keeps_the_link_down() {
    let primary = primary_conf(Kind::Towline).start();
    let replica = replica_conf(Kind::Towline, &primary)
        .without("masterauth")
        .line("masterauth wrong")
        .start();
    wait::until("the log tells of it", || {
        replica.log().contains("Unable to AUTH to MASTER")
    });
    assert_eq!(link_status(&replica), "down");
    replica.ok(&format!("CONFIG SET masterauth {PASSWORD}"));
    wait_link_up(&replica);
}

#[test]
fn before_the_first_sync_info_shows_a_link_that_is_down() {
    // Nobody listens on port 1.
    let replica = Setup::new(Kind::Towline)
        .line("slaveof 127.0.0.1 1")
        .start();
    let info = replica.info("replication");
    let wanted = [
        "role",
        "master_host",
        "master_port",
        "master_link_status",
        "master_last_io_seconds_ago",
        "master_sync_in_progress",
        "slave_read_repl_offset",
        "slave_repl_offset",
        "master_link_down_since_seconds",
        "slave_priority",
        "slave_read_only",
        "replica_announced",
        "connected_slaves",
        "master_failover_state",
        "master_replid",
        "master_replid2",
        "master_repl_offset",
        "second_repl_offset",
        "repl_backlog_active",
        "repl_backlog_size",
        "repl_backlog_first_byte_offset",
        "repl_backlog_histlen",
    ];
    assert_eq!(shown_fields(&info), wanted);
    assert_eq!(info.get("master_link_status"), "down");
    assert_eq!(info.get("master_last_io_seconds_ago"), "-1");
    assert_eq!(info.get("master_link_down_since_seconds"), "-1");
    assert_eq!(info.get("master_sync_in_progress"), "0");
}

#[test]
fn without_its_slaveof_line_a_restarted_node_is_a_primary() {
    let primary = Server::new(Kind::Redis);
    primary.ok("SET k v");
    let mut node = Setup::new(Kind::Towline)
        .replica_of(&primary)
        .line("save 3600 1")
        .start();
    wait_in_sync(&[&primary, &node]);
    node.restart_with(|setup| setup.without("slaveof"));
    assert_eq!(node.info("replication").get("role"), "master");
    assert_eq!(node.ok("GET k").text(), "v");
    node.ok("SET k own");
}

#[test]
fn slaveof_no_one_makes_a_primary_that_keeps_its_history() {
    let primary = Server::new(Kind::Redis);
    let node = Setup::new(Kind::Towline).replica_of(&primary).start();
    primary.ok("SET k v");
    wait_in_sync(&[&primary, &node]);
    let before = node.info("replication");
    assert_eq!(node.ok("SLAVEOF NO ONE").text(), "OK");
    let after = node.info("replication");
    assert_eq!(after.get("role"), "master");
    assert_eq!(after.get("master_replid2"), before.get("master_replid"));
    assert_ne!(after.get("master_replid"), before.get("master_replid"));
    let end = before.number("master_repl_offset") + 1;
    assert!(after.number("second_repl_offset") >= end);
    assert_eq!(node.ok("GET k").text(), "v");
    node.ok("SET k own");
    assert_eq!(primary.ok("GET k").text(), "v");
}

#[test]
fn slaveof_at_runtime_replaces_the_data() {
    let primary = Server::new(Kind::Redis);
    primary.ok("SET k v");
    let node = Server::new(Kind::Towline);
    node.ok("SET own data");
    let reply = node.ok(&format!("SLAVEOF 127.0.0.1 {}", primary.port()));
    assert_eq!(reply.text(), "OK");
    wait_in_sync(&[&primary, &node]);
    assert_eq!(node.ok("GET k").text(), "v");
    assert_eq!(node.ok("GET own"), Value::Null);
    let again = node.ok(&format!("SLAVEOF 127.0.0.1 {}", primary.port()));
    assert_eq!(again.text(), "OK Already connected to specified master");
}

#[test]
fn config_set_slaveof_works_and_config_rewrite_keeps_it() {
    let primary = Server::new(Kind::Redis);
    primary.ok("SET k v");
    let mut node = Server::new(Kind::Towline);
    let address = format!("127.0.0.1 {}", primary.port());
    let reply = node.client().call(&["CONFIG", "SET", "slaveof", &address]);
    assert_eq!(reply, Value::Simple("OK".into()));
    wait_in_sync(&[&primary, &node]);
    assert_eq!(node.ok("CONFIG GET slaveof").texts(), ["slaveof", &address]);
    node.ok("CONFIG REWRITE");
    node.kill();
    node.start_again_with_own_file();
    wait_link_up(&node);
    assert_eq!(node.ok("GET k").text(), "v");
}

/// A plain telnet that types SYNC: a bulk transfer, and then every write.
#[test]
fn a_typed_sync_sees_a_snapshot_and_then_every_write() {
    let primary = Server::new(Kind::Towline);
    primary.ok("SET before 1");
    let mut telnet = primary.client();
    telnet.send_raw(b"SYNC\r\n").expect("the server listens");
    let snapshot = read_snapshot(&mut telnet).expect("a bulk transfer");
    assert!(
        snapshot.starts_with(b"REDIS00"),
        "{}",
        snapshot.escape_ascii()
    );
    primary.ok("SET after 2");
    let mut client = primary.client();
    client.ok("SELECT 3");
    client.ok("RPUSH list a b");
    let mut stream = Vec::new();
    while stream.len() < 4 {
        let command = telnet.read().expect("the stream goes on").texts();
        if command != ["PING"] && command != ["ping"] {
            stream.push(command.join(" "));
        }
    }
    assert_eq!(
        stream,
        ["SELECT 0", "SET after 2", "SELECT 3", "RPUSH list a b"]
    );
}

#[test]
fn ten_replicas_that_ask_at_once_share_one_snapshot() {
    // It starts as soon as the tenth has asked, so the delay never matters.
    let primary = Setup::new(Kind::Towline)
        .line("repl-diskless-sync-delay 60")
        .line("repl-diskless-sync-max-replicas 10")
        .start();
    primary.ok("DEBUG POPULATE 1000");
    let replicas: Vec<Server> = (0..10).map(|_| Server::new(Kind::Redis)).collect();
    for replica in &replicas {
        replica.ok(&format!("SLAVEOF 127.0.0.1 {}", primary.port()));
    }
    for replica in &replicas {
        wait_in_sync(&[&primary, replica]);
        assert_eq!(replica.ok("DBSIZE").int(), 1000);
    }
    let stats = primary.info("stats");
    assert_eq!(stats.number("sync_full"), 10);
    assert_eq!(stats.number("sync_snapshots"), 1);
}

#[test]
fn saving_can_be_left_to_the_replica() {
    let primary = Server::new(Kind::Towline);
    let mut replica = Setup::new(Kind::Towline)
        .replica_of(&primary)
        .line("save 1 1")
        .start();
    wait_link_up(&replica);
    primary.ok("SET k v");
    wait_in_sync(&[&primary, &replica]);
    wait::until("the replica has saved", || {
        let info = replica.info("persistence");
        info.number("rdb_changes_since_last_save") == 0
            && info.number("rdb_bgsave_in_progress") == 0
    });
    assert!(!primary.dir().join("dump.rdb").exists());
    drop(primary);
    replica.crash_and_restart();
    assert_eq!(replica.ok("GET k").text(), "v");
}
