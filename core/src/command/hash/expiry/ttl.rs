//! When fields expire: HTTL and its kin.

use super::args::plain_fields;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};

/// Answers for each field -2 where it is not there, -1 where it does not
/// expire, else what `show` makes of its expiry.
fn reply_expiries(ctx: &mut Ctx<'_>, args: &[&[u8]], show: impl Fn(i64) -> i64) -> CommandResult {
    let fields = plain_fields(args, CommandError::Syntax)?;
    if fields.is_empty() {
        return Err(CommandError::Syntax);
    }
    let hash = ctx.keys.hash(args[1])?;
    ctx.reply.array(fields.len());
    for field in fields {
        let pair = hash.and_then(|hash| hash.pair(field));
        ctx.reply.int(match pair.map(|pair| pair.expire_at_ms) {
            None => -2,
            Some(None) => -1,
            Some(Some(at_ms)) => show(at_ms),
        });
    }
    Ok(())
}

/// Milliseconds as seconds, to the nearest.
fn seconds(ms: i64) -> i64 {
    let rounded = (i128::from(ms) + 500) / 1000;
    i64::try_from(rounded).expect("a thousandth fits")
}

pub(super) fn httl(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let now_ms = ctx.now_ms();
    reply_expiries(ctx, args, |at_ms| {
        seconds(at_ms.saturating_sub(now_ms).max(0))
    })
}

pub(super) fn hpttl(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let now_ms = ctx.now_ms();
    reply_expiries(ctx, args, |at_ms| at_ms.saturating_sub(now_ms).max(0))
}

pub(super) fn hexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_expiries(ctx, args, seconds)
}

pub(super) fn hpexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_expiries(ctx, args, |at_ms| at_ms)
}
