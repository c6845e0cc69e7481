//! Changes anywhere in a list.

use super::parse;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::value::list::{Insert, Side};

pub(super) fn lset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let list = ctx.keys.list_mut(key)?.ok_or(CommandError::NoSuchKey)?;
    let index = parse::resolve_index(parse::integer(args[2])?, list.len());
    // An index beyond the list still makes room for the value, as in Redis.
    let index = index.unwrap_or(usize::MAX);
    if !list.set(index, args[3], &ctx.server.config.encodings) {
        return Err(CommandError::IndexOutOfRange);
    }
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::LIST, "lset", key);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn linsert(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let place = if args[2].eq_ignore_ascii_case(b"before") {
        Insert::Before
    } else if args[2].eq_ignore_ascii_case(b"after") {
        Insert::After
    } else {
        return Err(CommandError::Syntax);
    };
    let Some(list) = ctx.keys.list_mut(key)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    if !list.insert(place, args[3], args[4], &ctx.server.config.encodings) {
        ctx.reply.int(-1);
        return Ok(());
    }
    ctx.reply.count(list.len());
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::LIST, "linsert", key);
    Ok(())
}

pub(super) fn lrem(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let (side, most) = match parse::signed(args[2])? {
        0 => (Side::Left, u64::MAX),
        count @ 1.. => (Side::Left, count.unsigned_abs()),
        count => (Side::Right, count.unsigned_abs()),
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let Some(list) = ctx.keys.list_mut(key)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let removed = list.remove_matches(side, args[3], most, &ctx.server.config.encodings);
    ctx.reply.count(removed);
    if removed > 0 {
        ctx.effects.changed(removed);
        ctx.notify(NotifyClass::LIST, "lrem", key);
        ctx.remove_if_empty(key);
    }
    Ok(())
}

pub(super) fn ltrim(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let (start, end) = (parse::integer(args[2])?, parse::integer(args[3])?);
    let Some(list) = ctx.keys.list_mut(key)? else {
        ctx.reply.ok();
        return Ok(());
    };
    let limits = &ctx.server.config.encodings;
    let len = list.len();
    let kept = parse::resolve_range(start, end, len);
    // The right end first: what stands before it keeps its index.
    list.remove_range(kept.end, len - kept.end, limits);
    list.remove_range(0, kept.start, limits);
    ctx.reply.ok();
    // Redis tells of a trim that removed nothing, but does not propagate it.
    ctx.effects.changed(len - kept.len());
    ctx.notify(NotifyClass::LIST, "ltrim", key);
    ctx.remove_if_empty(key);
    Ok(())
}
