//! CONFIG GET and CONFIG SET as a client sees them; the texts are Redis's.

use super::*;

fn pairs<'a>(words: &[&'a str]) -> Vec<&'a [u8]> {
    words.iter().map(|word| word.as_bytes()).collect()
}

fn set(config: &mut Config, words: &[&str]) -> Result<usize, String> {
    let changes = config.set(&pairs(words), SetRules::default());
    let text = |error: SetError| String::from_utf8(error.reply()).expect("ASCII");
    changes.map(|changes| changes.len()).map_err(text)
}

fn get(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    let [(_, value)] = found.as_slice() else {
        panic!("{name}: {found:?}");
    };
    String::from_utf8(value.clone()).expect("ASCII")
}

fn failed(name: &str, reason: &str) -> Result<usize, String> {
    let text = "ERR CONFIG SET failed (possibly related to argument";
    Err(format!("{text} '{name}') - {reason}"))
}

#[test]
fn every_default_is_a_value_of_its_directive() {
    for row in directives() {
        let default = Value::default_of(row);
        let text = default.to_text(row);
        let mut config = Config::new();
        let loaded = config.load(row.name.as_bytes(), &[&text]);
        assert!(loaded.is_ok(), "{}: {loaded:?}", row.name);
        assert_eq!(
            config.get(&[row.name.as_bytes()])[0].1,
            text,
            "{}",
            row.name
        );
    }
}

