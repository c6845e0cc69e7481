//! The expiry options that SET, GETEX and their kin share.

use crate::command::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;

/// How an expiry is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpiryUnit {
    /// Seconds, else milliseconds.
    pub(crate) seconds: bool,
    /// Counted from now, else from 1970.
    pub(crate) relative: bool,
}

impl ExpiryUnit {
    /// The unit of the option of this name: EX, PX, EXAT or PXAT.
    pub(crate) fn parse(option: &[u8]) -> Option<Self> {
        let (seconds, relative) = match option.to_ascii_lowercase().as_slice() {
            b"ex" => (true, true),
            b"px" => (false, true),
            b"exat" => (true, false),
            b"pxat" => (false, false),
            _ => return None,
        };
        Some(Self { seconds, relative })
    }

    /// The moment in unix ms that `text` names; it must be positive and in range.
    pub(crate) fn moment(
        self,
        text: &[u8],
        now_ms: i64,
        command: &'static str,
    ) -> CommandResult<i64> {
        let amount = parse_i64(text).ok_or(CommandError::NotInteger)?;
        let invalid = CommandError::InvalidExpire(command);
        if amount <= 0 {
            return Err(invalid);
        }
        let factor = if self.seconds { 1000 } else { 1 };
        let base = if self.relative { now_ms } else { 0 };
        let moment = amount.checked_mul(factor);
        moment.and_then(|ms| ms.checked_add(base)).ok_or(invalid)
    }
}
