//! What commands that wait share: their timeout, and the wait itself.

use super::Ctx;
use super::error::{CommandError, CommandResult};
use crate::engine::client::Blocked;
use crate::engine::key_waits::{Awaited, KeyWait};
use crate::text::double::parse_f64;
use crate::text::long_double::LongDouble;

/// A timeout in seconds as a moment; none waits for ever.
///
/// # Errors
/// Redis's texts for what is no number, negative, or beyond all time.
pub(crate) fn deadline(ctx: &Ctx<'_>, seconds: &[u8]) -> CommandResult<Option<i64>> {
    if LongDouble::parse(seconds).is_none() {
        return Err(CommandError::TimeoutNotFloat);
    }
    // What only a long double holds is beyond all time, on one side or the other.
    let huge = match seconds.first() {
        Some(b'-') => f64::NEG_INFINITY,
        _ => f64::INFINITY,
    };
    let seconds = parse_f64(seconds).unwrap_or(huge);
    let millis = (seconds * 1000.0).ceil();
    // 2^63 as a double: everything below fits.
    if millis >= 9_223_372_036_854_775_808.0 {
        return Err(out_of_range());
    }
    deadline_after(ctx, millis as i64)
}

/// A timeout in milliseconds as a moment; none waits for ever.
///
/// # Errors
/// As `deadline`.
pub(crate) fn deadline_after(ctx: &Ctx<'_>, millis: i64) -> CommandResult<Option<i64>> {
    match millis {
        ..0 => Err(CommandError::TimeoutNegative),
        0 => Ok(None),
        _ => {
            let at = ctx.now_ms().checked_add(millis);
            at.map(Some).ok_or_else(out_of_range)
        }
    }
}

fn out_of_range() -> CommandError {
    CommandError::text("ERR timeout is out of range")
}

impl Ctx<'_> {
    /// True where nothing may wait: in a transaction, whose commands run as one.
    #[must_use]
    pub const fn must_not_wait(&self) -> bool {
        self.in_exec
    }

    /// Lets the client wait until one of its keys may be ready; then `command` is
    /// run again. Nothing is replied now. A command that is run again keeps its
    /// place and its deadline.
    pub fn wait_for_keys(
        &mut self,
        awaited: Awaited,
        keys: &[&[u8]],
        deadline_ms: Option<i64>,
        command: &[&[u8]],
    ) {
        let owned = |parts: &[&[u8]]| parts.iter().map(|part| part.to_vec()).collect();
        let (ticket, deadline_ms) = match self.client.retrying {
            Some(kept) => kept,
            None => (self.server.key_waits.draw_ticket(), deadline_ms),
        };
        self.block(Blocked::Keys(Box::new(KeyWait {
            awaited,
            db: self.keys.db_index(),
            keys: owned(keys),
            command: owned(command),
            deadline_ms,
            ticket,
        })));
    }

    /// Lets the client wait.
    pub(crate) fn block(&mut self, wait: Blocked) {
        self.server.key_waits.add(self.client.id, &wait);
        self.client.blocked = Some(wait);
    }
}
