//! COMMAND DOCS.

use super::command::{all, find, write_names};
use crate::command::{ARG_FLAG_NAMES, ArgSpec, CommandResult, CommandSpec, Ctx};
use crate::resp::reply::Reply;

/// A name that is no command is left out.
pub(super) fn command_docs(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let table = &ctx.server.table;
    let rows: Vec<&CommandSpec> = match &args[2..] {
        [] => all(table),
        names => names.iter().filter_map(|name| find(table, name)).collect(),
    };
    write_docs(ctx.reply, rows.iter().copied());
    Ok(())
}

fn write_docs<'a>(reply: &mut Reply, rows: impl ExactSizeIterator<Item = &'a CommandSpec>) {
    reply.map(rows.len());
    for row in rows {
        reply.bulk(row.name.as_bytes());
        write_doc(reply, row);
    }
}

/// A map whose length is told at its end.
struct Fields<'r> {
    reply: &'r mut Reply,
    count: usize,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) -> &mut Reply {
        self.count += 1;
        self.reply.bulk(name.as_bytes());
        self.reply
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name).bulk(text.as_bytes());
    }

    fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }
}

fn write_map(reply: &mut Reply, write: impl FnOnce(&mut Fields<'_>)) {
    let mark = reply.begin_map();
    let mut fields = Fields {
        reply: &mut *reply,
        count: 0,
    };
    write(&mut fields);
    let count = fields.count;
    reply.end_map(mark, count);
}

fn write_doc(reply: &mut Reply, row: &CommandSpec) {
    write_map(reply, |fields| {
        fields.text("summary", row.summary);
        fields.text("since", row.since);
        fields.text("group", row.group.name());
        fields.text("complexity", row.complexity);
        let flags = [
            (row.deprecated.is_some(), "deprecated"),
            (row.syscmd, "syscmd"),
        ];
        let flags: Vec<&str> = flags
            .iter()
            .filter(|flag| flag.0)
            .map(|flag| flag.1)
            .collect();
        if !flags.is_empty() {
            write_names(fields.name("doc_flags"), &flags);
        }
        if let Some(deprecation) = row.deprecated {
            fields.text("deprecated_since", deprecation.since);
            fields.text("replaced_by", deprecation.replaced_by);
        }
        if !row.args.is_empty() {
            write_args(fields.name("arguments"), row.args);
        }
        if !row.subcommands.is_empty() {
            write_docs(fields.name("subcommands"), row.subcommands.iter());
        }
    });
}

fn write_args(reply: &mut Reply, args: &[ArgSpec]) {
    reply.array(args.len());
    for arg in args {
        write_arg(reply, arg);
    }
}

fn write_arg(reply: &mut Reply, arg: &ArgSpec) {
    write_map(reply, |fields| {
        fields.text("name", arg.name);
        fields.text("type", arg.kind.name());
        if !arg.kind.is_nested() {
            fields.text("display_text", arg.display_text.unwrap_or(arg.name));
        }
        if let Some(index) = arg.key_spec_index {
            fields.name("key_spec_index").int(index.into());
        }
        fields.text_if("token", arg.token);
        fields.text_if("since", arg.since);
        fields.text_if("deprecated_since", arg.deprecated_since);
        let held = ARG_FLAG_NAMES
            .iter()
            .filter(|name| arg.flags.contains(name.0));
        let flags: Vec<&str> = held.map(|name| name.1).collect();
        if !flags.is_empty() {
            write_names(fields.name("flags"), &flags);
        }
        if arg.kind.is_nested() {
            write_args(fields.name("arguments"), arg.args);
        }
    });
}
