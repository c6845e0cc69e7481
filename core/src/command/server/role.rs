//! ROLE, LASTSAVE and TIME.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::engine::replication::{LinkState, Replica, ReplicaState};

pub(super) fn lastsave(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.int(ctx.server.persistence.last_save_s);
    Ok(())
}

/// The host's clock, where it has one; never before the moment of the command.
pub(super) fn time(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    const SECOND_US: i64 = 1_000_000;
    let now_us = ctx.now_ms() * 1000;
    let now_us = ctx.host.unix_us().map_or(now_us, |us| us.max(now_us));
    ctx.reply.array(2);
    ctx.reply.bulk_int(now_us.div_euclid(SECOND_US));
    ctx.reply.bulk_int(now_us.rem_euclid(SECOND_US));
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
