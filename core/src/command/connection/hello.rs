//! AUTH and HELLO.

use crate::command::Ctx;
use crate::command::connection::client::{check_name, set_name};
use crate::command::error::{CommandError, CommandResult};
use crate::resp::Protocol;
use crate::text::number::parse_i64;
use crate::version::REDIS_VERSION;

const WRONG: &str = "WRONGPASS invalid username-password pair or user is disabled.";

pub(super) fn auth(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (user, password): (&[u8], &[u8]) = match args {
        [_, password] => {
            if ctx.server.config.requirepass.is_empty() {
                return Err(CommandError::text(
                    "ERR AUTH <password> called without any password configured for the default \
                     user. Are you sure your configuration is correct?",
                ));
            }
            (b"default", password)
        }
        [_, user, password] => (user, password),
        _ => return Err(CommandError::Syntax),
    };
    authenticate(ctx, user, password)?;
    ctx.reply.ok();
    Ok(())
}

fn authenticate(ctx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> CommandResult {
    let wanted = &ctx.server.config.requirepass;
    let right = user == b"default" && (wanted.is_empty() || same(wanted, password));
    if !right {
        ctx.server.stats.access_denied_auth += 1;
        return Err(CommandError::text(WRONG));
    }
    ctx.client.authenticated = true;
    Ok(())
}

/// Compares without telling by its time how much was right.
fn same(wanted: &[u8], given: &[u8]) -> bool {
    let mut differs = u8::from(wanted.len() != given.len());
    for (index, byte) in given.iter().enumerate() {
        differs |= byte ^ wanted.get(index).copied().unwrap_or(0);
    }
    differs == 0
}

/// What HELLO is told behind the version.
#[derive(Default)]
struct Introduction<'a> {
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn parse_introduction<'a>(words: &'a [&'a [u8]]) -> CommandResult<Introduction<'a>> {
    let mut introduction = Introduction::default();
    let mut rest = words;
    loop {
        rest = match rest {
            [] => return Ok(introduction),
            [word, user, password, rest @ ..] if word.eq_ignore_ascii_case(b"auth") => {
                introduction.auth = Some((user, password));
                rest
            }
            [word, name, rest @ ..] if word.eq_ignore_ascii_case(b"setname") => {
                check_name(name)?;
                introduction.name = Some(name);
                rest
            }
            [word, ..] => {
                let word = String::from_utf8_lossy(word);
                return Err(CommandError::text(format!(
                    "ERR Syntax error in HELLO option '{word}'"
                )));
            }
        };
    }
}

pub(super) fn hello(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let protocol = match args.get(1) {
        None => None,
        Some(version) => match parse_i64(version) {
            Some(2) => Some(Protocol::Resp2),
            Some(3) => Some(Protocol::Resp3),
            Some(_) => return Err(CommandError::text("NOPROTO unsupported protocol version")),
            None => {
                return Err(CommandError::text(
                    "ERR Protocol version is not an integer or out of range",
                ));
            }
        },
    };
    let introduction = parse_introduction(args.get(2..).unwrap_or_default())?;
    if let Some((user, password)) = introduction.auth {
        authenticate(ctx, user, password)?;
    }
    if !ctx.client.authenticated && !ctx.server.config.requirepass.is_empty() {
        return Err(CommandError::text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = introduction.name {
        set_name(ctx, name);
    }
    if let Some(protocol) = protocol {
        ctx.client.set_protocol(protocol);
        ctx.reply.set_protocol(protocol);
    }
    describe(ctx);
    Ok(())
}

fn describe(ctx: &mut Ctx<'_>) {
    let replica = ctx.server.replication.is_replica();
    let reply = &mut *ctx.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(if ctx.client.protocol == Protocol::Resp3 {
        3
    } else {
        2
    });
    reply.bulk(b"id");
    reply.int(ctx.client.id.id.cast_signed());
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(if replica { b"replica" } else { b"master" });
    reply.bulk(b"modules");
    reply.array(0);
}
