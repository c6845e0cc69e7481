//! The options that SET and MSETEX share.

use super::compare::Comparison;
use super::expire_args::ExpiryUnit;
use crate::command::error::{CommandError, CommandResult};

/// What has to be true of a key before it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// Nothing.
    #[default]
    None,
    /// NX: it is not there.
    Absent,
    /// XX: it is there.
    Present,
    /// IFEQ and its kin: it holds such a string.
    Holds(Comparison<'a>),
}

/// See the module's comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SetOptions<'a> {
    pub(super) condition: Condition<'a>,
    pub(super) get: bool,
    pub(super) keep_ttl: bool,
    pub(super) expire_ms: Option<i64>,
}

impl<'a> SetOptions<'a> {
    /// Reads the options of a command; GET and IFEQ with its kin are SET's alone.
    pub(super) fn parse(
        options: &[&'a [u8]],
        now_ms: i64,
        command: &'static str,
    ) -> CommandResult<Self> {
        let of_set = command == "set";
        let mut parsed = Self::default();
        let mut expiry: Option<(ExpiryUnit, &[u8])> = None;
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let mut value = || rest.next().copied().ok_or(CommandError::Syntax);
            match option.to_ascii_lowercase().as_slice() {
                b"nx" => parsed.add_condition(Condition::Absent)?,
                b"xx" => parsed.add_condition(Condition::Present)?,
                b"ifeq" | b"ifne" | b"ifdeq" | b"ifdne"
                    if of_set && parsed.condition == Condition::None =>
                {
                    let comparison = Comparison::parse(option, value()?);
                    parsed.condition = Condition::Holds(comparison.expect("one of the four"));
                }
                b"get" if of_set => parsed.get = true,
                b"keepttl" if expiry.is_none() => parsed.keep_ttl = true,
                _ => {
                    let unit = ExpiryUnit::parse(option).ok_or(CommandError::Syntax)?;
                    let amount = value()?;
                    if expiry.is_some() || parsed.keep_ttl {
                        return Err(CommandError::Syntax);
                    }
                    expiry = Some((unit, amount));
                }
            }
        }
        if let Some((unit, amount)) = expiry {
            parsed.expire_ms = Some(unit.moment(amount, now_ms, command)?);
        }
        Ok(parsed)
    }

    /// The same condition may be named twice, two may not.
    fn add_condition(&mut self, condition: Condition<'a>) -> CommandResult {
        if self.condition != Condition::None && self.condition != condition {
            return Err(CommandError::Syntax);
        }
        self.condition = condition;
        Ok(())
    }
}
