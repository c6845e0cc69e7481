//! PFDEBUG.

use super::handlers::check;
use super::sketch::{self, REGISTERS};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::string::edit::edit;

pub(super) fn pfdebug(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (name, key) = (args[1], args[2]);
    let Some(value) = ctx.keys.read(key) else {
        return Err(CommandError::text("ERR The specified key does not exist"));
    };
    let bytes = check(value)?;
    let dense = sketch::is_dense(bytes);
    match name.to_ascii_lowercase().as_slice() {
        b"getreg" => {
            make_dense(ctx, key, dense)?;
            reply_registers(ctx, key)?;
        }
        b"decode" if dense => return Err(CommandError::text("ERR HLL encoding is not sparse")),
        b"decode" => {
            let text = sketch::describe(bytes);
            ctx.reply.bulk(text.as_bytes());
        }
        b"encoding" => ctx.reply.simple(if dense { "dense" } else { "sparse" }),
        b"todense" => {
            make_dense(ctx, key, dense)?;
            ctx.reply.int(i64::from(!dense));
        }
        _ => {
            let name = String::from_utf8_lossy(name);
            let message = format!("ERR Unknown PFDEBUG subcommand '{name}'");
            return Err(CommandError::text(message));
        }
    }
    Ok(())
}

fn make_dense(ctx: &mut Ctx<'_>, key: &[u8], dense: bool) -> CommandResult {
    if !dense {
        edit(ctx, key, sketch::make_dense)?;
        ctx.effects.changed(1);
    }
    Ok(())
}

fn reply_registers(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let mut registers = Box::new([0; REGISTERS]);
    let entry = ctx.keys.peek(key).expect("it was just read");
    sketch::merge_into(check(entry.value())?, &mut registers)?;
    ctx.reply.array(REGISTERS);
    for rank in registers.iter() {
        ctx.reply.int(i64::from(*rank));
    }
    Ok(())
}
