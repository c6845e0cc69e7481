//! WAIT: until replicas have acknowledged the writes of this connection.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::Blocked;
use crate::text::number::parse_i64;

pub(super) fn wait(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if ctx.server.replication.is_replica() {
        return Err(CommandError::text(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis \
             4.0 if a replica is configured to be writable (which is not the default) writes to \
             replicas are just local and are not propagated.",
        ));
    }
    let replicas = parse_i64(args[1]).ok_or(CommandError::NotInteger)?;
    let timeout_ms = parse_i64(args[2]).ok_or(CommandError::text(
        "ERR timeout is not an integer or out of range",
    ))?;
    if timeout_ms < 0 {
        return Err(CommandError::TimeoutNegative);
    }
    let deadline_ms = ctx.now_ms().checked_add(timeout_ms);
    let deadline_ms = deadline_ms.ok_or(CommandError::text("ERR timeout is out of range"))?;
    let offset = ctx.client.write_offset;
    let reached = ctx.server.replication.acknowledged(offset);
    let wanted = usize::try_from(replicas).unwrap_or(0);
    if reached >= wanted || ctx.in_exec {
        ctx.reply.count(reached);
        return Ok(());
    }
    ctx.block(Blocked::Wait {
        offset,
        replicas: wanted,
        deadline_ms: (timeout_ms > 0).then_some(deadline_ms),
    });
    ctx.server.waiting.push(ctx.client.id);
    ctx.server.replication.getack_wanted = true;
    Ok(())
}
