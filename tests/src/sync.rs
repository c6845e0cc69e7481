//! Waiting until servers hold the same data.

use rustix::process::Signal;

use crate::content;
use crate::resp::Client;
use crate::server::Server;
use crate::wait;

/// What DEBUG DIGEST prints: equal for equal data over all databases.
pub fn digest(server: &Server) -> String {
    server.ok("DEBUG DIGEST").text()
}

/// The digest of single keys of one database.
pub fn digest_values(client: &mut Client, keys: &[&str]) -> Vec<String> {
    let mut command = vec!["DEBUG", "DIGEST-VALUE"];
    command.extend(keys);
    client.call(&command).texts()
}

/// Waits until `replica`'s link is up.
pub fn wait_link_up(replica: &Server) {
    wait::until_equal("the replica's link is up", &"up".to_owned(), || {
        link_status(replica)
    });
}

/// The value of `master_link_status`, or `none` on a primary.
pub fn link_status(server: &Server) -> String {
    let info = server.info("replication");
    info.find("master_link_status").unwrap_or("none").to_owned()
}

/// Waits until every link of the chain is up and every offset equals the first one's.
/// Nobody may be writing meanwhile.
pub fn wait_in_sync(chain: &[&Server]) {
    let (primary, replicas) = chain.split_first().expect("a chain has a first server");
    for replica in replicas {
        let what = format!("{} has caught up", replica.kind());
        wait::until(&what, || {
            link_status(replica) == "up" && offset(replica) == offset(primary)
        });
    }
}

/// The replica stands still, and its link is cut.
pub fn hold(replica: &Server, primary: &Server) {
    replica.signal(Signal::STOP);
    primary.ok("CLIENT KILL TYPE replica");
    wait::until("the link is cut", || {
        primary.info("replication").number("connected_slaves") == 0
    });
}

/// A replica that was held goes on, and catches up.
pub fn release(replica: &Server, primary: &Server) {
    replica.signal(Signal::CONT);
    wait::until("the replica is back", || {
        primary.info("replication").number("connected_slaves") == 1
    });
    wait_link_up(replica);
    wait_in_sync(&[primary, replica]);
}

/// The offset up to which a server has applied its history.
pub fn offset(server: &Server) -> i64 {
    let info = server.info("replication");
    match info.find("slave_repl_offset") {
        Some(applied) => applied.parse().expect("an offset is a number"),
        None => info.number("master_repl_offset"),
    }
}

/// Waits until the chain is in sync and all of it holds the same data. Keys that are
/// about to expire may keep it apart for a while; nobody may be writing.
///
/// # Panics
/// When it never does, with the keys that differ.
pub fn wait_same_data(chain: &[&Server]) {
    wait::until_equal("all hold the same data", &Vec::new(), || {
        wait_in_sync(chain);
        differences(chain)
    });
}

/// Waits until both are in sync and DEBUG DIGEST says the same of them. Nobody may be
/// writing, and no program may print scores otherwise than the other
/// ([`crate::workload::Workload::whole_scores`]).
///
/// # Panics
/// When it never does, with the keys that differ.
pub fn wait_same_digest(primary: &Server, replica: &Server) {
    wait::until_equal("both have the same digest", &Vec::new(), || {
        wait_in_sync(&[primary, replica]);
        if digest(primary) == digest(replica) {
            return Vec::new();
        }
        let mut found = content::differences(&content::read(primary), &content::read(replica));
        found.push("DEBUG DIGEST".to_owned());
        found
    });
}

/// What differs between the first server and the others: the digests where they are
/// comparable (Redis and Valkey print fractions of scores differently into them), and
/// the first keys, as commands read them.
fn differences(chain: &[&Server]) -> Vec<String> {
    let (first, others) = chain.split_first().expect("a chain has a first server");
    let wanted = content::read(first);
    let mut found = Vec::new();
    for other in others {
        found.extend(content::differences(&wanted, &content::read(other)));
        if first.kind() == other.kind() && digest(first) != digest(other) {
            found.push(format!(
                "DEBUG DIGEST of {} and {}",
                first.port(),
                other.port()
            ));
        }
    }
    found
}
