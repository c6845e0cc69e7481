//! CLIENT KILL.

use super::client_list::{ClientType, is_gone};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::{Client, ClientFlags, ClientId};
use crate::text::number::parse_i64;

/// Which clients to close; every part that is given has to fit.
struct Filter {
    id: Option<i64>,
    addr: Option<Vec<u8>>,
    laddr: Option<Vec<u8>>,
    kind: Option<ClientType>,
    skip_me: bool,
}

impl Filter {
    const fn all(skip_me: bool) -> Self {
        Self {
            id: None,
            addr: None,
            laddr: None,
            kind: None,
            skip_me,
        }
    }

    fn parse(words: &[&[u8]]) -> CommandResult<Self> {
        let mut filter = Self::all(true);
        let pairs = words.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(CommandError::Syntax);
        }
        for pair in pairs {
            filter.take(pair[0], pair[1])?;
        }
        Ok(filter)
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> CommandResult {
        match name.to_ascii_lowercase().as_slice() {
            b"id" => {
                let id = parse_i64(value).filter(|id| *id > 0);
                self.id =
                    Some(id.ok_or(CommandError::text("ERR client-id should be greater than 0"))?);
            }
            b"addr" => self.addr = Some(value.to_vec()),
            b"laddr" => self.laddr = Some(value.to_vec()),
            b"type" => self.kind = Some(ClientType::parse(value)?),
            b"user" if value == b"default" => {}
            b"user" => {
                let user = String::from_utf8_lossy(value);
                return Err(CommandError::text(format!("ERR No such user '{user}'")));
            }
            b"skipme" => {
                self.skip_me = match value.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => return Err(CommandError::Syntax),
                }
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(())
    }

    fn fits(&self, client: &Client) -> bool {
        let is = |wanted: &Option<Vec<u8>>, has: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted == has.as_bytes())
        };
        self.id.is_none_or(|id| client.id.id.cast_signed() == id)
            && is(&self.addr, &client.peer.addr)
            && is(&self.laddr, &client.peer.laddr)
            && self.kind.is_none_or(|kind| ClientType::of(client) == kind)
            && !is_gone(client)
    }
}

pub(super) fn client_kill(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if let [_, _, addr] = args {
        let mut filter = Filter::all(false);
        filter.addr = Some(addr.to_vec());
        if kill(ctx, &filter) == 0 {
            return Err(CommandError::text("ERR No such client"));
        }
        ctx.reply.ok();
        return Ok(());
    }
    let filter = Filter::parse(&args[2..])?;
    let killed = kill(ctx, &filter);
    ctx.reply.count(killed);
    Ok(())
}

fn kill(ctx: &mut Ctx<'_>, filter: &Filter) -> usize {
    let fitting = ctx
        .server
        .clients
        .iter()
        .filter(|client| filter.fits(client));
    let killed: Vec<ClientId> = fitting.map(|client| client.id).collect();
    for id in &killed {
        close(ctx, *id);
    }
    let me = !filter.skip_me && filter.fits(ctx.client);
    if me {
        // The caller still gets its reply.
        ctx.client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
    }
    killed.len() + usize::from(me)
}

/// Closes another client. What it listens to ends here and now, not when its
/// connection notices.
fn close(ctx: &mut Ctx<'_>, id: ClientId) {
    let server = &mut *ctx.server;
    if let Some(client) = server.clients.get_mut(id) {
        client.flags.insert(ClientFlags::CLOSE_NOW);
        server.pubsub.forget(client);
        server.watches.unwatch_all(client);
        server.clients.wake(id);
    }
}
