//! COMMAND INFO and COMMAND DOCS of every command equal the reference tables: Redis
//! 7.2's for the commands that it has, Valkey 9.1's for the rest, and for what neither has
//! the rows that Redis 8's documentation gives.

use std::collections::{BTreeMap, BTreeSet};

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};
use towline_tests::tables::{self, Row};

const GROUPS: &[&str] = &[
    "bitmap",
    "connection",
    "generic",
    "geo",
    "hash",
    "hyperloglog",
    "list",
    "pubsub",
    "set",
    "sorted-set",
    "stream",
    "string",
    "transactions",
];

/// Of the server group, what a server needs to run and to replicate.
const SERVER: &[&str] = &[
    "command",
    "command|count",
    "command|docs",
    "command|getkeys",
    "command|getkeysandflags",
    "command|help",
    "command|info",
    "command|list",
    "config",
    "config|get",
    "config|help",
    "config|resetstat",
    "config|rewrite",
    "config|set",
    "bgsave",
    "dbsize",
    "debug",
    "flushall",
    "flushdb",
    "info",
    "lastsave",
    "lolwut",
    "latency",
    "latency|doctor",
    "latency|graph",
    "latency|help",
    "latency|histogram",
    "latency|history",
    "latency|latest",
    "latency|reset",
    "memory",
    "memory|doctor",
    "memory|help",
    "memory|malloc-stats",
    "memory|purge",
    "memory|stats",
    "memory|usage",
    "psync",
    "replconf",
    "replicaof",
    "role",
    "save",
    "shutdown",
    "slaveof",
    "swapdb",
    "sync",
    "time",
    "monitor",
    "slowlog",
    "slowlog|get",
    "slowlog|help",
    "slowlog|len",
    "slowlog|reset",
];

/// A command's properties as the tables write them: column to a set of parts.
type Properties = BTreeMap<&'static str, BTreeSet<String>>;

fn table(file: &str) -> BTreeMap<String, Row> {
    let rows = tables::read(file).into_iter();
    rows.map(|row| (row["name"].clone(), row)).collect()
}

/// Redis 7.2's rows, then Valkey 9.1's for what 7.2 does not have, then Redis 8's.
fn reference() -> BTreeMap<String, Row> {
    let mut rows = table("commands-redis-8.tsv");
    rows.extend(table("commands-valkey-9.1.tsv"));
    rows.extend(table("commands-redis-7.2.tsv"));
    rows
}

/// A cell's parts; `-` is an empty cell.
fn parts(cell: &str, separator: char) -> BTreeSet<String> {
    let parts = cell.split(separator).filter(|part| *part != "-");
    parts.map(sort_braces).collect()
}

/// `idx:1{b,a}` as `idx:1{a,b}`: the order inside of the braces is nobody's promise.
fn sort_braces(part: &str) -> String {
    match part.strip_suffix('}').and_then(|open| open.split_once('{')) {
        Some((before, flags)) => {
            let flags: BTreeSet<&str> = flags.split(',').collect();
            format!("{before}{{{}}}", Vec::from_iter(flags).join(","))
        }
        None => part.to_owned(),
    }
}

fn expected(row: &Row) -> Properties {
    BTreeMap::from([
        ("arity", parts(&row["arity"], ' ')),
        ("flags", parts(&row["flags"], ',')),
        ("acl_categories", parts(&row["acl_categories"], ',')),
        ("first_last_step", parts(&row["first_last_step"], ' ')),
        ("key_specs", parts(&row["key_specs"], ';')),
        ("tips", parts(&row["tips"], ',')),
    ])
}

fn words(value: &Value) -> BTreeSet<String> {
    value.texts().into_iter().collect()
}

/// One element of COMMAND INFO's reply, RESP2.
fn printed(info: &[Value]) -> Properties {
    let steps: Vec<String> = info[3..6].iter().map(|n| n.int().to_string()).collect();
    let categories = info[6].texts().into_iter();
    let categories = categories.map(|name| name.trim_start_matches('@').to_owned());
    BTreeMap::from([
        ("arity", BTreeSet::from([info[1].int().to_string()])),
        ("flags", words(&info[2])),
        ("acl_categories", categories.collect()),
        ("first_last_step", BTreeSet::from([steps.join(",")])),
        ("key_specs", info[8].items().iter().map(key_spec).collect()),
        ("tips", words(&info[7])),
    ])
}

/// A field of an alternating list of names and values.
fn field<'a>(list: &'a Value, name: &str) -> &'a Value {
    find_field(list, name).unwrap_or_else(|| panic!("no field {name} in {list}"))
}

fn find_field<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    let mut pairs = list.items().chunks(2);
    let pair = pairs.find(|pair| pair[0].text() == name)?;
    Some(&pair[1])
}

fn number(list: &Value, name: &str) -> i64 {
    field(list, name).int()
}

