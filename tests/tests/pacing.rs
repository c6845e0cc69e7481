//! Saves, loads and the log slowed down by `rdb-key-save-delay`, `key-load-delay` and
//! DEBUG AOF-FLUSH-SLEEP, and what goes on meanwhile.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use towline_tests::info::Info;
use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server, Setup, free_port};
use towline_tests::wait;

/// A save of one key takes this many microseconds: longer than any test waits.
const FOR_EVER: &str = "CONFIG SET rdb-key-save-delay 1000000000";

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Towline];

fn persistence(server: &Server, field: &str) -> i64 {
    server.info("persistence").number(field)
}

#[test]
fn flushall_gives_up_a_save_that_is_running() {
    for kind in KINDS {
        let server = Server::new(kind);
        server.ok("MSET a 1 b 2 c 3");
        server.ok(FOR_EVER);
        server.ok("BGSAVE");
        assert_eq!(persistence(&server, "rdb_bgsave_in_progress"), 1);
        server.ok("FLUSHALL");
        wait::until("the save is given up", || {
            persistence(&server, "rdb_bgsave_in_progress") == 0
        });
        assert!(persistence(&server, "rdb_changes_since_last_save") >= 3);
        assert!(!server.dir().join("dump.rdb").exists(), "{kind:?}");
        server.ok("SET x y");
    }
}

#[test]
fn a_slow_save_tells_how_far_it_is_and_follows_the_directive() {
    let server = Server::new(Kind::Towline);
    server.ok("DEBUG POPULATE 1000");
    server.ok("CONFIG SET rdb-key-save-delay 10000");
    server.ok("BGSAVE");
    wait::until("some keys are written", || {
        persistence(&server, "current_save_keys_processed") > 0
    });
    assert!(persistence(&server, "current_save_keys_processed") < 1000);
    server.ok("CONFIG SET rdb-key-save-delay 0");
    wait::until("the save is over", || {
        persistence(&server, "rdb_bgsave_in_progress") == 0
    });
    assert_eq!(persistence(&server, "rdb_changes_since_last_save"), 0);
    assert!(server.dir().join("dump.rdb").exists());
}

#[test]
fn a_slow_load_takes_its_time() {
    for kind in KINDS {
        let mut server = Server::new(kind);
        server.ok("DEBUG POPULATE 50");
        server.ok("SAVE");
        let began = Instant::now();
        server.restart_with(|setup| {
            setup
                .line("key-load-delay 10000")
                .line("loading-process-events-interval-bytes 1024")
        });
        assert_eq!(server.ok("DBSIZE").int(), 50);
        assert!(began.elapsed() >= Duration::from_millis(500), "{kind:?}");
    }
}

#[test]
fn a_server_that_loads_can_be_ended() {
    for by_signal in [false, true] {
        let mut server = Server::new(Kind::Towline);
        server.ok("DEBUG POPULATE 50");
        server.ok("SAVE");
        server.kill();
        let port = free_port();
        let mut slow = Command::new(Kind::Towline.program())
            .args(["--port", &port.to_string(), "--key-load-delay", "100000000"])
            .arg("--dir")
            .arg(server.dir())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut client = wait::until_some("it listens", || Client::connect(address).ok());
        let info = client.call(&["INFO", "persistence"]).text();
        assert_eq!(Info::parse(&info).number("loading"), 1);
        if by_signal {
            let pid = Pid::from_child(&slow);
            kill_process(pid, Signal::TERM).expect("it is a child of this process");
        } else {
            client.send(&["SHUTDOWN", "SAVE"]).expect("it listens");
        }
        let ended = wait::until_some("it has ended", || slow.try_wait().expect("a child"));
        assert!(ended.success(), "{ended}");
        server.start_again();
        assert_eq!(server.ok("DBSIZE").int(), 50);
    }
}

