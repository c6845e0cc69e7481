//! Streams.
//!
//! ```text
//! XADD <key> <id> <field> <value> ...           per entry
//! XADD <key> MAXLEN 0 0-1 x y                   where there is none
//! XSETID <key> <last> ENTRIESADDED <n> MAXDELETEDID <id>
//! XGROUP CREATE <key> <group> <last> ENTRIESREAD <n or -1>
//! XCLAIM <key> <group> <consumer> 0 <id> TIME <ms> RETRYCOUNT <n> JUSTID FORCE
//! XGROUP CREATECONSUMER <key> <group> <consumer>   of those with nothing pending
//! ```
//! An entry may be pending in a group though it was deleted, and XCLAIM takes no such
//! id. It is then added, claimed and removed again (XTRIM, XDEL), with the XSETID at the
//! end; Redis' own rewrite loses it.

use towline_core::value::Stream;
use towline_core::value::stream::{Group, Pending, StreamEntry, StreamId};

use super::{bulk, element, head, int};
use crate::pen::Pen;

pub(super) async fn write(key: &[u8], stream: &Stream, pen: &mut Pen) {
    let ghosts = pending_and_deleted(stream, pen).await;
    write_entries(key, stream, &ghosts, pen).await;
    if ghosts.is_empty() {
        write_counters(key, stream, pen);
    }
    for (name, group) in stream.groups() {
        write_group(key, name, group, pen).await;
    }
    if !ghosts.is_empty() {
        remove_ghosts(key, stream, &ghosts, pen).await;
        write_counters(key, stream, pen);
    }
}

/// Those before the first entry were perhaps trimmed, which XSETID could not undo the
/// traces of that XDEL leaves.
async fn remove_ghosts(key: &[u8], stream: &Stream, ghosts: &[StreamId], pen: &mut Pen) {
    let first = stream.iter().next().map(|entry| entry.id);
    let trimmed = ghosts.partition_point(|ghost| first.is_none_or(|first| *ghost < first));
    match first {
        _ if trimmed == 0 => {}
        Some(first) => {
            head(pen, &[b"XTRIM", key, b"MINID"], 1);
            write_id(first, pen);
        }
        None => head(pen, &[b"XTRIM", key, b"MAXLEN", b"0"], 0),
    }
    for id in &ghosts[trimmed..] {
        head(pen, &[b"XDEL", key], 1);
        write_id(*id, pen);
        pen.pause().await;
    }
}

/// The ids that are pending in a group and no longer in the stream, in order.
async fn pending_and_deleted(stream: &Stream, pen: &mut Pen) -> Vec<StreamId> {
    let mut ids = Vec::new();
    for group in stream.groups().values() {
        for pending in group.pending() {
            if stream.get(pending.id).is_none() {
                ids.push(pending.id);
            }
            pen.pause().await;
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn write_entries(key: &[u8], stream: &Stream, ghosts: &[StreamId], pen: &mut Pen) {
    if stream.is_empty() && ghosts.is_empty() {
        let words: [&[u8]; 7] = [b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"];
        return head(pen, &words, 0);
    }
    let mut ghosts = ghosts.iter().copied().peekable();
    for entry in stream.iter() {
        while let Some(ghost) = ghosts.next_if(|ghost| *ghost < entry.id) {
            write_ghost(key, ghost, pen).await;
        }
        write_entry(key, entry, pen).await;
    }
    for ghost in ghosts {
        write_ghost(key, ghost, pen).await;
    }
}

async fn write_entry(key: &[u8], entry: StreamEntry<'_>, pen: &mut Pen) {
    head(pen, &[b"XADD", key], 1 + 2 * entry.fields.len());
    write_id(entry.id, pen);
    for (field, value) in entry.fields {
        element(pen, field).await;
        element(pen, value).await;
    }
    pen.pause().await;
}

async fn write_ghost(key: &[u8], id: StreamId, pen: &mut Pen) {
    head(pen, &[b"XADD", key], 3);
    write_id(id, pen);
    bulk(pen, b"x");
    bulk(pen, b"y");
    pen.pause().await;
}

fn write_counters(key: &[u8], stream: &Stream, pen: &mut Pen) {
    head(pen, &[b"XSETID", key], 5);
    write_id(stream.last_id, pen);
    bulk(pen, b"ENTRIESADDED");
    bulk(pen, stream.entries_added.to_string().as_bytes());
    bulk(pen, b"MAXDELETEDID");
    write_id(stream.max_deleted_id, pen);
}

async fn write_group(key: &[u8], name: &[u8], group: &Group, pen: &mut Pen) {
    head(pen, &[b"XGROUP", b"CREATE", key, name], 3);
    write_id(group.last_id, pen);
    bulk(pen, b"ENTRIESREAD");
    let read = group.entries_read.and_then(|read| i64::try_from(read).ok());
    int(pen, read.unwrap_or(-1));
    for pending in group.pending() {
        write_pending(key, name, pending, pen);
        pen.pause().await;
    }
    for (consumer, state) in group.consumers() {
        if state.pending().is_empty() {
            head(pen, &[b"XGROUP", b"CREATECONSUMER", key, name, consumer], 0);
            pen.pause().await;
        }
    }
}

fn write_pending(key: &[u8], name: &[u8], pending: &Pending, pen: &mut Pen) {
    head(pen, &[b"XCLAIM", key, name, &pending.consumer, b"0"], 7);
    write_id(pending.id, pen);
    bulk(pen, b"TIME");
    int(pen, pending.delivered_ms);
    bulk(pen, b"RETRYCOUNT");
    bulk(pen, pending.deliveries.to_string().as_bytes());
    bulk(pen, b"JUSTID");
    bulk(pen, b"FORCE");
}

fn write_id(id: StreamId, pen: &mut Pen) {
    bulk(pen, id.to_string().as_bytes());
}
