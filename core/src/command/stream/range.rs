//! XLEN, XRANGE and XREVRANGE.

use super::parse::{self, is};
use super::reply;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::value::Stream;

pub(super) fn xlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let len = ctx.keys.stream(args[1])?.map_or(0, Stream::len);
    ctx.reply.count(len);
    Ok(())
}

/// The options of XRANGE: a limit, where there is one.
fn parse_count(options: &[&[u8]]) -> CommandResult<Option<usize>> {
    let mut count = None;
    for option in options.chunks(2) {
        let [name, number] = option else {
            return Err(CommandError::Syntax);
        };
        if !is(name, "count") {
            return Err(CommandError::Syntax);
        }
        let number = parse_integer(number)?.max(0);
        count = Some(usize::try_from(number).unwrap_or(usize::MAX));
    }
    Ok(count)
}

fn range(ctx: &mut Ctx<'_>, args: &[&[u8]], backwards: bool) -> CommandResult {
    let (start, end) = if backwards { (3, 2) } else { (2, 3) };
    let (start, end) = (parse::start(args[start])?, parse::end(args[end])?);
    let count = parse_count(&args[4..])?;
    let Some(stream) = ctx.keys.stream(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        ctx.reply.null_array();
        return Ok(());
    }
    let entries = if backwards {
        stream.range_back(start, end)
    } else {
        stream.range(start, end)
    };
    reply::entries(ctx.reply, entries.take(count.unwrap_or(usize::MAX)));
    Ok(())
}

pub(super) fn xrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, false)
}

pub(super) fn xrevrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, true)
}
