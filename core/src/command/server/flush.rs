//! DBSIZE, FLUSHDB, FLUSHALL and SWAPDB.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::Blocked;
use crate::engine::watch::KeyState;
use crate::seams::host::Job;
use crate::text::number::parse_i64;

pub(super) fn dbsize(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.count(ctx.keys.db().len());
    Ok(())
}

/// A flushed table is freed elsewhere either way, so that both options do the same.
fn check_option(args: &[&[u8]]) -> CommandResult {
    match args {
        [_] => Ok(()),
        [_, word] if word.eq_ignore_ascii_case(b"async") => Ok(()),
        [_, word] if word.eq_ignore_ascii_case(b"sync") => Ok(()),
        _ => Err(CommandError::Syntax),
    }
}

/// Empties a database; those who watch a key of it are told.
fn flush(ctx: &mut Ctx<'_>, db: usize) -> usize {
    let space = ctx.keys.space();
    let server = &mut *ctx.server;
    server.watches.database_replaced(
        &mut server.clients,
        Some(&mut *ctx.client),
        db,
        |key| space.find(db, key).is_some(),
        |_| KeyState::Absent,
    );
    server.key_waits.note_database(db);
    ctx.keys.space_mut().flush(db)
}

fn invalidate_all(ctx: &mut Ctx<'_>) {
    let server = &mut *ctx.server;
    server
        .tracking
        .flushed(&mut server.clients, Some(ctx.client));
}

pub(super) fn flushdb(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    check_option(args)?;
    let db = ctx.keys.db_index();
    let removed = flush(ctx, db);
    invalidate_all(ctx);
    ctx.effects.changed(removed);
    // A replica may hold keys that have expired here.
    ctx.effects.propagate_always(Some(db), args);
    ctx.reply.ok();
    Ok(())
}

/// What was flushed must not come back from a file. A save that is running is given up;
/// with save points the file that was saved before is replaced at once. True where the
/// client waits for that. In EXEC it does not, whose replies stand together, nor does a
/// primary's stream.
fn save_flushed(ctx: &mut Ctx<'_>) -> bool {
    let client = &ctx.client;
    let saves = !ctx.server.config.save.is_empty();
    let waits = saves && !ctx.in_exec && !client.is_primary() && !client.skips_replies();
    let job = match saves {
        true => Job::SaveFlushed(waits.then_some(client.id)),
        false if ctx.server.persistence.saving.is_some() => Job::CancelSave,
        false => return false,
    };
    match ctx.host.start(job) {
        Ok(()) => waits,
        Err(error) => {
            // The dataset is flushed all the same, as where the file can't be written.
            ctx.host
                .log(&format!("The flushed dataset can't be saved: {error}"));
            false
        }
    }
}

pub(super) fn flushall(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    check_option(args)?;
    let mut removed = 0;
    for db in 0..ctx.keys.space().databases() {
        removed += flush(ctx, db);
    }
    invalidate_all(ctx);
    ctx.effects.changed(removed);
    let db = ctx.keys.db_index();
    ctx.effects.propagate_always(Some(db), args);
    if save_flushed(ctx) {
        ctx.client.blocked = Some(Blocked::Host);
    } else {
        ctx.reply.ok();
    }
    Ok(())
}

fn parse_db(ctx: &Ctx<'_>, text: &[u8], which: &str) -> CommandResult<usize> {
    let invalid = || CommandError::text(format!("ERR invalid {which} DB index"));
    let index = parse_i64(text).ok_or_else(invalid)?;
    let index = i32::try_from(index).map_err(|_| invalid())?;
    let db = usize::try_from(index).ok();
    db.filter(|db| *db < ctx.keys.space().databases())
        .ok_or(CommandError::DbIndex)
}

pub(super) fn swapdb(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let first = parse_db(ctx, args[1], "first")?;
    let second = parse_db(ctx, args[2], "second")?;
    if first == second {
        ctx.effects.changed(1);
        ctx.reply.ok();
        return Ok(());
    }
    for (db, other) in [(first, second), (second, first)] {
        let keys = &ctx.keys;
        let space = keys.space();
        let server = &mut *ctx.server;
        server.watches.database_replaced(
            &mut server.clients,
            Some(&mut *ctx.client),
            db,
            |key| space.find(db, key).is_some(),
            |key| match space.find(other, key) {
                Some(entry) if keys.is_expired(entry) => KeyState::Expired,
                Some(_) => KeyState::Live,
                None => KeyState::Absent,
            },
        );
    }
    ctx.keys.space_mut().swap(first, second);
    for db in [first, second] {
        ctx.server.key_waits.note_database(db);
    }
    ctx.effects.changed(1);
    ctx.reply.ok();
    Ok(())
}
