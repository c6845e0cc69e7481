//! What the commands on fields that expire have in common: `FIELDS numfields …`
//! at the end, options before it, and moments.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::generic::expire::{Counting, decides};
use crate::command::integer::parse_integer;

const NUM_FIELDS: CommandError = CommandError::Text(std::borrow::Cow::Borrowed(
    "ERR numfields should be greater than 0 and match the provided number of fields",
));

/// A command's arguments around the word FIELDS.
pub(super) struct Split<'a> {
    /// Everything between the fixed arguments and FIELDS.
    pub(super) options: &'a [&'a [u8]],
    numfields: &'a [u8],
    words: &'a [&'a [u8]],
}

impl<'a> Split<'a> {
    /// Looks for FIELDS among `args`.
    pub(super) fn find(args: &'a [&'a [u8]]) -> CommandResult<Self> {
        let is_fields = |word: &&[u8]| word.eq_ignore_ascii_case(b"fields");
        // The last word can only be a field.
        let before_last = &args[..args.len().saturating_sub(1)];
        let at = before_last.iter().position(is_fields).ok_or(NUM_FIELDS)?;
        Ok(Self {
            options: &args[..at],
            numfields: args[at + 1],
            words: &args[at + 2..],
        })
    }

    /// The fields, each with as many words as `words_each` says.
    pub(super) fn fields(&self, words_each: usize) -> CommandResult<&'a [&'a [u8]]> {
        let count = parse_integer(self.numfields)?;
        let count = usize::try_from(count).ok().filter(|count| *count > 0);
        let words = count.and_then(|count| count.checked_mul(words_each));
        match words {
            Some(words) if words == self.words.len() => Ok(self.words),
            _ => Err(NUM_FIELDS),
        }
    }
}

/// The fields of a command that has nothing between its key and FIELDS. What is
/// wrong with their number is told by `mismatch`.
pub(super) fn plain_fields<'a>(
    args: &'a [&'a [u8]],
    mismatch: CommandError,
) -> CommandResult<&'a [&'a [u8]]> {
    if !args[2].eq_ignore_ascii_case(b"fields") {
        return Err(CommandError::Syntax);
    }
    let count = parse_integer(args[3])?;
    let fields = &args[4..];
    if usize::try_from(count) == Ok(fields.len()) {
        Ok(fields)
    } else {
        Err(mismatch)
    }
}

/// As `plain_fields`, with the error of commands that change something.
pub(super) fn changed_fields<'a>(args: &'a [&'a [u8]]) -> CommandResult<&'a [&'a [u8]]> {
    plain_fields(args, NUM_FIELDS)
}

/// An expiry among the options of HSETEX and HGETEX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry<'a> {
    /// Milliseconds a unit.
    factor: i64,
    relative: bool,
    amount: &'a [u8],
}

impl<'a> Expiry<'a> {
    /// The expiry that `word` begins, followed by `rest`; none where it begins another option.
    pub(super) fn parse(
        word: &[u8],
        rest: &mut impl Iterator<Item = &'a [u8]>,
    ) -> CommandResult<Option<Self>> {
        let (factor, relative) = match word.to_ascii_lowercase().as_slice() {
            b"ex" => (1000, true),
            b"px" => (1, true),
            b"exat" => (1000, false),
            b"pxat" => (1, false),
            _ => return Ok(None),
        };
        let amount = rest.next().ok_or(CommandError::Syntax)?;
        Ok(Some(Self {
            factor,
            relative,
            amount,
        }))
    }

    /// Whether this option may follow `before`: only where both are the same word.
    pub(super) fn repeats(&self, before: &Self) -> bool {
        (self.factor, self.relative) == (before.factor, before.relative)
    }

    /// The moment in unix ms, for the command of that name.
    pub(super) fn moment(&self, name: &'static str, now_ms: i64) -> CommandResult<i64> {
        let counting = Counting {
            name,
            factor: self.factor,
            relative: self.relative,
        };
        field_moment(&counting, self.amount, now_ms)
    }
}

/// A moment at which fields expire. Unlike a key's it is never before 1970, and
/// no time before now is given by a difference.
pub(super) fn field_moment(counting: &Counting, amount: &[u8], now_ms: i64) -> CommandResult<i64> {
    if parse_integer(amount)? < 0 {
        return Err(CommandError::InvalidExpire(counting.name));
    }
    counting.moment(amount, now_ms)
}

/// True where fields that expire at `at_ms` are to be removed at once.
pub(super) fn is_past(ctx: &Ctx<'_>, at_ms: i64) -> bool {
    at_ms <= ctx.now_ms() && decides(ctx)
}

/// Propagates `head`, the key, `middle`, FIELDS with their number, and `words`.
pub(super) fn propagate_fields(ctx: &mut Ctx<'_>, head: &[&[u8]], words: &[&[u8]], fields: usize) {
    let count = fields.to_string();
    let tail: [&[u8]; 2] = [b"FIELDS", count.as_bytes()];
    ctx.propagate(&[head, &tail, words].concat());
}
