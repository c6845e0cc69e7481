//! XINFO.

use super::reply;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::help::help;
use crate::command::integer::parse_integer;
use crate::resp::reply::Reply;
use crate::value::Stream;
use crate::value::stream::{Consumer, Group, StreamId};

/// Entries of every list that XINFO STREAM FULL gives where no COUNT is.
const FULL_COUNT: usize = 10;

/// The stream that an XINFO describes.
fn stream_at<'a>(ctx: &'a mut Ctx<'_>, key: &[u8]) -> CommandResult<(&'a Stream, &'a mut Reply)> {
    let stream = ctx.keys.stream(key)?.ok_or(CommandError::NoSuchKey)?;
    Ok((stream, ctx.reply))
}

fn wrong_arguments(subcommand: &[u8]) -> CommandError {
    CommandError::text(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try XINFO HELP.",
        String::from_utf8_lossy(subcommand)
    ))
}

/// How much of a stream to describe: its ends, or so many of each list.
fn parse_full(args: &[&[u8]]) -> CommandResult<Option<usize>> {
    let options = &args[3..];
    let is = |at: usize, word: &str| super::parse::is(options[at], word);
    match options.len() {
        0 => Ok(None),
        1 if is(0, "full") => Ok(Some(FULL_COUNT)),
        3 if is(0, "full") && is(1, "count") => Ok(Some(match parse_integer(options[2])? {
            ..=-1 => FULL_COUNT,
            0 => usize::MAX,
            count => usize::try_from(count).unwrap_or(usize::MAX),
        })),
        _ => Err(wrong_arguments(args[1])),
    }
}

pub(super) fn xinfo_stream(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (stream, out) = stream_at(ctx, args[2])?;
    let full = parse_full(args)?;
    out.map(if full.is_some() { 9 } else { 10 });
    out.bulk(b"length");
    out.count(stream.len());
    out.bulk(b"radix-tree-keys");
    out.count(stream.nodes().len());
    out.bulk(b"radix-tree-nodes");
    out.count(stream.radix_tree_nodes());
    out.bulk(b"last-generated-id");
    reply::id(out, stream.last_id);
    out.bulk(b"max-deleted-entry-id");
    reply::id(out, stream.max_deleted_id);
    out.bulk(b"entries-added");
    out.int(stream.entries_added as i64);
    out.bulk(b"recorded-first-entry-id");
    reply::id(out, stream.first_id);
    match full {
        None => reply_ends(out, stream),
        Some(count) => reply_full(out, stream, count),
    }
    Ok(())
}

fn reply_ends(out: &mut Reply, stream: &Stream) {
    out.bulk(b"groups");
    out.count(stream.groups().len());
    out.bulk(b"first-entry");
    reply::entry_or_null(out, stream.range(StreamId::ZERO, StreamId::MAX).next());
    out.bulk(b"last-entry");
    reply::entry_or_null(out, stream.range_back(StreamId::ZERO, StreamId::MAX).next());
}

fn reply_full(out: &mut Reply, stream: &Stream, count: usize) {
    out.bulk(b"entries");
    reply::entries(out, stream.range(StreamId::ZERO, StreamId::MAX).take(count));
    out.bulk(b"groups");
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        out.map(7);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"last-delivered-id");
        reply::id(out, group.last_id);
        reply_progress(out, stream, group);
        out.bulk(b"pel-count");
        out.count(group.pending().len());
        out.bulk(b"pending");
        out.array(group.pending().len().min(count));
        for pending in group.pending().iter().take(count) {
            out.array(4);
            reply::id(out, pending.id);
            out.bulk(&pending.consumer);
            out.int(pending.delivered_ms);
            out.int(pending.deliveries as i64);
        }
        out.bulk(b"consumers");
        out.array(group.consumers().len());
        for (name, consumer) in group.consumers() {
            reply_full_consumer(out, group, name, consumer, count);
        }
    }
}

fn reply_full_consumer(
    out: &mut Reply,
    group: &Group,
    name: &[u8],
    consumer: &Consumer,
    count: usize,
) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(name);
    out.bulk(b"seen-time");
    out.int(consumer.seen_ms);
    out.bulk(b"active-time");
    out.int(consumer.active_ms);
    out.bulk(b"pel-count");
    out.count(consumer.pending().len());
    out.bulk(b"pending");
    out.array(consumer.pending().len().min(count));
    for id in consumer.pending().iter().take(count) {
        let pending = group.pending_at(*id);
        let pending = pending.expect("a consumer's pending entries are its group's");
        out.array(3);
        reply::id(out, *id);
        out.int(pending.delivered_ms);
        out.int(pending.deliveries as i64);
    }
}

/// How far a group has read, and how far it has still to go.
fn reply_progress(out: &mut Reply, stream: &Stream, group: &Group) {
    out.bulk(b"entries-read");
    match group.entries_read {
        Some(read) => out.int(read as i64),
        None => out.null(),
    }
    out.bulk(b"lag");
    match stream.lag(group) {
        Some(lag) => out.int(lag),
        None => out.null(),
    }
}

pub(super) fn xinfo_groups(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (stream, out) = stream_at(ctx, args[2])?;
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"consumers");
        out.count(group.consumers().len());
        out.bulk(b"pending");
        out.count(group.pending().len());
        out.bulk(b"last-delivered-id");
        reply::id(out, group.last_id);
        reply_progress(out, stream, group);
    }
    Ok(())
}

pub(super) fn xinfo_consumers(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let now_ms = ctx.now_ms();
    let (stream, out) = stream_at(ctx, args[2])?;
    let group = stream.groups().get(args[3]);
    let group = group.ok_or_else(|| super::parse::no_group_of_key(args[3], args[2]))?;
    out.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        out.map(4);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"pending");
        out.count(consumer.pending().len());
        out.bulk(b"idle");
        out.int((now_ms - consumer.seen_ms).max(0));
        out.bulk(b"inactive");
        out.int(match consumer.active_ms {
            -1 => -1,
            active_ms => now_ms - active_ms,
        });
    }
    Ok(())
}

pub(super) fn xinfo_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(
        ctx,
        "XINFO",
        &[
            (
                "CONSUMERS <key> <groupname>",
                "Show consumers of <groupname>.",
            ),
            ("GROUPS <key>", "Show the stream consumer groups."),
            (
                "STREAM <key> [FULL [COUNT <count>]",
                "Show information about the stream.",
            ),
        ],
    );
    Ok(())
}
