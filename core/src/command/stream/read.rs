//! XREAD, and what XREADGROUP shares with it.

use super::parse::{self, is};
use super::reply;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::command::waits::deadline_after;
use crate::engine::key_waits::Awaited;
use crate::resp::reply::{Mark, Protocol, Reply};
use crate::text::number::parse_i64;
use crate::value::stream::StreamId;

/// The arguments of both commands.
#[derive(Debug)]
pub(super) struct ReadArgs<'a> {
    /// Most entries of one stream.
    pub(super) count: usize,
    /// Until when to wait, if at all; none inside waits for ever.
    pub(super) deadline_ms: Option<Option<i64>>,
    /// A group and its consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    /// Nothing becomes pending.
    pub(super) noack: bool,
    pub(super) keys: &'a [&'a [u8]],
    pub(super) ids: &'a [&'a [u8]],
}

impl<'a> ReadArgs<'a> {
    /// Reads the arguments; `of_group` says which of the commands it is.
    pub(super) fn parse(
        ctx: &Ctx<'_>,
        args: &'a [&'a [u8]],
        of_group: bool,
    ) -> CommandResult<Self> {
        let mut parsed = Self {
            count: usize::MAX,
            deadline_ms: None,
            group: None,
            noack: false,
            keys: &[],
            ids: &[],
        };
        let mut rest = &args[1..];
        loop {
            rest = match rest {
                [word, time, rest @ ..] if is(word, "block") => {
                    parsed.deadline_ms = Some(parse_block(ctx, time)?);
                    rest
                }
                [word, count, rest @ ..] if is(word, "count") => {
                    parsed.count = match parse_integer(count)? {
                        ..=0 => usize::MAX,
                        count => usize::try_from(count).unwrap_or(usize::MAX),
                    };
                    rest
                }
                [word, streams @ ..] if is(word, "streams") && !streams.is_empty() => {
                    parsed.take_streams(streams, of_group)?;
                    break;
                }
                [word, group, consumer, rest @ ..] if is(word, "group") => {
                    only_of_group("GROUP", of_group)?;
                    parsed.group = Some((group, consumer));
                    rest
                }
                [word, rest @ ..] if is(word, "noack") => {
                    only_of_group("NOACK", of_group)?;
                    parsed.noack = true;
                    rest
                }
                _ => return Err(CommandError::Syntax),
            };
        }
        if of_group && parsed.group.is_none() {
            return Err(CommandError::text(
                "ERR Missing GROUP option for XREADGROUP",
            ));
        }
        Ok(parsed)
    }

    fn take_streams(&mut self, streams: &'a [&'a [u8]], of_group: bool) -> CommandResult {
        if !streams.len().is_multiple_of(2) {
            let (name, id) = if of_group {
                ("xreadgroup", '>')
            } else {
                ("xread", '$')
            };
            return Err(CommandError::text(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{id}' \
                 must be specified."
            )));
        }
        (self.keys, self.ids) = streams.split_at(streams.len() / 2);
        Ok(())
    }
}

fn parse_block(ctx: &Ctx<'_>, millis: &[u8]) -> CommandResult<Option<i64>> {
    let message = "ERR timeout is not an integer or out of range";
    let millis = parse_i64(millis).ok_or(CommandError::text(message))?;
    deadline_after(ctx, millis)
}

fn only_of_group(option: &str, of_group: bool) -> CommandResult {
    if of_group {
        return Ok(());
    }
    Err(CommandError::text(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    )))
}

/// The reply of both commands, while it is written: a map from keys to entries,
/// or nothing.
pub(super) struct Streams {
    start: usize,
    mark: Mark,
    count: usize,
}

impl Streams {
    pub(super) fn begin(reply: &mut Reply) -> Self {
        Self {
            start: reply.len(),
            mark: reply.begin_map(),
            count: 0,
        }
    }

    /// Starts a stream's part; its entries follow.
    pub(super) fn add(&mut self, reply: &mut Reply, key: &[u8]) {
        self.count += 1;
        // RESP2 has pairs in arrays of their own.
        if reply.protocol() == Protocol::Resp2 {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Ends the reply; false, and nothing is left of it, where no stream was added.
    pub(super) fn end(self, reply: &mut Reply) -> bool {
        match (self.count, reply.protocol()) {
            (0, _) => reply.truncate(self.start),
            (count, Protocol::Resp2) => reply.end_array(self.mark, count),
            (count, Protocol::Resp3) => reply.end_map(self.mark, count),
        }
        self.count > 0
    }
}

/// The ids behind which the streams are read.
fn resolve(ctx: &mut Ctx<'_>, parsed: &ReadArgs<'_>) -> CommandResult<Vec<StreamId>> {
    let streams = parsed.keys.iter().zip(parsed.ids);
    let ids = streams.map(|(key, id)| {
        let stream = ctx.keys.stream(key)?;
        match *id {
            b"$" => Ok(stream.map_or(StreamId::ZERO, |stream| stream.last_id)),
            // What came last, as in Valkey 9.
            b"+" => {
                let last = stream.map_or(StreamId::ZERO, |stream| stream.last_id);
                Ok(last.prev().unwrap_or(StreamId::ZERO))
            }
            b">" => Err(CommandError::text(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                 <group> <consumer> option.",
            )),
            id => parse::id(id),
        }
    });
    ids.collect()
}

pub(super) fn xread(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let parsed = ReadArgs::parse(ctx, args, false)?;
    let ids = resolve(ctx, &parsed)?;
    let mut streams = Streams::begin(ctx.reply);
    for (key, id) in parsed.keys.iter().zip(&ids) {
        let Some(stream) = ctx.keys.stream(key)? else {
            continue;
        };
        let Some(start) = id.next() else {
            continue;
        };
        let mut entries = stream.range(start, StreamId::MAX).peekable();
        if entries.peek().is_some() {
            streams.add(ctx.reply, key);
            reply::entries(ctx.reply, entries.take(parsed.count));
        }
    }
    if !streams.end(ctx.reply) {
        let command = resolved_command(args, &ids);
        let command: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        nothing_to_read(ctx, &parsed, Awaited::Type("stream"), &command);
    }
    Ok(())
}

/// Answers where no stream has anything to read: at once, or by waiting.
/// `command` is what is run again then.
pub(super) fn nothing_to_read(
    ctx: &mut Ctx<'_>,
    parsed: &ReadArgs<'_>,
    awaited: Awaited,
    command: &[&[u8]],
) {
    match parsed.deadline_ms {
        Some(deadline_ms) if !ctx.must_not_wait() => {
            ctx.wait_for_keys(awaited, parsed.keys, deadline_ms, command);
        }
        _ => ctx.reply.null_array(),
    }
}

/// The command with `$` resolved: what is added from now on must be behind it.
fn resolved_command(args: &[&[u8]], ids: &[StreamId]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = args.iter().map(|word| word.to_vec()).collect();
    let first = words.len() - ids.len();
    for (word, id) in words[first..].iter_mut().zip(ids) {
        if matches!(word.as_slice(), b"$" | b"+") {
            *word = id.to_string().into_bytes();
        }
    }
    words
}
