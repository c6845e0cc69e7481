//! Setting and removing fields.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::HashSeed;
use crate::value::hash::LiveHash;
use crate::value::{Hash, Value};

/// Changes the hash at `key`, which is made where there is none. `edit` must
/// leave at least one field.
pub(super) fn edit<R>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    edit: impl FnOnce(&mut Hash) -> R,
) -> CommandResult<R> {
    // Whoever is called has the closure, and only one of them is.
    let mut edit = Some(edit);
    let changed = ctx
        .keys
        .edit_hash(key, |hash| edit.take().map(|edit| edit(hash)))?;
    if let Some(result) = changed.flatten() {
        return Ok(result);
    }
    let edit = edit.expect("there was no hash to change");
    let mut hash = Box::<Hash>::default();
    let result = edit(&mut hash);
    ctx.keys.put(key, Value::Hash(hash), None);
    Ok(result)
}

/// Takes out those of `fields` that have expired by `deadline_ms`, since what is
/// written in their place is new; answers how many.
pub(super) fn drop_expired<'f>(
    hash: &mut Hash,
    seed: HashSeed,
    deadline_ms: i64,
    fields: impl Iterator<Item = &'f [u8]>,
) -> usize {
    let expired = |at: Option<i64>| at.is_some_and(|at| at <= deadline_ms);
    if !expired(hash.next_expiry_ms()) {
        return 0;
    }
    let hidden = fields.filter(|field| {
        let pair = hash.pair(seed, field);
        pair.is_some_and(|pair| expired(pair.expire_at_ms)) && hash.remove(seed, field)
    });
    hidden.count()
}

/// Counts what `drop_expired` did, and tells listeners.
pub(super) fn note_expired(ctx: &mut Ctx<'_>, key: &[u8], fields: usize) {
    if fields > 0 {
        ctx.keys.count_expired_fields(fields);
        ctx.notify(NotifyClass::HASH, "hexpired", key);
    }
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
    let deadline_ms = ctx.keys.deadline();
    let (added, expired) = edit(ctx, key, |hash| {
        let fields = pairs.iter().step_by(2).copied();
        let expired = drop_expired(hash, seed, deadline_ms, fields);
        hash.reserve(seed, &limits, pairs.len() / 2);
        let added = pairs
            .chunks_exact(2)
            .filter(|pair| hash.insert(seed, &limits, pair[0], pair[1]))
            .count();
        (added, expired)
    })?;
    ctx.effects.changed(pairs.len() / 2);
    note_expired(ctx, key, expired);
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
    let old = ctx.keys.peek_hash(key)?;
    if old.is_some_and(|hash| hash.contains(field)) {
        ctx.reply.int(0);
        return Ok(());
    }
    let expires = old.is_some_and(|hash| hash.whole().expiring_fields() > 0);
    set_pairs(ctx, args, "hsetnx")?;
    if expires {
        // A replica may still have the field, which it only hides.
        ctx.propagate(&[b"HSET", key, field, args[3]]);
    }
    ctx.reply.int(1);
    Ok(())
}

pub(super) fn hdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let found = ctx.keys.peek_hash(key)?.and_then(|hash| {
        let there = |field: &&[u8]| hash.contains(field);
        args[2..].iter().position(there)
    });
    let Some(first) = found else {
        ctx.reply.int(0);
        return Ok(());
    };
    let removed = remove_live(ctx, key, &args[2 + first..])?;
    ctx.effects.changed(removed);
    ctx.notify(NotifyClass::HASH, "hdel", key);
    ctx.remove_if_empty(key);
    ctx.reply.count(removed);
    Ok(())
}

/// Takes out those of `fields` that are there and have not expired.
fn remove_live(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]]) -> CommandResult<usize> {
    let seed = *ctx.keys.space().seed();
    let deadline_ms = ctx.keys.deadline();
    let removed = ctx.keys.edit_hash(key, |hash| {
        let live =
            |hash: &Hash, field: &[u8]| LiveHash::new(hash, seed, deadline_ms).contains(field);
        let fields = fields.iter();
        fields
            .filter(|field| live(hash, field) && hash.remove(seed, field))
            .count()
    })?;
    Ok(removed.unwrap_or(0))
}
