//! The command table is the peers': each row equals what Redis 7.2 answers to
//! COMMAND INFO, or Valkey 9.1 for what 7.2 does not have. What only Redis 8 has is held
//! against its documentation, which `commands-redis-8.tsv` puts into rows.

use std::collections::BTreeMap;

use towline_core::command::table::CommandTable;
use towline_core::command::{ACL_NAMES, Begin, CommandSpec, Find, KEY_FLAG_NAMES, KeySpec};
use towline_tests::tables::{self, Row};

/// Rows of Redis 7.2, of Valkey 9.1 where 7.2 has none, and of Redis 8, by name.
fn reference() -> BTreeMap<String, Row> {
    let tables = [
        "commands-redis-8.tsv",
        "commands-valkey-9.1.tsv",
        "commands-redis-7.2.tsv",
    ];
    let rows = tables.into_iter().flat_map(tables::read);
    rows.map(|row| (row["name"].clone(), row)).collect()
}

fn rows() -> Vec<&'static CommandSpec> {
    CommandTable::new().rows().to_vec()
}

fn joined<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() {
        "-".into()
    } else {
        names.join(",")
    }
}

/// A key spec in the notation of the table.
fn key_spec(spec: &KeySpec) -> String {
    let begin = match spec.begin {
        Begin::Index(index) => format!("idx:{index}"),
        Begin::Keyword {
            keyword,
            start_from,
        } => format!("kw:{keyword}@{start_from}"),
        Begin::Unknown => "unknown".into(),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("range:{last}/{step}/{limit}"),
        Find::KeyNum {
            count_at,
            first,
            step,
        } => format!("keynum:{count_at}/{first}/{step}"),
        Find::Unknown => "unknown".into(),
    };
    let held = KEY_FLAG_NAMES
        .iter()
        .filter(|name| spec.flags.contains(name.0));
    let flags: Vec<&str> = held.map(|name| name.1).collect();
    format!("{begin}+{find}{{{}}}", flags.join(","))
}

/// The columns of the table that a client can see, but for the prose.
fn columns(row: &CommandSpec) -> [(&'static str, String); 9] {
    let acl = row.acl_categories();
    let acl: Vec<&str> = ACL_NAMES
        .iter()
        .filter(|name| acl.contains(name.0))
        .map(|name| name.1)
        .collect();
    let range = row.legacy_range();
    let keys: Vec<String> = row.keys.iter().map(key_spec).collect();
    let deprecated = row
        .deprecated
        .map(|deprecation| format!("deprecated:{}", deprecation.since));
    [
        ("group", row.group.name().into()),
        ("arity", row.arity.to_string()),
        ("flags", joined(&row.flag_names())),
        ("acl_categories", joined(&acl)),
        (
            "first_last_step",
            format!("{},{},{}", range.first, range.last, range.step),
        ),
        (
            "key_specs",
            if keys.is_empty() {
                "-".into()
            } else {
                keys.join(";")
            },
        ),
        ("since", row.since.into()),
        ("tips", joined(row.tips)),
        ("doc_flag", deprecated.unwrap_or_else(|| "-".into())),
    ]
}

#[test]
fn rows_equal_those_of_the_peers() {
    let reference = reference();
    let mut wrong = Vec::new();
    for row in rows() {
        let ours = tables::OUR_COMMANDS.contains(&row.name);
        let Some(expected) = reference.get(row.name).filter(|_| !ours) else {
            if ours && !reference.contains_key(row.name) {
                continue;
            }
            wrong.push(format!("{}: in the wrong list", row.name));
            continue;
        };
        for (column, value) in columns(row) {
            if expected[column] != value {
                wrong.push(format!(
                    "{} {column}: {value}, not {}",
                    row.name, expected[column]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_are_described() {
    for row in rows() {
        assert!(
            !row.summary.is_empty() && !row.complexity.is_empty(),
            "{}",
            row.name
        );
        assert!(
            row.handler.is_some() || !row.subcommands.is_empty(),
            "{} cannot run",
            row.name
        );
        assert_eq!(row.name, row.name.to_lowercase());
    }
}

/// An argument that names a key says which key spec finds it.
#[test]
fn arguments_point_at_key_specs_that_exist() {
    fn check(row: &CommandSpec, args: &[towline_core::command::ArgSpec]) {
        for arg in args {
            let index = arg.key_spec_index.map(usize::from);
            assert!(
                index.is_none_or(|index| index < row.keys.len()),
                "{} {}",
                row.name,
                arg.name
            );
            check(row, arg.args);
        }
    }
    for row in rows() {
        check(row, row.args);
    }
}
