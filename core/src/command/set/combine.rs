//! Intersections, unions and differences, read or stored.
//!
//! All keys are looked at first, because any of them may be of another type or
//! have expired; then the sets are read side by side without a copy.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::engine::key_view::KeyView;
use crate::keyspace::{Entry, HashSeed};
use crate::packed::listpack;
use crate::resp::Reply;
use crate::text::number::{parse_i64, parse_usize};
use crate::value::{EncodingLimits, Set, Value, ValueRef};

/// Where a result's members go, one by one, until it has enough.
trait Sink {
    fn take(&mut self, member: listpack::Entry<'_>);

    fn is_full(&self) -> bool {
        false
    }
}

/// Replies with the members.
struct ToReply<'a> {
    reply: &'a mut Reply,
    len: usize,
}

impl Sink for ToReply<'_> {
    fn take(&mut self, member: listpack::Entry<'_>) {
        self.reply.bulk_entry(member);
        self.len += 1;
    }
}

/// Collects the members.
struct ToSet {
    set: Set,
    seed: HashSeed,
    limits: EncodingLimits,
}

impl Sink for ToSet {
    fn take(&mut self, member: listpack::Entry<'_>) {
        self.set.insert_entry(self.seed, &self.limits, member);
    }
}

/// Counts the members up to a limit.
struct ToCount {
    len: usize,
    limit: usize,
}

impl Sink for ToCount {
    fn take(&mut self, _member: listpack::Entry<'_>) {
        self.len += 1;
    }

    fn is_full(&self) -> bool {
        self.len >= self.limit
    }
}

/// How sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Inter,
    Union,
    Diff,
}

impl Operation {
    const fn store_event(self) -> &'static str {
        match self {
            Self::Inter => "sinterstore",
            Self::Union => "sunionstore",
            Self::Diff => "sdiffstore",
        }
    }

    /// Hands the members of the result to `sink`, each once.
    fn run(
        self,
        sets: &[Option<&Set>],
        seed: HashSeed,
        limits: EncodingLimits,
        sink: &mut impl Sink,
    ) {
        match self {
            Self::Inter => inter(sets, seed, sink),
            Self::Union => union(sets, seed, limits, sink),
            Self::Diff => diff(sets, seed, sink),
        }
    }
}

/// Looks at all keys: which of them hold a set.
fn look_at(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> CommandResult<Vec<bool>> {
    keys.iter()
        .map(|key| Ok(ctx.keys.set(key)?.is_some()))
        .collect()
}

/// The sets that were there when the keys were looked at.
fn sets_of<'a>(view: &'a KeyView<'_>, keys: &[&[u8]], present: &[bool]) -> Vec<Option<&'a Set>> {
    let find = |(key, present): (&&[u8], &bool)| {
        let entry = view.space().find(view.db_index(), key);
        match entry.filter(|_| *present).map(Entry::value) {
            Some(ValueRef::Set(set)) => Some(set),
            _ => None,
        }
    };
    keys.iter().zip(present).map(find).collect()
}

/// Tries each member of the smallest set on all others, the smaller ones first,
/// as they are the likelier to lack it.
fn inter(sets: &[Option<&Set>], seed: HashSeed, sink: &mut impl Sink) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else {
        return;
    };
    sets.sort_by_key(|set| set.len());
    let [smallest, others @ ..] = sets.as_slice() else {
        return;
    };
    for member in *smallest {
        if others.iter().all(|set| set.contains_entry(seed, member)) {
            sink.take(member);
            if sink.is_full() {
                return;
            }
        }
    }
}

fn union(sets: &[Option<&Set>], seed: HashSeed, limits: EncodingLimits, sink: &mut impl Sink) {
    let sets: Vec<&Set> = sets.iter().copied().flatten().collect();
    if let [only] = sets.as_slice() {
        only.iter().for_each(|member| sink.take(member));
        return;
    }
    let mut seen = Set::new();
    for member in sets.into_iter().flatten() {
        seen.insert_entry(seed, &limits, member);
    }
    seen.iter().for_each(|member| sink.take(member));
}

