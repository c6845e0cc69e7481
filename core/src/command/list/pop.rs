//! Removing at the ends.

use super::parse;
use super::read::reply_entry;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::waits::deadline;
use crate::engine::effects::NotifyClass;
use crate::engine::key_waits::Awaited;
use crate::keyspace::Entry;
use crate::value::ValueRef;
use crate::value::list::Side;

/// Whether `key` holds a list; another type is an error. Changes nothing, so a
/// command that then does nothing leaves no trace.
pub(super) fn type_check(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<bool> {
    match ctx.keys.peek(key).map(Entry::value) {
        None => Ok(false),
        Some(ValueRef::List(_)) => Ok(true),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// Tells what follows from the removal of `count` elements at one end.
pub(super) fn popped(ctx: &mut Ctx<'_>, key: &[u8], side: Side, count: usize) {
    let event = match side {
        Side::Left => "lpop",
        Side::Right => "rpop",
    };
    ctx.notify(NotifyClass::LIST, event, key);
    ctx.remove_if_empty(key);
    ctx.effects.changed(count);
}

fn pop(ctx: &mut Ctx<'_>, args: &[&[u8]], side: Side) -> CommandResult {
    match *args {
        [_, key] => pop_one(ctx, key, side),
        [_, key, count] => pop_many(ctx, key, side, count),
        _ => Err(CommandError::Arity(String::from(match side {
            Side::Left => "lpop",
            Side::Right => "rpop",
        }))),
    }
}

fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], side: Side) -> CommandResult {
    let Some(list) = ctx.keys.list_mut(key)? else {
        ctx.reply.null();
        return Ok(());
    };
    let Some(entry) = list.end(side) else {
        ctx.reply.null();
        return Ok(());
    };
    reply_entry(ctx.reply, entry);
    list.drop_end(side, &ctx.server.config.encodings);
    popped(ctx, key, side, 1);
    Ok(())
}

fn pop_many(ctx: &mut Ctx<'_>, key: &[u8], side: Side, count: &[u8]) -> CommandResult {
    let message = "ERR value is out of range, must be positive";
    let count = parse::at_least(0, count, message)?;
    if !type_check(ctx, key)? {
        ctx.reply.null_array();
        return Ok(());
    }
    if count == 0 {
        ctx.reply.array(0);
        return Ok(());
    }
    pop_range(ctx, key, side, count)?;
    Ok(())
}

/// Pops up to `count` elements, replies with them in the order in which they go,
/// and returns how many there were.
fn pop_range(ctx: &mut Ctx<'_>, key: &[u8], side: Side, count: usize) -> CommandResult<usize> {
    let list = ctx.keys.list_mut(key)?.ok_or(CommandError::NoSuchKey)?;
    let len = list.len();
    let count = count.min(len);
    ctx.reply.array(count);
    for entry in list.walk(side, 0).take(count) {
        reply_entry(ctx.reply, entry);
    }
    let start = match side {
        Side::Left => 0,
        Side::Right => len - count,
    };
    list.remove_range(start, count, &ctx.server.config.encodings);
    popped(ctx, key, side, count);
    Ok(count)
}

pub(super) fn lpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    pop(ctx, args, Side::Left)
}

pub(super) fn rpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    pop(ctx, args, Side::Right)
}

/// The arguments of LMPOP, from `numkeys` on.
struct MultiPop<'a> {
    keys: &'a [&'a [u8]],
    side: Side,
    count: usize,
}

fn parse_lmpop<'a>(args: &'a [&'a [u8]]) -> CommandResult<MultiPop<'a>> {
    let key_count = parse::at_least(1, args[0], "ERR numkeys should be greater than 0")?;
    let rest = &args[1..];
    if key_count >= rest.len() {
        return Err(CommandError::Syntax);
    }
    let (keys, options) = rest.split_at(key_count);
    let side = parse::side(options[0])?;
    let count = match options[1..] {
        [] => 1,
        [name, count] if name.eq_ignore_ascii_case(b"count") => {
            parse::at_least(1, count, "ERR count should be greater than 0")?
        }
        // Redis looks at a count before it looks at what follows it.
        [name, count, ..] if name.eq_ignore_ascii_case(b"count") => {
            parse::at_least(1, count, "ERR count should be greater than 0")?;
            return Err(CommandError::Syntax);
        }
        _ => return Err(CommandError::Syntax),
    };
    Ok(MultiPop { keys, side, count })
}

/// Pops from the first of the keys that holds a list; false where none does.
fn pop_first(ctx: &mut Ctx<'_>, arguments: &MultiPop<'_>) -> CommandResult<bool> {
    let &MultiPop { keys, side, count } = arguments;
    for key in keys {
        if !type_check(ctx, key)? {
            continue;
        }
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        let popped = pop_range(ctx, key, side, count)?;
        // Which of the keys had elements is this node's knowledge.
        let mut digits = itoa::Buffer::new();
        ctx.propagate(&[pop_name(side), key, digits.format(popped).as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}

/// The command that pops at one end.
const fn pop_name(side: Side) -> &'static [u8] {
    match side {
        Side::Left => b"LPOP",
        Side::Right => b"RPOP",
    }
}

pub(super) fn lmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if !pop_first(ctx, &parse_lmpop(&args[1..])?)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Waits for a list at one of the keys, where a command may.
pub(super) fn wait_for_list(
    ctx: &mut Ctx<'_>,
    keys: &[&[u8]],
    deadline_ms: Option<i64>,
    args: &[&[u8]],
) {
    ctx.wait_for_keys(Awaited::Type("list"), keys, deadline_ms, args);
}

pub(super) fn blmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let deadline_ms = deadline(ctx, args[1])?;
    let arguments = parse_lmpop(&args[2..])?;
    if pop_first(ctx, &arguments)? {
        return Ok(());
    }
    if ctx.must_not_wait() {
        ctx.reply.null_array();
    } else {
        wait_for_list(ctx, arguments.keys, deadline_ms, args);
    }
    Ok(())
}

fn blocking_pop(ctx: &mut Ctx<'_>, args: &[&[u8]], side: Side) -> CommandResult {
    let (seconds, keys) = args[1..].split_last().expect("the arity asks for both");
    let deadline_ms = deadline(ctx, seconds)?;
    for key in keys {
        if !type_check(ctx, key)? {
            continue;
        }
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        pop_one(ctx, key, side)?;
        ctx.propagate(&[pop_name(side), key]);
        return Ok(());
    }
    if ctx.must_not_wait() {
        ctx.reply.null_array();
    } else {
        wait_for_list(ctx, keys, deadline_ms, args);
    }
    Ok(())
}

pub(super) fn blpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    blocking_pop(ctx, args, Side::Left)
}

pub(super) fn brpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    blocking_pop(ctx, args, Side::Right)
}
