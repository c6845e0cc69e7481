//! What becomes of groups' references to entries that are deleted: XDELEX, XACKDEL, and
//! the words KEEPREF, DELREF and ACKED of XADD and XTRIM.
//!
//! They are Redis 8.2's, and answer as 8.6 does. The stream has XDEL, XTRIM and XACK in
//! their place, which every replica knows.

use super::parse::is;
use super::remove::parse_ids;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::engine::effects::NotifyClass;
use crate::value::Stream;
use crate::value::stream::StreamId;

/// Ids in one command of the stream; what is more goes into another.
const IDS_PER_COMMAND: usize = 1000;

/// What becomes of references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum References {
    /// They stay.
    #[default]
    Keep,
    /// They go with the entry.
    Delete,
    /// Only entries without any are deleted.
    Acked,
}

impl References {
    /// The policy that a word names.
    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        let policies = [
            ("keepref", Self::Keep),
            ("delref", Self::Delete),
            ("acked", Self::Acked),
        ];
        let named = policies.into_iter().find(|(name, _)| is(word, name));
        named.map(|(_, policy)| policy)
    }
}

/// What groups gave up, by group.
pub(super) type Acknowledged = Vec<(Box<[u8]>, Vec<StreamId>)>;

/// The arguments of XDELEX and XACKDEL behind the key and the group. The ids are not
/// looked at where there is nothing to look for.
struct DeleteArgs<'b, 'a> {
    references: References,
    ids: Words<'b, 'a>,
}

fn parse_args<'b, 'a>(args: Words<'b, 'a>) -> CommandResult<DeleteArgs<'b, 'a>> {
    let (mut references, mut ids) = (None, None);
    let mut rest = args;
    while let [word, behind @ ..] = rest {
        if references.is_none() && References::parse(word).is_some() {
            references = References::parse(word);
            rest = behind;
        } else if is(word, "ids") && !behind.is_empty() {
            let (own, others) = split_ids(behind)?;
            ids = Some(own);
            rest = others;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let ids = ids.ok_or(CommandError::text("ERR IDS option is required"))?;
    Ok(DeleteArgs {
        references: references.unwrap_or_default(),
        ids,
    })
}

/// Arguments.
type Words<'b, 'a> = &'b [&'a [u8]];

/// As many ids as the number in front says, and what follows them.
fn split_ids<'a, 'b>(args: Words<'b, 'a>) -> CommandResult<(Words<'b, 'a>, Words<'b, 'a>)> {
    let count = parse_integer(args[0]).ok().filter(|count| *count >= 1);
    let count = count.ok_or(CommandError::text(
        "ERR Number of IDs must be a positive integer",
    ))?;
    let split = usize::try_from(count).ok();
    let split = split.and_then(|count| args[1..].split_at_checked(count));
    split.ok_or(CommandError::text(
        "ERR The `numids` parameter must match the number of arguments",
    ))
}

/// What became of an id, as the reply says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// There is nothing to delete, or to acknowledge.
    Missing = -1,
    Deleted = 1,
    /// It is referenced still.
    Kept = 2,
}

/// What a command came to.
#[derive(Default)]
struct Changes {
    outcomes: Vec<Outcome>,
    deleted: Vec<StreamId>,
    acknowledged: Acknowledged,
}

impl Changes {
    /// Deletes an entry as the policy says. One that is not there may have references,
    /// and one that a group has yet to read counts as referenced.
    fn delete(&mut self, stream: &mut Stream, id: StreamId, references: References) -> Outcome {
        if references == References::Acked && stream.is_referenced(id) {
            return Outcome::Kept;
        }
        if references == References::Delete {
            self.acknowledged
                .append(&mut stream.acknowledge_everywhere(&[id]));
        }
        if !stream.delete(id) {
            return Outcome::Missing;
        }
        self.deleted.push(id);
        Outcome::Deleted
    }

    fn end(self, ctx: &mut Ctx<'_>, key: &[u8]) {
        let acknowledged: usize = self.acknowledged.iter().map(|(_, ids)| ids.len()).sum();
        ctx.effects.changed(self.deleted.len() + acknowledged);
        if !self.deleted.is_empty() {
            ctx.notify(NotifyClass::STREAM, "xdel", key);
        }
        propagate_acknowledged(ctx, key, self.acknowledged);
        propagate_deleted(ctx, key, &self.deleted);
        ctx.reply.array(self.outcomes.len());
        for outcome in self.outcomes {
            ctx.reply.int(outcome as i64);
        }
    }
}

/// Replies that nothing is there, for each of so many ids.
fn reply_missing(ctx: &mut Ctx<'_>, ids: usize) {
    let outcomes = vec![Outcome::Missing; ids];
    let changes = Changes {
        outcomes,
        ..Changes::default()
    };
    changes.end(ctx, b"");
}

pub(super) fn xdelex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let is_there = ctx.keys.stream_mut(args[1])?.is_some();
    let DeleteArgs { references, ids } = parse_args(&args[2..])?;
    if !is_there {
        reply_missing(ctx, ids.len());
        return Ok(());
    }
    let ids = parse_ids(ids)?;
    let stream = ctx.keys.stream_or_new(args[1])?;
    let mut changes = Changes::default();
    for id in ids {
        let outcome = changes.delete(stream, id, references);
        changes.outcomes.push(outcome);
    }
    changes.end(ctx, args[1]);
    Ok(())
}

pub(super) fn xackdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, name) = (args[1], args[2]);
    let stream = ctx.keys.stream_mut(key)?;
    let has_group = stream.is_some_and(|stream| stream.groups().contains_key(name));
    let DeleteArgs { references, ids } = parse_args(&args[3..])?;
    if !has_group {
        reply_missing(ctx, ids.len());
        return Ok(());
    }
    let ids = parse_ids(ids)?;
    let stream = ctx.keys.stream_or_new(key)?;
    let mut changes = Changes::default();
    for id in ids {
        let group = stream.group_mut(name).expect("it was found");
        if group.acknowledge(id).is_none() {
            changes.outcomes.push(Outcome::Missing);
            continue;
        }
        changes.acknowledged.push((name.into(), vec![id]));
        // What was deleted before it was acknowledged counts as done.
        let outcome = match changes.delete(stream, id, references) {
            Outcome::Kept => Outcome::Kept,
            Outcome::Missing | Outcome::Deleted => Outcome::Deleted,
        };
        changes.outcomes.push(outcome);
    }
    changes.end(ctx, key);
    Ok(())
}

/// Tells which entries were acknowledged, in one command a group.
pub(super) fn propagate_acknowledged(ctx: &mut Ctx<'_>, key: &[u8], mut groups: Acknowledged) {
    groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    for same in groups.chunk_by(|(a, _), (b, _)| a == b) {
        let ids: Vec<StreamId> = same.iter().flat_map(|(_, ids)| ids).copied().collect();
        propagate_ids(ctx, &[b"XACK", key, &same[0].0], &ids);
    }
}

/// Tells which entries were deleted.
pub(super) fn propagate_deleted(ctx: &mut Ctx<'_>, key: &[u8], ids: &[StreamId]) {
    propagate_ids(ctx, &[b"XDEL", key], ids);
}

fn propagate_ids(ctx: &mut Ctx<'_>, command: &[&[u8]], ids: &[StreamId]) {
    for ids in ids.chunks(IDS_PER_COMMAND) {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let ids = ids.iter().map(String::as_bytes);
        let words: Vec<&[u8]> = command.iter().copied().chain(ids).collect();
        ctx.propagate(&words);
    }
}
