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
        _ => return Err(CommandError::Syntax),
    };
    if schedule && ctx.server.persistence.saving.is_some() {
        ctx.server.persistence.save_scheduled = true;
        ctx.reply.simple("Background saving scheduled");
        return Ok(());
    }
    check_idle(ctx)?;
    start(ctx, Job::BackgroundSave)?;
    ctx.reply.simple("Background saving started");
    Ok(())
}

pub(super) fn shutdown(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut options = ShutdownOptions::default();
    for word in &args[1..] {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" if options.save.is_none() => options.save = Some(false),
            b"save" if options.save.is_none() => options.save = Some(true),
            b"now" => options.now = true,
            b"force" => options.force = true,
            b"abort" if args.len() == 2 => return abort(ctx),
            _ => return Err(CommandError::Syntax),
        }
    }
    start(ctx, Job::Shutdown(ctx.client.id, options))?;
    ctx.client.blocked = Some(Blocked::Host);
    Ok(())
}

fn abort(ctx: &mut Ctx<'_>) -> CommandResult {
    if !ctx.server.persistence.shutting_down {
        return Err(CommandError::text("ERR No shutdown in progress."));
    }
    start(ctx, Job::AbortShutdown)?;
    ctx.reply.ok();
    Ok(())
}
