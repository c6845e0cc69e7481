//! Single bits: SETBIT and GETBIT.

use super::kernel::{bit_at, mask_of};
use super::range::bit_offset;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::string::edit::{edit_bytes, edited_len};
use crate::engine::effects::NotifyClass;
use crate::text::number::parse_i64;

pub(super) fn setbit(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let key = args[1];
    let offset = bit_offset(ctx, args[2])?;
    let on = match parse_i64(args[3]) {
        Some(bit @ (0 | 1)) => bit == 1,
        _ => {
            let message = "ERR bit is not an integer or out of range";
            return Err(CommandError::text(message));
        }
    };
    let (byte, mask) = mask_of(offset);
    let grows = edited_len(ctx, key)?.is_none_or(|len| len <= byte);
    let was_on = edit_bytes(ctx, key, byte + 1, |bytes| {
        let was_on = bytes[byte] & mask != 0;
        if was_on != on {
            bytes[byte] ^= mask;
        }
        was_on
    });
    if grows || was_on != on {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STRING, "setbit", key);
    }
    ctx.reply.int(i64::from(was_on));
    Ok(())
}

pub(super) fn getbit(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let offset = bit_offset(ctx, args[2])?;
    let mut digits = itoa::Buffer::new();
    let bytes = ctx.keys.string(args[1], &mut digits)?.unwrap_or(b"");
    ctx.reply.int(i64::from(bit_at(bytes, offset)));
    Ok(())
}
