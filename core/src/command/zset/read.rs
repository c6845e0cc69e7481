//! Scores, ranks and counts, random members, and the scan.

use super::parse;
use super::reply::Form;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::sample::{SampleCount, Target};
use crate::command::scan_args::{ScanArgs, ScanOf, parse_cursor};
use crate::resp::reply::Reply;
use crate::text::double;
use crate::value::ZSet;

pub(super) fn zcard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let len = ctx.keys.zset(args[1])?.map_or(0, ZSet::len);
    ctx.reply.count(len);
    Ok(())
}

fn reply_score(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

pub(super) fn zscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset(args[1])?;
    reply_score(ctx.reply, zset.and_then(|zset| zset.score(seed, args[2])));
    Ok(())
}

pub(super) fn zmscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset(args[1])?;
    ctx.reply.array(args.len() - 2);
    for member in &args[2..] {
        reply_score(ctx.reply, zset.and_then(|zset| zset.score(seed, member)));
    }
    Ok(())
}

fn rank(ctx: &mut Ctx<'_>, args: &[&[u8]], name: &str, reverse: bool) -> CommandResult {
    let with_score = match args[3..] {
        [] => false,
        [option] if option.eq_ignore_ascii_case(b"withscore") => true,
        [_] => return Err(CommandError::Syntax),
        _ => return Err(CommandError::Arity(name.to_owned())),
    };
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset(args[1])?;
    let found = zset.and_then(|zset| Some((zset.len(), zset.rank(seed, args[2])?)));
    let Some((len, (rank, score))) = found else {
        if with_score {
            ctx.reply.null_array();
        } else {
            ctx.reply.null();
        }
        return Ok(());
    };
    if with_score {
        ctx.reply.array(2);
    }
    ctx.reply.count(if reverse { len - 1 - rank } else { rank });
    if with_score {
        ctx.reply.double(score);
    }
    Ok(())
}

pub(super) fn zrank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    rank(ctx, args, "zrank", false)
}

pub(super) fn zrevrank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    rank(ctx, args, "zrevrank", true)
}

pub(super) fn zcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let range = parse::score_range(args[2], args[3])?;
    let zset = ctx.keys.zset(args[1])?;
    let count = zset.map_or(0, |zset| zset.ranks_by_score(&range).len());
    ctx.reply.count(count);
    Ok(())
}

pub(super) fn zlexcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let range = parse::lex_range(args[2], args[3])?;
    let zset = ctx.keys.zset(args[1])?;
    let count = zset.map_or(0, |zset| zset.ranks_by_lex(&range).len());
    ctx.reply.count(count);
    Ok(())
}

pub(super) fn zscan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let cursor = parse_cursor(args[2])?;
    let Some(zset) = ctx.keys.zset(args[1])? else {
        ctx.reply.array(2);
        ctx.reply.bulk(b"0");
        ctx.reply.array(0);
        return Ok(());
    };
    let options = ScanArgs::parse(ScanOf::ZSet, &args[3..])?;
    let mut found = Reply::new(ctx.reply.protocol());
    let mut count = 0;
    let is_large = zset.as_listpack().is_none();
    let next = zset.scan(cursor, options.count, |member, score| {
        let mut digits = itoa::Buffer::new();
        if !options.admits(member.text(&mut digits)) {
            return;
        }
        found.bulk_entry(member);
        count += 1;
        if !options.bare {
            scan_score(&mut found, score, is_large);
            count += 1;
        }
    });
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.array(count);
    ctx.reply.raw(found.as_bytes());
    Ok(())
}

/// Scores are strings here in both protocols: the listpack's own text, or,
/// from a large set, 17 digits.
fn scan_score(reply: &mut Reply, score: f64, is_large: bool) {
    if is_large {
        reply.bulk_with(|out| double::write_f64_17(out, score));
    } else {
        reply.bulk_double(score);
    }
}

pub(super) fn zrandmember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(count) = args.get(2) else {
        return random_member(ctx, args[1]);
    };
    let count = SampleCount::of(ctx, count)?;
    match args[3..] {
        [] => random_members(ctx, args[1], count, false),
        [option] if option.eq_ignore_ascii_case(b"withscores") => {
            random_members(ctx, args[1], count.paired()?, true)
        }
        _ => Err(CommandError::Syntax),
    }
}

fn random_member(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let rng = &mut ctx.server.rng;
    let zset = ctx.keys.zset(key)?;
    match zset.and_then(|zset| zset.get(rng.below(zset.len()))) {
        Some((member, _)) => ctx.reply.bulk_entry(member),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn random_members(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    count: SampleCount,
    with_scores: bool,
) -> CommandResult {
    let form = Form::of(with_scores, ctx.reply.protocol());
    let Some(zset) = ctx.keys.zset(key)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    form.start(ctx.reply, count.total(zset.len()));
    let target = Target {
        limit_bytes: ctx.client.output_hard_limit_bytes(&ctx.server.config),
        rng: &mut ctx.server.rng,
        client: ctx.client,
        reply: ctx.reply,
    };
    count.write(zset.len(), target, |reply, chosen| {
        for &index in chosen {
            let (member, score) = zset.get(index).expect("an index below the length");
            form.member(reply, member, score);
        }
    });
    Ok(())
}
