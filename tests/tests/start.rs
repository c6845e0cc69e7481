//! What clients see of a server that is starting.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

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
