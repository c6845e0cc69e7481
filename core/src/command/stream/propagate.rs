//! What replicas and the log are told of deliveries and claims: the state that
//! they came to, never the command that led there.

use super::parse::no_key_or_group;
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::value::stream::{Group, Pending, StreamId};

fn group<'a>(ctx: &'a mut Ctx<'_>, key: &[u8], name: &[u8]) -> CommandResult<&'a Group> {
    let entry = ctx.keys.peek(key);
    let group = match entry.map(crate::keyspace::Entry::value) {
        Some(crate::value::ValueRef::Stream(stream)) => stream.groups().get(name),
        _ => None,
    };
    let group = group.ok_or_else(|| no_key_or_group(key, name))?;
    Ok(group)
}

/// Tells who has a pending entry, since when and how often it was delivered.
/// `id_text` is how the client wrote its id.
pub(super) fn claim(
    ctx: &mut Ctx<'_>,
    (key, name): (&[u8], &[u8]),
    id: StreamId,
    id_text: &[u8],
) -> CommandResult {
    let group = group(ctx, key, name)?;
    let pending = group.pending_at(id).expect("it was just delivered").clone();
    let last_id = group.last_id;
    claim_of(ctx, (key, name), (&pending, id_text), last_id);
    Ok(())
}

/// As `claim`, of an entry that is pending no more: who repeats it finds the
/// entry gone and drops it as well.
pub(super) fn claim_of(
    ctx: &mut Ctx<'_>,
    (key, name): (&[u8], &[u8]),
    (pending, id_text): (&Pending, &[u8]),
    last_id: StreamId,
) {
    ctx.propagate(&[
        b"XCLAIM",
        key,
        name,
        &pending.consumer,
        b"0",
        id_text,
        b"TIME",
        pending.delivered_ms.to_string().as_bytes(),
        b"RETRYCOUNT",
        pending.deliveries.to_string().as_bytes(),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_id.to_string().as_bytes(),
    ]);
}

/// Tells how far a group has read.
pub(super) fn group_id(ctx: &mut Ctx<'_>, key: &[u8], name: &[u8]) -> CommandResult {
    let group = group(ctx, key, name)?;
    let last_id = group.last_id.to_string();
    let read = group.entries_read.map_or(-1, |read| read as i64);
    ctx.propagate(&[
        b"XGROUP",
        b"SETID",
        key,
        name,
        last_id.as_bytes(),
        b"ENTRIESREAD",
        read.to_string().as_bytes(),
    ]);
    Ok(())
}

/// Tells of a consumer that nothing else would make.
pub(super) fn consumer(ctx: &mut Ctx<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    ctx.propagate(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
}
