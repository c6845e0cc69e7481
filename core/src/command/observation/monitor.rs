//! MONITOR: a client that is shown every command.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::ClientFlags;

pub(super) fn monitor(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    if ctx.in_exec {
        return Err(CommandError::text(
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    let busy = ClientFlags::MONITOR | ClientFlags::REPLICA;
    // Asked for twice, it is answered once.
    if !ctx.client.flags.intersects(busy) {
        ctx.client.flags.insert(ClientFlags::MONITOR);
        ctx.server.monitors.push(ctx.client.id);
        ctx.reply.ok();
    }
    Ok(())
}
