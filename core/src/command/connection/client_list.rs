//! CLIENT LIST and CLIENT INFO.

use std::fmt::Write;

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::{Client, ClientFlags};
use crate::resp::Protocol;
use crate::text::number::parse_i64;

/// The kinds that LIST and KILL tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientType {
    Normal,
    Primary,
    Replica,
    PubSub,
}

impl ClientType {
    pub(super) fn parse(word: &[u8]) -> CommandResult<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"master" | b"primary" => Ok(Self::Primary),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::PubSub),
            _ => {
                let word = String::from_utf8_lossy(word);
                Err(CommandError::text(format!(
                    "ERR Unknown client type '{word}'"
                )))
            }
        }
    }

    pub(super) fn of(client: &Client) -> Self {
        if client.flags.contains(ClientFlags::PRIMARY) {
            Self::Primary
        } else if client.flags.contains(ClientFlags::REPLICA) {
            Self::Replica
        } else if client.subscriptions() > 0 {
            Self::PubSub
        } else {
            Self::Normal
        }
    }
}

/// The letters that Redis shows for what a client is and does.
fn letters(client: &Client) -> String {
    let shown = [
        (client.flags.contains(ClientFlags::REPLICA), 'S'),
        (client.flags.contains(ClientFlags::PRIMARY), 'M'),
        (client.subscriptions() > 0, 'P'),
        (client.multi.is_some(), 'x'),
        (client.blocked.is_some(), 'b'),
        (client.dirty_watch, 'd'),
        (client.flags.contains(ClientFlags::CLOSE_AFTER_REPLY), 'c'),
        (client.flags.contains(ClientFlags::CLOSE_NOW), 'A'),
        (client.flags.contains(ClientFlags::UNIX_SOCKET), 'U'),
        (client.flags.contains(ClientFlags::NO_EVICT), 'e'),
        (client.flags.contains(ClientFlags::NO_TOUCH), 'T'),
    ];
    let letters: String = shown
        .iter()
        .filter_map(|(is, letter)| is.then_some(*letter))
        .collect();
    if letters.is_empty() {
        "N".to_owned()
    } else {
        letters
    }
}

/// One client as a line, in the fields and the order of Redis 7.2.
pub(super) fn describe(client: &Client, now_ms: i64) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let queued = client
        .multi
        .as_ref()
        .map_or(-1, |multi| multi.commands.len() as i64);
    let waiting = client.reply.len();
    let mut line = format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} ",
        client.id.id,
        client.peer.addr,
        client.peer.laddr,
        client.peer.fd,
        text(&client.name),
        (now_ms - client.created_ms) / 1000,
        (now_ms - client.last_active_ms) / 1000,
        letters(client),
        client.db,
    );
    let written = write!(
        line,
        "sub={} psub={} ssub={} multi={queued} qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs={} \
         rbp={} obl={waiting} oll=0 omem=0 tot-mem={} events=r cmd={} user=default redir=-1 resp={} \
         lib-name={} lib-ver={}",
        client.channels.len(),
        client.patterns.len(),
        client.shard_channels.len(),
        client.query_buffer_bytes,
        waiting,
        waiting,
        client.query_buffer_bytes + waiting + size_of::<Client>(),
        client.last_command,
        if client.protocol == Protocol::Resp3 {
            3
        } else {
            2
        },
        text(&client.lib_name),
        text(&client.lib_ver),
    );
    written.expect("a string takes all there is");
    line
}

pub(super) fn client_info(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let line = describe(ctx.client, ctx.now_ms()) + "\n";
    ctx.reply.verbatim(*b"txt", line.as_bytes());
    Ok(())
}

/// Which clients LIST shows.
enum Wanted {
    All,
    Type(ClientType),
    Ids(Vec<i64>),
}

fn parse_wanted(words: &[&[u8]]) -> CommandResult<Wanted> {
    match words {
        [] => Ok(Wanted::All),
        [word, kind] if word.eq_ignore_ascii_case(b"type") => {
            Ok(Wanted::Type(ClientType::parse(kind)?))
        }
        [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            let ids: Option<Vec<i64>> = ids.iter().map(|id| parse_i64(id)).collect();
            Ok(Wanted::Ids(
                ids.ok_or(CommandError::text("ERR Invalid client ID"))?,
            ))
        }
        _ => Err(CommandError::Syntax),
    }
}

pub(super) fn client_list(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let wanted = parse_wanted(&args[2..])?;
    let shows = |client: &&Client| match &wanted {
        Wanted::All => true,
        Wanted::Type(kind) => ClientType::of(client) == *kind,
        Wanted::Ids(ids) => ids.contains(&client.id.id.cast_signed()),
    };
    let now_ms = ctx.now_ms();
    let own = std::iter::once(&*ctx.client);
    let mut clients: Vec<&Client> = ctx.server.clients.iter().chain(own).filter(shows).collect();
    clients.sort_by_key(|client| client.id.id);
    let mut text = String::new();
    for client in clients {
        text.push_str(&describe(client, now_ms));
        text.push('\n');
    }
    ctx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}
