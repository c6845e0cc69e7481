//! FAILOVER.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::failover::FailoverRequest;
use crate::engine::replication::ReplicaState;
use crate::seams::host::PrimaryAddress;
use crate::text::number::parse_i64;

/// The words of the command.
#[derive(Default)]
struct Words {
    target: Option<(String, i64)>,
    force: bool,
    abort: bool,
    timeout_ms: Option<i64>,
}

pub(super) fn failover(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let words = parse(&args[1..])?;
    if words.abort {
        abort(ctx)?;
    } else {
        let request = check(ctx, words)?;
        ctx.server.begin_failover(request);
    }
    ctx.reply.ok();
    Ok(())
}

fn parse(args: &[&[u8]]) -> CommandResult<Words> {
    let mut words = Words::default();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let rest = args.len() - at - 1;
        if is("timeout") && rest >= 1 && words.timeout_ms.is_none() {
            words.timeout_ms = Some(parse_timeout(args[at + 1])?);
            at += 1;
        } else if is("to") && rest >= 2 && words.target.is_none() {
            let port = parse_i64(args[at + 2]).ok_or(CommandError::NotInteger)?;
            let host = String::from_utf8_lossy(args[at + 1]).into_owned();
            words.target = Some((host, port));
            at += 2;
        } else if is("abort") && args.len() == 1 {
            words.abort = true;
        } else if is("force") && !words.force {
            words.force = true;
        } else {
            return Err(CommandError::Syntax);
        }
        at += 1;
    }
    Ok(words)
}

fn parse_timeout(word: &[u8]) -> CommandResult<i64> {
    let timeout_ms = parse_i64(word).ok_or(CommandError::NotInteger)?;
    if timeout_ms <= 0 {
        return Err(refusal("FAILOVER timeout must be greater than 0"));
    }
    Ok(timeout_ms)
}

fn refusal(text: &str) -> CommandError {
    CommandError::text(format!("ERR {text}"))
}

fn abort(ctx: &mut Ctx<'_>) -> CommandResult {
    if !ctx.server.failover.is_running() {
        return Err(refusal("No failover in progress."));
    }
    let aborted = ctx
        .server
        .abort_failover("Failover manually aborted", &mut *ctx.host);
    aborted.map_err(CommandError::text)
}

/// What is asked for, where this node can do it.
fn check(ctx: &Ctx<'_>, words: Words) -> CommandResult<FailoverRequest> {
    let replication = &ctx.server.replication;
    if ctx.server.failover.is_running() {
        return Err(refusal("FAILOVER already in progress."));
    }
    if replication.is_replica() {
        return Err(refusal("FAILOVER is not valid when server is a replica."));
    }
    if replication.replicas.is_empty() {
        return Err(refusal("FAILOVER requires connected replicas."));
    }
    if words.force && (words.timeout_ms.is_none() || words.target.is_none()) {
        return Err(refusal(
            "FAILOVER with force option requires both a timeout and target HOST and IP.",
        ));
    }
    let target = words.target.map(|named| find_online(ctx, named));
    let now_ms = ctx.now_ms();
    Ok(FailoverRequest {
        target: target.transpose()?,
        until_ms: words.timeout_ms.map(|ms| now_ms.saturating_add(ms)),
        force: words.force,
    })
}

fn find_online(ctx: &Ctx<'_>, (host, port): (String, i64)) -> CommandResult<PrimaryAddress> {
    let absent = || refusal("FAILOVER target HOST and PORT is not a replica.");
    let port = u16::try_from(port).map_err(|_| absent())?;
    let address = PrimaryAddress { host, port };
    let mut replicas = ctx.server.replication.replicas.iter();
    let replica = replicas.find(|replica| replica.is_at(&address));
    let replica = replica.ok_or_else(absent)?;
    if replica.state != ReplicaState::Online {
        return Err(refusal("FAILOVER target replica is not online."));
    }
    if replica.spoken.is_some() {
        return Err(refusal(
            "FAILOVER target replica has a history of its own, in a dialect.",
        ));
    }
    Ok(address)
}
