//! Transfers without a network: the test is the target.

use super::client::Blocked;
use super::migration::{Migration, MigrationId, Transferred};
use crate::testing::TestEngine;

fn migration(t: &TestEngine, keys: &[&str]) -> Migration {
    Migration {
        client: t.id,
        host: String::new(),
        port: None,
        db: 0,
        target_db: 0,
        timeout_ms: 1,
        copy: false,
        replace: false,
        credentials: None,
        keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect(),
    }
}

/// Begins a transfer as the handler and the host do; answers the keys that were taken.
fn begin(t: &mut TestEngine, migration: &Migration) -> (MigrationId, Vec<String>) {
    let client = t.engine.server.clients.get_mut(migration.client);
    client.expect("connected").blocked = Some(Blocked::Host);
    let id = t.engine.begin_migration(migration, t.now_ms);
    let id = id.expect("one of the keys is there");
    let taken = t.engine.take_for_migration(id, &migration.keys, t.now_ms);
    let names = taken.iter();
    let names = names.map(|entry| String::from_utf8_lossy(entry.key()).into_owned());
    (id, names.collect())
}

fn settle(t: &mut TestEngine, id: MigrationId, migration: &Migration, acked: &[&str]) -> bool {
    let transferred = Transferred {
        acknowledged: acked.iter().map(|key| key.as_bytes().to_vec()).collect(),
        outcome: Ok(()),
    };
    t.engine.begin_batch(&t.host);
    let (engine, host) = (&mut t.engine, &mut t.host);
    let done = engine.settle_migration(id, migration, &transferred, t.now_ms, host);
    t.engine.end_batch();
    done
}

const KEPT: &str = "-ERR A key changed while it was being migrated. It was kept here, and the \
                    target has what it was before";

#[test]
fn what_was_acknowledged_is_deleted_with_one_del() {
    let mut t = TestEngine::new();
    t.run("mset a 1 b 2 c 3");
    t.run("rpush l x");
    t.stream();
    let migration = migration(&t, &["a", "nope", "b", "l", "a"]);
    let (id, taken) = begin(&mut t, &migration);
    assert_eq!(taken, ["a", "b", "l", "a"]);
    assert!(settle(&mut t, id, &migration, &["a", "l", "a"]));
    assert_eq!(t.output(t.id), "+OK");
    assert_eq!(t.stream(), "DEL a l");
    assert_eq!(t.run("exists a b c l"), ":2");
    let counted = t.engine.server.stats.commands_processed;
    assert_eq!(counted, 4, "MSET, RPUSH, the transfer, EXISTS");
}

#[test]
fn a_key_that_changed_meanwhile_stays() {
    for change in [
        "append a x",
        "set a 1",
        "del a",
        "expire a 100",
        "rename b a",
        "flushall",
        "swapdb 0 1",
    ] {
        let mut t = TestEngine::new();
        t.run("mset a 1 b 2");
        let migration = migration(&t, &["a"]);
        let (id, _) = begin(&mut t, &migration);
        let other = t.connect();
        t.run_as(other, change);
        let before = t.run_as(other, "get a");
        t.stream();
        assert!(settle(&mut t, id, &migration, &["a"]));
        assert_eq!(t.output(t.id), KEPT, "{change}");
        assert_eq!(t.run_as(other, "get a"), before, "{change}");
        assert_eq!(t.stream(), "", "{change}");
    }
}

#[test]
fn what_changes_nothing_keeps_nothing() {
    let mut t = TestEngine::new();
    t.run("mset a 1 b 2");
    let migration = migration(&t, &["a"]);
    let (id, _) = begin(&mut t, &migration);
    let other = t.connect();
    for line in ["get a", "setnx a 9", "append b x", "persist a"] {
        t.run_as(other, line);
    }
    assert!(settle(&mut t, id, &migration, &["a"]));
    assert_eq!(t.output(t.id), "+OK");
    assert_eq!(t.run("exists a"), ":0");
}

#[test]
fn a_key_that_expires_meanwhile_is_no_change() {
    let mut t = TestEngine::new();
    t.run("set a 1 px 100");
    let migration = migration(&t, &["a"]);
    let (id, _) = begin(&mut t, &migration);
    t.now_ms += 200;
    t.tick();
    assert!(settle(&mut t, id, &migration, &["a"]));
    assert_eq!(t.output(t.id), "+OK");
}

#[test]
fn a_pause_and_a_role_that_forbid_writes_are_minded() {
    let mut t = TestEngine::new();
    t.run("set a 1");
    let migration = migration(&t, &["a"]);
    let (id, _) = begin(&mut t, &migration);
    let other = t.connect();
    t.run_as(other, "client pause 100 write");
    assert!(!settle(&mut t, id, &migration, &["a"]));
    t.now_ms += 101;
    let host = String::from("h");
    let primary = crate::seams::host::PrimaryAddress { host, port: 1 };
    t.engine.server.become_replica_of(primary);
    assert!(settle(&mut t, id, &migration, &["a"]));
    let refused = "-READONLY You can't write against a read only replica.";
    assert_eq!(t.output(t.id), refused);
    assert_eq!(t.run("exists a"), ":1");
}

#[test]
fn the_end_is_the_same_for_a_client_that_has_gone() {
    let mut t = TestEngine::new();
    t.run("set a 1");
    let migration = migration(&t, &["a"]);
    let (id, _) = begin(&mut t, &migration);
    t.engine.disconnect(t.id);
    t.stream();
    assert!(settle(&mut t, id, &migration, &["a"]));
    assert_eq!(t.stream(), "DEL a");
}

#[test]
fn a_silent_client_is_not_answered() {
    let mut t = TestEngine::new();
    t.run("set a 1");
    t.run("client reply off");
    let migration = migration(&t, &["a"]);
    let (id, _) = begin(&mut t, &migration);
    let client = t.engine.server.clients.get_mut(t.id);
    client.expect("connected").silent_wait = true;
    assert!(settle(&mut t, id, &migration, &["a"]));
    assert_eq!(t.output(t.id), "");
    assert_eq!(t.run("client reply on"), "+OK");
}

#[test]
fn no_key_is_left_when_its_turn_comes() {
    let mut t = TestEngine::new();
    let migration = migration(&t, &["a"]);
    assert_eq!(t.engine.begin_migration(&migration, t.now_ms), None);
    t.engine.refuse_migration(t.id);
    assert_eq!(t.output(t.id), "+NOKEY");
}

#[test]
fn arguments_are_refused_in_redis_order() {
    let mut t = TestEngine::new();
    let syntax = "-ERR syntax error";
    let integer = "-ERR value is not an integer or out of range";
    let empty = "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty \
                 string";
    for (line, reply) in [
        ("migrate h 1 a x y foo", syntax),
        ("migrate h 1 a 0 9 auth", syntax),
        ("migrate h 1 a 0 9 auth2 u", syntax),
        ("migrate h 1 a x y keys b", empty),
        ("migrate h 1 a x 9", integer),
        ("migrate h 1 a 0 y", integer),
        ("migrate h 1 a 0 9", "+NOKEY"),
        ("migrate h 1 '' 0 9 keys", "+NOKEY"),
        ("migrate h 1 '' 0 9 copy auth p keys a b", "+NOKEY"),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
    t.run("set a 1");
    let no_host = "-ERR this embedded engine has no host for that";
    assert_eq!(t.run("migrate h 1 a 0 9"), no_host);
    t.run("multi");
    let refused = "-ERR Command not allowed inside a transaction";
    assert_eq!(t.run("migrate h 1 a 0 9"), refused);
}
