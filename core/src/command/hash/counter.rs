//! Fields that hold a number.

use super::write::{drop_expired, edit, note_expired};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::packed::listpack::Entry;
use crate::text::long_double::LongDouble;
use crate::text::number::parse_i64;

/// How a new number came to be.
struct Counted {
    event: &'static str,
    /// A replica must not repeat the command, but take the number as it is.
    settled: bool,
}

/// Stores the new number and tells everybody. The field keeps its expiry.
fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    field: &[u8],
    text: &[u8],
    counted: &Counted,
) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let limits = ctx.server.config.encodings;
    let deadline_ms = ctx.keys.deadline();
    let (expires, expired, at_ms) = edit(ctx, key, |hash| {
        let expires = hash.expiring_fields() > 0;
        let expired = drop_expired(hash, seed, deadline_ms, std::iter::once(field));
        let old = hash.pair(seed, field);
        let at_ms = old.and_then(|pair| pair.expire_at_ms);
        match at_ms {
            Some(at_ms) => hash.insert_expiring(seed, field, text, at_ms),
            None => hash.insert(seed, &limits, field, text),
        };
        (expires, expired, at_ms)
    })?;
    ctx.effects.changed(1);
    note_expired(ctx, key, expired);
    ctx.notify(NotifyClass::HASH, counted.event, key);
    if let Some(at_ms) = at_ms {
        let moment = at_ms.to_string();
        let moment = moment.as_bytes();
        ctx.propagate(&[
            b"HSETEX", key, b"PXAT", moment, b"FIELDS", b"1", field, text,
        ]);
    } else if expires || counted.settled {
        // Where fields expire, a replica may still have an older number.
        ctx.propagate(&[b"HSET", key, field, text]);
    }
    Ok(())
}

pub(super) fn hincrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, field) = (args[1], args[2]);
    let delta = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    let old = match ctx.keys.peek_hash(key)?.and_then(|hash| hash.get(field)) {
        None => 0,
        Some(value) => {
            (value.as_int()).ok_or(CommandError::text("ERR hash value is not an integer"))?
        }
    };
    let new = old.checked_add(delta).ok_or(CommandError::Overflow)?;
    let counted = Counted {
        event: "hincrby",
        settled: false,
    };
    let mut digits = itoa::Buffer::new();
    store(ctx, key, field, digits.format(new).as_bytes(), &counted)?;
    ctx.reply.int(new);
    Ok(())
}

pub(super) fn hincrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, field) = (args[1], args[2]);
    let delta = LongDouble::parse(args[3]).ok_or(CommandError::NotFloat)?;
    if !delta.is_finite() {
        return Err(CommandError::text("ERR value is NaN or Infinity"));
    }
    let value = ctx.keys.peek_hash(key)?.and_then(|hash| hash.get(field));
    let old = LongDouble::parse(
        value
            .unwrap_or(Entry::Int(0))
            .text(&mut itoa::Buffer::new()),
    );
    let old = old.ok_or(CommandError::text("ERR hash value is not a float"))?;
    let sum = old.checked_add(delta).filter(|sum| sum.is_finite());
    let mut text = Vec::new();
    sum.ok_or(CommandError::NanOrInfinity)?.write(&mut text);
    // A replica must not add again with its own rounding.
    let counted = Counted {
        event: "hincrbyfloat",
        settled: true,
    };
    store(ctx, key, field, &text, &counted)?;
    ctx.reply.bulk(&text);
    Ok(())
}
