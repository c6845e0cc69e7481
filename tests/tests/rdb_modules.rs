//! `rdb-skip-unknown`: a snapshot with data of modules, which redis-check-rdb passes,
//! is refused or loaded without it: at the start, and in a full sync.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use towline_tests::paths;
use towline_tests::resp::Value;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::wait;

fn fixture() -> PathBuf {
    paths::repository().join("tests/fixtures/rdb/modules.rdb")
}

/// A server that has the fixture as the snapshot that it starts from next.
fn with_fixture() -> Server {
    let server = Setup::new(Kind::Towline).start();
    fs::copy(fixture(), server.dir().join("dump.rdb")).expect("it is ours");
    server
}

/// A primary that sends everybody the fixture in a full sync, and nothing after it.
fn primary() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for link in listener.incoming().flatten() {
            // The replica may go away at any time, and comes back.
            let _ = serve(link);
        }
    });
    address
}

fn serve(mut link: TcpStream) -> io::Result<()> {
    let bytes = fs::read(fixture())?;
    let mut is_synced = false;
    for word in BufReader::new(link.try_clone()?).lines() {
        match word?.to_uppercase().as_str() {
            _ if is_synced => {}
            "PING" => link.write_all(b"+PONG\r\n")?,
            "REPLCONF" => link.write_all(b"+OK\r\n")?,
            "INFO" => link.write_all(b"-ERR it tells nobody\r\n")?,
            "PSYNC" => {
                let head = format!("+FULLRESYNC {} 1\r\n${}\r\n", "5".repeat(40), bytes.len());
                link.write_all(head.as_bytes())?;
                link.write_all(&bytes)?;
                is_synced = true;
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn the_real_tool_passes_the_file() {
    let check = paths::peer("redis-check-rdb");
    let checked = Command::new(check).arg(fixture()).output();
    let checked = checked.expect("it runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(said.contains("RDB looks OK"), "{said}");
    assert!(said.contains("MODULE AUX for: auxiliary"), "{said}");
}

#[test]
fn a_snapshot_with_data_of_modules_is_refused_by_name_and_place() {
    let mut server = with_fixture();
    server.kill();
    let program = Kind::Towline.program();
    let started = Command::new(program).arg(server.config_file()).output();
    let started = started.expect("it runs");
    assert_eq!(started.status.code(), Some(1));
    let log = server.log() + &String::from_utf8_lossy(&started.stdout);
    let refused = "data of the module 'auxiliary' at offset 37. The file was not touched.";
    assert!(log.contains(refused), "{log}");
    assert!(
        log.contains("'rdb-skip-unknown yes' loads the rest"),
        "{log}"
    );
}

#[test]
fn it_is_loaded_without_them_where_that_is_asked_for() {
    let mut server = with_fixture();
    server.restart_with(|setup| setup.line("rdb-skip-unknown yes"));
    assert_eq!(server.ok("GET before").text(), "kept");
    assert_eq!(server.ok("GET after").text(), "kept, too");
    assert_eq!(server.ok("DBSIZE"), Value::Int(2));
    let info = server.info("persistence");
    assert_eq!(info.number("rdb_last_load_skipped"), 4);
    assert_eq!(info.number("rdb_last_load_keys_loaded"), 2);
    let log = server.log();
    let line = "a value of the module type 'ReJSON-RL' at offset";
    assert!(log.contains(line), "{log}");
    assert!(log.contains("in key 'document'"), "{log}");
}

#[test]
fn a_full_sync_is_refused_or_taken_without_them() {
    let server = Server::new(Kind::Towline);
    let port = primary().port();
    server.ok(&format!("REPLICAOF 127.0.0.1 {port}"));
    wait::until("it is refused", || {
        server.log().contains("data of the module 'auxiliary'")
    });
    assert_eq!(server.ok("DBSIZE"), Value::Int(0));
    server.ok("CONFIG SET rdb-skip-unknown yes");
    wait::until("the rest has arrived", || {
        server.client().cmd("EXISTS after") == Value::Int(1)
    });
    assert_eq!(
        server.info("persistence").number("rdb_last_load_skipped"),
        4
    );
    assert!(server.log().contains("in key 'document'"));
}
