//! BITCOUNT and BITPOS.

use super::kernel::{count_ones, find_bit};
use super::range::AskedRange;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;

pub(super) fn bitcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let asked = AskedRange::of_bitcount(&args[2..])?;
    let mut digits = itoa::Buffer::new();
    let bytes = ctx.keys.string(args[1], &mut digits)?.unwrap_or(b"");
    let range = asked.bits(bytes.len()).filter(|_| !asked.is_reversed());
    let ones = range.map_or(0, |bits| count_ones(bytes, &bits));
    ctx.reply.int(ones.cast_signed());
    Ok(())
}

pub(super) fn bitpos(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let wanted = match parse_i64(args[2]).ok_or(CommandError::NotInteger)? {
        bit @ (0 | 1) => bit == 1,
        _ => return Err(CommandError::text("ERR The bit argument must be 1 or 0.")),
    };
    let asked = AskedRange::of_bitpos(&args[3..])?;
    let mut digits = itoa::Buffer::new();
    let found = match ctx.keys.string(args[1], &mut digits)? {
        Some(bytes) => position(bytes, asked, wanted),
        // A string that is not there is all zeros, without an end.
        None if wanted => None,
        None => Some(0),
    };
    ctx.reply.int(found.map_or(-1, u64::cast_signed));
    Ok(())
}

fn position(bytes: &[u8], asked: AskedRange, wanted: bool) -> Option<u64> {
    let bits = asked.bits(bytes.len())?;
    // Without an end the string goes on with zeros for ever.
    let behind = (!wanted && !asked.has_end()).then_some(bits.end);
    find_bit(bytes, &bits, wanted).or(behind)
}
