//! SPOP. Chance must strike once: replicas and the log are told which members
//! went, never to choose again.

use super::member::peek;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::text::number::parse_usize;

/// Most members of one SREM in the stream, as in Redis.
const PROPAGATED_MEMBERS_MAX: usize = 1024;

pub(super) fn spop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    match args {
        [_, key] => pop_one(ctx, key),
        [_, key, count] => {
            let count = parse_usize(count).filter(|count| i64::try_from(*count).is_ok());
            let count = count.ok_or(CommandError::text(
                "ERR value is out of range, must be positive",
            ))?;
            pop_many(ctx, key, count)
        }
        _ => Err(CommandError::Syntax),
    }
}

fn pop_one(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let Some(set) = ctx.keys.set_mut(key)? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = ctx.server.rng.below(set.len());
    let member = set.remove_at(index).expect("an index below the length");
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::SET, "spop", key);
    ctx.remove_if_empty(key);
    ctx.propagate(&[b"SREM", key, &member]);
    ctx.reply.bulk(&member);
    Ok(())
}

fn pop_many(ctx: &mut Ctx<'_>, key: &[u8], count: usize) -> CommandResult {
    let len = peek(ctx, key)?.map_or(0, crate::value::Set::len);
    if len == 0 || count == 0 {
        ctx.reply.set(0);
        return Ok(());
    }
    if count >= len {
        return pop_all(ctx, key);
    }
    let set = ctx.keys.set_mut(key)?.expect("just looked at");
    let rng = &mut ctx.server.rng;
    let members: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            set.remove_at(rng.below(set.len()))
                .expect("an index below the length")
        })
        .collect();
    ctx.effects.changed(count);
    ctx.notify(NotifyClass::SET, "spop", key);
    for batch in members.chunks(PROPAGATED_MEMBERS_MAX) {
        let mut command: Vec<&[u8]> = vec![b"SREM", key];
        command.extend(batch.iter().map(Vec::as_slice));
        ctx.propagate(&command);
    }
    ctx.reply.set(count);
    for member in &members {
        ctx.reply.bulk(member);
    }
    Ok(())
}

/// The whole set goes, and with it the key.
fn pop_all(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let set = peek(ctx, key)?.expect("just looked at").clone();
    ctx.reply.set(set.len());
    for member in &set {
        ctx.reply.bulk_entry(member);
    }
    ctx.keys.remove(key);
    ctx.effects.changed(set.len());
    ctx.notify(NotifyClass::SET, "spop", key);
    ctx.notify(NotifyClass::GENERIC, "del", key);
    ctx.propagate(&[b"DEL", key]);
    Ok(())
}
