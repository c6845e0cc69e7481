//! REPLICAOF, and what a replica says before it follows the stream.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::config::is_host;
use crate::engine::client::RdbFilter;
use crate::offset::{Offset, ReplicationId};
use crate::seams::host::{PrimaryAddress, SyncRequest};
use crate::text::number::parse_i64;

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

pub(super) fn slaveof(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    replicaof(ctx, args)
}

pub(super) fn replicaof(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if ctx.server.failover.is_running() {
        return Err(CommandError::text(
            "ERR REPLICAOF not allowed while failing over.",
        ));
    }
    let target = if is(args[1], "no") && is(args[2], "one") {
        None
    } else {
        let address = parse_address(args[1], args[2])?;
        if ctx.server.names_itself(&address, &*ctx.host) {
            return Err(CommandError::text(
                "ERR REPLICAOF names this very server, which cannot follow itself",
            ));
        }
        Some(address)
    };
    let names_one = target.is_some();
    if !follow(ctx, target)? && names_one {
        ctx.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    ctx.reply.ok();
    Ok(())
}

fn follow(ctx: &mut Ctx<'_>, target: Option<PrimaryAddress>) -> CommandResult<bool> {
    let changed = ctx.server.follow(target, &mut *ctx.host);
    changed.map_err(CommandError::text)
}

fn parse_address(host: &[u8], port: &[u8]) -> CommandResult<PrimaryAddress> {
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(CommandError::text("ERR Invalid master port"))?;
    if !is_host(host) {
        return Err(CommandError::text("ERR Invalid master host"));
    }
    Ok(PrimaryAddress {
        host: String::from_utf8_lossy(host).into_owned(),
        port,
    })
}

pub(super) fn replconf(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    for pair in args[1..].chunks_exact(2) {
        if !take_option(ctx, pair[0], pair[1])? {
            // ACK and GETACK are part of the stream and are not answered.
            return Ok(());
        }
    }
    ctx.reply.ok();
    Ok(())
}

/// Takes one option; false where the whole command gets no answer.
fn take_option(ctx: &mut Ctx<'_>, option: &[u8], value: &[u8]) -> CommandResult<bool> {
    let options = &mut ctx.client.replica;
    if is(option, "listening-port") {
        let port = parse_i64(value).ok_or(CommandError::NotInteger)?;
        options.listening_port = u16::try_from(port).map_err(|_| CommandError::OutOfRange)?;
    } else if is(option, "ip-address") {
        options.announced_ip = Some(parse_ip(value)?);
    } else if is(option, "capa") {
        options.capa_eof |= is(value, "eof");
        options.capa_psync2 |= is(value, "psync2");
        options.capa_delta |= is(value, "towline-delta");
        options.capa_towline |= is(value, "towline");
        options.capa_rdb_channel |= is(value, "rdb-channel-repl");
    } else if is(option, "version") {
        options.version = parse_version(value);
    } else if is(option, "rdb-only") {
        options.rdb_only = parse_i64(value).ok_or(CommandError::NotInteger)? == 1;
    } else if is(option, "rdb-filter-only") {
        options.rdb_filter = parse_filter(value)?;
    } else if is(option, "ack") || is(option, "fack") || is(option, "getack") {
        return Ok(false);
    } else {
        let option = String::from_utf8_lossy(option);
        return Err(CommandError::text(format!(
            "ERR Unrecognized REPLCONF option: {option}"
        )));
    }
    Ok(true)
}

/// The longest address that REPLCONF takes, as the longest host name.
const ADDRESS_MAX_BYTES: usize = 255;

fn parse_ip(value: &[u8]) -> CommandResult<String> {
    if value.len() > ADDRESS_MAX_BYTES {
        return Err(CommandError::text(
            "ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes",
        ));
    }
    Ok(String::from_utf8_lossy(value).into_owned())
}

/// `9.1.2` as 9 × 65536 + 1 × 256 + 2; what is not three numbers tells nothing.
fn parse_version(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('.').map(|part| part.parse::<u8>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    Some(u32::from_be_bytes([0, major, minor, patch]))
}

/// The parts of a snapshot that a reader wants: of those that are not named, none.
fn parse_filter(value: &[u8]) -> CommandResult<RdbFilter> {
    let words = value.split(u8::is_ascii_whitespace);
    let mut filter = RdbFilter::Nothing;
    for word in words.filter(|word| !word.is_empty()) {
        if !is(word, "functions") {
            let word = String::from_utf8_lossy(word);
            return Err(CommandError::text(format!(
                "ERR Unsupported rdb-filter-only option: {word}"
            )));
        }
        filter = RdbFilter::Functions;
    }
    Ok(filter)
}

pub(super) fn psync(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    if args.get(3).is_some_and(|word| is(word, "failover")) {
        take_over(ctx, args[1])?;
    }
    let Some(wire) = parse_i64(args[2]) else {
        let peer = &ctx.client.peer.addr;
        ctx.host.log(&format!(
            "Replica {peer} asks for synchronization but with a wrong offset"
        ));
        return Err(CommandError::NotInteger);
    };
    let offset = Offset::from_wire(wire);
    let continuing = ReplicationId::parse(args[1]).zip(offset);
    attach(ctx, continuing, true)
}

pub(super) fn sync(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    attach(ctx, None, false)
}

/// The primary of this node hands over to it, in the history that both share.
fn take_over(ctx: &mut Ctx<'_>, replid: &[u8]) -> CommandResult {
    let ours = ctx.server.replication.history.replid;
    let name = String::from_utf8_lossy(replid);
    ctx.host
        .log(&format!("Failover request received for replid {name}."));
    if !ctx.server.replication.is_replica() {
        return Err(CommandError::text(
            "ERR PSYNC FAILOVER can't be sent to a master.",
        ));
    }
    if !replid.eq_ignore_ascii_case(ours.as_bytes()) {
        return Err(CommandError::text(
            "ERR PSYNC FAILOVER replid must match my replid.",
        ));
    }
    follow(ctx, None)?;
    let peer = &ctx.client.peer.addr;
    ctx.host.log(&format!(
        "MASTER MODE enabled (failover request from '{peer}')"
    ));
    Ok(())
}

fn attach(
    ctx: &mut Ctx<'_>,
    continuing: Option<(ReplicationId, Offset)>,
    psync: bool,
) -> CommandResult {
    if ctx.server.failover.is_running() {
        return Err(CommandError::text(
            "NOMASTERLINK Can't SYNC while failing over",
        ));
    }
    let replication = &ctx.server.replication;
    if replication.is_replica() && !replication.link_is_up() {
        return Err(CommandError::text(
            "NOMASTERLINK Can't SYNC while not connected with my master",
        ));
    }
    if !ctx.reply.is_empty() {
        return Err(CommandError::text(
            "ERR SYNC and PSYNC are invalid with pending output",
        ));
    }
    let options = &ctx.client.replica;
    if options.rdb_filter != RdbFilter::Everything && !options.capa_eof {
        return Err(CommandError::text(
            "ERR Filtered replica requires EOF capability",
        ));
    }
    ctx.client.sync_request = Some(SyncRequest { continuing, psync });
    Ok(())
}
