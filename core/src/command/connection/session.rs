//! PING, ECHO, SELECT, QUIT and RESET.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_db;
use crate::engine::client::ClientFlags;
use crate::resp::Protocol;

pub(super) fn ping(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if args.len() > 2 {
        return Err(CommandError::Arity("ping".to_owned()));
    }
    let message = args.get(1).copied();
    if ctx.client.in_pubsub_mode() {
        ctx.reply.array(2);
        ctx.reply.bulk(b"pong");
        ctx.reply.bulk(message.unwrap_or_default());
    } else if let Some(message) = message {
        ctx.reply.bulk(message);
    } else {
        ctx.reply.simple("PONG");
    }
    Ok(())
}

pub(super) fn echo(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    ctx.reply.bulk(args[1]);
    Ok(())
}

pub(super) fn select(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    ctx.client.db = parse_db(args[1], ctx.keys.space().databases())?;
    ctx.keys.select(ctx.client.db);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn quit(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.ok();
    ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    Ok(())
}

/// A client that follows redirections may still want to read from this replica.
pub(super) fn readonly(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.client.flags.insert(ClientFlags::READS_HERE);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn readwrite(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.client.flags.remove(ClientFlags::READS_HERE);
    ctx.reply.ok();
    Ok(())
}

/// Everything that commands changed about the connection is undone but its id, and
/// what it can do.
pub(super) fn reset(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let client = &mut *ctx.client;
    let links = ClientFlags::PRIMARY | ClientFlags::REPLICA;
    if client.flags.intersects(links) {
        return Err(CommandError::text(
            "ERR can only reset normal client connections",
        ));
    }
    client.multi = None;
    ctx.server.watches.unwatch_all(client);
    ctx.server.pubsub.forget(client);
    ctx.server.tracking.disable(client);
    ctx.server.stop_monitoring(client.id);
    client.name.clear();
    client.durability = None;
    client.db = 0;
    client.set_protocol(Protocol::Resp2);
    client.authenticated = ctx.server.config.requirepass.is_empty();
    client.flags.remove(
        ClientFlags::MONITOR
            | ClientFlags::NO_EVICT
            | ClientFlags::NO_TOUCH
            | ClientFlags::READS_HERE
            | ClientFlags::IMPORT_SOURCE
            | ClientFlags::REPLY_OFF
            | ClientFlags::REPLY_SKIP
            | ClientFlags::REPLY_SKIP_NEXT,
    );
    ctx.reply.set_protocol(Protocol::Resp2);
    ctx.reply.simple("RESET");
    Ok(())
}
