//! HSETEX: setting fields together with their expiry.

use super::args::{Expiry, Split, is_past, propagate_fields};
use super::expire::told_removed;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::hash::write::{drop_expired, edit, note_expired};
use crate::engine::effects::NotifyClass;

/// The options of HSETEX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    expiry: Option<Expiry<'a>>,
    keeps: bool,
    /// Only where the key is there, or is not.
    key: Option<bool>,
    /// Only where all the fields are there, or none is.
    fields: Option<bool>,
}

impl<'a> Options<'a> {
    fn parse(words: &'a [&'a [u8]]) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match Expiry::parse(word, &mut words)? {
                Some(expiry) => options.expire(expiry)?,
                None => options.other(word)?,
            }
        }
        if options.keeps && options.expiry.is_some() {
            return Err(CommandError::Syntax);
        }
        Ok(options)
    }

    fn expire(&mut self, expiry: Expiry<'a>) -> CommandResult {
        if self.expiry.is_some_and(|before| !expiry.repeats(&before)) {
            return Err(CommandError::Syntax);
        }
        self.expiry = Some(expiry);
        Ok(())
    }

    fn other(&mut self, word: &[u8]) -> CommandResult {
        let (condition, present) = match word.to_ascii_lowercase().as_slice() {
            b"keepttl" => {
                self.keeps = true;
                return Ok(());
            }
            b"nx" => (&mut self.key, false),
            b"xx" => (&mut self.key, true),
            b"fnx" => (&mut self.fields, false),
            b"fxx" => (&mut self.fields, true),
            _ => return Err(CommandError::Syntax),
        };
        if condition.is_some_and(|before| before != present) {
            return Err(CommandError::Syntax);
        }
        *condition = Some(present);
        Ok(())
    }
}

pub(super) fn hsetex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let split = Split::find(&args[2..])?;
    let options = Options::parse(split.options)?;
    let pairs = split.fields(2)?;
    let hash = ctx.keys.peek_hash(key)?;
    let mut fields = pairs.iter().step_by(2);
    // An expiry that makes no sense is told only where the key is as wanted.
    if options.key.is_some_and(|want| want != hash.is_some()) {
        ctx.reply.int(0);
        return Ok(());
    }
    let has = |field: &&[u8]| hash.is_some_and(|hash| hash.contains(field));
    let allowed = options
        .fields
        .is_none_or(|want| fields.all(|f| has(f) == want));
    let at_ms = match options.expiry {
        Some(expiry) => Some(expiry.moment("hsetex", ctx.now_ms())?),
        None => None,
    };
    match at_ms {
        _ if !allowed => {}
        Some(at_ms) if is_past(ctx, at_ms) => set_in_vain(ctx, key, pairs)?,
        _ => set(ctx, key, pairs, at_ms, options.keeps)?,
    }
    ctx.reply.int(i64::from(allowed));
    Ok(())
}

/// Sets fields whose time is over already: what was in their place goes.
fn set_in_vain(ctx: &mut Ctx<'_>, key: &[u8], pairs: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let removed = ctx.keys.edit_hash(key, |hash| {
        let fields = pairs.iter().step_by(2).copied();
        fields
            .filter(|field| hash.remove(seed, field))
            .collect::<Vec<&[u8]>>()
    })?;
    let was_there = removed.is_some();
    if !was_there {
        ctx.notify(NotifyClass::NEW, "new", key);
    }
    ctx.notify(NotifyClass::HASH, "hset", key);
    ctx.notify(NotifyClass::HASH, "hexpire", key);
    let removed = removed.unwrap_or_default();
    if removed.is_empty() {
        // Nothing has changed, and listeners are told all the same, as by Valkey.
        ctx.notify(NotifyClass::HASH, "hexpired", key);
        if !was_there {
            ctx.notify(NotifyClass::GENERIC, "del", key);
        }
    } else {
        told_removed(ctx, key, &removed);
    }
    Ok(())
}

fn set(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    pairs: &[&[u8]],
    at_ms: Option<i64>,
    keeps: bool,
) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let limits = ctx.server.config.encodings;
    let deadline_ms = ctx.keys.deadline();
    let (expired, kept) = edit(ctx, key, |hash| {
        let fields = pairs.iter().step_by(2).copied();
        let expired = drop_expired(hash, seed, deadline_ms, fields);
        hash.reserve(seed, &limits, pairs.len() / 2);
        let mut kept = 0;
        for pair in pairs.chunks_exact(2) {
            let old = hash.pair(seed, pair[0]).filter(|_| keeps);
            let old = old.and_then(|old| old.expire_at_ms);
            kept += usize::from(old.is_some());
            match at_ms.or(old) {
                Some(at_ms) => hash.insert_expiring(seed, pair[0], pair[1], at_ms),
                None => hash.insert(seed, &limits, pair[0], pair[1]),
            };
        }
        (expired, kept)
    })?;
    ctx.effects.changed(pairs.len() / 2);
    note_expired(ctx, key, expired);
    ctx.notify(NotifyClass::HASH, "hset", key);
    if at_ms.is_some() {
        ctx.notify(NotifyClass::HASH, "hexpire", key);
    }
    propagate(ctx, key, pairs, at_ms, (expired, kept));
    Ok(())
}

/// Passes on what `set` did; `expired` fields made room for it, and `kept` ones
/// have the expiry that they had.
fn propagate(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    pairs: &[&[u8]],
    at_ms: Option<i64>,
    (expired, kept): (usize, usize),
) {
    let fields = pairs.len() / 2;
    if let Some(at_ms) = at_ms {
        let moment = at_ms.to_string();
        let head: [&[u8]; 4] = [b"HSETEX", key, b"PXAT", moment.as_bytes()];
        return propagate_fields(ctx, &head, pairs, fields);
    }
    if kept == 0 {
        let head: [&[u8]; 2] = [b"HSET", key];
        return ctx.propagate(&[&head, pairs].concat());
    }
    if expired > 0 {
        // A replica has them still, and would keep the expiry that has passed.
        let names: Vec<&[u8]> = pairs.iter().step_by(2).copied().collect();
        let fresh = ctx.keys.peek_hash(key).ok().flatten();
        let lasting = |name: &&[u8]| {
            let pair = fresh.and_then(|hash| hash.pair(name));
            pair.is_some_and(|pair| pair.expire_at_ms.is_none())
        };
        let dropped: Vec<&[u8]> = names.into_iter().filter(lasting).collect();
        let head: [&[u8]; 2] = [b"HDEL", key];
        ctx.propagate(&[head.as_slice(), &dropped].concat());
    }
    propagate_fields(ctx, &[b"HSETEX", key, b"KEEPTTL"], pairs, fields);
}
