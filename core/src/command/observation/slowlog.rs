//! SLOWLOG: the commands that took longest to run of late.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::help::{HelpRow, help};
use crate::text::number::parse_i64;

/// Entries that GET answers where it is not told how many.
const SHOWN_BY_DEFAULT: usize = 10;

/// How many entries are wanted; -1 is all of them.
fn parse_count(words: &[&[u8]], subcommand: &[u8]) -> CommandResult<usize> {
    match words {
        [] => Ok(SHOWN_BY_DEFAULT),
        [word] => match parse_i64(word) {
            Some(-1) => Ok(usize::MAX),
            count => count
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(CommandError::text(
                    "ERR count should be greater than or equal to -1",
                )),
        },
        _ => Err(CommandError::text(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try SLOWLOG HELP.",
            String::from_utf8_lossy(subcommand)
        ))),
    }
}

pub(super) fn slowlog_get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let count = parse_count(&args[2..], args[1])?;
    let log = &ctx.server.slow_log;
    ctx.reply.array(count.min(log.len()));
    for entry in log.iter().take(count) {
        ctx.reply.array(6);
        ctx.reply.int(entry.id.cast_signed());
        ctx.reply.int(entry.time_s);
        ctx.reply.int(entry.took_usec.cast_signed());
        ctx.reply.array(entry.args.len());
        for arg in &entry.args {
            ctx.reply.bulk(arg);
        }
        ctx.reply.bulk(entry.addr.as_bytes());
        ctx.reply.bulk(&entry.name);
    }
    Ok(())
}

pub(super) fn slowlog_len(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.count(ctx.server.slow_log.len());
    Ok(())
}

pub(super) fn slowlog_reset(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.server.slow_log.clear();
    ctx.reply.ok();
    Ok(())
}

pub(super) fn slowlog_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(ctx, "SLOWLOG", HELP);
    Ok(())
}

const HELP: &[HelpRow] = &[
    (
        "GET [<count>]",
        "Answers the newest entries, 10 of them unless told; -1 for all.",
    ),
    ("LEN", "Answers the number of entries."),
    ("RESET", "Forgets all entries."),
];
