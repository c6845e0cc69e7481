//! FLUSHALL with save points: what was flushed does not come back from the file.

use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::wait_in_sync;
use towline_tests::wait;

/// A save point that never comes of itself, so that only FLUSHALL saves.
const SELDOM: &str = "save 1000000 1000000";

fn towline() -> Setup {
    Setup::new(Kind::Towline)
}

fn changes(server: &Server) -> i64 {
    server
        .info("persistence")
        .number("rdb_changes_since_last_save")
}

/// How many keys there are once the server has come back from a crash.
fn after_crash(server: &mut Server) -> i64 {
    server.crash_and_restart();
    server.ok("DBSIZE").int()
}

#[test]
fn the_saved_dataset_is_replaced_before_the_reply() {
    let mut server = towline().line(SELDOM).start();
    for how in ["FLUSHALL", "FLUSHALL SYNC", "FLUSHALL ASYNC"] {
        server.ok("MSET a 1 b 2");
        server.ok("SAVE");
        server.ok("SET c 3");
        assert_eq!(server.ok(how).text(), "OK");
        assert_eq!(changes(&server), 0, "{how}");
        assert_eq!(after_crash(&mut server), 0, "{how}");
    }
}

#[test]
fn without_save_points_the_file_stays() {
    let mut server = towline().start();
    server.ok("MSET a 1 b 2");
    server.ok("SAVE");
    server.ok("FLUSHALL");
    assert_eq!(changes(&server), 2);
    assert_eq!(after_crash(&mut server), 2);
}

#[test]
fn a_save_that_is_running_is_given_up_and_keeps_no_writer_off() {
    let mut server = towline().line(SELDOM).start();
    for _ in 0..5 {
        server.ok("DEBUG POPULATE 100000 key 100");
        let mut client = server.client();
        for line in ["BGSAVE", "FLUSHALL"] {
            let args: Vec<&str> = line.split(' ').collect();
            client.send(&args).expect("it listens");
        }
        let started = client.read().expect("a reply").text();
        assert_eq!(started, "Background saving started");
        wait::until("FLUSHALL is on its way or over", || {
            // A failed save would refuse this with MISCONF.
            server.ok("DEL nosuch");
            server.ok("DBSIZE").int() == 0
        });
        assert_eq!(client.read().expect("a reply").text(), "OK");
        let info = server.info("persistence");
        assert_eq!(info.get("rdb_last_bgsave_status"), "ok");
        wait::until("no save runs", || {
            server.info("persistence").number("rdb_bgsave_in_progress") == 0
        });
        assert_eq!(after_crash(&mut server), 0);
    }
}

#[test]
fn a_directory_that_is_gone_keeps_nobody_from_flushing() {
    let server = towline().line(SELDOM).start();
    server.ok("SET k v");
    std::fs::remove_dir_all(server.dir()).expect("the directory is ours");
    assert_eq!(server.ok("FLUSHALL").text(), "OK");
    assert_eq!(server.ok("DBSIZE").int(), 0);
    let info = server.info("persistence");
    assert_eq!(info.get("rdb_last_bgsave_status"), "ok");
    assert_eq!(server.ok("SET k v").text(), "OK", "no writer is refused");
}

#[test]
fn in_a_transaction_the_file_follows() {
    let mut server = towline().line(SELDOM).start();
    server.ok("MSET a 1 b 2");
    server.ok("SAVE");
    let mut client = server.client();
    for line in ["MULTI", "SET c 1", "FLUSHALL", "EXEC", "PING"] {
        client.ok(line);
    }
    wait::until("the flushed dataset is saved", || changes(&server) == 0);
    assert_eq!(after_crash(&mut server), 0);
}

#[test]
fn a_replica_saves_what_its_primary_flushed() {
    let primary = towline().start();
    let mut replica = towline().line(SELDOM).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    primary.ok("MSET a 1 b 2");
    wait_in_sync(&[&primary, &replica]);
    replica.ok("SAVE");
    let saved = replica.ok("LASTSAVE").int();
    wait::until("another second", || {
        replica.ok("TIME").items()[0].text() > saved.to_string()
    });
    primary.ok("FLUSHALL");
    wait::until("the replica has saved", || {
        replica.ok("LASTSAVE").int() > saved
    });
    wait_in_sync(&[&primary, &replica]);
    drop(primary);
    assert_eq!(after_crash(&mut replica), 0);
}
