//! WAIT and WAITAOF: until replicas, and for WAITAOF disks, have the writes of this
//! connection.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::config::ReplicaStage;
use crate::engine::acknowledged::{Acknowledged, LOG_IS_OFF};
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
    let replicas = parse_integer(args[1])?;
    let timeout_ms = parse_timeout(args[2])?;
    let awaited = Acknowledged {
        offset: ctx.client.write_offset,
        replicas: usize::try_from(replicas).unwrap_or(0),
        stage: ReplicaStage::Applied,
        local_fsync: false,
    };
    wait_for(ctx, awaited, timeout_ms)
}

pub(super) fn waitaof(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let local = match parse_integer(args[1])? {
        0 => false,
        1 => true,
        _ => {
            return Err(CommandError::text(
                "ERR value is out of range, value must between 0 and 1",
            ));
        }
    };
    let replicas = parse_i64(args[2]).and_then(|replicas| usize::try_from(replicas).ok());
    let replicas = replicas.ok_or(CommandError::text(
        "ERR value is out of range, must be positive",
    ))?;
    let timeout_ms = parse_timeout(args[3])?;
    if ctx.server.replication.is_replica() {
        return Err(CommandError::text(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to \
             replicas are just local and are not propagated.",
        ));
    }
    let awaited = Acknowledged {
        offset: ctx.client.write_offset,
        replicas,
        stage: ReplicaStage::Fsynced,
        local_fsync: local,
    };
    if ctx.server.waits_in_vain(awaited) {
        return Err(CommandError::text(LOG_IS_OFF));
    }
    wait_for(ctx, awaited, timeout_ms)
}

fn parse_timeout(text: &[u8]) -> CommandResult<i64> {
    let timeout_ms = parse_i64(text).ok_or(CommandError::text(
        "ERR timeout is not an integer or out of range",
    ))?;
    if timeout_ms < 0 {
        return Err(CommandError::TimeoutNegative);
    }
    Ok(timeout_ms)
}

/// Answers at once where it is the case or the client must not wait, and later else.
fn wait_for(ctx: &mut Ctx<'_>, awaited: Acknowledged, timeout_ms: i64) -> CommandResult {
    let deadline_ms = ctx.now_ms().checked_add(timeout_ms);
    let deadline_ms = deadline_ms.ok_or(CommandError::text("ERR timeout is out of range"))?;
    if ctx.server.has_reached(awaited) || ctx.in_exec {
        ctx.server.reached(awaited).reply_to(ctx.reply);
        return Ok(());
    }
    ctx.block(Blocked::Wait {
        awaited,
        deadline_ms: (timeout_ms > 0).then_some(deadline_ms),
    });
    ctx.server.waiting.push(ctx.client.id);
    ctx.server.replication.getack_wanted = true;
    Ok(())
}
