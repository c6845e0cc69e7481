//! Removing members at the ends.

use super::parse;
use super::reply::Form;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::resp::reply::Protocol;
use crate::value::ValueRef;

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    fn parse(text: &[u8]) -> CommandResult<Self> {
        if text.eq_ignore_ascii_case(b"min") {
            Ok(Self::Min)
        } else if text.eq_ignore_ascii_case(b"max") {
            Ok(Self::Max)
        } else {
            Err(CommandError::Syntax)
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }

    const fn command(self) -> &'static [u8] {
        match self {
            Self::Min => b"ZPOPMIN",
            Self::Max => b"ZPOPMAX",
        }
    }
}

/// Whether `key` holds a sorted set; another type is an error.
fn is_zset(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<bool> {
    match ctx.keys.peek(key).map(Entry::value) {
        None => Ok(false),
        Some(ValueRef::ZSet(_)) => Ok(true),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// Pops up to `count` members at an end of the set at `key`, which is there,
/// and replies with them; returns how many there were.
fn pop(ctx: &mut Ctx<'_>, key: &[u8], end: End, count: usize, form: Form) -> CommandResult<usize> {
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset_mut(key)?.ok_or(CommandError::NoSuchKey)?;
    let len = zset.len();
    let count = count.min(len);
    let ranks = match end {
        End::Min => 0..count,
        End::Max => len - count..len,
    };
    form.start(ctx.reply, count);
    let mut members = zset.range(ranks.clone());
    let mut next = || match end {
        End::Min => members.next(),
        End::Max => members.next_back(),
    };
    while let Some((member, score)) = next() {
        form.member(ctx.reply, member, score);
    }
    zset.remove_range(seed, ranks);
    ctx.effects.changed(count);
    ctx.notify(NotifyClass::ZSET, end.event(), key);
    ctx.remove_if_empty(key);
    Ok(count)
}

fn pop_one_key(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End) -> CommandResult {
    let count = match args[2..] {
        [] => None,
        [count] => Some(parse::count(count)?),
        _ => return Err(CommandError::Syntax),
    };
    if !is_zset(ctx, args[1])? || count == Some(0) {
        ctx.reply.array(0);
        return Ok(());
    }
    // Without a count, the one member is not nested in any protocol.
    let form = match (count, ctx.reply.protocol()) {
        (Some(_), Protocol::Resp3) => Form::Nested,
        _ => Form::Flat,
    };
    pop(ctx, args[1], end, count.unwrap_or(1), form)?;
    Ok(())
}

pub(super) fn zpopmin(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    pop_one_key(ctx, args, End::Min)
}

pub(super) fn zpopmax(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    pop_one_key(ctx, args, End::Max)
}

/// The arguments of ZMPOP behind its name.
struct MultiPop<'a> {
    keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> MultiPop<'a> {
    fn parse(args: &'a [&'a [u8]]) -> CommandResult<Self> {
        let key_count = parse::at_least(1, args[0], "ERR numkeys should be greater than 0")?;
        let rest = &args[1..];
        if key_count >= rest.len() {
            return Err(CommandError::Syntax);
        }
        let (keys, options) = rest.split_at(key_count);
        let end = End::parse(options[0])?;
        let mut count = None;
        let mut rest = &options[1..];
        while let [name, value, behind @ ..] = rest
            && count.is_none()
            && name.eq_ignore_ascii_case(b"count")
        {
            let least_one = "ERR count should be greater than 0";
            count = Some(parse::at_least(1, value, least_one)?);
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(CommandError::Syntax);
        }
        let count = count.unwrap_or(1);
        Ok(Self { keys, end, count })
    }
}

pub(super) fn zmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let MultiPop { keys, end, count } = MultiPop::parse(&args[1..])?;
    for key in keys {
        if !is_zset(ctx, key)? {
            continue;
        }
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        let popped = pop(ctx, key, end, count, Form::Nested)?;
        // Which of the keys had members is this node's knowledge.
        let mut digits = itoa::Buffer::new();
        ctx.propagate(&[end.command(), key, digits.format(popped).as_bytes()]);
        return Ok(());
    }
    ctx.reply.null_array();
    Ok(())
}
