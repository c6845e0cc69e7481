//! What a string has to be before something is done to it: the conditions of SET and
//! DELEX, DELIFEQ, and DIGEST.
//!
//! The digest is XXH3 of 64 bits without a seed, in 16 hexadecimal digits. DELEX and
//! DIGEST are Redis 8.4's, and answer as 8.6 does.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;

/// The digits of a digest.
const DIGEST_DIGITS: usize = 16;

/// What a string is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand<'a> {
    Value(&'a [u8]),
    Digest(&'a [u8]),
}

/// A condition on a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparison<'a> {
    operand: Operand<'a>,
    /// It has to be equal, or else it must not be.
    equal: bool,
}

impl<'a> Comparison<'a> {
    /// The condition that `option` names; none where it is another word.
    pub(super) fn parse(option: &[u8], operand: &'a [u8]) -> Option<Self> {
        let (operand, equal) = match option.to_ascii_lowercase().as_slice() {
            b"ifeq" => (Operand::Value(operand), true),
            b"ifne" => (Operand::Value(operand), false),
            b"ifdeq" => (Operand::Digest(operand), true),
            b"ifdne" => (Operand::Digest(operand), false),
            _ => return None,
        };
        Some(Self { operand, equal })
    }

    /// Whether a key without a string meets it.
    pub(super) const fn holds_for_nothing(self) -> bool {
        !self.equal
    }

    /// Whether `string` meets it. Of a digest only the length is looked at, and only
    /// here: where there is nothing to compare with, a wrong one is no error.
    pub(super) fn holds(self, string: &[u8]) -> CommandResult<bool> {
        let equal = match self.operand {
            Operand::Value(wanted) => string == wanted,
            Operand::Digest(wanted) if wanted.len() == DIGEST_DIGITS => {
                digest(string).as_bytes().eq_ignore_ascii_case(wanted)
            }
            Operand::Digest(_) => {
                return Err(CommandError::text(
                    "ERR must be exactly 16 hexadecimal characters",
                ));
            }
        };
        Ok(equal == self.equal)
    }
}

fn digest(string: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(string))
}

pub(super) fn digest_of(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut digits = itoa::Buffer::new();
    match ctx.keys.string(args[1], &mut digits)?.map(digest) {
        Some(digest) => ctx.reply.bulk(digest.as_bytes()),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Removes a key; the stream says DEL, which every replica knows.
fn remove(ctx: &mut Ctx<'_>, key: &[u8]) {
    ctx.keys.remove(key);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::GENERIC, "del", key);
    ctx.propagate(&[b"DEL", key]);
}

pub(super) fn delifeq(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut digits = itoa::Buffer::new();
    // A key that is not there is no miss, as it is to a read.
    let equal =
        ctx.keys.is_present(args[1]) && ctx.keys.string(args[1], &mut digits)? == Some(args[2]);
    if equal {
        remove(ctx, args[1]);
    }
    ctx.reply.int(i64::from(equal));
    Ok(())
}

pub(super) fn delex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let may_remove = match args {
        [_, key] => ctx.keys.is_present(key),
        [_, key, option, operand] => meets(ctx, key, option, operand)?,
        _ => return Err(CommandError::Arity(String::from("delex"))),
    };
    if may_remove {
        remove(ctx, args[1]);
    }
    ctx.reply.int(i64::from(may_remove));
    Ok(())
}

/// Whether a key holds a string that meets a condition. The option is read last, so that
/// a wrong one is no error where there is no string.
fn meets(ctx: &mut Ctx<'_>, key: &[u8], option: &[u8], operand: &[u8]) -> CommandResult<bool> {
    if !ctx.keys.is_present(key) {
        return Ok(false);
    }
    let mut digits = itoa::Buffer::new();
    let string = ctx.keys.string(key, &mut digits).map_err(|_| {
        CommandError::text("ERR Key should be of string type if conditions are specified")
    })?;
    let string = string.expect("the key is present");
    let comparison = Comparison::parse(option, operand).ok_or(CommandError::text(
        "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
    ))?;
    comparison.holds(string)
}
