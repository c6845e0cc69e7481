//! Counters: strings that hold a number.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::text::long_double::LongDouble;
use crate::text::number::parse_i64;
use crate::value::{Value, ValueRef};

fn add(ctx: &mut Ctx<'_>, key: &[u8], delta: i64) -> CommandResult {
    let old = match ctx.keys.peek(key).map(Entry::value) {
        None => 0,
        Some(ValueRef::Int(number)) => number,
        Some(ValueRef::Str(bytes)) => parse_i64(bytes).ok_or(CommandError::NotInteger)?,
        Some(_) => return Err(CommandError::WrongType),
    };
    let new = old.checked_add(delta).ok_or(CommandError::Overflow)?;
    let entry = ctx.keys.entry_mut(key);
    let expire_ms = entry.as_ref().and_then(|entry| entry.expire_ms());
    if !entry.is_some_and(|entry| entry.overwrite_int(new)) {
        ctx.keys.put(key, Value::Int(new), expire_ms);
    }
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "incrby", key);
    ctx.reply.int(new);
    Ok(())
}

fn parse_delta(text: &[u8]) -> CommandResult<i64> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

pub(super) fn incr(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    add(ctx, args[1], 1)
}

pub(super) fn decr(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    add(ctx, args[1], -1)
}

pub(super) fn incrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    add(ctx, args[1], parse_delta(args[2])?)
}

pub(super) fn decrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let delta = parse_delta(args[2])?.checked_neg();
    let delta = delta.ok_or(CommandError::text("ERR decrement would overflow"))?;
    add(ctx, args[1], delta)
}

pub(super) fn incrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let old = match ctx.keys.peek(key).map(Entry::value) {
        None => LongDouble::parse(b"0"),
        Some(ValueRef::Int(number)) => LongDouble::parse(number.to_string().as_bytes()),
        Some(ValueRef::Str(bytes)) => LongDouble::parse(bytes),
        Some(_) => return Err(CommandError::WrongType),
    };
    let old = old.ok_or(CommandError::NotFloat)?;
    let delta = LongDouble::parse(args[2]).ok_or(CommandError::NotFloat)?;
    let sum = old.checked_add(delta).filter(|sum| sum.is_finite());
    let mut text = Vec::new();
    sum.ok_or(CommandError::NanOrInfinity)?.write(&mut text);
    let expire_ms = ctx.keys.peek(key).and_then(Entry::expire_ms);
    ctx.keys.put(key, Value::Str(text.clone()), expire_ms);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "incrbyfloat", key);
    // A replica must not add again with its own rounding.
    ctx.propagate(&[b"SET", key, &text, b"KEEPTTL"]);
    ctx.reply.bulk(&text);
    Ok(())
}
