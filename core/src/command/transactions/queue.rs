//! MULTI, EXEC and DISCARD.

use super::watch::watched_key_expired;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::Queued;
use crate::engine::dispatch;

pub(super) fn multi(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    if ctx.client.multi.is_some() {
        return Err(CommandError::text("ERR MULTI calls can not be nested"));
    }
    ctx.client.multi = Some(Queued::default());
    ctx.reply.ok();
    Ok(())
}

pub(super) fn discard(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    if ctx.client.multi.take().is_none() {
        return Err(CommandError::text("ERR DISCARD without MULTI"));
    }
    ctx.server.watches.unwatch_all(ctx.client);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn exec(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let Some(queued) = ctx.client.multi.take() else {
        return Err(CommandError::text("ERR EXEC without MULTI"));
    };
    let changed = ctx.client.dirty_watch || watched_key_expired(ctx);
    ctx.server.watches.unwatch_all(ctx.client);
    if queued.aborted {
        return Err(CommandError::text(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    if changed {
        ctx.reply.null_array();
    } else {
        run_all(ctx, &queued.commands);
    }
    Ok(())
}

fn run_all(ctx: &mut Ctx<'_>, commands: &[Vec<Vec<u8>>]) {
    ctx.in_exec = true;
    ctx.reply.array(commands.len());
    for command in commands {
        let args: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        let found = ctx.server.table.resolve(&args);
        let found = found.expect("only commands of the table are queued");
        dispatch::call(ctx, found, &args);
    }
    ctx.in_exec = false;
    // EXEC itself changed nothing: the effects are its commands' own.
    ctx.effects.start_command();
    ctx.effects.suppress();
}
