//! Adding at the ends: pushes, and moves from list to list.

use super::parse;
use super::pop::{popped, type_check, wait_for_list};
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::waits::deadline;
use crate::engine::effects::NotifyClass;
use crate::value::Value;
use crate::value::list::{List, Side};

/// Pushes onto the list at `key`, which is made where there is none, and returns
/// its length.
fn push_values(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    side: Side,
    values: &[&[u8]],
) -> CommandResult<usize> {
    let limits = &ctx.server.config.encodings;
    let len = if let Some(list) = ctx.keys.list_mut(key)? {
        list.push(side, values, limits);
        list.len()
    } else {
        let mut list = List::new();
        list.push(side, values, limits);
        ctx.keys.put(key, Value::List(Box::new(list)), None);
        values.len()
    };
    notify_push(ctx, key, side);
    Ok(len)
}

fn notify_push(ctx: &mut Ctx<'_>, key: &[u8], side: Side) {
    let event = match side {
        Side::Left => "lpush",
        Side::Right => "rpush",
    };
    ctx.notify(NotifyClass::LIST, event, key);
}

fn push(ctx: &mut Ctx<'_>, args: &[&[u8]], side: Side) -> CommandResult {
    let values = &args[2..];
    let len = push_values(ctx, args[1], side, values)?;
    ctx.effects.changed(values.len());
    ctx.reply.count(len);
    Ok(())
}

fn push_if_present(ctx: &mut Ctx<'_>, args: &[&[u8]], side: Side) -> CommandResult {
    if !type_check(ctx, args[1])? {
        ctx.reply.int(0);
        return Ok(());
    }
    push(ctx, args, side)
}

pub(super) fn lpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    push(ctx, args, Side::Left)
}

pub(super) fn rpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    push(ctx, args, Side::Right)
}

pub(super) fn lpushx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    push_if_present(ctx, args, Side::Left)
}

pub(super) fn rpushx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    push_if_present(ctx, args, Side::Right)
}

/// Moves one element between two lists, which may be the same; false where there
/// is none. Nothing is popped before both keys are known to hold lists.
fn move_element(
    ctx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    from: Side,
    to: Side,
) -> CommandResult<bool> {
    if !type_check(ctx, source)? {
        return Ok(false);
    }
    type_check(ctx, destination)?;
    let limits = &ctx.server.config.encodings;
    let same = source == destination;
    let moved = ctx.keys.list_mut(source)?.and_then(|list| match same {
        true => list.rotate(from, to, limits),
        false => list.pop(from, limits),
    });
    let Some(value) = moved else {
        return Ok(false);
    };
    if same {
        notify_push(ctx, destination, to);
    } else {
        push_values(ctx, destination, to, &[&value])?;
    }
    ctx.reply.bulk(&value);
    popped(ctx, source, from, 1);
    Ok(true)
}

fn move_now(
    ctx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    from: Side,
    to: Side,
) -> CommandResult {
    if !move_element(ctx, source, destination, from, to)? {
        ctx.reply.null();
    }
    Ok(())
}

pub(super) fn lmove(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (from, to) = (parse::side(args[3])?, parse::side(args[4])?);
    move_now(ctx, args[1], args[2], from, to)
}

pub(super) fn rpoplpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    move_now(ctx, args[1], args[2], Side::Right, Side::Left)
}

pub(super) fn blmove(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (from, to) = (parse::side(args[3])?, parse::side(args[4])?);
    let deadline_ms = deadline(ctx, args[5])?;
    if move_element(ctx, args[1], args[2], from, to)? {
        ctx.propagate(&[b"LMOVE", args[1], args[2], args[3], args[4]]);
    } else if ctx.must_not_wait() {
        ctx.reply.null();
    } else {
        wait_for_list(ctx, &args[1..2], deadline_ms, args);
    }
    Ok(())
}

pub(super) fn brpoplpush(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let deadline_ms = deadline(ctx, args[3])?;
    if move_element(ctx, args[1], args[2], Side::Right, Side::Left)? {
        ctx.propagate(&[b"RPOPLPUSH", args[1], args[2]]);
    } else if ctx.must_not_wait() {
        ctx.reply.null();
    } else {
        wait_for_list(ctx, &args[1..2], deadline_ms, args);
    }
    Ok(())
}
