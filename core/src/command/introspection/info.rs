//! INFO.

use crate::command::{CommandResult, Ctx};
use crate::engine::info::{Sections, Source, write};

pub(super) fn info(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let facts = ctx.host.facts();
    let source = Source {
        server: ctx.server,
        keyspace: ctx.keys.space(),
        key_stats: ctx.keys.stats(),
        client: ctx.client,
        facts: &facts,
        now_ms: ctx.now_ms(),
    };
    let text = write(&source, &Sections::parse(&args[1..]));
    ctx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}
