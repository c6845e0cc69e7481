//! HRANDFIELD.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::sample::{SampleCount, Target};
use crate::resp::{Protocol, Reply};
use crate::value::hash::{LiveHash, Pair};

pub(super) fn hrandfield(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (count, with_values) = match args {
        [_, key] => return one(ctx, key),
        [_, _, count] => (SampleCount::of(ctx, count)?, false),
        [_, _, count, option] => {
            let count = SampleCount::of(ctx, count)?;
            if !option.eq_ignore_ascii_case(b"withvalues") {
                return Err(CommandError::Syntax);
            }
            (count.paired()?, true)
        }
        _ => {
            SampleCount::of(ctx, args[2])?;
            return Err(CommandError::Syntax);
        }
    };
    let Some(hash) = ctx.keys.hash(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    if hash.is_empty() {
        ctx.reply.array(0);
        return Ok(());
    }
    let flat = with_values && ctx.reply.protocol() == Protocol::Resp2;
    ctx.reply
        .array(count.total(hash.len()) << usize::from(flat));
    let target = Target {
        limit_bytes: ctx.client.output_hard_limit_bytes(&ctx.server.config),
        rng: &mut ctx.server.rng,
        client: ctx.client,
        reply: ctx.reply,
    };
    count.write(hash.len(), target, |reply, chosen| {
        reply_pairs(reply, hash, chosen, with_values);
    });
    Ok(())
}

fn one(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let hash = ctx.keys.hash(key)?.filter(|hash| !hash.is_empty());
    let Some(hash) = hash else {
        ctx.reply.null();
        return Ok(());
    };
    let index = ctx.server.rng.below(hash.len());
    for pair in hash.pairs_at(&[index]) {
        ctx.reply.bulk_entry(pair.field);
    }
    Ok(())
}

/// Replies with the pairs at these indices. Where they are dense and ascend,
/// one walk is cheaper than a search for each.
fn reply_pairs(reply: &mut Reply, hash: LiveHash<'_>, chosen: &[usize], with_values: bool) {
    let ascending = chosen.is_sorted_by(|one, other| one < other);
    if ascending && chosen.len() * 16 >= hash.len() {
        let mut wanted = chosen.iter().copied().peekable();
        for (index, pair) in hash.iter().enumerate() {
            if wanted.next_if_eq(&index).is_some() {
                reply_pair(reply, pair, with_values);
            }
        }
        return;
    }
    for pair in hash.pairs_at(chosen) {
        reply_pair(reply, pair, with_values);
    }
}

fn reply_pair(reply: &mut Reply, pair: Pair<'_>, with_values: bool) {
    if with_values && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk_entry(pair.field);
    if with_values {
        reply.bulk_entry(pair.value);
    }
}
