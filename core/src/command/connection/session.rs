//! PING, ECHO, SELECT, QUIT and RESET.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::ClientFlags;
use crate::engine::pubsub::Kind;
use crate::resp::Protocol;
use crate::text::number::parse_i64;

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
    let index = parse_i64(args[1]).and_then(|index| i32::try_from(index).ok());
    let index = index.ok_or(CommandError::text("ERR invalid DB index"))?;
    let db = usize::try_from(index).ok();
    let db = db.filter(|db| *db < ctx.keys.space().databases());
    ctx.client.db = db.ok_or(CommandError::DbIndex)?;
    ctx.keys.select(ctx.client.db);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn quit(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.ok();
    ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    Ok(())
}

/// Everything that commands changed about the connection is undone but its id.
pub(super) fn reset(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let client = &mut *ctx.client;
    client.multi = None;
    ctx.server.watches.unwatch_all(client);
    let subscriptions = [
        (Kind::Channel, std::mem::take(&mut client.channels)),
        (Kind::Pattern, std::mem::take(&mut client.patterns)),
        (Kind::Shard, std::mem::take(&mut client.shard_channels)),
    ];
    for (kind, names) in subscriptions {
        for name in names {
            ctx.server.pubsub.unsubscribe(kind, &name, client.id);
        }
    }
    client.name.clear();
    client.db = 0;
    client.protocol = Protocol::Resp2;
    client.authenticated = ctx.server.config.requirepass.is_empty();
    client.flags.remove(
        ClientFlags::NO_EVICT
            | ClientFlags::NO_TOUCH
            | ClientFlags::REPLY_OFF
            | ClientFlags::REPLY_SKIP
            | ClientFlags::REPLY_SKIP_NEXT,
    );
    ctx.reply.set_protocol(Protocol::Resp2);
    ctx.reply.simple("RESET");
    Ok(())
}
