//! All keys of a server in a form that can be compared between any two servers.

use std::collections::BTreeMap;

use crate::resp::{Client, Value};
use crate::server::Server;

/// A key: its database and name.
pub type Key = (u32, String);

/// Every key's type, value and absolute expiry as one text. Sets, hashes and sorted
/// sets are sorted, because their order is the server's own business.
pub type Content = BTreeMap<Key, String>;

/// Differences named in a message; more would not help.
const SHOWN: usize = 4;
/// Bytes of a value shown in a message.
const SHOWN_BYTES: usize = 300;

/// Reads all databases of a server.
///
/// # Panics
/// When it does not answer.
pub fn read(server: &Server) -> Content {
    let mut client = server.client();
    let databases = server.info("keyspace");
    let numbers = databases.fields().iter().filter_map(|field| {
        let number = field.name.strip_prefix("db")?;
        number.parse::<u32>().ok()
    });
    numbers.flat_map(|db| read_db(&mut client, db)).collect()
}

/// The first differences, as text.
pub fn differences(left: &Content, right: &Content) -> Vec<String> {
    let mut keys: Vec<&Key> = left.keys().chain(right.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.iter()
        .filter(|key| left.get(key) != right.get(key))
        .take(SHOWN)
        .map(|key| {
            format!(
                "{key:?}: {} but {}",
                shown(left.get(key)),
                shown(right.get(key))
            )
        })
        .collect()
}

fn shown(value: Option<&String>) -> String {
    let text = value.map_or("nothing", String::as_str);
    text.chars().take(SHOWN_BYTES).collect()
}

fn read_db(client: &mut Client, db: u32) -> Vec<(Key, String)> {
    client.ok(&format!("SELECT {db}"));
    let keys = client.ok("KEYS *");
    keys.items()
        .iter()
        .filter_map(|key| {
            let Value::Bulk(name) = key else {
                panic!("KEYS gave {key}");
            };
            let value = read_key(client, name)?;
            Some(((db, name.escape_ascii().to_string()), value))
        })
        .collect()
}

/// `None` when the key expired meanwhile.
fn read_key(client: &mut Client, key: &[u8]) -> Option<String> {
    let kind = client.call(&[b"TYPE", key]).text();
    let call = |client: &mut Client, args: &[&str]| {
        let mut command = vec![args[0].as_bytes(), key];
        command.extend(args[1..].iter().map(|arg| arg.as_bytes()));
        client.call(&command)
    };
    let value = match kind.as_str() {
        "none" => return None,
        "string" => call(client, &["GET"]).to_string(),
        "list" => call(client, &["LRANGE", "0", "-1"]).to_string(),
        "set" => sorted(call(client, &["SMEMBERS"]).items(), 1),
        "hash" => sorted(call(client, &["HGETALL"]).items(), 2),
        "zset" => scores(call(client, &["ZRANGE", "0", "-1", "WITHSCORES"]).items()),
        "stream" => {
            let entries = call(client, &["XRANGE", "-", "+"]).to_string();
            format!("{entries} {}", groups(client, key))
        }
        other => panic!("a key of type {other}"),
    };
    let expiry = call(client, &["PEXPIRETIME"]).int();
    Some(format!("{kind} until {expiry}: {value}"))
}

/// How far the groups of a stream are, and what is pending at whom after how many
/// deliveries. Idle times depend on when one asks, and consumers without pending
/// entries are only where they were made.
fn groups(client: &mut Client, key: &[u8]) -> String {
    let mut found = Vec::new();
    for group in client.call(&[b"XINFO".as_slice(), b"GROUPS", key]).items() {
        let name = group.items()[1].text();
        let last_id = group.items()[7].text();
        let pending = [
            b"XPENDING".as_slice(),
            key,
            name.as_bytes(),
            b"-",
            b"+",
            b"1000000",
        ];
        let pending = client.call(&pending);
        let entry = |entry: &Value| {
            let [id, consumer, _idle, deliveries] = entry.items() else {
                panic!("XPENDING gave {entry}");
            };
            format!("{id}:{consumer}:{deliveries}")
        };
        let pending: Vec<String> = pending.items().iter().map(entry).collect();
        found.push(format!("{name} at {last_id}: {}", pending.join(" ")));
    }
    found.join("; ")
}

fn sorted(items: &[Value], group: usize) -> String {
    let join = |group: &[Value]| {
        group
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join("=")
    };
    let mut groups: Vec<String> = items.chunks(group).map(join).collect();
    groups.sort();
    groups.join(", ")
}

/// Members with their scores, read as numbers: Redis 7.0 prints all 17 digits of a
/// fraction and others the shortest text for the same number.
fn scores(items: &[Value]) -> String {
    let pair = |pair: &[Value]| {
        let score: f64 = pair[1].text().parse().expect("a score is a number");
        format!("{}={score:?}", pair[0])
    };
    items.chunks(2).map(pair).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Content, differences};

    #[test]
    fn differences_name_the_keys_on_either_side() {
        let content = |keys: &[(&str, &str)]| -> Content {
            let entry = |(key, value): &(&str, &str)| ((0, (*key).to_owned()), (*value).to_owned());
            keys.iter().map(entry).collect()
        };
        let left = content(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let right = content(&[("a", "1"), ("b", "9"), ("d", "4")]);
        let found = differences(&left, &right);
        assert_eq!(found.len(), 3);
        assert!(found[0].contains("\"b\"") && found[0].contains("2 but 9"));
        assert!(differences(&left, &left).is_empty());
    }
}
