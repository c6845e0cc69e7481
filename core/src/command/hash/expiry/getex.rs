//! HGETEX and HGETDEL: reading fields and changing them at once.

use std::collections::BTreeSet;

use super::args::{Expiry, Split, changed_fields, is_past};
use super::expire::{persist, told_expiring, told_lasting, told_removed};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;

/// What HGETEX does to the fields it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action<'a> {
    Nothing,
    Persist,
    Expire(Expiry<'a>),
}

impl<'a> Action<'a> {
    fn parse(options: &'a [&'a [u8]]) -> CommandResult<Self> {
        let mut action = Self::Nothing;
        let mut options = options.iter().copied();
        while let Some(word) = options.next() {
            let next = match Expiry::parse(word, &mut options)? {
                Some(expiry) => Self::Expire(expiry),
                None if word.eq_ignore_ascii_case(b"persist") => Self::Persist,
                None => return Err(CommandError::Syntax),
            };
            let fits = match (&action, &next) {
                (Self::Nothing, _) | (Self::Persist, Self::Persist) => true,
                (Self::Expire(before), Self::Expire(expiry)) => expiry.repeats(before),
                _ => false,
            };
            if !fits {
                return Err(CommandError::Syntax);
            }
            action = next;
        }
        Ok(action)
    }
}

pub(super) fn hgetex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let split = Split::find(&args[2..])?;
    let action = Action::parse(split.options)?;
    let fields = split.fields(1)?;
    ctx.keys.peek_hash(key)?;
    let at_ms = match action {
        Action::Expire(expiry) => Some(expiry.moment("hgetex", ctx.now_ms())?),
        Action::Nothing | Action::Persist => None,
    };
    let removes = at_ms.is_some_and(|at_ms| is_past(ctx, at_ms));
    let live = reply_values(ctx, key, fields, removes)?;
    match (action, at_ms) {
        (Action::Nothing, _) => Ok(()),
        (Action::Expire(_), Some(_)) if removes => {
            remove(ctx, key, &live)?;
            told_removed(ctx, key, &live);
            Ok(())
        }
        (Action::Expire(_), Some(at_ms)) => {
            let seed = *ctx.keys.space().seed();
            ctx.keys.edit_hash(key, |hash| {
                for field in &live {
                    hash.set_expiry(seed, field, Some(at_ms));
                }
            })?;
            told_expiring(ctx, key, &live, at_ms);
            Ok(())
        }
        (Action::Persist | Action::Expire(_), _) => make_last(ctx, key, &live),
    }
}

fn make_last(ctx: &mut Ctx<'_>, key: &[u8], live: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let deadline_ms = ctx.keys.deadline();
    let lasting = ctx.keys.edit_hash(key, |hash| {
        let expire = |field: &&&[u8]| persist(hash, seed, deadline_ms, field) == 1;
        live.iter().filter(expire).copied().collect::<Vec<&[u8]>>()
    })?;
    told_lasting(ctx, key, &lasting.unwrap_or_default());
    Ok(())
}

/// Replies with the values of these fields, and answers those that are there.
/// Where each is about to be removed, it is there only once.
fn reply_values<'a>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    fields: &[&'a [u8]],
    removes: bool,
) -> CommandResult<Vec<&'a [u8]>> {
    let hash = ctx.keys.hash(key)?;
    let mut live = Vec::new();
    let mut gone = BTreeSet::new();
    ctx.reply.array(fields.len());
    for field in fields {
        let value = hash.and_then(|hash| hash.get(field));
        match value {
            Some(value) if !removes || gone.insert(*field) => {
                ctx.reply.bulk_entry(value);
                live.push(*field);
            }
            _ => ctx.reply.null(),
        }
    }
    Ok(live)
}

fn remove(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]]) -> CommandResult {
    if fields.is_empty() {
        return Ok(());
    }
    let seed = *ctx.keys.space().seed();
    ctx.keys.edit_hash(key, |hash| {
        for field in fields {
            hash.remove(seed, field);
        }
    })?;
    Ok(())
}

pub(super) fn hgetdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let fields = changed_fields(args)?;
    let live = reply_values(ctx, key, fields, true)?;
    if live.is_empty() {
        return Ok(());
    }
    remove(ctx, key, &live)?;
    ctx.effects.changed(live.len());
    ctx.notify(NotifyClass::HASH, "hdel", key);
    ctx.remove_if_empty(key);
    let command: [&[u8]; 2] = [b"HDEL", key];
    ctx.propagate(&[command.as_slice(), &live].concat());
    Ok(())
}