#[test]
fn shutdown_does_not_leave_a_dataset_behind_that_is_in_no_file() {
    for kind in KINDS {
        let mut server = Server::new(kind);
        server.ok("SET k v");
        server.ok(FOR_EVER);
        server.ok("CONFIG SET appendonly yes");
        wait::until("the log's first base is being written", || {
            persistence(&server, "aof_rewrite_in_progress") == 1
        });
        let refused = server.client().call(&["SHUTDOWN", "NOSAVE"]);
        let refused = refused.to_string();
        assert!(refused.contains("Errors trying to SHUTDOWN"), "{refused}");
        assert!(server.log().contains("Writing initial AOF, can't exit"));
        assert_eq!(server.ok("PING").text(), "PONG");
        let mut client = server.client();
        client
            .send(&["SHUTDOWN", "NOSAVE", "FORCE"])
            .expect("it listens");
        assert!(server.wait_exit().success(), "{kind:?}");
    }
}

#[test]
fn shutdown_gives_up_a_rewrite_of_the_log() {
    for kind in KINDS {
        let mut server = Setup::new(kind).line("appendonly yes").start();
        wait::until("the log has its base", || {
            persistence(&server, "aof_rewrite_in_progress") == 0
        });
        server.ok("MSET a 1 b 2");
        server.ok(FOR_EVER);
        server.ok("BGREWRITEAOF");
        server.ok("SET c 3");
        let mut client = server.client();
        client.send(&["SHUTDOWN"]).expect("it listens");
        assert!(server.wait_exit().success(), "{kind:?}");
        server.start_again();
        assert_eq!(server.ok("DBSIZE").int(), 3, "{kind:?}");
    }
}

#[test]
fn replies_wait_for_a_slow_log() {
    for kind in KINDS {
        let server = Setup::new(kind)
            .line("appendonly yes")
            .line("appendfsync always")
            .start();
        server.ok("SET k v");
        server.ok("DEBUG AOF-FLUSH-SLEEP 200000");
        let began = Instant::now();
        server.ok("INCR n");
        assert!(began.elapsed() >= Duration::from_millis(200), "{kind:?}");
        server.ok("DEBUG AOF-FLUSH-SLEEP 0");
    }
}

#[test]
fn what_takes_long_tells_the_log_how_far_it_is() {
    let primary = Server::new(Kind::Towline);
    let mut replica = Server::new(Kind::Towline);
    let tells = |server: &Server, line: &str| {
        wait::until(line, || server.log().contains(line));
    };
    primary.ok("DEBUG POPULATE 1000");
    primary.ok("CONFIG SET repl-diskless-sync-delay 0");
    primary.ok("CONFIG SET rdb-key-save-delay 20000");
    replica.ok("CONFIG SET key-load-delay 20000");
    replica.ok("CONFIG SET repl-diskless-load disabled");
    replica.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    tells(&primary, "Snapshot for replicas: ");
    tells(&replica, "Receiving the dataset of MASTER: 0 MB so far");
    primary.ok("CONFIG SET rdb-key-save-delay 0");
    tells(&replica, "Loading the dataset of MASTER: ");
    replica.ok("CONFIG SET key-load-delay 0");
    wait::until("the replica follows", || {
        replica.info("replication").find("master_link_status") == Some("up")
    });
    primary.ok("CONFIG SET rdb-key-save-delay 20000");
    primary.ok("BGSAVE");
    tells(&primary, "Saving the DB: ");
    primary.ok("CONFIG SET rdb-key-save-delay 0");
    wait::until("the save is over", || {
        persistence(&primary, "rdb_bgsave_in_progress") == 0
    });
    primary.ok("CONFIG SET rdb-key-save-delay 20000");
    primary.ok("BGREWRITEAOF");
    tells(&primary, "Rewriting the AOF: ");
    primary.ok("CONFIG SET rdb-key-save-delay 0");
    replica.ok("REPLICAOF NO ONE");
    replica.ok("SAVE");
    replica.restart_with(|setup| {
        setup
            .line("key-load-delay 3000")
            .line("loading-process-events-interval-bytes 1024")
    });
    tells(&replica, "Loading DB in memory: ");
}
