//! SET in all its spellings, and the commands that set several keys.

use super::expire_args::ExpiryUnit;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::value::ValueRef;

/// The options of SET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SetOptions {
    only_new: bool,
    only_existing: bool,
    get: bool,
    keep_ttl: bool,
    expire_ms: Option<i64>,
}

fn parse_options(options: &[&[u8]], now_ms: i64) -> CommandResult<SetOptions> {
    let mut parsed = SetOptions::default();
    let mut expiry: Option<(ExpiryUnit, &[u8])> = None;
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        if is(b"nx") && !parsed.only_existing {
            parsed.only_new = true;
        } else if is(b"xx") && !parsed.only_new {
            parsed.only_existing = true;
        } else if is(b"get") {
            parsed.get = true;
        } else if is(b"keepttl") && expiry.is_none() {
            parsed.keep_ttl = true;
        } else if let Some(unit) = ExpiryUnit::parse(option) {
            let amount = rest.next().ok_or(CommandError::Syntax)?;
            if expiry.is_some() || parsed.keep_ttl {
                return Err(CommandError::Syntax);
            }
            expiry = Some((unit, amount));
        } else {
            return Err(CommandError::Syntax);
        }
    }
    if let Some((unit, amount)) = expiry {
        parsed.expire_ms = Some(unit.moment(amount, now_ms, "set")?);
    }
    Ok(parsed)
}

pub(super) fn set(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, value) = (args[1], args[2]);
    if args.len() == 3 {
        ctx.keys.put_string(key, value, None);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STRING, "set", key);
        ctx.reply.ok();
        return Ok(());
    }
    let options = parse_options(&args[3..], ctx.now_ms())?;
    set_with(ctx, key, value, options)
}

fn set_with(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], options: SetOptions) -> CommandResult {
    if options.get {
        reply_old(ctx, key)?;
    }
    let present = ctx.keys.is_present(key);
    if (options.only_new && present) || (options.only_existing && !present) {
        if !options.get {
            ctx.reply.null();
        }
        return Ok(());
    }
    let expire_ms = if options.keep_ttl {
        ctx.keys.peek(key).and_then(Entry::expire_ms)
    } else {
        options.expire_ms
    };
    store(ctx, key, value, expire_ms, options.expire_ms);
    if options.get && options.expire_ms.is_none() {
        let keep: &[&[u8]] = if options.keep_ttl { &[b"KEEPTTL"] } else { &[] };
        ctx.propagate(&[&[&b"SET"[..], key, value], keep].concat());
    }
    if !options.get {
        ctx.reply.ok();
    }
    Ok(())
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
