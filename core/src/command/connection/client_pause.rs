//! CLIENT PAUSE and CLIENT UNPAUSE.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::pause::{PauseMode, PauseReason};
use crate::text::number::parse_i64;

fn parse_mode(word: &[u8]) -> CommandResult<PauseMode> {
    match word.to_ascii_lowercase().as_slice() {
        b"write" => Ok(PauseMode::Writes),
        b"all" => Ok(PauseMode::All),
        _ => Err(CommandError::text(
            "ERR CLIENT PAUSE mode must be WRITE or ALL",
        )),
    }
}

/// A duration in milliseconds as the moment at which it is over; 0 is over already.
fn parse_end(word: &[u8], now_ms: i64) -> CommandResult<i64> {
    let timeout_ms = parse_i64(word).ok_or(CommandError::text(
        "ERR timeout is not an integer or out of range",
    ))?;
    if timeout_ms < 0 {
        return Err(CommandError::TimeoutNegative);
    }
    let end_ms = now_ms.checked_add(timeout_ms);
    end_ms.ok_or(CommandError::text("ERR timeout is out of range"))
}

pub(super) fn client_pause(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mode = match args {
        [_, _, _] => PauseMode::All,
        [_, _, _, word] => parse_mode(word)?,
        _ => {
            return Err(CommandError::text(format!(
                "ERR unknown subcommand or wrong number of arguments for '{}'. Try CLIENT HELP.",
                String::from_utf8_lossy(args[1])
            )));
        }
    };
    let end_ms = parse_end(args[2], ctx.now_ms())?;
    let pauses = &mut ctx.server.pauses;
    pauses.begin(PauseReason::Command, mode, end_ms);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn client_unpause(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.server.pauses.end(PauseReason::Command);
    ctx.reply.ok();
    Ok(())
}
