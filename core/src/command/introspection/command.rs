//! COMMAND, COMMAND INFO and the subcommands that find keys. All of it is read
//! off the table's rows.

use crate::command::help::{HelpRow, help};
use crate::command::keys::FoundKey;
use crate::command::table::CommandTable;
use crate::command::{
    ACL_NAMES, Begin, CommandError, CommandResult, CommandSpec, Ctx, Find, Flags, KEY_FLAG_NAMES,
    KeyFlags, KeySpec,
};
use crate::resp::reply::Reply;

/// All commands that can be called, in the order of their names.
pub(super) fn all(table: &CommandTable) -> Vec<&'static CommandSpec> {
    let mut rows: Vec<_> = table.commands().map(|(_, row)| row).collect();
    rows.sort_unstable_by_key(|row| row.name);
    rows
}

/// The command or subcommand called `name`, as in `config|get`.
pub(super) fn find(table: &CommandTable, name: &[u8]) -> Option<&'static CommandSpec> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let command = table.find(parts.next()?)?.spec;
    parts
        .next()
        .map_or(Some(command), |subcommand| command.subcommand(subcommand))
}

pub(super) fn command(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let rows = all(&ctx.server.table);
    write_rows(ctx.reply, rows.into_iter().map(Some));
    Ok(())
}

pub(super) fn command_info(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if args.len() == 2 {
        return command(ctx, args);
    }
    let table = &ctx.server.table;
    write_rows(ctx.reply, args[2..].iter().map(|name| find(table, name)));
    Ok(())
}

pub(super) fn command_count(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.count(ctx.server.table.commands().count());
    Ok(())
}

pub(super) fn command_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    const ROWS: &[HelpRow] = &[
        ("(no subcommand)", "Describe all commands for clients."),
        ("COUNT", "Count the commands."),
        (
            "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <glob>)]",
            "List names of commands.",
        ),
        (
            "INFO [<command-name> ...]",
            "Describe commands for clients; all without a name.",
        ),
        (
            "DOCS [<command-name> ...]",
            "Describe commands for people; all without a name.",
        ),
        ("GETKEYS <full-command>", "Find the keys in a call."),
        (
            "GETKEYSANDFLAGS <full-command>",
            "Find the keys in a call and what happens to them.",
        ),
    ];
    help(ctx, "COMMAND", ROWS);
    Ok(())
}

fn write_rows(
    reply: &mut Reply,
    rows: impl ExactSizeIterator<Item = Option<&'static CommandSpec>>,
) {
    reply.array(rows.len());
    for row in rows {
        match row {
            Some(row) => write_row(reply, row),
            None => reply.null(),
        }
    }
}

fn write_row(reply: &mut Reply, row: &CommandSpec) {
    let range = row.legacy_range();
    reply.array(10);
    reply.bulk(row.name.as_bytes());
    reply.int(row.arity.into());
    write_names(reply, &row.flag_names());
    for position in [range.first, range.last, range.step] {
        reply.int(position.into());
    }
    let acl = row.acl_categories();
    let held = ACL_NAMES.iter().filter(|name| acl.contains(name.0));
    let categories: Vec<String> = held.map(|name| format!("@{}", name.1)).collect();
    write_names(reply, &categories);
    reply.set(row.tips.len());
    for tip in row.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(row.keys.len());
    for spec in row.keys {
        write_key_spec(reply, spec);
    }
    write_rows(reply, row.subcommands.iter().map(Some));
}

/// A set of simple strings, as flags and categories are.
pub(super) fn write_names(reply: &mut Reply, names: &[impl AsRef<str>]) {
    reply.set(names.len());
    for name in names {
        reply.simple(name.as_ref());
    }
}

fn key_flag_names(flags: KeyFlags) -> Vec<&'static str> {
    let held = KEY_FLAG_NAMES.iter().filter(|name| flags.contains(name.0));
    held.map(|name| name.1).collect()
}

/// A map of numbers, as the parts of a key spec are.
fn write_numbers(reply: &mut Reply, numbers: &[(&str, i32)]) {
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.int((*number).into());
    }
}

fn write_key_spec(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    write_names(reply, &key_flag_names(spec.flags));
    reply.bulk(b"begin_search");
    write_begin(reply, spec.begin);
    reply.bulk(b"find_keys");
    write_find(reply, spec.find);
}

/// Both halves of a key spec are a type and what belongs to it.
fn open_half(reply: &mut Reply, kind: &str) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
}

fn write_begin(reply: &mut Reply, begin: Begin) {
    match begin {
        Begin::Index(index) => {
            open_half(reply, "index");
            write_numbers(reply, &[("index", index)]);
        }
        Begin::Keyword {
            keyword,
            start_from,
        } => {
            open_half(reply, "keyword");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(keyword.as_bytes());
            reply.bulk(b"startfrom");
            reply.int(start_from.into());
        }
        Begin::Unknown => {
            open_half(reply, "unknown");
            reply.map(0);
        }
    }
}

fn write_find(reply: &mut Reply, find: Find) {
    match find {
        Find::Range { last, step, limit } => {
            open_half(reply, "range");
            write_numbers(
                reply,
                &[("lastkey", last), ("keystep", step), ("limit", limit)],
            );
        }
        Find::KeyNum {
            count_at,
            first,
            step,
        } => {
            open_half(reply, "keynum");
            write_numbers(
                reply,
                &[
                    ("keynumidx", count_at),
                    ("firstkey", first),
                    ("keystep", step),
                ],
            );
        }
        Find::Unknown => {
            open_half(reply, "unknown");
            reply.map(0);
        }
    }
}

/// The keys of the call that follows GETKEYS.
fn keys_of_call(ctx: &Ctx<'_>, call: &[&[u8]]) -> CommandResult<Vec<FoundKey>> {
    let found = ctx.server.table.resolve(call);
    // An unknown subcommand resolves to its container, which takes none.
    let runs = |row: &&CommandSpec| row.subcommands.is_empty() || call.len() == 1;
    let row = found.map(|found| found.spec).filter(runs);
    let row = row.ok_or(CommandError::text("ERR Invalid command specified"))?;
    if !row.has_keys() {
        return Err(CommandError::text("ERR The command has no key arguments"));
    }
    if !row.accepts(call.len()) {
        return Err(CommandError::text(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let mut keys = Vec::new();
    let found = row.find_keys(call, &mut keys);
    if found.is_ok() && !keys.is_empty() {
        return Ok(keys);
    }
    if row.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Ok(Vec::new());
    }
    Err(CommandError::text(
        "ERR Invalid arguments specified for command",
    ))
}

pub(super) fn command_getkeys(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let call = &args[2..];
    let keys = keys_of_call(ctx, call)?;
    ctx.reply.array(keys.len());
    for key in keys {
        ctx.reply.bulk(call[key.index]);
    }
    Ok(())
}

pub(super) fn command_getkeysandflags(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let call = &args[2..];
    let keys = keys_of_call(ctx, call)?;
    ctx.reply.array(keys.len());
    for key in keys {
        ctx.reply.array(2);
        ctx.reply.bulk(call[key.index]);
        write_names(ctx.reply, &key_flag_names(key.flags));
    }
    Ok(())
}
