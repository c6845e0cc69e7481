//! CLIENT: what a connection says of itself.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::help::{HelpRow, help};
use crate::config::Durability;
use crate::engine::client::{ClientFlags, ClientId};
use crate::text::number::parse_i64;

pub(super) fn client_id(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.int(ctx.client.id.id.cast_signed());
    Ok(())
}

pub(super) fn client_getname(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    if ctx.client.name.is_empty() {
        ctx.reply.null();
    } else {
        ctx.reply.bulk(&ctx.client.name);
    }
    Ok(())
}

/// Names stand in CLIENT LIST, whose fields are parted by blanks.
fn is_printable(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

pub(super) fn check_name(name: &[u8]) -> CommandResult {
    if is_printable(name) {
        return Ok(());
    }
    Err(CommandError::text(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

pub(super) fn set_name(ctx: &mut Ctx<'_>, name: &[u8]) {
    ctx.client.name = name.to_vec();
}

pub(super) fn client_setname(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    check_name(args[2])?;
    set_name(ctx, args[2]);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn client_setinfo(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (option, value) = (args[2], args[3]);
    let place = match option.to_ascii_lowercase().as_slice() {
        b"lib-name" => &mut ctx.client.lib_name,
        b"lib-ver" => &mut ctx.client.lib_ver,
        _ => {
            let option = String::from_utf8_lossy(option);
            return Err(CommandError::text(format!(
                "ERR Unrecognized option '{option}'"
            )));
        }
    };
    if !is_printable(value) {
        let option = String::from_utf8_lossy(option);
        return Err(CommandError::text(format!(
            "ERR {option} cannot contain spaces, newlines or special characters."
        )));
    }
    *place = value.to_vec();
    ctx.reply.ok();
    Ok(())
}

fn switch(ctx: &mut Ctx<'_>, word: &[u8], flag: ClientFlags) -> CommandResult {
    let on = match word.to_ascii_lowercase().as_slice() {
        b"on" => true,
        b"off" => false,
        _ => return Err(CommandError::Syntax),
    };
    ctx.client.flags.set(flag, on);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn client_no_evict(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    switch(ctx, args[2], ClientFlags::NO_EVICT)
}

pub(super) fn client_no_touch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    switch(ctx, args[2], ClientFlags::NO_TOUCH)
}

/// What is not known here is another server's business, and no error.
pub(super) fn client_capa(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut capabilities = args[2..].iter();
    if capabilities.any(|word| word.eq_ignore_ascii_case(b"redirect")) {
        ctx.client.flags.insert(ClientFlags::CAPA_REDIRECT);
    }
    ctx.reply.ok();
    Ok(())
}

/// Without words it tells what holds. What is set holds from the next command on.
pub(super) fn client_durability(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let words = &args[2..];
    if words.is_empty() {
        let durability = ctx.server.durability_of(ctx.client);
        ctx.reply.bulk_fmt(format_args!("{durability}"));
        return Ok(());
    }
    ctx.client.durability = match words {
        [word] if word.eq_ignore_ascii_case(b"default") => None,
        _ => {
            let parsed = Durability::parse(words);
            Some(parsed.map_err(|error| CommandError::text(format!("ERR {error}")))?)
        }
    };
    ctx.reply.ok();
    Ok(())
}

pub(super) fn client_import_source(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let ends = args[2].eq_ignore_ascii_case(b"off");
    if !ends && !ctx.server.config.import_mode {
        return Err(CommandError::text("ERR Server is not in import mode"));
    }
    switch(ctx, args[2], ClientFlags::IMPORT_SOURCE)
}

pub(super) fn client_reply(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let skipping = ClientFlags::REPLY_SKIP | ClientFlags::REPLY_SKIP_NEXT;
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            ctx.client.flags.remove(ClientFlags::REPLY_OFF | skipping);
            ctx.reply.ok();
        }
        b"off" => ctx.client.flags.insert(ClientFlags::REPLY_OFF),
        // After OFF there is nothing left to skip.
        b"skip" if ctx.client.flags.contains(ClientFlags::REPLY_OFF) => {}
        b"skip" => ctx.client.flags.insert(ClientFlags::REPLY_SKIP_NEXT),
        _ => return Err(CommandError::Syntax),
    }
    Ok(())
}

pub(super) fn client_unblock(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let error = match args.get(3).map(|word| word.to_ascii_lowercase()).as_deref() {
        None | Some(b"timeout") => false,
        Some(b"error") => true,
        Some(_) => {
            return Err(CommandError::text(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let wanted = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let named = |id: &ClientId| id.id.cast_signed() == wanted;
    let found = ctx
        .server
        .clients
        .iter()
        .map(|client| client.id)
        .find(named);
    let ended = match found {
        None => false,
        Some(id) if error => ctx
            .server
            .break_off(id, "UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        Some(id) => ctx.server.give_up(id),
    };
    ctx.reply.int(i64::from(ended));
    Ok(())
}

pub(super) fn client_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(ctx, "CLIENT", HELP);
    Ok(())
}

const HELP: &[HelpRow] = &[
    (
        "CACHING YES|NO",
        "Says for the next command, in the mode OPTIN or OPTOUT, whether its keys are tracked.",
    ),
    (
        "CAPA <capability> [<capability> ...]",
        "Says what this client can do: REDIRECT, to go to the primary when told to.",
    ),
    (
        "DURABILITY [DEFAULT|<part>=<value> [<part>=<value> ...]]",
        "Says what replies to writes of this connection wait for: local=memory|fsync, \
         replicas=N, at=applied|fsynced, timeout=ms. DEFAULT is what the server says, and \
         without words it is told.",
    ),
    ("GETNAME", "Answers the name of this connection."),
    (
        "GETREDIR",
        "Answers the id of the client that invalidations go to, 0 for this one, -1 for none.",
    ),
    ("ID", "Answers the id of this connection."),
    (
        "IMPORT-SOURCE ON|OFF",
        "Lets no key expire for this connection, while import-mode is on.",
    ),
    ("INFO", "Describes this connection in one line."),
    (
        "KILL <ip:port>|<filter> <value> [<filter> <value> ...]",
        "Closes connections. A filter is one of LIST's, or SKIPME yes|no.",
    ),
    (
        "LIST [<filter> <value> [<filter> <value> ...]]",
        "Describes connections, a line each. Filters: ID, TYPE, ADDR, LADDR, IP, USER, NAME, \
         FLAGS, LIB-NAME, LIB-VER, DB, CAPA, IDLE, MAXAGE, and each with NOT- before it.",
    ),
    (
        "NO-EVICT ON|OFF",
        "Keeps this connection from being evicted.",
    ),
    (
        "NO-TOUCH ON|OFF",
        "Reads of this connection do not count as uses.",
    ),
    (
        "PAUSE <timeout> [WRITE|ALL]",
        "Lets commands wait for <timeout> milliseconds: all of them, or what writes.",
    ),
    (
        "REPLY ON|OFF|SKIP",
        "Turns the replies of this connection on or off.",
    ),
    (
        "SETINFO LIB-NAME|LIB-VER <value>",
        "Tells which library this client uses.",
    ),
    ("SETNAME <name>", "Names this connection."),
    (
        "TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        "Tells this client, or another, when a key that it has read changes.",
    ),
    (
        "TRACKINGINFO",
        "Answers how keys are tracked for this connection.",
    ),
    (
        "UNBLOCK <id> [TIMEOUT|ERROR]",
        "Wakes a client that waits, as after its time or with an error.",
    ),
    ("UNPAUSE", "Ends the wait that PAUSE began."),
];
