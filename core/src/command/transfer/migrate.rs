//! MIGRATE: a job for the host, which moves the keys while other clients go on.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::engine::client::Blocked;
use crate::engine::migration::{Credentials, Migration};
use crate::seams::host::Job;
use crate::text::number::parse_i64;

/// How long the target may take where the client gave no time.
const DEFAULT_TIMEOUT_MS: u64 = 1000;

/// What follows the timeout.
#[derive(Default)]
struct Options<'a> {
    copy: bool,
    replace: bool,
    user: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    keys: Option<&'a [&'a [u8]]>,
}

fn parse<'a>(single: &[u8], args: &'a [&'a [u8]]) -> CommandResult<Options<'a>> {
    let mut options = Options::default();
    let mut rest = args;
    while let [name, after @ ..] = rest {
        rest = after;
        match (name.to_ascii_lowercase().as_slice(), after) {
            (b"copy", _) => options.copy = true,
            (b"replace", _) => options.replace = true,
            (b"auth", [password, after @ ..]) => {
                options.password = Some(password);
                rest = after;
            }
            (b"auth2", [user, password, after @ ..]) => {
                options.user = Some(user);
                options.password = Some(password);
                rest = after;
            }
            (b"keys", _) if !single.is_empty() => {
                return Err(CommandError::text(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the \
                     empty string",
                ));
            }
            (b"keys", keys) => {
                options.keys = Some(keys);
                break;
            }
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(options)
}

pub(super) fn migrate(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = parse(args[3], &args[6..])?;
    let timeout_ms = u64::try_from(parse_integer(args[5])?).unwrap_or(0);
    let target_db = parse_integer(args[4])?;
    let keys = options.keys.unwrap_or(&args[3..4]);
    let mut found = Vec::new();
    for key in keys {
        if ctx.keys.entry(key).is_some() {
            found.push(key.to_vec());
        }
    }
    if found.is_empty() {
        ctx.reply.simple("NOKEY");
        return Ok(());
    }
    if ctx.must_not_wait() || ctx.client.is_primary() {
        return Err(CommandError::text(
            "ERR MIGRATE waits for another server, which cannot be done here",
        ));
    }
    let port = parse_i64(args[2]).and_then(|port| u16::try_from(port).ok());
    let migration = Migration {
        client: ctx.client.id,
        host: String::from_utf8_lossy(args[1]).into_owned(),
        port,
        db: ctx.keys.db_index(),
        target_db,
        timeout_ms: match timeout_ms {
            0 => DEFAULT_TIMEOUT_MS,
            given => given,
        },
        copy: options.copy,
        replace: options.replace,
        credentials: options.password.map(|password| Credentials {
            user: options.user.map(<[u8]>::to_vec),
            password: password.to_vec(),
        }),
        keys: found,
    };
    let job = Job::Migrate(Box::new(migration));
    ctx.host.start(job).map_err(CommandError::text)?;
    ctx.client.blocked = Some(Blocked::Host);
    Ok(())
}
