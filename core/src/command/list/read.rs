//! Reading lists.

use super::parse;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::packed::listpack::{Entry, Needle};
use crate::resp::reply::Reply;
use crate::value::list::{List, Side};

/// Replies with an element, always as a bulk string.
#[inline]
pub(super) fn reply_entry(reply: &mut Reply, entry: Entry<'_>) {
    match entry {
        Entry::Int(value) => reply.bulk_int(value),
        Entry::Str(text) => reply.bulk(text),
    }
}

pub(super) fn llen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let len = ctx.keys.list(args[1])?.map_or(0, List::len);
    ctx.reply.count(len);
    Ok(())
}

pub(super) fn lindex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(list) = ctx.keys.list(args[1])? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = parse::resolve_index(parse::integer(args[2])?, list.len());
    match index.and_then(|index| list.get(index)) {
        Some(entry) => reply_entry(ctx.reply, entry),
        None => ctx.reply.null(),
    }
    Ok(())
}

pub(super) fn lrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (start, end) = (parse::integer(args[2])?, parse::integer(args[3])?);
    let Some(list) = ctx.keys.list(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let range = parse::resolve_range(start, end, list.len());
    ctx.reply.array(range.len());
    for entry in list.walk(Side::Left, range.start).take(range.len()) {
        reply_entry(ctx.reply, entry);
    }
    Ok(())
}

/// The options of LPOS.
struct PosOptions {
    /// Where the search starts.
    side: Side,
    /// The first match that counts, from 1.
    rank: usize,
    /// Most matches to return, 0 for all; none if only the first is wanted.
    count: Option<usize>,
    /// Most elements to look at.
    look_at_most: usize,
}

fn parse_pos_options(options: &[&[u8]]) -> CommandResult<PosOptions> {
    let mut parsed = PosOptions {
        side: Side::Left,
        rank: 1,
        count: None,
        look_at_most: usize::MAX,
    };
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let value = rest.next().ok_or(CommandError::Syntax)?;
        match option.to_ascii_lowercase().as_slice() {
            b"rank" => (parsed.side, parsed.rank) = parse_rank(value)?,
            b"count" => {
                parsed.count = Some(parse::at_least(0, value, "ERR COUNT can't be negative")?);
            }
            b"maxlen" => {
                let most = parse::at_least(0, value, "ERR MAXLEN can't be negative")?;
                parsed.look_at_most = if most == 0 { usize::MAX } else { most };
            }
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(parsed)
}

/// Which end to start from, and which match is the first to count.
fn parse_rank(text: &[u8]) -> CommandResult<(Side, usize)> {
    let rank = parse::signed(text)?;
    let side = match rank {
        0 => {
            return Err(CommandError::text(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
                 second ... or use negative to start from the end of the list",
            ));
        }
        1.. => Side::Left,
        _ => Side::Right,
    };
    Ok((
        side,
        usize::try_from(rank.unsigned_abs()).unwrap_or(usize::MAX),
    ))
}

/// The indexes of the matches that count, in the order of the search.
fn positions<'l>(
    list: &'l List,
    needle: &'l Needle<'_>,
    options: &PosOptions,
) -> impl Iterator<Item = usize> + 'l {
    let (side, last) = (options.side, list.len().saturating_sub(1));
    list.walk(side, 0)
        .take(options.look_at_most)
        .enumerate()
        .filter(|(_, entry)| needle.matches(*entry))
        .skip(options.rank - 1)
        .map(move |(steps, _)| match side {
            Side::Left => steps,
            Side::Right => last - steps,
        })
}

pub(super) fn lpos(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = parse_pos_options(&args[3..])?;
    let needle = Needle::new(args[2]);
    let Some(list) = ctx.keys.list(args[1])? else {
        match options.count {
            Some(_) => ctx.reply.array(0),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let mut found = positions(list, &needle, &options);
    let Some(count) = options.count else {
        match found.next() {
            Some(index) => ctx.reply.count(index),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let most = if count == 0 { usize::MAX } else { count };
    let mark = ctx.reply.begin_array();
    let mut len = 0;
    for index in found.take(most) {
        ctx.reply.count(index);
        len += 1;
    }
    ctx.reply.end_array(mark, len);
    Ok(())
}