fn key_spec(spec: &Value) -> String {
    let flags = words(field(spec, "flags"));
    let begin = begin_search(field(spec, "begin_search"));
    let find = find_keys(field(spec, "find_keys"));
    format!("{begin}+{find}{{{}}}", Vec::from_iter(flags).join(","))
}

fn begin_search(begin: &Value) -> String {
    let spec = field(begin, "spec");
    match field(begin, "type").text().as_str() {
        "index" => format!("idx:{}", number(spec, "index")),
        "keyword" => {
            let keyword = field(spec, "keyword").text();
            format!("kw:{keyword}@{}", number(spec, "startfrom"))
        }
        other => other.to_owned(),
    }
}

fn find_keys(find: &Value) -> String {
    let spec = field(find, "spec");
    let join = |names: [&str; 3]| names.map(|name| number(spec, name).to_string()).join("/");
    match field(find, "type").text().as_str() {
        "range" => format!("range:{}", join(["lastkey", "keystep", "limit"])),
        "keynum" => format!("keynum:{}", join(["keynumidx", "firstkey", "keystep"])),
        other => other.to_owned(),
    }
}

/// All commands of a server with their subcommands, by name.
fn commands(client: &mut Client) -> BTreeMap<String, Properties> {
    let mut found = BTreeMap::new();
    for info in client.ok("COMMAND").items() {
        let info = info.items();
        found.insert(info[0].text(), printed(info));
        for sub in info[9].items() {
            let sub = sub.items();
            found.insert(sub[0].text(), printed(sub));
        }
    }
    found
}

/// What differs from the tables, a line each.
fn differences(
    found: &BTreeMap<String, Properties>,
    row_of: impl Fn(&str) -> Option<Row>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, printed) in found {
        if tables::OUR_COMMANDS.contains(&name.as_str()) {
            continue;
        }
        let Some(row) = row_of(name) else {
            lines.push(format!("{name}: in no table"));
            continue;
        };
        for (column, wanted) in expected(&row) {
            if printed[column] != wanted {
                lines.push(format!(
                    "{name}: {column} {:?}, not {wanted:?}",
                    printed[column]
                ));
            }
        }
    }
    lines
}

/// The reading of replies and tables, checked on a server whose table this is.
#[test]
fn valkey_equals_its_own_table() {
    let server = Server::new(Kind::Valkey);
    let valkey = table("commands-valkey-9.1.tsv");
    let found = commands(&mut server.client());
    assert_eq!(found.len(), valkey.len());
    let lines = differences(&found, |name| valkey.get(name).cloned());
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn towline_equals_redis_72_and_valkey_for_the_rest() {
    let server = Server::new(Kind::Towline);
    let reference = reference();
    let found = commands(&mut server.client());
    let lines = differences(&found, |name| reference.get(name).cloned());
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn towline_has_every_command_of_its_groups() {
    let server = Server::new(Kind::Towline);
    let found = commands(&mut server.client());
    let wanted = |row: &Row| {
        let name = row["name"].as_str();
        GROUPS.contains(&row["group"].as_str()) || SERVER.contains(&name)
    };
    let rows = tables::read("commands-redis-7.2.tsv");
    let missing: Vec<&str> = rows
        .iter()
        .filter(|row| wanted(row))
        .map(|row| row["name"].as_str())
        .filter(|name| !found.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// COMMAND DOCS of a server with subcommands: name to its list of fields.
fn docs(client: &mut Client) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect_docs(&client.ok("COMMAND DOCS"), &mut found);
    found
}

fn collect_docs(list: &Value, found: &mut BTreeMap<String, Value>) {
    for pair in list.items().chunks(2) {
        let mut names = pair[1].items().chunks(2);
        if let Some(subcommands) = names.find(|field| field[0].text() == "subcommands") {
            collect_docs(&subcommands[1], found);
        }
        found.insert(pair[0].text(), pair[1].clone());
    }
}

#[test]
fn towline_documents_its_commands_as_the_tables_do() {
    let server = Server::new(Kind::Towline);
    let reference = reference();
    let mut lines = Vec::new();
    let all = docs(&mut server.client()).into_iter();
    for (name, doc) in all.filter(|(name, _)| !tables::OUR_COMMANDS.contains(&name.as_str())) {
        let row = reference.get(&name);
        let row = row.unwrap_or_else(|| panic!("{name} is in no table"));
        // The complexity is told in our own words.
        for column in ["group", "since"] {
            let printed = find_field(&doc, column).map_or_else(|| "-".to_owned(), Value::text);
            if printed != row[column] {
                lines.push(format!(
                    "{name}: {column} {printed:?}, not {:?}",
                    row[column]
                ));
            }
        }
    }
    assert!(lines.is_empty(), "{lines:#?}");
}
