//! Removing members at the ends.

use super::parse;
use super::reply::Form;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::waits::deadline;
use crate::engine::effects::NotifyClass;
use crate::engine::key_waits::Awaited;
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

/// Pops from the first of the keys that holds a sorted set; false where none does.
fn pop_first(ctx: &mut Ctx<'_>, arguments: &MultiPop<'_>) -> CommandResult<bool> {
    let &MultiPop { keys, end, count } = arguments;
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
        return Ok(true);
    }
    Ok(false)
}

pub(super) fn zmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if !pop_first(ctx, &MultiPop::parse(&args[1..])?)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Waits for a sorted set at one of the keys, where a command may.
fn wait_or_null(ctx: &mut Ctx<'_>, keys: &[&[u8]], deadline_ms: Option<i64>, args: &[&[u8]]) {
    if ctx.must_not_wait() {
        ctx.reply.null_array();
    } else {
        ctx.wait_for_keys(Awaited::Type("zset"), keys, deadline_ms, args);
    }
}

pub(super) fn bzmpop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let deadline_ms = deadline(ctx, args[1])?;
    let arguments = MultiPop::parse(&args[2..])?;
    if !pop_first(ctx, &arguments)? {
        wait_or_null(ctx, arguments.keys, deadline_ms, args);
    }
    Ok(())
}

fn blocking_pop(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End) -> CommandResult {
    let (seconds, keys) = args[1..].split_last().expect("the arity asks for both");
    let deadline_ms = deadline(ctx, seconds)?;
    for key in keys {
        if is_zset(ctx, key)? {
            ctx.reply.array(3);
            ctx.reply.bulk(key);
            pop(ctx, key, end, 1, Form::Continued)?;
            ctx.propagate(&[end.command(), key]);
            return Ok(());
        }
    }
    wait_or_null(ctx, keys, deadline_ms, args);
    Ok(())
}

pub(super) fn bzpopmin(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    blocking_pop(ctx, args, End::Min)
}

pub(super) fn bzpopmax(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    blocking_pop(ctx, args, End::Max)
}
