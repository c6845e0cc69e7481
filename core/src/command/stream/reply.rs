//! How ids and entries are written.

use crate::resp::reply::Reply;
use crate::value::stream::{StreamEntry, StreamId};

/// An id as a bulk string.
pub(super) fn id(reply: &mut Reply, id: StreamId) {
    reply.bulk_fmt(format_args!("{id}"));
}

/// An entry: its id, and its fields and values in turn.
pub(super) fn entry(reply: &mut Reply, entry: StreamEntry<'_>) {
    reply.array(2);
    id(reply, entry.id);
    reply.array(2 * entry.fields.len());
    for (field, value) in entry.fields {
        reply.bulk_entry(field);
        reply.bulk_entry(value);
    }
}

/// Entries, as many as come.
pub(super) fn entries<'a>(reply: &mut Reply, entries: impl Iterator<Item = StreamEntry<'a>>) {
    let mark = reply.begin_array();
    let mut count = 0;
    for item in entries {
        entry(reply, item);
        count += 1;
    }
    reply.end_array(mark, count);
}

/// An entry, or nothing.
pub(super) fn entry_or_null(reply: &mut Reply, found: Option<StreamEntry<'_>>) {
    match found {
        Some(found) => entry(reply, found),
        None => reply.null(),
    }
}
