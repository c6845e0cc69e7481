//! Expiries: setting, reading, taking away.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::text::number::parse_i64;

/// When EXPIRE and its kin may change an expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::command) struct Conditions {
    none_yet: bool,
    some_already: bool,
    later: bool,
    sooner: bool,
}

impl Conditions {
    pub(in crate::command) fn parse(words: &[&[u8]]) -> CommandResult<Self> {
        let mut conditions = Self::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => conditions.none_yet = true,
                b"xx" => conditions.some_already = true,
                b"gt" => conditions.later = true,
                b"lt" => conditions.sooner = true,
                _ => {
                    let word = String::from_utf8_lossy(word);
                    return Err(CommandError::text(format!("ERR Unsupported option {word}")));
                }
            }
        }
        conditions.check()
    }

    fn check(self) -> CommandResult<Self> {
        if self.none_yet && (self.some_already || self.later || self.sooner) {
            return Err(CommandError::text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if self.later && self.sooner {
            return Err(CommandError::text(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(self)
    }

    /// Whether an expiry of `old` may become `new`. Without an expiry a key lasts for ever.
    pub(in crate::command) fn allow(self, old: Option<i64>, new: i64) -> bool {
        !(self.none_yet && old.is_some()
            || self.some_already && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old))
    }
}

/// How a command of this family counts.
pub(in crate::command) struct Counting {
    pub(in crate::command) name: &'static str,
    /// Milliseconds a unit.
    pub(in crate::command) factor: i64,
    /// From now, else from 1970.
    pub(in crate::command) relative: bool,
}

impl Counting {
    /// The moment in unix ms that is `amount` on.
    pub(in crate::command) fn moment(&self, amount: &[u8], now_ms: i64) -> CommandResult<i64> {
        let amount = parse_i64(amount).ok_or(CommandError::NotInteger)?;
        let base_ms = if self.relative { now_ms } else { 0 };
        let moment = amount.checked_mul(self.factor);
        moment
            .and_then(|ms| ms.checked_add(base_ms))
            .ok_or(CommandError::InvalidExpire(self.name))
    }
}

/// True where a moment that has passed removes the key at once. A replica leaves
/// that to its primary, and who imports data to where they come from.
pub(in crate::command) fn decides(ctx: &Ctx<'_>) -> bool {
    let server = &ctx.server;
    !ctx.client.is_primary() && !server.replication.is_replica() && !server.config.import_mode
}

fn set_expiry(ctx: &mut Ctx<'_>, args: &[&[u8]], counting: &Counting) -> CommandResult {
    let key = args[1];
    let conditions = Conditions::parse(&args[3..])?;
    let at_ms = counting.moment(args[2], ctx.now_ms())?;
    let old = ctx.keys.peek(key).map(Entry::expire_ms);
    let allowed = old.is_some_and(|old| conditions.allow(old, at_ms));
    if allowed {
        ctx.effects.changed(1);
        if at_ms <= ctx.now_ms() && decides(ctx) {
            ctx.keys.remove(key);
            ctx.notify(NotifyClass::GENERIC, "del", key);
            ctx.propagate(&[b"DEL", key]);
        } else {
            ctx.keys.set_expire(key, Some(at_ms));
            ctx.notify(NotifyClass::GENERIC, "expire", key);
            let moment = at_ms.to_string();
            let absolute: [&[u8]; 3] = [b"PEXPIREAT", key, moment.as_bytes()];
            // Redis repeats the conditions.
            ctx.propagate(&[&absolute, &args[3..]].concat());
        }
    }
    ctx.reply.int(i64::from(allowed));
    Ok(())
}

pub(super) fn expire(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "expire",
        factor: 1000,
        relative: true,
    };
    set_expiry(ctx, args, &counting)
}

pub(super) fn pexpire(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "pexpire",
        factor: 1,
        relative: true,
    };
    set_expiry(ctx, args, &counting)
}

pub(super) fn expireat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "expireat",
        factor: 1000,
        relative: false,
    };
    set_expiry(ctx, args, &counting)
}

pub(super) fn pexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let counting = Counting {
        name: "pexpireat",
        factor: 1,
        relative: false,
    };
    set_expiry(ctx, args, &counting)
}

pub(super) fn persist(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let expires = ctx.keys.peek(key).and_then(Entry::expire_ms).is_some();
    if expires {
        ctx.keys.set_expire(key, None);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "persist", key);
    }
    ctx.reply.int(i64::from(expires));
    Ok(())
}

/// Answers -2 without the key, -1 without an expiry, else what `show` makes of it.
fn reply_expiry(ctx: &mut Ctx<'_>, key: &[u8], show: impl Fn(i64) -> i64) -> CommandResult {
    let answer = match ctx.keys.look(key).map(Entry::expire_ms) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => show(at_ms),
    };
    ctx.reply.int(answer);
    Ok(())
}

/// Milliseconds as seconds, to the nearest.
const fn seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

pub(super) fn ttl(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let now_ms = ctx.now_ms();
    reply_expiry(ctx, args[1], |at_ms| {
        seconds(at_ms.saturating_sub(now_ms).max(0))
    })
}

pub(super) fn pttl(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let now_ms = ctx.now_ms();
    reply_expiry(ctx, args[1], |at_ms| at_ms.saturating_sub(now_ms).max(0))
}

pub(super) fn expiretime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_expiry(ctx, args[1], seconds)
}

pub(super) fn pexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_expiry(ctx, args[1], |at_ms| at_ms)
}