fn diff(sets: &[Option<&Set>], seed: HashSeed, sink: &mut impl Sink) {
    let [Some(first), others @ ..] = sets else {
        return;
    };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    // Trying each member on all others stops at the first that has it, which
    // counts for half; taking all others away touches every member of theirs.
    let by_trying = first.len() * (others.len() + 1) / 2;
    let by_removing = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if by_trying <= by_removing {
        // The larger ones are the likelier to have it.
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        for member in *first {
            if !others.iter().any(|set| set.contains_entry(seed, member)) {
                sink.take(member);
            }
        }
        return;
    }
    let mut left = Set::clone(first);
    for member in others.into_iter().flatten() {
        left.remove(seed, member.text(&mut itoa::Buffer::new()));
    }
    left.iter().for_each(|member| sink.take(member));
}

/// Replies with the combination of the sets at `keys`.
fn read(ctx: &mut Ctx<'_>, keys: &[&[u8]], operation: Operation) -> CommandResult {
    let present = look_at(ctx, keys)?;
    let sets = sets_of(&ctx.keys, keys, &present);
    let seed = *ctx.keys.space().seed();
    if let [only] = sets.as_slice() {
        ctx.reply.set(only.map_or(0, Set::len));
        only.iter()
            .flat_map(|set| set.iter())
            .for_each(|member| ctx.reply.bulk_entry(member));
        return Ok(());
    }
    let mark = ctx.reply.begin_set();
    let mut sink = ToReply {
        reply: ctx.reply,
        len: 0,
    };
    operation.run(&sets, seed, ctx.server.config.encodings, &mut sink);
    let len = sink.len;
    ctx.reply.end_set(mark, len);
    Ok(())
}

/// Stores the combination at the first key and replies with its size.
fn store(ctx: &mut Ctx<'_>, args: &[&[u8]], operation: Operation) -> CommandResult {
    let (destination, keys) = (args[1], &args[2..]);
    let present = look_at(ctx, keys)?;
    let sets = sets_of(&ctx.keys, keys, &present);
    let mut sink = ToSet {
        set: Set::new(),
        seed: *ctx.keys.space().seed(),
        limits: ctx.server.config.encodings,
    };
    operation.run(&sets, sink.seed, sink.limits, &mut sink);
    let len = sink.set.len();
    if len > 0 {
        ctx.keys
            .put(destination, Value::Set(Box::new(sink.set)), None);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::SET, operation.store_event(), destination);
    } else if ctx.keys.remove(destination) {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", destination);
    }
    ctx.reply.count(len);
    Ok(())
}

pub(super) fn smembers(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    read(ctx, &args[1..], Operation::Inter)
}

pub(super) fn sinter(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    read(ctx, &args[1..], Operation::Inter)
}

pub(super) fn sunion(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    read(ctx, &args[1..], Operation::Union)
}

pub(super) fn sdiff(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    read(ctx, &args[1..], Operation::Diff)
}

pub(super) fn sinterstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    store(ctx, args, Operation::Inter)
}

pub(super) fn sunionstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    store(ctx, args, Operation::Union)
}

pub(super) fn sdiffstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    store(ctx, args, Operation::Diff)
}

/// Reads LIMIT, the only option of SINTERCARD; 0 and none are no limit.
fn parse_limit(options: &[&[u8]]) -> CommandResult<usize> {
    let mut limit = 0;
    for option in options.chunks(2) {
        match option {
            [name, value] if name.eq_ignore_ascii_case(b"limit") => {
                limit = parse_usize(value)
                    .filter(|limit| i64::try_from(*limit).is_ok())
                    .ok_or(CommandError::text("ERR LIMIT can't be negative"))?;
            }
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

pub(super) fn sintercard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let count = parse_i64(args[1]).and_then(|count| usize::try_from(count).ok());
    let count = count
        .filter(|count| *count > 0)
        .ok_or(CommandError::text("ERR numkeys should be greater than 0"))?;
    if count > args.len() - 2 {
        return Err(CommandError::text(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    let (keys, options) = args[2..].split_at(count);
    let limit = parse_limit(options)?;
    let present = look_at(ctx, keys)?;
    let sets = sets_of(&ctx.keys, keys, &present);
    let mut sink = ToCount { len: 0, limit };
    inter(&sets, *ctx.keys.space().seed(), &mut sink);
    ctx.reply.count(sink.len);
    Ok(())
}
