//! SAVE, BGSAVE and SHUTDOWN: jobs for the host.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::Blocked;
use crate::seams::host::{Job, ShutdownOptions};

fn start(ctx: &mut Ctx<'_>, job: Job) -> CommandResult {
    ctx.host.start(job).map_err(CommandError::text)
}

fn check_idle(ctx: &Ctx<'_>) -> CommandResult {
    if ctx.server.persistence.saving.is_some() {
        return Err(CommandError::text(
            "ERR Background save already in progress",
        ));
    }
    Ok(())
}

pub(super) fn save(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    check_idle(ctx)?;
    start(ctx, Job::Save(ctx.client.id))?;
    ctx.client.blocked = Some(Blocked::Host);
    Ok(())
}

pub(super) fn bgsave(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let schedule = match args {
        [_] => false,
        [_, word] if word.eq_ignore_ascii_case(b"schedule") => true,
        [_, word] if word.eq_ignore_ascii_case(b"cancel") => return cancel(ctx),
        _ => return Err(CommandError::Syntax),
    };
    let rewriting = ctx.server.append_only.rewriting_since_ms.is_some();
    if schedule && (rewriting || ctx.server.persistence.saving.is_some()) {
        ctx.server.persistence.save_scheduled = true;
        ctx.reply.simple("Background saving scheduled");
        return Ok(());
    }
    check_idle(ctx)?;
    if rewriting {
        return Err(CommandError::text(
            "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
             SCHEDULE in order to schedule a BGSAVE whenever possible.",
        ));
    }
    start(ctx, Job::BackgroundSave)?;
    // Whoever asks after the reply finds it so.
    let (now_ms, keys) = (ctx.now_ms(), ctx.keys.space().len() as u64);
    ctx.server.persistence.save_began(now_ms, keys);
    ctx.reply.simple("Background saving started");
    Ok(())
}

/// Gives up the save that is running, or else the one that is to follow.
fn cancel(ctx: &mut Ctx<'_>) -> CommandResult {
    if ctx.server.persistence.saving.is_some() {
        start(ctx, Job::CancelSave)?;
        ctx.reply.simple("Background saving cancelled");
        return Ok(());
    }
    if !std::mem::take(&mut ctx.server.persistence.save_scheduled) {
        return Err(CommandError::text(
            "ERR Background saving is currently not in progress or scheduled",
        ));
    }
    ctx.reply.simple("Scheduled background saving cancelled");
    Ok(())
}

pub(super) fn bgrewriteaof(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let log = &mut ctx.server.append_only;
    if log.rewriting_since_ms.is_some() {
        return Err(CommandError::text(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    if ctx.server.persistence.saving.is_some() || ctx.in_exec {
        log.rewrite_scheduled = true;
        log.rewrite_failures = 0;
        ctx.reply
            .simple("Background append only file rewriting scheduled");
        return Ok(());
    }
    start(ctx, Job::RewriteLog)?;
    ctx.server.append_only.rewrite_began(ctx.now_ms());
    ctx.reply
        .simple("Background append only file rewriting started");
    Ok(())
}

pub(super) fn shutdown(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(options) = parse_shutdown(&args[1..])? else {
        return abort(ctx);
    };
    let (id, now_ms) = (ctx.client.id, ctx.now_ms());
    if let Some(ticket) = ctx.server.begin_shutdown(Some(id), options, now_ms) {
        start(ctx, Job::Shutdown(ticket, options)).inspect_err(|_| {
            ctx.server.call_off_shutdown();
        })?;
    }
    ctx.client.blocked = Some(Blocked::Host);
    Ok(())
}

/// The options; none is ABORT, which goes with no other.
fn parse_shutdown(words: &[&[u8]]) -> CommandResult<Option<ShutdownOptions>> {
    let mut options = ShutdownOptions::default();
    let (mut save, mut nosave, mut abort) = (false, false, false);
    for word in words {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => nosave = true,
            b"save" => save = true,
            b"now" => options.now = true,
            b"force" => options.force = true,
            b"abort" => abort = true,
            _ => return Err(CommandError::Syntax),
        }
    }
    if (save && nosave) || (abort && (save || nosave || options.now || options.force)) {
        return Err(CommandError::Syntax);
    }
    options.save = (save || nosave).then_some(save);
    Ok((!abort).then_some(options))
}

fn abort(ctx: &mut Ctx<'_>) -> CommandResult {
    if !ctx.server.call_off_shutdown() {
        return Err(CommandError::text("ERR No shutdown in progress."));
    }
    ctx.host.log("Shutdown manually aborted.");
    ctx.reply.ok();
    Ok(())
}
