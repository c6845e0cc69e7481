//! DEBUG OBJECT and DEBUG LISTPACK.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::generic::encoding_of;
use crate::command::transfer::payload;
use crate::engine::server::Server;
use crate::keyspace::Entry;
use crate::keyspace::usage::idle_s;
use crate::packed::listpack::Listpack;
use crate::value::list::Node;
use crate::value::{List, ValueRef};

fn no_key() -> CommandError {
    CommandError::NoSuchKey
}

/// The length of a value in the format of DUMP, without what stands around it there;
/// zero in an embedded engine without a format.
fn serialized_len(server: &Server, entry: &Entry) -> CommandResult<usize> {
    let Some(codec) = &server.value_codec else {
        return Ok(0);
    };
    let payload = payload(&**codec, entry, server.config.payload)?;
    Ok(codec.value_len(&payload))
}

/// The clock of Redis's LRU has 24 bits of seconds.
const LRU_MASK: u32 = (1 << 24) - 1;

/// What Redis tells of a list of several listpacks. None is ever compressed here.
fn quicklist(list: &List, fill: i32) -> String {
    let nodes = list.piece_count();
    let bytes_of = |node| match node {
        Node::Plain(element) => element.len(),
        Node::Packed(pack) => pack.byte_len(),
    };
    let bytes: usize = list.nodes().map(bytes_of).sum();
    format!(
        " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{fill} ql_compressed:0 \
         ql_uncompressed_size:{bytes}",
        list.len() as f64 / nodes as f64,
    )
}

pub(super) fn debug_object(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult {
    let now_s = (ctx.now_ms() / 1000) as u32;
    let fill = ctx.server.config.encodings.list_max_listpack_size;
    // One that has expired and was not removed is an object as well.
    let entry = ctx.keys.space().find(ctx.keys.db_index(), key);
    let entry = entry.ok_or_else(no_key)?;
    let pieces = match entry.value() {
        ValueRef::List(list) if list.as_listpack().is_none() => quicklist(list, fill),
        _ => String::new(),
    };
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{pieces}",
        entry,
        encoding_of(entry),
        serialized_len(ctx.server, entry)?,
        entry.access() & LRU_MASK,
        idle_s(entry.access(), now_s),
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
    ctx.host.log(&format!(
        "DEBUG LISTPACK: {} elements in {} bytes",
        packed.len(),
        packed.byte_len()
    ));
    for (index, element) in packed.iter().enumerate() {
        let text = element.to_vec();
        ctx.host
            .log(&format!("DEBUG LISTPACK: {index}: {}", text.escape_ascii()));
    }
    ctx.reply.simple("Listpack structure printed on stdout");
    Ok(())
}
