//! Reading strings, and reading them with a change.

use super::expire_args::ExpiryUnit;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::value::ValueRef;

/// Replies with the string at `key`, or null; answers whether there was one.
fn reply_string(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<bool> {
    match ctx.keys.read(key) {
        None => {
            ctx.reply.null();
            return Ok(false);
        }
        Some(ValueRef::Str(bytes)) => ctx.reply.bulk(bytes),
        Some(ValueRef::Int(number)) => ctx.reply.bulk_int(number),
        Some(_) => return Err(CommandError::WrongType),
    }
    Ok(true)
}

pub(super) fn get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_string(ctx, args[1]).map(drop)
}

pub(super) fn mget(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    ctx.reply.array(args.len() - 1);
    for key in &args[1..] {
        match ctx.keys.read(key) {
            Some(ValueRef::Str(bytes)) => ctx.reply.bulk(bytes),
            Some(ValueRef::Int(number)) => ctx.reply.bulk_int(number),
            _ => ctx.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn getset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, value) = (args[1], args[2]);
    reply_string(ctx, key)?;
    ctx.keys.put_string(key, value, None);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "set", key);
    ctx.propagate(&[b"SET", key, value]);
    Ok(())
}

pub(super) fn getdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    if reply_string(ctx, key)? {
        delete(ctx, key);
    }
    Ok(())
}

/// Removes a key on behalf of a command that is no DEL.
fn delete(ctx: &mut Ctx<'_>, key: &[u8]) {
    ctx.keys.remove(key);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::GENERIC, "del", key);
    ctx.propagate(&[b"DEL", key]);
}

/// What GETEX does to the expiry.
enum NewExpiry {
    Keep,
    Persist,
    At(i64),
}

fn parse_getex(ctx: &Ctx<'_>, args: &[&[u8]]) -> CommandResult<NewExpiry> {
    match args {
        [_, _] => Ok(NewExpiry::Keep),
        [_, _, option] if option.eq_ignore_ascii_case(b"persist") => Ok(NewExpiry::Persist),
        [_, _, option, amount] => {
            let unit = ExpiryUnit::parse(option).ok_or(CommandError::Syntax)?;
            Ok(NewExpiry::At(unit.moment(amount, ctx.now_ms(), "getex")?))
        }
        _ => Err(CommandError::Syntax),
    }
}

pub(super) fn getex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let expiry = parse_getex(ctx, args)?;
    if !reply_string(ctx, key)? {
        return Ok(());
    }
    match expiry {
        NewExpiry::Keep => {}
        NewExpiry::At(moment) if moment <= ctx.now_ms() => delete(ctx, key),
        NewExpiry::At(moment) => {
            ctx.keys.set_expire(key, Some(moment));
            ctx.effects.changed(1);
            ctx.notify(NotifyClass::GENERIC, "expire", key);
            let moment = moment.to_string();
            ctx.propagate(&[b"PEXPIREAT", key, moment.as_bytes()]);
        }
        NewExpiry::Persist => {
            let expires = ctx
                .keys
                .peek(key)
                .and_then(crate::keyspace::Entry::expire_ms);
            if expires.is_some() {
                ctx.keys.set_expire(key, None);
                ctx.effects.changed(1);
                ctx.notify(NotifyClass::GENERIC, "persist", key);
                ctx.propagate(&[b"PERSIST", key]);
            }
        }
    }
    Ok(())
}
