//! RENAME, RENAMENX and MOVE: another name or database for the same value.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_db;
use crate::engine::effects::NotifyClass;

/// Renames `from`, which is there, and overwrites `to`.
fn put_under(ctx: &mut Ctx<'_>, from: &[u8], to: &[u8]) {
    let entry = ctx.keys.take(from).expect("the caller saw it");
    // The key under the new name is another one.
    ctx.keys.remove(to);
    ctx.keys.put_entry(entry.renamed(to));
    ctx.notify_created();
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::GENERIC, "rename_from", from);
    ctx.notify(NotifyClass::GENERIC, "rename_to", to);
}

pub(super) fn rename(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if !ctx.keys.is_present(args[1]) {
        return Err(CommandError::NoSuchKey);
    }
    if args[1] != args[2] {
        put_under(ctx, args[1], args[2]);
    }
    ctx.reply.ok();
    Ok(())
}

pub(super) fn renamenx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if !ctx.keys.is_present(args[1]) {
        return Err(CommandError::NoSuchKey);
    }
    let free = args[1] != args[2] && !ctx.keys.is_present(args[2]);
    if free {
        put_under(ctx, args[1], args[2]);
    }
    ctx.reply.int(i64::from(free));
    Ok(())
}

pub(super) fn move_(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let from = ctx.keys.db_index();
    let to = parse_db(args[2], ctx.keys.space().databases())?;
    if from == to {
        return Err(CommandError::text(
            "ERR source and destination objects are the same",
        ));
    }
    let moved = move_to(ctx, key, from, to);
    if moved {
        ctx.notify_created();
        ctx.effects.changed(1);
        ctx.effects
            .notify(NotifyClass::GENERIC, "move_from", from, key);
        ctx.effects.notify(NotifyClass::GENERIC, "move_to", to, key);
    }
    ctx.reply.int(i64::from(moved));
    Ok(())
}

fn move_to(ctx: &mut Ctx<'_>, key: &[u8], from: usize, to: usize) -> bool {
    ctx.keys.select(to);
    let taken = ctx.keys.is_present(key);
    ctx.keys.select(from);
    if taken {
        return false;
    }
    let Some(entry) = ctx.keys.take(key) else {
        return false;
    };
    ctx.keys.select(to);
    ctx.keys.put_entry(entry);
    ctx.keys.select(from);
    true
}
