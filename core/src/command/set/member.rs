//! Adding, removing and moving members.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::value::{Set, Value, ValueRef};

/// The set at `key`, looked at by a command that may yet change nothing: then
/// nobody who watches the key must hear of it.
pub(super) fn peek<'a>(ctx: &'a mut Ctx<'_>, key: &[u8]) -> CommandResult<Option<&'a Set>> {
    match ctx.keys.peek(key).map(Entry::value) {
        None => Ok(None),
        Some(ValueRef::Set(set)) => Ok(Some(set)),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// Adds members, the first of which is known to be new; answers how many were.
fn add(ctx: &mut Ctx<'_>, key: &[u8], members: &[&[u8]]) -> CommandResult<usize> {
    let seed = *ctx.keys.space().seed();
    let limits = ctx.server.config.encodings;
    let insert = |set: &mut Set| {
        let new = |member: &&&[u8]| set.insert(seed, &limits, member);
        members.iter().filter(new).count()
    };
    if let Some(set) = ctx.keys.set_mut(key)? {
        set.reserve(seed, &limits, members.len());
        return Ok(insert(set));
    }
    let mut set = Box::new(Set::for_members(members[0], members.len(), &limits));
    let added = insert(&mut set);
    ctx.keys.put(key, Value::Set(set), None);
    Ok(added)
}

pub(super) fn sadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, members) = (args[1], &args[2..]);
    let seed = *ctx.keys.space().seed();
    let first_new = match peek(ctx, key)? {
        None => Some(0),
        Some(set) => (members.iter()).position(|member| !set.contains(seed, member)),
    };
    let Some(first) = first_new else {
        ctx.reply.int(0);
        return Ok(());
    };
    let added = add(ctx, key, &members[first..])?;
    ctx.effects.changed(added);
    ctx.notify(NotifyClass::SET, "sadd", key);
    ctx.reply.count(added);
    Ok(())
}

pub(super) fn srem(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, members) = (args[1], &args[2..]);
    let seed = *ctx.keys.space().seed();
    let found = peek(ctx, key)?.and_then(|set| {
        let there = |member: &&[u8]| set.contains(seed, member);
        members.iter().position(there)
    });
    let Some(first) = found else {
        ctx.reply.int(0);
        return Ok(());
    };
    let set = ctx.keys.set_mut(key)?.expect("just looked at");
    let members = members[first..].iter();
    let removed = members.filter(|member| set.remove(seed, member)).count();
    ctx.effects.changed(removed);
    ctx.notify(NotifyClass::SET, "srem", key);
    ctx.remove_if_empty(key);
    ctx.reply.count(removed);
    Ok(())
}

pub(super) fn smove(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (source, destination, member) = (args[1], args[2], args[3]);
    let seed = *ctx.keys.space().seed();
    let Some(from) = peek(ctx, source)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let there = from.contains(seed, member);
    let to = peek(ctx, destination)?;
    let is_new = !to.is_some_and(|set| set.contains(seed, member));
    ctx.reply.int(i64::from(there));
    if !there || source == destination {
        return Ok(());
    }
    let from = ctx.keys.set_mut(source)?.expect("just looked at");
    from.remove(seed, member);
    ctx.notify(NotifyClass::SET, "srem", source);
    ctx.remove_if_empty(source);
    ctx.effects.changed(1);
    if is_new {
        add(ctx, destination, &[member])?;
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::SET, "sadd", destination);
    }
    Ok(())
}
