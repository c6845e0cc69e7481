//! DUMP: a value as a payload.

use std::sync::Arc;

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::keyspace::Entry;
use crate::seams::ValueCodec;
use crate::seams::snapshot::{Access, EntryView};
use crate::seams::value_codec::PayloadOptions;

/// The codec that the engine's owner handed in.
pub(super) fn codec(ctx: &Ctx<'_>) -> CommandResult<Arc<dyn ValueCodec>> {
    let codec = ctx.server.value_codec.as_ref().map(Arc::clone);
    codec.ok_or(CommandError::text(
        "ERR this embedded engine has no format for values",
    ))
}

/// The payload of an entry's value.
pub(in crate::command) fn payload(
    codec: &dyn ValueCodec,
    entry: &Entry,
    options: PayloadOptions,
) -> CommandResult<Vec<u8>> {
    let view = EntryView {
        key: entry.key(),
        value: entry.value(),
        expire_ms: None,
        access: Access::Unknown,
    };
    let mut payload = Vec::new();
    match codec.encode(&view, options, &mut payload) {
        Ok(()) => Ok(payload),
        Err(error) => Err(CommandError::text(format!("ERR {error}"))),
    }
}

pub(super) fn dump(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let codec = codec(ctx)?;
    let options = ctx.server.config.payload;
    match ctx.keys.entry(args[1]) {
        Some(entry) => ctx.reply.bulk(&payload(&*codec, entry, options)?),
        None => ctx.reply.null(),
    }
    Ok(())
}
