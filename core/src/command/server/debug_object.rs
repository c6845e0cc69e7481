//! DEBUG OBJECT and DEBUG LISTPACK.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::generic::encoding_of;
use crate::keyspace::Entry;
use crate::packed::listpack::{Entry as Element, Listpack};
use crate::value::ValueRef;

fn no_key() -> CommandError {
    CommandError::NoSuchKey
}

/// The bytes of a value's own text: its elements without any structure.
fn payload_bytes(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(bytes) => bytes.len(),
        ValueRef::Int(number) => itoa::Buffer::new().format(number).len(),
        ValueRef::List(list) => list.iter().map(Element::text_len).sum(),
        ValueRef::Set(set) => set.iter().map(Element::text_len).sum(),
        ValueRef::ZSet(zset) => zset.iter().map(|(member, _)| member.text_len() + 8).sum(),
        ValueRef::Hash(hash) => {
            let pairs = hash.iter();
            pairs
                .map(|pair| pair.field.text_len() + pair.value.text_len())
                .sum()
        }
        ValueRef::Stream(stream) => {
            let nodes = stream.nodes().iter();
            nodes.map(|node| node.listpack().byte_len()).sum()
        }
    }
}

pub(super) fn debug_object(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let now_s = (ctx.now_ms() / 1000) as u32;
    let entry = ctx.keys.peek(key).ok_or_else(no_key)?;
    let pieces = match entry.value() {
        ValueRef::List(list) => format!(" ql_nodes:{}", list.piece_count()),
        _ => String::new(),
    };
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{pieces}",
        entry,
        encoding_of(entry),
        payload_bytes(entry.value()),
        entry.access(),
        now_s.saturating_sub(entry.access()),
    );
    ctx.reply.simple(&text);
    Ok(())
}

fn packed(entry: &Entry) -> Option<&Listpack> {
    match entry.value() {
        ValueRef::List(list) => list.as_listpack(),
        ValueRef::Hash(hash) => hash.as_listpack(),
        ValueRef::Set(set) => set.as_listpack(),
        ValueRef::ZSet(zset) => zset.as_listpack(),
        _ => None,
    }
}

pub(super) fn listpack(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let entry = ctx.keys.peek(key).ok_or_else(no_key)?;
    let packed = packed(entry);
    let packed = packed.ok_or(CommandError::text("ERR Not a listpack encoded object."))?;
    let text = format!("{} elements in {} bytes", packed.len(), packed.byte_len());
    ctx.reply.simple(&text);
    Ok(())
}
