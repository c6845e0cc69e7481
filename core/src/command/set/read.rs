//! Reading one set.

use super::member::peek;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::sample::{SampleCount, Target};
use crate::command::scan_args::{ScanArgs, ScanOf, parse_cursor};
use crate::resp::Reply;
use crate::value::Set;

pub(super) fn scard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let len = ctx.keys.set(args[1])?.map_or(0, Set::len);
    ctx.reply.count(len);
    Ok(())
}

pub(super) fn sismember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let set = ctx.keys.set(args[1])?;
    let found = set.is_some_and(|set| set.contains(seed, args[2]));
    ctx.reply.int(i64::from(found));
    Ok(())
}

pub(super) fn smismember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let set = ctx.keys.set(args[1])?;
    ctx.reply.array(args.len() - 2);
    for member in &args[2..] {
        let found = set.is_some_and(|set| set.contains(seed, member));
        ctx.reply.int(i64::from(found));
    }
    Ok(())
}

pub(super) fn srandmember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let count = match args {
        [_, key] => return one(ctx, key),
        [_, _, count] => SampleCount::of(ctx, count)?,
        _ => return Err(CommandError::Syntax),
    };
    let Some(set) = ctx.keys.set(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(count.total(set.len()));
    let target = Target {
        limit_bytes: ctx.client.output_hard_limit_bytes(&ctx.server.config),
        rng: &mut ctx.server.rng,
        client: ctx.client,
        reply: ctx.reply,
    };
    count.write(set.len(), target, |reply, chosen| {
        reply_members(reply, set, chosen);
    });
    Ok(())
}

fn one(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let Some(set) = ctx.keys.set(key)? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = ctx.server.rng.below(set.len());
    let member = set.member_at(index).expect("an index below the length");
    ctx.reply.bulk_entry(member);
    Ok(())
}

/// Replies with the members at these indices. Where they are dense and ascend,
/// one walk is cheaper than a search for each.
fn reply_members(reply: &mut Reply, set: &Set, chosen: &[usize]) {
    let ascending = chosen.is_sorted_by(|one, other| one < other);
    if ascending && chosen.len() * 16 >= set.len() {
        let mut wanted = chosen.iter().copied().peekable();
        for (index, member) in set.iter().enumerate() {
            if wanted.next_if_eq(&index).is_some() {
                reply.bulk_entry(member);
            }
        }
        return;
    }
    for &index in chosen {
        reply.bulk_entry(set.member_at(index).expect("indices below the length"));
    }
}

pub(super) fn sscan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let cursor = parse_cursor(args[2])?;
    if peek(ctx, args[1])?.is_none() {
        // Counts the miss; Redis reads no options where there is no key.
        ctx.keys.set(args[1])?;
        ctx.reply.array(2);
        ctx.reply.bulk(b"0");
        ctx.reply.array(0);
        return Ok(());
    }
    let options = ScanArgs::parse(ScanOf::Set, &args[3..])?;
    let set = ctx.keys.set(args[1])?.expect("just looked at");
    let mut found = Reply::new(ctx.reply.protocol());
    let mut count = 0;
    let next = set.scan(cursor, options.count, |member| {
        if options.admits(member.text(&mut itoa::Buffer::new())) {
            found.bulk_entry(member);
            count += 1;
        }
    });
    ctx.reply.array(2);
    ctx.reply.bulk_fmt(format_args!("{next}"));
    ctx.reply.array(count);
    ctx.reply.raw(found.as_bytes());
    Ok(())
}
