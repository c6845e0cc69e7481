//! The directive table is the peers': every directive of Redis 7.2 and Valkey
//! 9.1 is known, with the default of 7.2 where both have it.

use std::collections::BTreeMap;

use towline_core::config::{Config, Status, directives};
use towline_tests::tables;

/// Directives whose default is ours. Redis shows the directory it was started
/// in, and its own name in the system log.
const OWN_DEFAULTS: [&str; 1] = ["dir"];

/// Directives that no peer has.
const OURS: [&str; 7] = [
    "aof-history-retention",
    "durability",
    "rdb-skip-unknown",
    "rdb-version",
    "repl-backlog-disk-size",
    "replica-lossy-dialect",
    "snapshot-storage",
];

fn reference() -> BTreeMap<String, String> {
    let mut defaults = BTreeMap::new();
    for table in ["config-valkey-9.1.tsv", "config-redis-7.2.tsv"] {
        for line in tables::read_text(table).lines() {
            let (name, value) = line.split_once('\t').expect("name and default");
            defaults.insert(name.to_owned(), value.to_owned());
        }
    }
    defaults
}

#[test]
fn every_directive_has_the_default_of_redis() {
    let config = Config::new();
    let mut wrong = Vec::new();
    for (name, default) in reference() {
        let found = config.get(&[name.as_bytes()]);
        let value = found
            .first()
            .map(|row| String::from_utf8_lossy(&row.1).into_owned());
        if value.as_ref() != Some(&default) && !OWN_DEFAULTS.contains(&name.as_str()) {
            wrong.push(format!("{name}: {value:?}, not {default:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_directive_is_ours_alone_but_those_named() {
    let reference = reference();
    for row in directives().filter(|row| !row.hidden) {
        for name in [Some(row.name), row.alias].into_iter().flatten() {
            let known = reference.contains_key(name);
            assert_ne!(known, OURS.contains(&name), "{name}");
        }
    }
}

/// What promises durability, security, a limit or another mode must not be
/// accepted and ignored.
#[test]
fn promises_that_are_not_kept_are_refused() {
    for name in [
        "appendonly",
        "aclfile",
        "cluster-enabled",
        "maxmemory",
        "tls-port",
        "tls-replication",
        "tls-cert-file",
    ] {
        let row = directives().find(|row| row.name == name).expect(name);
        assert_ne!(row.status, Status::Cosmetic, "{name}");
    }
}
