//! WATCH and UNWATCH.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};

/// True where the key's time has come, removed or not.
fn is_expired(ctx: &Ctx<'_>, db: usize, key: &[u8]) -> bool {
    let entry = ctx.keys.space().find(db, key);
    entry.is_some_and(|entry| ctx.keys.is_expired(entry))
}

/// True where a key expired after it was watched, which nothing may have
/// noticed so far: a change like any other.
pub(super) fn watched_key_expired(ctx: &Ctx<'_>) -> bool {
    let expired =
        |(db, key, already): &(usize, Vec<u8>, bool)| !already && is_expired(ctx, *db, key);
    ctx.client.watching.iter().any(expired)
}

pub(super) fn watch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if ctx.client.multi.is_some() {
        return Err(CommandError::text("ERR WATCH inside MULTI is not allowed"));
    }
    ctx.reply.ok();
    if ctx.client.dirty_watch {
        // The next EXEC fails whatever else is watched.
        return Ok(());
    }
    let db = ctx.keys.db_index();
    for key in &args[1..] {
        if ctx.server.watches.watch(db, key, ctx.client.id) {
            let already = is_expired(ctx, db, key);
            ctx.client.watching.push((db, key.to_vec(), already));
        }
    }
    Ok(())
}

pub(super) fn unwatch(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.server.watches.unwatch_all(ctx.client);
    ctx.reply.ok();
    Ok(())
}
