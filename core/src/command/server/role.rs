//! ROLE, LASTSAVE and TIME.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::engine::replication::{LinkState, Replica, ReplicaState};

pub(super) fn lastsave(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.int(ctx.server.persistence.last_save_s);
    Ok(())
}

/// The engine's time is in milliseconds, and so are these microseconds.
pub(super) fn time(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let now_ms = ctx.now_ms();
    ctx.reply.array(2);
    ctx.reply.bulk_int(now_ms.div_euclid(1000));
    ctx.reply.bulk_int(now_ms.rem_euclid(1000) * 1000);
    Ok(())
}

pub(super) fn role(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let offset = ctx.server.log.offset().0.cast_signed();
    let reply = &mut *ctx.reply;
    if let Some(upstream) = &ctx.server.replication.upstream {
        let connected = upstream.state == LinkState::Connected;
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(upstream.address.host.as_bytes());
        reply.int(i64::from(upstream.address.port));
        reply.bulk(upstream.state.name().as_bytes());
        reply.int(if connected { offset } else { -1 });
        return Ok(());
    }
    let online = |replica: &&Replica| replica.state == ReplicaState::Online;
    let replicas: Vec<&Replica> = ctx
        .server
        .replication
        .replicas
        .iter()
        .filter(online)
        .collect();
    reply.array(3);
    reply.bulk(b"master");
    reply.int(offset);
    reply.array(replicas.len());
    for replica in replicas {
        reply.array(3);
        reply.bulk(replica.ip.as_bytes());
        reply.bulk_int(i64::from(replica.port));
        reply.bulk_int(replica.ack_offset.0.cast_signed());
    }
    Ok(())
}
