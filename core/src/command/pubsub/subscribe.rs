//! Starting and ending subscriptions.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::Client;
use crate::engine::pubsub::Kind;

/// The subscriptions a confirmation counts: shard channels are counted apart.
fn count(client: &Client, kind: Kind) -> usize {
    match kind {
        Kind::Channel | Kind::Pattern => client.channels.len() + client.patterns.len(),
        Kind::Shard => client.shard_channels.len(),
    }
}

/// Confirmations are messages: a client that wants no replies gets them as well.
fn confirm(ctx: &mut Ctx<'_>, kind: Kind, event: &str, name: Option<&[u8]>) {
    let count = count(ctx.client, kind);
    let reply = if ctx.client.skips_replies() {
        &mut ctx.client.pushes
    } else {
        &mut *ctx.reply
    };
    reply.push(3);
    reply.bulk(event.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.count(count);
}

fn start(ctx: &mut Ctx<'_>, kind: Kind, event: &str, names: &[&[u8]]) {
    for name in names {
        if ctx.client.subscribed_mut(kind).insert(name.to_vec()) {
            ctx.server.pubsub.subscribe(kind, name, ctx.client.id);
        }
        confirm(ctx, kind, event, Some(name));
    }
}

/// Ends the named subscriptions, or all of the kind.
fn end(ctx: &mut Ctx<'_>, kind: Kind, event: &str, names: &[&[u8]]) {
    let all: Vec<Vec<u8>>;
    let names: Vec<&[u8]> = if names.is_empty() {
        all = ctx.client.subscribed_mut(kind).iter().cloned().collect();
        all.iter().map(Vec::as_slice).collect()
    } else {
        names.to_vec()
    };
    for name in &names {
        if ctx.client.subscribed_mut(kind).remove(*name) {
            ctx.server.pubsub.unsubscribe(kind, name, ctx.client.id);
        }
        confirm(ctx, kind, event, Some(name));
    }
    if names.is_empty() {
        confirm(ctx, kind, event, None);
    }
}

pub(super) fn subscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    start(ctx, Kind::Channel, "subscribe", &args[1..]);
    Ok(())
}

pub(super) fn psubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    start(ctx, Kind::Pattern, "psubscribe", &args[1..]);
    Ok(())
}

pub(super) fn ssubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    // The older two may be queued, because they always could.
    if ctx.in_exec {
        return Err(CommandError::text(
            "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
        ));
    }
    start(ctx, Kind::Shard, "ssubscribe", &args[1..]);
    Ok(())
}

pub(super) fn unsubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    end(ctx, Kind::Channel, "unsubscribe", &args[1..]);
    Ok(())
}

pub(super) fn punsubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    end(ctx, Kind::Pattern, "punsubscribe", &args[1..]);
    Ok(())
}

pub(super) fn sunsubscribe(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    end(ctx, Kind::Shard, "sunsubscribe", &args[1..]);
    Ok(())
}
