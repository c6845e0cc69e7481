//! SET in all its spellings, and the commands that set several keys.

use super::expire_args::ExpiryUnit;
use super::set_options::{Condition, SetOptions};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::text::number::parse_i64;
use crate::value::ValueRef;

pub(super) fn set(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, value) = (args[1], args[2]);
    if args.len() == 3 {
        ctx.keys.put_string(key, value, None);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STRING, "set", key);
        ctx.reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(&args[3..], ctx.now_ms(), "set")?;
    set_with(ctx, key, value, options)
}

fn set_with(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], options: SetOptions<'_>) -> CommandResult {
    // It may fail, and one command has one reply.
    let may_set = may_set(ctx, key, options.condition)?;
    if options.get {
        reply_old(ctx, key)?;
    }
    if !may_set {
        if !options.get {
            ctx.reply.null();
        }
        return Ok(());
    }
    // A replica need not know GET, nor look at the old value for IFEQ and its kin.
    let plain = options.get || matches!(options.condition, Condition::Holds(_));
    store_with(ctx, key, value, options, plain);
    if !options.get {
        ctx.reply.ok();
    }
    Ok(())
}

/// Stores with or without an expiry, which may be the old one. Where it is `plain`,
/// the stream gets a SET without conditions.
fn store_with(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], options: SetOptions<'_>, plain: bool) {
    let expire_ms = if options.keep_ttl {
        ctx.keys.peek(key).and_then(Entry::expire_ms)
    } else {
        options.expire_ms
    };
    store(ctx, key, value, expire_ms, options.expire_ms);
    if plain && options.expire_ms.is_none() {
        let keep: &[&[u8]] = if options.keep_ttl { &[b"KEEPTTL"] } else { &[] };
        ctx.propagate(&[&[&b"SET"[..], key, value], keep].concat());
    }
}

fn may_set(ctx: &mut Ctx<'_>, key: &[u8], condition: Condition<'_>) -> CommandResult<bool> {
    match condition {
        Condition::None => Ok(true),
        Condition::Absent => Ok(!ctx.keys.is_present(key)),
        Condition::Present => Ok(ctx.keys.is_present(key)),
        // Like NX, it counts no miss of a key that is not there.
        Condition::Holds(comparison) if !ctx.keys.is_present(key) => {
            Ok(comparison.holds_for_nothing())
        }
        Condition::Holds(comparison) => {
            let mut digits = itoa::Buffer::new();
            let string = ctx.keys.string(key, &mut digits)?;
            comparison.holds(string.expect("the key is present"))
        }
    }
}

fn reply_old(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    match ctx.keys.read(key) {
        None => ctx.reply.null(),
        Some(ValueRef::Str(bytes)) => ctx.reply.bulk(bytes),
        Some(ValueRef::Int(number)) => ctx.reply.bulk_int(number),
        Some(_) => return Err(CommandError::WrongType),
    }
    Ok(())
}

/// Puts a string; a new expiry makes the stream say SET … PXAT.
fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    value: &[u8],
    expire_ms: Option<i64>,
    given_ms: Option<i64>,
) {
    ctx.keys.put_string(key, value, expire_ms);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "set", key);
    if let Some(moment) = given_ms {
        ctx.notify(NotifyClass::GENERIC, "expire", key);
        let moment = moment.to_string();
        ctx.propagate(&[b"SET", key, value, b"PXAT", moment.as_bytes()]);
    }
}

fn set_expiring(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    unit: ExpiryUnit,
    name: &'static str,
) -> CommandResult {
    let moment = unit.moment(args[2], ctx.now_ms(), name)?;
    store(ctx, args[1], args[3], Some(moment), Some(moment));
    ctx.reply.ok();
    Ok(())
}

pub(super) fn setex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let unit = ExpiryUnit {
        seconds: true,
        relative: true,
    };
    set_expiring(ctx, args, unit, "setex")
}

pub(super) fn psetex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let unit = ExpiryUnit {
        seconds: false,
        relative: true,
    };
    set_expiring(ctx, args, unit, "psetex")
}

pub(super) fn setnx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let fresh = !ctx.keys.is_present(args[1]);
    if fresh {
        store(ctx, args[1], args[2], None, None);
    }
    ctx.reply.int(i64::from(fresh));
    Ok(())
}

fn pairs<'a>(
    args: &'a [&'a [u8]],
    name: &str,
) -> CommandResult<impl Iterator<Item = (&'a [u8], &'a [u8])>> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::Arity(name.to_owned()));
    }
    Ok(args[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])))
}

pub(super) fn mset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    for (key, value) in pairs(args, "mset")? {
        store(ctx, key, value, None, None);
    }
    ctx.reply.ok();
    Ok(())
}

pub(super) fn msetnx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    for (key, _) in pairs(args, "msetnx")? {
        if ctx.keys.is_present(key) {
            ctx.reply.int(0);
            return Ok(());
        }
    }
    for (key, value) in pairs(args, "msetnx")? {
        store(ctx, key, value, None, None);
    }
    ctx.reply.int(1);
    Ok(())
}

/// The keys and values of MSETEX, and what follows them.
type Several<'a, 'b> = (&'b [&'a [u8]], &'b [&'a [u8]]);

fn parse_several<'a, 'b>(args: &'b [&'a [u8]]) -> CommandResult<Several<'a, 'b>> {
    let count = parse_i64(args[1]).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(CommandError::text(
        "ERR invalid numkeys value or out of range",
    ))?;
    let words = 2 * usize::try_from(count).expect("it is positive");
    args[2..]
        .split_at_checked(words)
        .ok_or(CommandError::Syntax)
}

/// MSETEX enters the stream as SETs, which every replica knows.
pub(super) fn msetex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (data, options) = parse_several(args)?;
    let options = SetOptions::parse(options, ctx.now_ms(), "msetex")?;
    for pair in data.chunks_exact(2) {
        if !may_set(ctx, pair[0], options.condition)? {
            ctx.reply.int(0);
            return Ok(());
        }
    }
    for pair in data.chunks_exact(2) {
        store_with(ctx, pair[0], pair[1], options, true);
    }
    ctx.reply.int(1);
    Ok(())
}
