//! The log on disk where the disk does not take it: what is refused, what is kept, and
//! that it goes on by itself.

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use towline_tests::resp::Value;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::wait;

/// What a file may have grown to when the disk is full.
const FULL_BYTES: u64 = 64 << 10;

fn logging() -> Setup {
    Setup::new(Kind::Towline)
        .line("appendonly yes")
        .line("appendfsync always")
}

/// No file of the server may grow beyond this; none lets them grow again.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let pid = i32::try_from(server.pid()).ok().and_then(Pid::from_raw);
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit).expect("it is our own process");
}

fn error_of(reply: &Value) -> String {
    match reply {
        Value::Error(text) => text.clone(),
        other => panic!("not refused: {other}"),
    }
}

#[test]
fn a_directory_that_cannot_be_used_refuses_the_directive() {
    let server = Setup::new(Kind::Towline).start();
    let directory = server.dir().join("appendonlydir");
    fs::write(&directory, "in the way").expect("it is ours");
    let refused = error_of(&server.client().cmd("CONFIG SET appendonly yes"));
    assert_eq!(
        refused,
        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - \
         Unable to turn on AOF. Check server logs."
    );
    assert_eq!(server.ok("CONFIG GET appendonly").items()[1].text(), "no");
    assert_eq!(server.info("persistence").get("aof_enabled"), "0");
    assert!(server.log().contains("append-only dir"));
    fs::remove_file(&directory).expect("it is ours");
    server.ok("CONFIG SET appendonly yes");
    wait::until("the log has its base", || {
        server.info("persistence").number("aof_rewrite_in_progress") == 0
    });
    assert!(directory.join("appendonly.aof.manifest").exists());
}

#[test]
fn a_full_disk_refuses_writes_and_goes_on_where_there_is_room() {
    let mut server = logging().start();
    server.ok("SET before 1");
    limit_files(&server, Some(FULL_BYTES));
    let value = "x".repeat(1000);
    let mut filler = server.client();
    wait::until("the disk is full", || {
        // Nobody reads the reply: it leaves once there is room again.
        filler.send(&["SET", "filler", &value]).expect("it runs");
        server.info("persistence").get("aof_last_write_status") == "err"
    });
    let refused = error_of(&server.client().cmd("SET after 1"));
    assert!(
        refused.starts_with("MISCONF Errors writing to the AOF file"),
        "{refused}"
    );
    assert_eq!(server.ok("GET before").text(), "1", "reads go on");
    limit_files(&server, None);
    wait::until("writes are taken again", || {
        !server.client().cmd("SET after 2").is_error()
    });
    assert_eq!(
        server.info("persistence").get("aof_last_write_status"),
        "ok"
    );
    assert!(server.log().contains("AOF write error looks solved"));
    server.crash_and_restart();
    assert_eq!(server.ok("GET after").text(), "2");
    assert_eq!(server.ok("GET before").text(), "1");
}

/// A rewrite has no place for its base; nothing that was promised is lost, and it is
/// tried again.
#[test]
fn a_directory_that_vanished_fails_the_rewrite_and_not_the_server() {
    let server = logging().start();
    server.ok("SET before 1");
    let directory = server.dir().join("appendonlydir");
    let aside = server.dir().join("aside");
    fs::rename(&directory, &aside).expect("it is ours");
    server.ok("BGREWRITEAOF");
    wait::until("the rewrite has failed", || {
        server.info("persistence").get("aof_last_bgrewrite_status") == "err"
    });
    assert_eq!(server.ok("GET before").text(), "1", "reads go on");
    fs::remove_dir_all(&directory).ok();
    fs::rename(&aside, &directory).expect("it is ours");
    wait::until("the log is whole again", || {
        let _asked = server.client().cmd("BGREWRITEAOF");
        server.info("persistence").get("aof_last_bgrewrite_status") == "ok"
    });
    wait::until("writes are taken", || {
        !server.client().cmd("SET after 2").is_error()
    });
    let mut server = server;
    server.crash_and_restart();
    assert_eq!(server.ok("GET after").text(), "2");
    assert_eq!(server.ok("GET before").text(), "1");
}
