//! Fields that hold a number.

use super::write::{edit, peek};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::packed::listpack::Entry;
use crate::text::long_double::LongDouble;
use crate::text::number::parse_i64;

/// Stores the new number and tells everybody.
fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    field: &[u8],
    text: &[u8],
    event: &'static str,
) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let limits = ctx.server.config.encodings;
    edit(ctx, key, |hash| hash.insert(seed, &limits, field, text))?;
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::HASH, event, key);
    Ok(())
}

pub(super) fn hincrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, field) = (args[1], args[2]);
    let delta = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    let seed = *ctx.keys.space().seed();
    let old = match peek(ctx, key)?.and_then(|hash| hash.get(seed, field)) {
        None => 0,
        Some(value) => {
            (value.as_int()).ok_or(CommandError::text("ERR hash value is not an integer"))?
        }
    };
    let new = old.checked_add(delta).ok_or(CommandError::Overflow)?;
    store(
        ctx,
        key,
        field,
        itoa::Buffer::new().format(new).as_bytes(),
        "hincrby",
    )?;
    ctx.reply.int(new);
    Ok(())
}

pub(super) fn hincrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, field) = (args[1], args[2]);
    let delta = LongDouble::parse(args[3]).ok_or(CommandError::NotFloat)?;
    if !delta.is_finite() {
        return Err(CommandError::text("ERR value is NaN or Infinity"));
    }
    let seed = *ctx.keys.space().seed();
    let value = peek(ctx, key)?.and_then(|hash| hash.get(seed, field));
    let old = LongDouble::parse(
        value
            .unwrap_or(Entry::Int(0))
            .text(&mut itoa::Buffer::new()),
    );
    let old = old.ok_or(CommandError::text("ERR hash value is not a float"))?;
    let sum = old.checked_add(delta).filter(|sum| sum.is_finite());
    let mut text = Vec::new();
    sum.ok_or(CommandError::NanOrInfinity)?.write(&mut text);
    store(ctx, key, field, &text, "hincrbyfloat")?;
    // A replica must not add again with its own rounding.
    ctx.propagate(&[b"HSET", key, field, &text]);
    ctx.reply.bulk(&text);
    Ok(())
}
