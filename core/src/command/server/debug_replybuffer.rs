//! DEBUG REPLYBUFFER: how reply buffers are fitted to their use.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::buffers::ReplyBufferPolicy;
use crate::text::number::parse_i64;

pub(super) fn reply_buffer(ctx: &mut Ctx<'_>, what: &[u8], value: &[u8]) -> CommandResult {
    let policy = &mut ctx.server.reply_buffer_policy;
    match what.to_ascii_lowercase().as_slice() {
        b"peak-reset-time" => policy.peak_reset_ms = peak_reset_ms(value)?,
        b"resizing" => policy.resizing = parse_i64(value).ok_or(CommandError::NotInteger)? != 0,
        _ => return Err(CommandError::subcommand_syntax("DEBUG", b"replybuffer")),
    }
    ctx.reply.ok();
    Ok(())
}

fn peak_reset_ms(value: &[u8]) -> CommandResult<Option<i64>> {
    match value.to_ascii_lowercase().as_slice() {
        b"never" => Ok(None),
        b"reset" => Ok(ReplyBufferPolicy::default().peak_reset_ms),
        _ => parse_i64(value).map(Some).ok_or(CommandError::NotInteger),
    }
}
