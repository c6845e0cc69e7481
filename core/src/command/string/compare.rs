//! DELIFEQ: removing a string that is what one thinks it is.

use super::set::holds;
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::engine::effects::NotifyClass;

pub(super) fn delifeq(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let equal = holds(ctx, key, args[2])?;
    if equal {
        ctx.keys.remove(key);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", key);
        ctx.propagate(&[b"DEL", key]);
    }
    ctx.reply.int(i64::from(equal));
    Ok(())
}
