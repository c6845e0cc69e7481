//! XDEL and XSETID.

use super::parse::{self, is};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::engine::effects::NotifyClass;
use crate::value::stream::StreamId;

/// Ids, all of them read before anything is done.
pub(super) fn parse_ids(args: &[&[u8]]) -> CommandResult<Vec<StreamId>> {
    args.iter().map(|text| parse::id(text)).collect()
}

pub(super) fn xdel(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(stream) = ctx.keys.stream_mut(args[1])? else {
        ctx.reply.count(0);
        return Ok(());
    };
    let ids = parse_ids(&args[2..])?;
    let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count();
    if deleted > 0 {
        ctx.effects.changed(deleted);
        ctx.notify(NotifyClass::STREAM, "xdel", args[1]);
    }
    ctx.reply.count(deleted);
    Ok(())
}

/// The arguments of XSETID.
struct SetId {
    id: StreamId,
    entries_added: Option<u64>,
    max_deleted_id: StreamId,
}

fn parse_setid(args: &[&[u8]]) -> CommandResult<SetId> {
    let mut parsed = SetId {
        id: parse::id(args[2])?,
        entries_added: None,
        max_deleted_id: StreamId::ZERO,
    };
    for option in args[3..].chunks(2) {
        let [name, argument] = option else {
            return Err(CommandError::Syntax);
        };
        if is(name, "entriesadded") {
            let added = u64::try_from(parse_integer(argument)?);
            let message = "ERR entries_added must be positive";
            parsed.entries_added = Some(added.map_err(|_| CommandError::text(message))?);
        } else if is(name, "maxdeletedid") {
            parsed.max_deleted_id = parse::id(argument)?;
            if parsed.id < parsed.max_deleted_id {
                return Err(CommandError::text(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok(parsed)
}

pub(super) fn xsetid(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let parsed = parse_setid(args)?;
    let stream = ctx.keys.stream_mut(args[1])?;
    let stream = stream.ok_or(CommandError::NoSuchKey)?;
    // Redis 7.0 does not ask, and what a primary has done is done here too.
    let asks_deleted = !ctx.client.is_primary();
    let message = if asks_deleted && parsed.id < stream.max_deleted_id {
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
    } else if stream.last_live_id().is_some_and(|last| parsed.id < last) {
        "ERR The ID specified in XSETID is smaller than the target stream top item"
    } else if (parsed.entries_added).is_some_and(|added| added < stream.len() as u64) {
        "ERR The entries_added specified in XSETID is smaller than the target stream length"
    } else {
        ""
    };
    if !message.is_empty() {
        return Err(CommandError::text(message));
    }
    stream.last_id = parsed.id;
    stream.entries_added = parsed.entries_added.unwrap_or(stream.entries_added);
    if parsed.max_deleted_id != StreamId::ZERO {
        stream.max_deleted_id = parsed.max_deleted_id;
    }
    ctx.reply.ok();
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STREAM, "xsetid", args[1]);
    Ok(())
}
