//! What clients see of a server that is starting.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};

const KEYS: i64 = 2000;
const STARTS: usize = 40;

/// What DBSIZE answers at `address`, again and again until `ended`, but for refusals.
fn sizes(address: SocketAddr, ended: &AtomicBool) -> Vec<i64> {
    let mut sizes = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::connect(address) else {
            continue;
        };
        while let Ok(reply) = client.try_call(&["DBSIZE"]) {
            match reply {
                Value::Int(size) => {
                    sizes.push(size);
                    break;
                }
                Value::Error(text) if text.starts_with("LOADING") => {}
                other => panic!("{other:?}"),
            }
        }
    }
    sizes
}

#[test]
fn nobody_is_served_before_the_dataset_is_there() {
    let mut server = Server::new(Kind::Towline);
    server.ok(&format!("DEBUG POPULATE {KEYS}"));
    server.ok("SAVE");
    for _ in 0..STARTS {
        server.kill();
        let (address, ended) = (server.address(), AtomicBool::new(false));
        let seen = thread::scope(|scope| {
            let lookers = [(); 8].map(|()| scope.spawn(|| sizes(address, &ended)));
            server.start_again();
            ended.store(true, Ordering::Relaxed);
            lookers.map(|looker| looker.join().expect("only refusals that say why"))
        });
        let mut seen = seen.iter().flatten();
        assert!(
            seen.all(|size| *size == KEYS),
            "an empty dataset was served"
        );
    }
}

#[test]
fn what_has_expired_is_not_loaded() {
    for kind in [Kind::Redis, Kind::Towline] {
        let mut server = Server::new(kind);
        server.ok("DEBUG SET-ACTIVE-EXPIRE 0");
        server.ok("SET stays v");
        for key in ["a", "b", "c"] {
            server.ok(&format!("SET {key} v PX 1"));
        }
        thread::sleep(Duration::from_millis(5));
        server.ok("SAVE");
        server.crash_and_restart();
        assert_eq!(server.ok("DBSIZE"), Value::Int(1), "{kind:?}");
        let persistence = server.info("persistence");
        let loaded = ["loaded", "expired"]
            .map(|what| persistence.number(&format!("rdb_last_load_keys_{what}")));
        assert_eq!(loaded, [1, 3], "{kind:?}");
        assert_eq!(server.info("stats").number("expired_keys"), 0, "{kind:?}");
        let line = "keys loaded: 1, keys expired: 3";
        assert!(server.log().contains(line), "{kind:?}");
    }
}
