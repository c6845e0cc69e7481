//! Setting and removing fields.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::value::{Hash, Value};

/// Changes the hash at `key`, which is made where there is none. `edit` must
/// leave at least one field.
pub(super) fn edit<R>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    edit: impl FnOnce(&mut Hash) -> R,
) -> CommandResult<R> {
    if let Some(hash) = ctx.keys.hash_mut(key)? {
        return Ok(edit(hash));
    }
    let mut hash = Box::<Hash>::default();
    let result = edit(&mut hash);
    ctx.keys.put(key, Value::Hash(hash), None);
    Ok(result)
}

/// Sets the pairs of HSET or HMSET, whose name is `name`; answers how many
/// fields are new.
fn set_pairs(ctx: &mut Ctx<'_>, args: &[&[u8]], name: &str) -> CommandResult<usize> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::Arity(name.to_owned()));
    }
    let (key, pairs) = (args[1], &args[2..]);
    let seed = *ctx.keys.space().seed();
    let limits = ctx.server.config.encodings;
    let added = edit(ctx, key, |hash| {
        hash.reserve(seed, &limits, pairs.len() / 2);
        pairs
            .chunks_exact(2)
            .filter(|pair| hash.insert(seed, &limits, pair[0], pair[1]))
            .count()
    })?;
    ctx.effects.changed(pairs.len() / 2);
    ctx.notify(NotifyClass::HASH, "hset", key);
    Ok(added)
}

pub(super) fn hset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let added = set_pairs(ctx, args, "hset")?;
    ctx.reply.count(added);
    Ok(())
}

pub(super) fn hmset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    set_pairs(ctx, args, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

pub(super) fn hsetnx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, field) = (args[1], args[2]);
    let seed = *ctx.keys.space().seed();
    if peek(ctx, key)?.is_some_and(|hash| hash.contains(seed, field)) {
        ctx.reply.int(0);
        return Ok(());
    }
    set_pairs(ctx, args, "hsetnx")?;
    ctx.reply.int(1);
    Ok(())
}

/// The hash at `key`, looked at by a command that may yet change nothing: then
/// nobody who watches the key must hear of it.
pub(super) fn peek<'a>(ctx: &'a mut Ctx<'_>, key: &[u8]) -> CommandResult<Option<&'a Hash>> {
    use crate::value::ValueRef;
    match ctx.keys.peek(key).map(crate::keyspace::Entry::value) {
        None => Ok(None),
        Some(ValueRef::Hash(hash)) => Ok(Some(hash)),
        Some(_) => Err(CommandError::WrongType),
    }
}

pub(super) fn hdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let seed = *ctx.keys.space().seed();
    let found = peek(ctx, key)?.and_then(|hash| {
        let there = |field: &&[u8]| hash.contains(seed, field);
        args[2..].iter().position(there)
    });
    let Some(first) = found else {
        ctx.reply.int(0);
        return Ok(());
    };
    let hash = ctx.keys.hash_mut(key)?.expect("just looked at");
    let fields = args[2 + first..].iter();
    let removed = fields.filter(|field| hash.remove(seed, field)).count();
    ctx.effects.changed(removed);
    ctx.notify(NotifyClass::HASH, "hdel", key);
    ctx.remove_if_empty(key);
    ctx.reply.count(removed);
    Ok(())
}
