//! HEXPIRE and its kin, and HPERSIST.

use super::args::{Split, changed_fields, field_moment, is_past, propagate_fields};
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::generic::expire::{Conditions, Counting};
use crate::engine::effects::NotifyClass;
use crate::keyspace::HashSeed;
use crate::value::Hash;
use crate::value::hash::LiveHash;

/// What became of a field, as the reply tells it.
const NO_FIELD: i64 = -2;
const NO_EXPIRY: i64 = -1;
const REFUSED: i64 = 0;
const CHANGED: i64 = 1;
const REMOVED: i64 = 2;

/// What is done to each field.
struct Change {
    conditions: Conditions,
    at_ms: i64,
    /// The moment has passed: fields go at once.
    removes: bool,
    seed: HashSeed,
    deadline_ms: i64,
}

impl Change {
    fn apply(&self, hash: &mut Hash, field: &[u8]) -> i64 {
        let live = LiveHash::new(hash, self.seed, self.deadline_ms);
        let Some(pair) = live.pair(field) else {
            return NO_FIELD;
        };
        if !self.conditions.allow(pair.expire_at_ms, self.at_ms) {
            return REFUSED;
        }
        if self.removes {
            hash.remove(self.seed, field);
            return REMOVED;
        }
        hash.set_expiry(self.seed, field, Some(self.at_ms));
        CHANGED
    }
}

fn set_expiries(ctx: &mut Ctx<'_>, args: &[&[u8]], counting: &Counting) -> CommandResult {
    let key = args[1];
    let split = Split::find(&args[3..])?;
    let conditions = Conditions::parse(split.options)?;
    let fields = split.fields(1)?;
    let at_ms = field_moment(counting, args[2], ctx.now_ms())?;
    let change = Change {
        conditions,
        at_ms,
        removes: is_past(ctx, at_ms),
        seed: *ctx.keys.space().seed(),
        deadline_ms: ctx.keys.deadline(),
    };
    let results = ctx.keys.edit_hash(key, |hash| {
        let results = fields.iter().map(|field| change.apply(hash, field));
        results.collect::<Vec<i64>>()
    })?;
    let results = results.unwrap_or_else(|| vec![NO_FIELD; fields.len()]);
    let changed: Vec<&[u8]> = (results.iter().zip(fields))
        .filter_map(|(result, field)| (*result > REFUSED).then_some(*field))
        .collect();
    if change.removes {
        told_removed(ctx, key, &changed);
    } else {
        told_expiring(ctx, key, &changed, at_ms);
    }
    reply_all(ctx, &results);
    Ok(())
}

fn reply_all(ctx: &mut Ctx<'_>, results: &[i64]) {
    ctx.reply.array(results.len());
    for result in results {
        ctx.reply.int(*result);
    }
}

/// Tells everybody that these fields were removed because their time is over.
pub(super) fn told_removed(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]]) {
    if fields.is_empty() {
        return;
    }
    ctx.effects.changed(fields.len());
    ctx.keys.count_expired_fields(fields.len());
    ctx.notify(NotifyClass::HASH, "hexpired", key);
    ctx.remove_if_empty(key);
    let command: [&[u8]; 2] = [b"HDEL", key];
    ctx.propagate(&[&command, fields].concat());
}

/// Tells everybody that these fields expire at `at_ms` now.
pub(super) fn told_expiring(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]], at_ms: i64) {
    if fields.is_empty() {
        return;
    }
    ctx.effects.changed(fields.len());
    ctx.notify(NotifyClass::HASH, "hexpire", key);
    let moment = at_ms.to_string();
    let head: [&[u8]; 3] = [b"HPEXPIREAT", key, moment.as_bytes()];
    propagate_fields(ctx, &head, fields, fields.len());
}

/// Tells everybody that these fields do not expire any more.
pub(super) fn told_lasting(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]]) {
    if fields.is_empty() {
        return;
    }
    ctx.effects.changed(fields.len());
    ctx.notify(NotifyClass::HASH, "hpersist", key);
    propagate_fields(ctx, &[b"HPERSIST", key], fields, fields.len());
}

pub(super) fn hexpire(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "hexpire",
        factor: 1000,
        relative: true,
    };
    set_expiries(ctx, args, &counting)
}

pub(super) fn hpexpire(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "hpexpire",
        factor: 1,
        relative: true,
    };
    set_expiries(ctx, args, &counting)
}

pub(super) fn hexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "hexpireat",
        factor: 1000,
        relative: false,
    };
    set_expiries(ctx, args, &counting)
}

pub(super) fn hpexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "hpexpireat",
        factor: 1,
        relative: false,
    };
    set_expiries(ctx, args, &counting)
}

/// Takes away the expiry of a field.
pub(super) fn persist(hash: &mut Hash, seed: HashSeed, deadline_ms: i64, field: &[u8]) -> i64 {
    match LiveHash::new(hash, seed, deadline_ms).pair(field) {
        None => NO_FIELD,
        Some(pair) if pair.expire_at_ms.is_none() => NO_EXPIRY,
        Some(_) => {
            hash.set_expiry(seed, field, None);
            CHANGED
        }
    }
}

pub(super) fn hpersist(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let fields = changed_fields(args)?;
    let seed = *ctx.keys.space().seed();
    let deadline_ms = ctx.keys.deadline();
    let results = ctx.keys.edit_hash(key, |hash| {
        let results = fields.iter();
        let results = results.map(|field| persist(hash, seed, deadline_ms, field));
        results.collect::<Vec<i64>>()
    })?;
    let results = results.unwrap_or_else(|| vec![NO_FIELD; fields.len()]);
    let changed: Vec<&[u8]> = (results.iter().zip(fields))
        .filter_map(|(result, field)| (*result == CHANGED).then_some(*field))
        .collect();
    told_lasting(ctx, key, &changed);
    reply_all(ctx, &results);
    Ok(())
}
