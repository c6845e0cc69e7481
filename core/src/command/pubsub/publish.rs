//! PUBLISH and SPUBLISH.
//!
//! A message that the publisher itself listens to follows the command's reply,
//! because inside EXEC's array there is no place for it.

use crate::command::Ctx;
use crate::command::error::CommandResult;

pub(super) fn publish(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let server = &mut *ctx.server;
    let own = (ctx.client.id, &mut ctx.client.pushes);
    let receivers = server
        .pubsub
        .publish(&mut server.clients, own, args[1], args[2]);
    finish(ctx, args, receivers);
    Ok(())
}

pub(super) fn spublish(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let server = &mut *ctx.server;
    let own = (ctx.client.id, &mut ctx.client.pushes);
    let receivers = server
        .pubsub
        .publish_shard(&mut server.clients, own, args[1], args[2]);
    finish(ctx, args, receivers);
    Ok(())
}

/// Replicas have listeners of their own, so the message always travels: as in Redis
/// in the publisher's database, though it concerns none.
fn finish(ctx: &mut Ctx<'_>, args: &[&[u8]], receivers: usize) {
    let db = ctx.keys.db_index();
    ctx.effects.propagate_always(Some(db), args);
    ctx.reply.count(receivers);
}
