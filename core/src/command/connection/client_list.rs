//! CLIENT LIST and CLIENT INFO.

use std::fmt::Write;

use super::client_filter::ClientFilter;
use super::tracking::redirection;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::client::{Client, ClientFlags};
use crate::engine::tracking::{ClientTracking, Mode};
use crate::resp::Protocol;

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
pub(super) fn letters(client: &Client) -> String {
    let tracking = |is: fn(&ClientTracking) -> bool| client.tracking.as_deref().is_some_and(is);
    let shown = [
        (client.flags.contains(ClientFlags::REPLICA), 'S'),
        (client.flags.contains(ClientFlags::MONITOR), 'O'),
        (client.flags.contains(ClientFlags::PRIMARY), 'M'),
        (client.subscriptions() > 0, 'P'),
        (client.multi.is_some(), 'x'),
        (client.is_waiting(), 'b'),
        (client.tracking.is_some(), 't'),
        (tracking(|tracking| tracking.broken_redirect), 'R'),
        (
            tracking(|tracking| matches!(tracking.mode, Mode::Broadcast(_))),
            'B',
        ),
        (client.dirty_watch, 'd'),
        (client.flags.contains(ClientFlags::CLOSE_AFTER_REPLY), 'c'),
        (client.flags.contains(ClientFlags::CLOSE_NOW), 'A'),
        (client.flags.contains(ClientFlags::UNIX_SOCKET), 'U'),
        (client.flags.contains(ClientFlags::READS_HERE), 'r'),
        (client.flags.contains(ClientFlags::NO_EVICT), 'e'),
        (client.flags.contains(ClientFlags::NO_TOUCH), 'T'),
        (client.flags.contains(ClientFlags::IMPORT_SOURCE), 'I'),
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

/// One client as a line, in the fields and the order of Redis 7.2; `args_bytes`
/// are those of the command that runs, if one does.
pub(crate) fn describe(client: &Client, now_ms: i64, args_bytes: usize) -> String {
    let text = String::from_utf8_lossy;
    let multi = client.multi.as_ref();
    let queued = multi.map_or(-1, |multi| multi.commands.len() as i64);
    let query_bytes = client.query_buffer_bytes;
    let query_free = (client.buffers.input_capacity_bytes).saturating_sub(query_bytes);
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
    let written = writeln!(
        line,
        "sub={} psub={} ssub={} multi={queued} qbuf={query_bytes} qbuf-free={query_free} \
         argv-mem={args_bytes} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events=r cmd={} user={} redir={} resp={} lib-name={} lib-ver={}",
        client.channels.len(),
        client.patterns.len(),
        client.shard_channels.len(),
        client.queued_bytes(),
        client.buffers.reply_bytes,
        client.buffers.reply_peak_bytes,
        client.reply_buffer_used_bytes(),
        client.output_backlog_blocks(),
        client.output_backlog_bytes(),
        client.memory_bytes() + args_bytes,
        client.last_command,
        if client.is_primary() {
            "(superuser)"
        } else {
            "default"
        },
        redirection(client.tracking.as_deref()),
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

fn describe_own(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> String {
    let now_ms = ctx.now_ms();
    // The replies before this one are the client's, like everybody's.
    std::mem::swap(ctx.reply, &mut ctx.client.reply);
    let line = describe(ctx.client, now_ms, args.iter().map(|arg| arg.len()).sum());
    std::mem::swap(ctx.reply, &mut ctx.client.reply);
    line
}

pub(super) fn client_info(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let line = describe_own(ctx, args);
    ctx.reply.verbatim(*b"txt", line.as_bytes());
    Ok(())
}

/// True for a client that is closed already, though its connection has not
/// noticed yet.
pub(super) fn is_gone(client: &Client) -> bool {
    client.flags.contains(ClientFlags::CLOSE_NOW)
}

pub(super) fn client_list(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let filter = ClientFilter::parse(ctx, &args[2..], "ERR Invalid client ID")?;
    let now_ms = ctx.now_ms();
    let others = ctx.server.clients.iter();
    let mut lines: Vec<(i64, String)> = others
        .filter(|client| filter.fits(client, now_ms) && !is_gone(client))
        .map(|client| (client.id.id.cast_signed(), describe(client, now_ms, 0)))
        .collect();
    if !filter.skip_me.unwrap_or(false) && filter.fits(ctx.client, now_ms) {
        lines.push((ctx.client.id.id.cast_signed(), describe_own(ctx, args)));
    }
    lines.sort_unstable_by_key(|(id, _)| *id);
    ctx.reply
        .verbatim(*b"txt", arrange(&lines, filter.ids()).as_bytes());
    Ok(())
}

/// The lines in the order of the ids asked for, else oldest first.
fn arrange(lines: &[(i64, String)], ids: Option<&[i64]>) -> String {
    let Some(ids) = ids else {
        return lines.iter().map(|(_, line)| line.as_str()).collect();
    };
    let line_of = |id: &i64| lines.binary_search_by_key(id, |(of, _)| *of).ok();
    let found = ids.iter().filter_map(line_of);
    found.map(|place| lines[place].1.as_str()).collect()
}
