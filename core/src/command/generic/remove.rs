//! DEL, UNLINK, EXISTS and TOUCH.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::engine::effects::NotifyClass;

/// What is large is freed elsewhere either way, so that both names do the same.
pub(super) fn del(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut removed = 0;
    for key in &args[1..] {
        if ctx.keys.remove(key) {
            ctx.notify(NotifyClass::GENERIC, "del", key);
            removed += 1;
        }
    }
    ctx.effects.changed(removed);
    ctx.reply.count(removed);
    Ok(())
}

pub(super) fn unlink(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    del(ctx, args)
}

pub(super) fn exists(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let keys = &mut ctx.keys;
    let found = args[1..].iter().filter(|key| keys.look(key).is_some());
    let found = found.count();
    ctx.reply.count(found);
    Ok(())
}

/// The one command that touches whatever CLIENT NO-TOUCH says.
pub(super) fn touch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let keys = &mut ctx.keys;
    keys.set_touching(true);
    let found = args[1..].iter().filter(|key| keys.entry(key).is_some());
    let found = found.count();
    ctx.reply.count(found);
    Ok(())
}
