//! XREADGROUP.

use super::group::make_consumer;
use super::parse;
use super::propagate;
use super::read::{ReadArgs, Streams, nothing_to_read};
use super::reply;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::key_waits::Awaited;
use crate::value::Stream;
use crate::value::stream::{Delivery, Group, StreamId};

/// What a consumer asks of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// What was delivered to nobody yet.
    New,
    /// What is pending at the consumer, behind an id.
    History(StreamId),
}

fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::text(format!(
        "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
        String::from_utf8_lossy(key),
        String::from_utf8_lossy(group)
    ))
}

fn resolve(ctx: &mut Ctx<'_>, parsed: &ReadArgs<'_>, group: &[u8]) -> CommandResult<Vec<From>> {
    let streams = parsed.keys.iter().zip(parsed.ids);
    let froms = streams.map(|(key, id)| {
        let stream = ctx.keys.stream(key)?;
        if !stream.is_some_and(|stream| stream.groups().contains_key(group)) {
            return Err(no_group(key, group));
        }
        match *id {
            b"$" => Err(CommandError::text(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                 history of this consumer by specifying a proper ID, or use the > ID to get new \
                 messages. The $ ID would just return an empty result set.",
            )),
            b">" => Ok(From::New),
            id => match parse::id(id)? {
                // Redis has no other mark for what is new.
                StreamId::MAX => Ok(From::New),
                id => Ok(From::History(id)),
            },
        }
    });
    froms.collect()
}

pub(super) fn xreadgroup(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let parsed = ReadArgs::parse(ctx, args, true)?;
    let (group, consumer) = parsed.group.expect("XREADGROUP without one is refused");
    let froms = resolve(ctx, &parsed, group)?;
    ctx.effects.suppress();
    let mut streams = Streams::begin(ctx.reply);
    for (key, from) in parsed.keys.iter().zip(froms) {
        let mut read = GroupRead {
            key,
            group,
            consumer,
            count: parsed.count,
            noack: parsed.noack,
        };
        read.meet_consumer(ctx)?;
        match from {
            From::History(id) => {
                streams.add(ctx.reply, key);
                read.history(ctx, id)?;
            }
            From::New => read.news(ctx, &mut streams)?,
        }
    }
    if !streams.end(ctx.reply) {
        nothing_to_read(ctx, &parsed, Awaited::TypeOrAbsence("stream"), args);
    }
    Ok(())
}

/// One stream's part of the command.
struct GroupRead<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    count: usize,
    noack: bool,
}

impl GroupRead<'_> {
    fn stream<'a>(&self, ctx: &'a mut Ctx<'_>) -> CommandResult<&'a mut Stream> {
        let stream = ctx.keys.stream_mut(self.key)?;
        stream.ok_or_else(|| no_group(self.key, self.group))
    }

    fn group<'a>(&self, ctx: &'a mut Ctx<'_>) -> CommandResult<&'a mut Group> {
        let group = self.stream(ctx)?.group_mut(self.group);
        group.ok_or_else(|| no_group(self.key, self.group))
    }

    /// Makes the consumer where it is new, and says that it was here.
    fn meet_consumer(&self, ctx: &mut Ctx<'_>) -> CommandResult {
        let now_ms = ctx.now_ms();
        let made = make_consumer(ctx, self.key, (self.group, self.consumer))?;
        // What becomes pending makes it elsewhere.
        if made && self.noack {
            propagate::consumer(ctx, self.key, self.group, self.consumer);
        }
        let consumer = self.group(ctx)?.consumer_mut(self.consumer);
        consumer.expect("there or just made").seen_ms = now_ms;
        Ok(())
    }

    /// Replies with what is pending at the consumer behind an id.
    fn history(&self, ctx: &mut Ctx<'_>, behind: StreamId) -> CommandResult {
        let now_ms = ctx.now_ms();
        let out = &mut *ctx.reply;
        let stream = ctx.keys.stream_mut(self.key)?;
        let stream = stream.ok_or_else(|| no_group(self.key, self.group))?;
        let consumer = stream.groups().get(self.group);
        let consumer = consumer.and_then(|group| group.consumer(self.consumer));
        let consumer = consumer.expect("it was met");
        let start = behind.next().unwrap_or(StreamId::MAX);
        let ids = consumer.pending_range(start, StreamId::MAX);
        let ids: Vec<StreamId> = ids.take(self.count).collect();
        let mut again = Vec::new();
        out.array(ids.len());
        for id in ids {
            if let Some(entry) = stream.get(id) {
                reply::entry(out, entry);
                again.push(id);
            } else {
                out.array(2);
                reply::id(out, id);
                out.null_array();
            }
        }
        let group = stream.group_mut(self.group).expect("it was found");
        for id in again {
            group.deliver_again(id, now_ms);
        }
        Ok(())
    }

    /// Replies with what the group has delivered to nobody, if there is anything.
    fn news(&mut self, ctx: &mut Ctx<'_>, streams: &mut Streams) -> CommandResult {
        let last_id = self.group(ctx)?.last_id;
        let Some(start) = last_id.next() else {
            return Ok(());
        };
        let stream = ctx.keys.stream(self.key)?.expect("it was found");
        let mut entries = stream.range(start, StreamId::MAX).peekable();
        if entries.peek().is_none() {
            return Ok(());
        }
        streams.add(ctx.reply, self.key);
        let mark = ctx.reply.begin_array();
        let mut ids = Vec::new();
        for entry in entries.take(self.count) {
            ids.push(entry.id);
            reply::entry(ctx.reply, entry);
        }
        ctx.reply.end_array(mark, ids.len());
        self.deliver(ctx, &ids)
    }

    fn deliver(&self, ctx: &mut Ctx<'_>, ids: &[StreamId]) -> CommandResult {
        let delivery = Delivery {
            delivered_ms: ctx.now_ms(),
            deliveries: 1,
        };
        let stream = self.stream(ctx)?;
        let mut delivered = Vec::new();
        for id in ids {
            let group = advance(stream, self.group, *id);
            if !self.noack {
                delivered.push(group.deliver(*id, self.consumer, delivery));
            }
        }
        if self.noack {
            propagate::group_id(ctx, self.key, self.group)?;
        } else {
            let consumer = self.group(ctx)?.consumer_mut(self.consumer);
            consumer.expect("it was met").active_ms = delivery.delivered_ms;
        }
        for pending in &delivered {
            // The group stood at this entry when it was delivered.
            let text = pending.id.to_string();
            let entry = (pending, text.as_bytes());
            propagate::claim_of(ctx, (self.key, self.group), entry, pending.id);
        }
        ctx.effects.changed(1);
        Ok(())
    }
}

/// Moves a group on to an entry that it reads. The count of what it has read goes
/// on by one as long as nothing between was trimmed or deleted, as in Valkey 9;
/// Redis 7.0 looked only at what was deleted behind the entry.
fn advance<'a>(stream: &'a mut Stream, name: &[u8], id: StreamId) -> &'a mut Group {
    let group = stream.groups().get(name).expect("it was found");
    let (known, last_id) = (group.entries_read, group.last_id);
    let gapless = last_id >= stream.first_id && !stream.has_tombstones_from(last_id);
    let read = match known.filter(|_| gapless) {
        Some(read) => Some(read + 1),
        None if stream.entries_added == 0 => known,
        None => stream.entries_read_at(id),
    };
    let group = stream.group_mut(name).expect("it was found");
    group.last_id = id;
    group.entries_read = read;
    group
}
