//! TYPE and OBJECT: how a value is kept.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::help::{HelpRow, help};
use crate::keyspace::Entry;
use crate::keyspace::usage::{UsagePolicy, idle_s};
use crate::value::ValueRef;

pub(super) fn type_(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let found = ctx.keys.look(args[1]);
    let name = found.map_or("none", |entry| entry.value().type_name());
    ctx.reply.simple(name);
    Ok(())
}

/// Redis keeps strings up to this length in one block with their header.
const EMBEDDED_MAX_BYTES: usize = 44;

/// The name of a value's encoding.
pub(crate) fn encoding_of(entry: &Entry) -> &'static str {
    match entry.value() {
        ValueRef::Int(_) => "int",
        ValueRef::Str(bytes) if bytes.len() <= EMBEDDED_MAX_BYTES && !entry.is_raw() => "embstr",
        ValueRef::Str(_) => "raw",
        ValueRef::List(list) => list.encoding(),
        ValueRef::Hash(hash) => hash.encoding(),
        ValueRef::Set(set) => set.encoding(),
        ValueRef::ZSet(zset) => zset.encoding(),
        ValueRef::Stream(_) => "stream",
    }
}

pub(super) fn object_encoding(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    match ctx.keys.inspect(args[2]) {
        Some(entry) => ctx.reply.bulk(encoding_of(entry).as_bytes()),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Redis shares the objects of these integers, and says so with this count.
const SHARED_INTEGERS: std::ops::Range<i64> = 0..10_000;
const SHARED_REFCOUNT: i64 = i32::MAX as i64;

pub(super) fn object_refcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    match ctx.keys.inspect(args[2]).map(Entry::value) {
        Some(ValueRef::Int(number)) if SHARED_INTEGERS.contains(&number) => {
            ctx.reply.int(SHARED_REFCOUNT);
        }
        Some(_) => ctx.reply.int(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// The current second, and what is kept of the use of keys.
fn usage(ctx: &Ctx<'_>) -> (u32, UsagePolicy) {
    ((ctx.now_ms() / 1000) as u32, ctx.server.config.usage)
}

pub(super) fn object_idletime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (now_s, policy) = usage(ctx);
    match ctx.keys.inspect(args[2]).map(Entry::access) {
        Some(_) if policy.counts() => {
            return Err(CommandError::text(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
                 when switching between policies at runtime LRU and LFU data will take some time \
                 to adjust.",
            ));
        }
        Some(word) => ctx.reply.int(i64::from(idle_s(word, now_s))),
        None => ctx.reply.null(),
    }
    Ok(())
}

pub(super) fn object_freq(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (now_s, policy) = usage(ctx);
    match ctx.keys.inspect(args[2]).map(Entry::access) {
        Some(word) if policy.counts() => ctx.reply.int(i64::from(policy.frequency(word, now_s))),
        Some(_) => {
            return Err(CommandError::text(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. \
                 Please note that when switching between policies at runtime LRU and LFU data \
                 will take some time to adjust.",
            ));
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

const HELP: &[HelpRow] = &[
    ("ENCODING <key>", "Answers how the value is encoded."),
    (
        "FREQ <key>",
        "Answers how often the key is used, under an LFU policy.",
    ),
    (
        "IDLETIME <key>",
        "Answers for how many seconds the key was not used.",
    ),
    ("REFCOUNT <key>", "Answers how many refer to the value."),
];

pub(super) fn object_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(ctx, "OBJECT", HELP);
    Ok(())
}