#[test]
fn names_and_aliases_are_unique() {
    let mut names: Vec<&str> = directives()
        .flat_map(|row| std::iter::once(row.name).chain(row.alias))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn get_takes_names_aliases_and_patterns() {
    let config = Config::new();
    assert_eq!(get(&config, "maxmemory"), "0");
    let found = config.get(&pairs(&[
        "SLAVE-priority",
        "replica-prio*",
        "save",
        "nothing",
    ]));
    let names: Vec<_> = found
        .iter()
        .map(|row| String::from_utf8_lossy(&row.0))
        .collect();
    assert_eq!(names, ["SLAVE-priority", "replica-priority", "save"]);
    let all = config.get(&[b"*"]);
    assert!(all.iter().any(|row| row.0 == b"slaveof"));
    assert!(!all.iter().any(|row| row.0 == b"key-load-delay"), "hidden");
    assert_eq!(get(&config, "key-load-delay"), "0");
}

#[test]
fn set_is_all_or_nothing() {
    let mut config = Config::new();
    assert_eq!(set(&mut config, &["hz", "20", "timeout", "20"]), Ok(2));
    assert_eq!((config.hz, config.timeout_s), (20, 20));
    let bad = set(&mut config, &["hz", "30", "timeout", "-1"]);
    assert_eq!(
        bad,
        failed(
            "timeout",
            "argument must be between 0 and 2147483647 inclusive"
        )
    );
    assert_eq!((config.hz, get(&config, "hz")), (20, "20".into()));
    assert_eq!(set(&mut config, &["hz", "20"]), Ok(0), "no change");
}

#[test]
fn undo_restores_what_could_not_be_put_into_effect() {
    let mut config = Config::new();
    let changes = config.set(&pairs(&["port", "7", "save", "1 1"]), SetRules::default());
    let changes = changes.expect("good values");
    assert_eq!(
        changes.iter().map(|change| change.name).collect::<Vec<_>>(),
        ["port", "save"]
    );
    config.undo(changes);
    assert_eq!(config, Config::new());
}

#[test]
fn errors_of_names() {
    let mut config = Config::new();
    let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'bogus'";
    assert_eq!(
        set(&mut config, &["bogus", "1", "port", "1"]),
        Err(unknown.into())
    );
    assert_eq!(set(&mut config, &["hz"]), Err("ERR syntax error".into()));
    assert_eq!(
        set(&mut config, &["Databases", "2"]),
        failed("Databases", "can't set immutable config")
    );
    assert_eq!(
        set(&mut config, &["dir", "/"]),
        failed("dir", "can't set protected config")
    );
    let rules = SetRules {
        protected: true,
        loading: true,
    };
    assert_eq!(
        config.set(&pairs(&["dir", "/"]), rules),
        Err(SetError::Loading)
    );
    assert_eq!(
        set(&mut config, &["save", "", "SAVE", ""]),
        failed("SAVE", "duplicate parameter")
    );
    let alias = set(
        &mut config,
        &["slave-priority", "1", "replica-priority", "1"],
    );
    assert_eq!(alias, failed("replica-priority", "duplicate parameter"));
}

/// Directive, value and what is wrong with it.
const BAD_VALUES: &[(&str, &str, &str)] = &[
    (
        "repl-diskless-sync",
        "maybe",
        "argument must be 'yes' or 'no'",
    ),
    ("hz", "x", "argument couldn't be parsed into an integer"),
    (
        "proto-max-bulk-len",
        "10xb",
        "argument must be a memory value",
    ),
    (
        "proto-max-bulk-len",
        "1",
        "argument must be between 1048576 and 9223372036854775807 inclusive",
    ),
    (
        "maxmemory-clients",
        "101%",
        "percentage argument must be less or equal to 100",
    ),
    (
        "maxmemory-clients",
        "x",
        "argument must be a memory or percent value",
    ),
    (
        "loglevel",
        "loud",
        "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
    ),
    ("save", "900 1 300", "Invalid save parameters"),
    ("save", "0 1", "Invalid save parameters"),
    (
        "client-output-buffer-limit",
        "normal",
        "Wrong number of arguments in buffer limit configuration.",
    ),
    (
        "client-output-buffer-limit",
        "bad 1 1 1",
        "Invalid client class specified in buffer limit configuration.",
    ),
    (
        "notify-keyspace-events",
        "KQ",
        "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
    ),
    ("oom-score-adj-values", "1 2", "wrong number of arguments"),
    (
        "latency-tracking-info-percentiles",
        "101",
        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
    ),
    (
        "shutdown-on-sigterm",
        "nosave save",
        "shutdown options SAVE and NOSAVE can't be used simultaneously",
    ),
    (
        "proc-title-template",
        "{bad}",
        "template format is invalid or contains unknown variables",
    ),
    (
        "rdb-del-sync-files",
        "yes",
        "this version of Towline has no support for 'rdb-del-sync-files', its only value is 'no'",
    ),
];

#[test]
fn errors_of_values() {
    for &(name, value, reason) in BAD_VALUES {
        let mut config = Config::new();
        assert_eq!(set(&mut config, &[name, value]), failed(name, reason));
        assert_eq!(config, Config::new());
    }
}

#[test]
fn values_are_shown_in_canonical_form() {
    let cases = [
        ("loglevel", "WARNING", "warning"),
        ("repl-backlog-size", "1mb", "1048576"),
        ("repl-backlog-size", "1", "16384"),
        ("hz", "0", "1"),
        ("hz", "1000", "500"),
        ("save", "", ""),
        ("save", "900 1 300 10", "900 1 300 10"),
        ("notify-keyspace-events", "KEx", "xKE"),
        ("notify-keyspace-events", "KE$lshzxetdg", "AKE"),
        (
            "latency-tracking-info-percentiles",
            "50.5000 1e1",
            "50.5 10",
        ),
        ("shutdown-on-sigint", "force now", "now force"),
        ("bind", "-127.0.0.9 ::1", "-127.0.0.9 ::1"),
        ("bind", "::1  127.0.0.1 ", "::1 127.0.0.1"),
    ];
    for (name, value, shown) in cases {
        let mut config = Config::new();
        set(&mut config, &[name, value]).expect(name);
        assert_eq!(get(&config, name), shown, "{name}");
    }
    let mut config = Config::new();
    set(
        &mut config,
        &["client-output-buffer-limit", "replica 1mb 2kb 10"],
    )
    .expect("a good value");
    let shown = "normal 0 0 0 slave 1048576 2048 10 pubsub 33554432 8388608 60";
    assert_eq!(get(&config, "client-output-buffer-limit"), shown);
}

#[test]
fn lines_of_a_file_join_where_redis_joins_them() {
    let mut config = Config::new();
    let load = |config: &mut Config, words: &[&str]| {
        let words = pairs(words);
        config.load(words[0], &words[1..]).map(|row| row.name)
    };
    load(&mut config, &["SAVE", "900", "1"]).expect("a good line");
    load(&mut config, &["save", "300 10"]).expect("a good line");
    assert_eq!(
        get(&config, "save"),
        "900 1 300 10",
        "the default is gone, the lines add up"
    );
    load(&mut config, &["save", ""]).expect("a good line");
    assert_eq!(config.save, []);
    load(&mut config, &["slaveof", "localhost", "6379"]).expect("a good line");
    let primary = PrimaryAddress {
        host: b"localhost".to_vec(),
        port: 6379,
    };
    assert_eq!(config.replicaof, Some(primary));
    load(&mut config, &["replicaof", "no", "one"]).expect("a good line");
    assert_eq!(config.replicaof, None);
    assert_eq!(load(&mut config, &["bogus", "1"]), Err(LoadError::Unknown));
    let missing = load(&mut config, &["port"]).expect_err("no value");
    assert_eq!(missing.to_string(), "wrong number of arguments");
}

/// Redis has `slaveof` immutable; setting it is this server's own addition.
#[test]
fn the_primary_can_be_set_and_is_rewritten() {
    let mut config = Config::new();
    assert_eq!(set(&mut config, &["slaveof", "h 1"]), Ok(1));
    assert_eq!(get(&config, "replicaof"), "h 1");
    assert_eq!(
        set(&mut config, &["slaveof", "h x"]),
        failed("replicaof", "Invalid master port")
    );
    for host in ["a\nrequirepass", "a\"b", "a'b", "\u{e9}", "\u{1}"] {
        assert_eq!(
            set(&mut config, &["slaveof", &format!("{host} 1")]),
            failed("replicaof", "Invalid master host"),
            "it would not be one word of redis.conf"
        );
    }
    assert!(config.load(b"replicaof", &[b"a b", b"1"]).is_err());
    let entries = config.rewrite_entries();
    let entry = entries
        .iter()
        .find(|entry| entry.name == "replicaof")
        .expect("a directive");
    assert_eq!(
        (&entry.lines, entry.is_default),
        (&vec![b"h 1".to_vec()], false)
    );
    config.follow("replicaof", b"");
    assert_eq!(config.replicaof, None);
}

#[test]
fn what_changes_nothing_is_told() {
    let mut config = Config::new();
    assert_eq!(config.without_effect(), [""; 0]);
    set(&mut config, &["list-compress-depth", "3", "hz", "20"]).expect("good values");
    assert_eq!(config.without_effect(), ["list-compress-depth"]);
}

#[test]
fn rewritten_values_read_back_as_the_same() {
    let mut config = Config::new();
    let words = [
        "save",
        "60 1 3600 2",
        "requirepass",
        "a \"b\"\n",
        "client-output-buffer-limit",
        "pubsub 1kb 3 4",
        "bind",
        "",
        "proto-max-bulk-len",
        "3mb",
        "notify-keyspace-events",
        "An",
        "shutdown-on-sigint",
        "now force",
    ];
    config
        .set(&pairs(&words), SetRules::default())
        .expect("good values");
    let mut again = Config::new();
    for entry in config.rewrite_entries() {
        for line in &entry.lines {
            let args = crate::text::quote::split(line).expect("quoted well");
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            again.load(entry.name.as_bytes(), &args).expect(entry.name);
        }
    }
    assert_eq!(again.get(&[b"*"]), config.get(&[b"*"]));
}

#[test]
fn encodings_have_the_same_defaults_as_without_a_configuration() {
    assert_eq!(
        Config::new().encodings,
        crate::value::EncodingLimits::default()
    );
}
