//! XPENDING.

use super::parse::{self, is, no_key_or_group};
use super::reply;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::resp::reply::Reply;
use crate::value::stream::{Group, Pending, StreamId};

/// Which pending entries to list.
struct Filter<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

/// None asks for a summary.
fn parse_filter<'a>(args: &'a [&'a [u8]]) -> CommandResult<Option<Filter<'a>>> {
    if args.len() == 3 {
        return Ok(None);
    }
    if !(6..=9).contains(&args.len()) {
        return Err(CommandError::Syntax);
    }
    let (min_idle_ms, rest) = if is(args[3], "idle") {
        (parse_integer(args[4])?, &args[5..])
    } else {
        (0, &args[3..])
    };
    let [start, end, count, more @ ..] = rest else {
        return Err(CommandError::Syntax);
    };
    let count = parse_integer(count)?.max(0);
    Ok(Some(Filter {
        min_idle_ms,
        start: parse::start(start)?,
        end: parse::end(end)?,
        count: usize::try_from(count).unwrap_or(usize::MAX),
        consumer: more.first().copied(),
    }))
}

pub(super) fn xpending(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let filter = parse_filter(args)?;
    let now_ms = ctx.now_ms();
    let stream = ctx.keys.stream(args[1])?;
    let group = stream.and_then(|stream| stream.groups().get(args[2]));
    let group = group.ok_or_else(|| no_key_or_group(args[1], args[2]))?;
    match filter {
        None => summary(ctx.reply, group),
        Some(filter) => list(ctx.reply, group, &filter, now_ms),
    }
    Ok(())
}

fn summary(out: &mut Reply, group: &Group) {
    out.array(4);
    out.count(group.pending().len());
    let (Some(first), Some(last)) = (group.pending().first(), group.pending().last()) else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    reply::id(out, first.id);
    reply::id(out, last.id);
    let mark = out.begin_array();
    let mut count = 0;
    for (name, consumer) in group.consumers() {
        if !consumer.pending().is_empty() {
            out.array(2);
            out.bulk(name);
            out.bulk_int(consumer.pending().len() as i64);
            count += 1;
        }
    }
    out.end_array(mark, count);
}

fn list(out: &mut Reply, group: &Group, filter: &Filter<'_>, now_ms: i64) {
    match filter.consumer {
        None => {
            let pending = group.pending_range(filter.start, filter.end);
            reply_list(out, pending, filter, now_ms);
        }
        Some(name) => {
            let Some(consumer) = group.consumer(name) else {
                out.array(0);
                return;
            };
            let ids = consumer.pending_range(filter.start, filter.end);
            let pending = ids.map(|id| {
                let pending = group.pending_at(id);
                pending.expect("a consumer's pending entries are its group's")
            });
            reply_list(out, pending, filter, now_ms);
        }
    }
}

fn reply_list<'a>(
    out: &mut Reply,
    pending: impl Iterator<Item = &'a Pending>,
    filter: &Filter<'_>,
    now_ms: i64,
) {
    let mark = out.begin_array();
    let mut count = 0;
    let idle = |pending: &Pending| now_ms.wrapping_sub(pending.delivered_ms);
    let long = |pending: &&Pending| filter.min_idle_ms == 0 || idle(pending) >= filter.min_idle_ms;
    for pending in pending.filter(long).take(filter.count) {
        out.array(4);
        reply::id(out, pending.id);
        out.bulk(&pending.consumer);
        out.int(idle(pending).max(0));
        out.int(pending.deliveries as i64);
        count += 1;
    }
    out.end_array(mark, count);
}
