//! CLIENT KILL.

use super::client_filter::{ClientFilter, ID_TOO_LOW};
use super::client_list::is_gone;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::{ClientFlags, ClientId};
use crate::seams::host::Job;

pub(super) fn client_kill(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if let [_, _, addr] = args {
        if kill(ctx, &ClientFilter::of_addr(addr)) == 0 {
            return Err(CommandError::text("ERR No such client"));
        }
        ctx.reply.ok();
        return Ok(());
    }
    let filter = ClientFilter::parse(ctx, &args[2..], ID_TOO_LOW)?;
    let killed = kill(ctx, &filter);
    ctx.reply.count(killed);
    Ok(())
}

fn kill(ctx: &mut Ctx<'_>, filter: &ClientFilter) -> usize {
    let now_ms = ctx.now_ms();
    let fitting = ctx
        .server
        .clients
        .iter()
        .filter(|client| filter.fits(client, now_ms) && !is_gone(client));
    let killed: Vec<ClientId> = fitting.map(|client| client.id).collect();
    let links = ClientFlags::PRIMARY | ClientFlags::REPLICA;
    let mut closes_links = false;
    for id in &killed {
        let client = ctx.server.clients.get(*id);
        closes_links |= client.is_some_and(|client| client.flags.intersects(links));
        ctx.server.close_client(*id);
    }
    if closes_links {
        // Where nobody does that, links notice by themselves, a little later.
        let _noticed_later = ctx.host.start(Job::CloseLinks);
    }
    let me = !filter.skip_me.unwrap_or(true) && filter.fits(ctx.client, now_ms);
    if me {
        // The caller still gets its reply.
        ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    }
    killed.len() + usize::from(me)
}
