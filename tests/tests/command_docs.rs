//! COMMAND DOCS and COMMAND GETKEYS beside live servers: clients build their syntax
//! help, and cluster clients their routing, from them.

use std::collections::BTreeMap;

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};
use towline_tests::tables::OUR_COMMANDS;

/// Commands whose newest options are not there yet, with what they lack.
const LACKING: &[(&str, &str)] = &[("shutdown", "SAFE and FAILOVER")];

/// What only Redis 8 has.
const OF_REDIS_8: &[&str] = &["delex", "digest", "xackdel", "xdelex"];

/// The words of other commands' options that only Redis 8 has.
const OPTIONS_OF_REDIS_8: &[(&str, &[&str])] = &[
    ("bitop", &["DIFF", "DIFF1", "ANDOR", "ONE"]),
    ("set", &["IFNE", "IFDEQ", "IFDNE"]),
    ("xadd", &["KEEPREF", "DELREF", "ACKED"]),
    ("xtrim", &["KEEPREF", "DELREF", "ACKED"]),
];

/// All commands of a server with their subcommands, and what documents them.
fn docs(client: &mut Client) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(&client.ok("COMMAND DOCS"), &mut found);
    found
}

fn collect(list: &Value, found: &mut BTreeMap<String, Value>) {
    for pair in list.items().chunks(2) {
        if let Some(subcommands) = field(&pair[1], "subcommands") {
            collect(subcommands, found);
        }
        found.insert(pair[0].text(), pair[1].clone());
    }
}

fn field<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    let mut pairs = list.items().chunks(2);
    let pair = pairs.find(|pair| pair[0].text() == name)?;
    Some(&pair[1])
}

/// A field as text. Summaries, of which arguments may have some too, are told in
/// our own words.
fn told(value: &Value) -> String {
    let Value::Array(items) = value else {
        return value.to_string();
    };
    let is_map = items.len() % 2 == 0 && items.first().is_some_and(is_name);
    let parts: Vec<String> = if is_map {
        let pairs = items
            .chunks(2)
            .filter(|pair| match pair[0].text().as_str() {
                "summary" => false,
                // Valkey says of two counts of fields that a key spec finds them.
                "key_spec_index" => {
                    field(value, "type").is_none_or(|kind| kind.text() != "integer")
                }
                _ => true,
            });
        let pair = |pair: &[Value]| format!("{}: {}", pair[0].text(), told(&pair[1]));
        pairs.map(pair).collect()
    } else {
        items.iter().map(told).collect()
    };
    format!("[{}]", parts.join(", "))
}

/// True for the first name in an argument's own list of fields.
fn is_name(value: &Value) -> bool {
    matches!(value, Value::Bulk(name) if name == b"name")
}

/// A list of arguments without those that begin with one of these words, and without the
/// choices that have nothing else.
fn without(tokens: &[&str], arguments: &Value) -> Value {
    let mut kept = Vec::new();
    for argument in arguments.items() {
        let token = field(argument, "token").map(Value::text);
        if token.is_some_and(|token| tokens.contains(&token.as_str())) {
            continue;
        }
        let mut fields = argument.items().to_vec();
        let parts = fields
            .chunks(2)
            .position(|pair| pair[0].text() == "arguments");
        if let Some(place) = parts {
            let parts = without(tokens, &fields[2 * place + 1]);
            if parts.items().is_empty() {
                continue;
            }
            fields[2 * place + 1] = parts;
        }
        kept.push(Value::Array(fields));
    }
    Value::Array(kept)
}

/// What Valkey and Towline say alike of each command that both have.
#[test]
fn arguments_and_groups_are_those_of_valkey() {
    let (towline, valkey) = (Server::new(Kind::Towline), Server::new(Kind::Valkey));
    let known = docs(&mut valkey.client());
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (name, own) in docs(&mut towline.client()) {
        let Some(wanted) = known.get(&name) else {
            let ours = OUR_COMMANDS.contains(&name.as_str());
            if ours || OF_REDIS_8.contains(&name.as_str()) {
                continue;
            }
            wrong.push(format!("{name}: Valkey does not have it"));
            continue;
        };
        compared += 1;
        let newer = OPTIONS_OF_REDIS_8
            .iter()
            .find(|(command, _)| *command == name);
        let newer = newer.map_or(&[][..], |(_, tokens)| tokens);
        for part in ["group", "since", "arguments"] {
            let lacks = part == "arguments" && LACKING.iter().any(|(lacking, _)| *lacking == name);
            let own = match part {
                "arguments" => field(&own, part).map(|list| without(newer, list)),
                _ => field(&own, part).cloned(),
            };
            let own = own.as_ref().map(told);
            let wanted = field(wanted, part).map(told);
            if own != wanted && !lacks {
                wrong.push(format!("{name}: {part}\n  {own:?}, not\n  {wanted:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 200, "{compared} commands");
}

/// A call of each command whose keys are not simply its first arguments, and calls
/// whose keys cannot be told.
const CALLS: &[&str] = &[
    "get k",
    "set k v get",
    "set k v",
    "set k v ex 1",
    "delifeq k v",
    "mset a 1 b 2",
    "mget a b",
    "del a b",
    "lmpop 2 a b left",
    "blmpop 0 2 a b left",
    "zmpop 1 a min",
    "bzmpop 0 2 a b min",
    "sintercard 2 a b limit 1",
    "zinter 2 a b weights 1 2",
    "zunionstore d 2 a b",
    "zdiffstore d 1 a",
    "zrangestore d s 0 -1",
    "bitop and d a b",
    "bitfield k get u8 0",
    "bitfield k set u8 0 1",
    "sort k by x* get y* store d",
    "sort k store d store e",
    "sort k limit 0 1 by x",
    "sort_ro k by x*",
    "copy a b",
    "rename a b",
    "smove a b m",
    "blmove a b left right 0",
    "brpoplpush a b 0",
    "blpop a b 0",
    "object encoding k",
    "xread count 1 streams a b 0 0",
    "restore k 0 v",
    "dump k",
    "memory usage k",
    "debug object k",
    "ping",
    "get",
    "nope k",
    "lmpop 9 a b left",
    "lmpop x a left",
    "zunionstore d 9 a b",
];

#[test]
fn keys_of_calls_are_those_of_both_servers() {
    let servers = [Kind::Towline, Kind::Redis, Kind::Valkey].map(Server::new);
    let mut clients = servers.each_ref().map(Server::client);
    let mut wrong = Vec::new();
    for call in CALLS {
        for question in ["GETKEYS", "GETKEYSANDFLAGS"] {
            let line = format!("COMMAND {question} {call}");
            let [own, redis, valkey] = clients.each_mut().map(|client| client.cmd(&line));
            if own != redis && own != valkey {
                wrong.push(format!("{line}: {own}, not {redis} or {valkey}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
