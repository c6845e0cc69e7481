//! From the collection to the reply or to another key.

use super::options::{By, Options};
use super::order::{self, Sorted};
use super::pattern::Pattern;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::packed::listpack::Entry;
use crate::value::list::Side;
use crate::value::{List, Value, ValueRef};

/// How many elements one command tells replicas of.
const TOLD_AT_ONCE: usize = 512;

pub(super) fn sort(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = Options::parse(&args[2..], true)?;
    let sorted = sorted(ctx, args[1], options.clone())?;
    match options.store {
        Some(key) => store(ctx, key, &sorted, &options.get),
        None => reply(ctx, &sorted.elements, &options.get),
    }
    Ok(())
}

pub(super) fn sort_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = Options::parse(&args[2..], false)?;
    let sorted = sorted(ctx, args[1], options.clone())?;
    reply(ctx, &sorted.elements, &options.get);
    Ok(())
}

/// The elements that were asked for, in their order.
fn sorted(ctx: &mut Ctx<'_>, key: &[u8], mut options: Options<'_>) -> CommandResult<Sorted> {
    let as_it_is = |elements| Sorted {
        elements,
        everywhere: true,
    };
    let value = match ctx.keys.read(key) {
        None => return Ok(as_it_is(Vec::new())),
        Some(ValueRef::Str(_) | ValueRef::Int(_) | ValueRef::Hash(_) | ValueRef::Stream(_)) => {
            return Err(CommandError::WrongType);
        }
        Some(value) => value,
    };
    // What is stored must not hang on the order of a set in memory.
    if matches!(value, ValueRef::Set(_)) && options.by == By::Nothing && options.store.is_some() {
        options.alpha = true;
        options.by = By::Element;
    }
    if options.by == By::Nothing {
        return Ok(as_it_is(unsorted(value, &options)));
    }
    let elements = all(value);
    let range = options.range(elements.len());
    let mut sorted = order::sort(&mut ctx.keys, elements, &options)?;
    sorted.elements.truncate(range.end);
    sorted.elements.drain(..range.start);
    Ok(sorted)
}

/// Part of a collection in its own order; lists and sorted sets have two ends.
fn unsorted(value: ValueRef<'_>, options: &Options<'_>) -> Vec<Vec<u8>> {
    match value {
        ValueRef::List(list) => {
            let range = options.range(list.len());
            let side = if options.descending {
                Side::Right
            } else {
                Side::Left
            };
            let walk = list.walk(side, range.start).take(range.len());
            walk.map(Entry::to_vec).collect()
        }
        ValueRef::ZSet(zset) => {
            let range = options.range(zset.len());
            let (skip, count) = (range.start, range.len());
            if options.descending {
                let last = zset.len() - skip;
                let members = zset.range(last - count..last).rev();
                members.map(|(member, _)| member.to_vec()).collect()
            } else {
                let members = zset.range(range);
                members.map(|(member, _)| member.to_vec()).collect()
            }
        }
        other => {
            let mut elements = all(other);
            let range = options.range(elements.len());
            elements.truncate(range.end);
            elements.drain(..range.start);
            elements
        }
    }
}

fn all(value: ValueRef<'_>) -> Vec<Vec<u8>> {
    match value {
        ValueRef::List(list) => list.iter().map(Entry::to_vec).collect(),
        ValueRef::Set(set) => set.iter().map(Entry::to_vec).collect(),
        ValueRef::ZSet(zset) => zset.iter().map(|(member, _)| member.to_vec()).collect(),
        _ => unreachable!("other types were refused"),
    }
}

fn reply(ctx: &mut Ctx<'_>, elements: &[Vec<u8>], get: &[Pattern<'_>]) {
    ctx.reply.array(elements.len() * get.len().max(1));
    let reply = &mut *ctx.reply;
    for element in elements {
        if get.is_empty() {
            reply.bulk(element);
        }
        for pattern in get {
            pattern.look_up(&mut ctx.keys, element, |found| match found {
                Some(bytes) => reply.bulk(bytes),
                None => reply.null(),
            });
        }
    }
}

/// Puts a list of the results at a key, in which what GET does not find is empty.
fn store(ctx: &mut Ctx<'_>, key: &[u8], sorted: &Sorted, get: &[Pattern<'_>]) {
    let limits = ctx.server.config.encodings;
    let mut list = List::new();
    for element in &sorted.elements {
        if get.is_empty() {
            list.push(Side::Right, &[element], &limits);
        }
        for pattern in get {
            pattern.look_up(&mut ctx.keys, element, |found| {
                list.push(Side::Right, &[found.unwrap_or_default()], &limits);
            });
        }
    }
    let len = list.len();
    if !sorted.everywhere && (len > 0 || ctx.keys.is_present(key)) {
        propagate_result(ctx, key, &list);
    }
    if len > 0 {
        ctx.keys.put(key, Value::List(Box::new(list)), None);
        ctx.effects.changed(len);
        ctx.notify(NotifyClass::LIST, "sortstore", key);
    } else if ctx.keys.remove(key) {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", key);
    }
    ctx.reply.count(len);
}

/// Tells replicas what was stored, in the place of a command that they may refuse.
fn propagate_result(ctx: &mut Ctx<'_>, key: &[u8], list: &List) {
    ctx.propagate(&[b"DEL", key]);
    let elements: Vec<Vec<u8>> = list.iter().map(Entry::to_vec).collect();
    for some in elements.chunks(TOLD_AT_ONCE) {
        let mut args: Vec<&[u8]> = vec![b"RPUSH", key];
        args.extend(some.iter().map(Vec::as_slice));
        ctx.propagate(&args);
    }
}
