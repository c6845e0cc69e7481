//! INFO of running servers: every section and field of the reference files, in order.

use towline_tests::info::Info;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::wait_in_sync;
use towline_tests::tables;

/// Their fields are named after what was called and held, not fixed.
const DYNAMIC: &[&str] = &[
    "Commandstats",
    "Errorstats",
    "Latencystats",
    "Keyspace",
    "Modules",
];

/// The fixed fields of a reference file that a reply lacks, or has in another place.
fn missing(info: &Info, file: &str) -> Vec<String> {
    let reference = Info::parse(&tables::read_text(file));
    let mut lacking = Vec::new();
    let mut at = 0;
    let wanted = reference.fields().iter();
    for field in wanted.filter(|field| !DYNAMIC.contains(&field.section.as_str())) {
        let found = info.fields()[at..]
            .iter()
            .position(|other| other.section == field.section && other.name == field.name);
        match found {
            Some(step) => at += step + 1,
            None => lacking.push(format!("{}: {}", field.section, field.name)),
        }
    }
    lacking
}

fn pair() -> (Server, Server) {
    let primary = Server::new(Kind::Towline);
    let replica = Setup::new(Kind::Towline).replica_of(&primary).start();
    primary.ok("SET k v");
    wait_in_sync(&[&primary, &replica]);
    (primary, replica)
}

#[test]
fn every_field_of_redis_72_is_there_in_its_place() {
    let (primary, replica) = pair();
    let none: [String; 0] = [];
    assert_eq!(
        missing(&primary.info("everything"), "info-redis-7.2-primary.txt"),
        none
    );
    assert_eq!(
        missing(&replica.info("everything"), "info-redis-7.2-replica.txt"),
        none
    );
}

#[test]
fn the_identity_is_redis_72_and_towlines_own() {
    let server = Server::new(Kind::Towline);
    let info = server.info("server");
    assert_eq!(info.get("redis_version"), "7.2.4");
    assert_eq!(info.get("server_name"), "towline");
    assert_eq!(info.get("towline_version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(info.get("process_id"), server.pid().to_string());
    assert_eq!(info.get("tcp_port"), server.port().to_string());
    assert_eq!(info.get("run_id").len(), 40);
}

/// Measured fields move when what they measure happens.
#[test]
fn the_counters_move() {
    let server = Server::new(Kind::Towline);
    let before = server.info("everything");
    let mut client = server.client();
    client.ok("SET k v");
    client.ok("GET k");
    client.ok("GET missing");
    client.ok("SET gone v PX 1");
    towline_tests::wait::until("the key has expired", || client.ok("DBSIZE").int() == 1);
    assert!(client.cmd("NOSUCHCOMMAND").is_error());
    let after = server.info("everything");
    let moved = |name: &str| after.number(name) - before.number(name);
    assert_eq!(moved("keyspace_hits"), 1);
    assert_eq!(moved("keyspace_misses"), 1);
    assert_eq!(moved("expired_keys"), 1);
    assert_eq!(moved("total_error_replies"), 1);
    assert_eq!(after.get("errorstat_ERR"), "count=1");
    assert!(moved("total_commands_processed") >= 5);
    assert!(moved("total_connections_received") >= 1);
    assert!(moved("total_net_input_bytes") > 0);
    assert!(moved("total_net_output_bytes") > 0);
    assert!(moved("rdb_changes_since_last_save") >= 2);
    assert!(after.get("cmdstat_get").starts_with("calls=2,usec="));
    assert!(after.get("db0").starts_with("keys=1,expires=0,"));
}
