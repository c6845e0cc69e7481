//! Reading fields and values.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::scan_args::{ScanArgs, ScanOf, parse_cursor};
use crate::packed::listpack::Entry;
use crate::resp::Reply;

fn reply_value(reply: &mut Reply, value: Option<Entry<'_>>) {
    match value {
        Some(value) => reply.bulk_entry(value),
        None => reply.null(),
    }
}

pub(super) fn hget(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let hash = ctx.keys.hash(args[1])?;
    reply_value(ctx.reply, hash.and_then(|hash| hash.get(args[2])));
    Ok(())
}

pub(super) fn hmget(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let hash = ctx.keys.hash(args[1])?;
    ctx.reply.array(args.len() - 2);
    for field in &args[2..] {
        reply_value(ctx.reply, hash.and_then(|hash| hash.get(field)));
    }
    Ok(())
}

pub(super) fn hlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    // Fields whose time has come count until they are removed, as in Valkey.
    let len = ctx.keys.hash(args[1])?.map_or(0, |hash| hash.whole().len());
    ctx.reply.count(len);
    Ok(())
}

pub(super) fn hstrlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let hash = ctx.keys.hash(args[1])?;
    let value = hash.and_then(|hash| hash.get(args[2]));
    ctx.reply.count(value.map_or(0, Entry::text_len));
    Ok(())
}

pub(super) fn hexists(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let hash = ctx.keys.hash(args[1])?;
    let found = hash.is_some_and(|hash| hash.contains(args[2]));
    ctx.reply.int(i64::from(found));
    Ok(())
}

pub(super) fn hgetall(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(hash) = ctx.keys.hash(args[1])? else {
        ctx.reply.map(0);
        return Ok(());
    };
    ctx.reply.map(hash.len());
    for pair in hash.iter() {
        ctx.reply.bulk_entry(pair.field);
        ctx.reply.bulk_entry(pair.value);
    }
    Ok(())
}

pub(super) fn hkeys(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(hash) = ctx.keys.hash(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(hash.len());
    for pair in hash.iter() {
        ctx.reply.bulk_entry(pair.field);
    }
    Ok(())
}

pub(super) fn hvals(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(hash) = ctx.keys.hash(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(hash.len());
    for pair in hash.iter() {
        ctx.reply.bulk_entry(pair.value);
    }
    Ok(())
}

pub(super) fn hscan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let cursor = parse_cursor(args[2])?;
    if ctx.keys.peek_hash(args[1])?.is_none() {
        // Counts the miss; Redis reads no options where there is no key.
        ctx.keys.hash(args[1])?;
        ctx.reply.array(2);
        ctx.reply.bulk(b"0");
        ctx.reply.array(0);
        return Ok(());
    }
    let options = ScanArgs::parse(ScanOf::Hash, &args[3..])?;
    let hash = ctx.keys.hash(args[1])?.expect("just looked at");
    let mut found = Reply::new(ctx.reply.protocol());
    let mut count = 0;
    let next = hash.scan(cursor, options.count, |pair| {
        if options.admits(pair.field.text(&mut itoa::Buffer::new())) {
            found.bulk_entry(pair.field);
            count += 1;
            if !options.bare {
                found.bulk_entry(pair.value);
                count += 1;
            }
        }
    });
    ctx.reply.array(2);
    ctx.reply.bulk_fmt(format_args!("{next}"));
    ctx.reply.array(count);
    ctx.reply.raw(found.as_bytes());
    Ok(())
}
