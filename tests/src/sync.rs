//! Waiting until servers hold the same data.

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

/// The offset up to which a server has applied its history.
pub fn offset(server: &Server) -> i64 {
    let info = server.info("replication");
    match info.find("slave_repl_offset") {
        Some(applied) => applied.parse().expect("an offset is a number"),
        None => info.number("master_repl_offset"),
    }
}

/// Asserts that two servers hold the same data, and names keys that differ if not.
///
/// # Panics
/// When they differ.
pub fn assert_same_data(left: &Server, right: &Server) {
    let (left_digest, right_digest) = (digest(left), digest(right));
    if left_digest != right_digest {
        let differing = differing_keys(left, right);
        panic!(
            "{} holds {left_digest}, {} holds {right_digest}; differing keys: {differing:?}",
            left.kind(),
            right.kind()
        );
    }
}

/// The first keys, with their databases, whose values differ.
fn differing_keys(left: &Server, right: &Server) -> Vec<String> {
    let mut found = Vec::new();
    let (mut left, mut right) = (left.client(), right.client());
    for db in 0..16 {
        let mut keys = select_all_keys(&mut left, db);
        keys.extend(select_all_keys(&mut right, db));
        keys.sort();
        keys.dedup();
        keys.retain(|key| describe(&mut left, key) != describe(&mut right, key));
        found.extend(keys.iter().map(|key| {
            let (l, r) = (describe(&mut left, key), describe(&mut right, key));
            format!("{db}:{key} left {l} right {r}")
        }));
    }
    found.truncate(8);
    found
}

fn select_all_keys(client: &mut Client, db: u32) -> Vec<String> {
    client.ok(&format!("SELECT {db}"));
    client.ok("KEYS *").texts()
}

/// Type, digest and absolute expiry of a key, as far as the server can tell.
fn describe(client: &mut Client, key: &str) -> String {
    let parts = [
        client.call(&["TYPE", key]),
        client.call(&["DEBUG", "DIGEST-VALUE", key]),
        client.call(&["PEXPIRETIME", key]),
    ];
    parts.map(|part| part.to_string()).join(" ")
}
