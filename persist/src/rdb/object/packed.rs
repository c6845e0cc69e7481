//! Collections that are one packed blob.
//!
//! ```text
//! 9 zipmap, 13 ziplist, 16 listpack      a hash: field, value, …
//! 25 listpack, lowest expiry before it   a hash: field, value, expiry or 0, …    Redis
//! 10 ziplist                             a list
//! 11 intset, 20 listpack                 a set
//! 12 ziplist, 17 listpack                a sorted set: member, score, …, ascending
//! ```
//! Blobs come from anywhere: each is walked byte by byte before it is used.

use towline_core::packed::intset::Intset;
use towline_core::packed::listpack::Listpack;
use towline_core::seams::snapshot::DecodeError;
use towline_core::value::item::Item;
use towline_core::value::list::ListLoader;
use towline_core::value::{Hash, Set, Value, ZSet};

use super::Object;
use super::collection::{check_field, hash_of};
use crate::decode::Source;
use crate::rdb::length::{RawString, Stop};
use crate::rdb::opcode::kind;
use crate::rdb::ziplist::{ziplist_to_listpack, zipmap_to_listpack};

/// Reads a collection of one of these types.
pub(super) async fn read(kind: u8, source: &mut Source) -> Result<Object, DecodeError> {
    match kind {
        kind::SET_INTSET => return intset(source).await,
        kind::HASH_LISTPACK_EX => return hash_with_expiries(source).await,
        _ => {}
    }
    let pack = blob(kind, source).await?;
    if pack.is_empty() {
        return Ok(Object::Empty);
    }
    let options = source.options();
    let (seed, limits) = (options.hash_seed, &options.encoding);
    let value = match kind {
        kind::LIST_ZIPLIST => {
            let mut list = ListLoader::new(limits);
            list.push_packed(pack);
            Some(Value::List(Box::new(list.finish())))
        }
        kind::SET_LISTPACK => Set::from_listpack(pack, seed, limits)
            .ok()
            .map(|set| Value::Set(Box::new(set))),
        kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            ZSet::from_listpack(pack, seed, limits).map(|zset| Value::ZSet(Box::new(zset)))
        }
        // As Redis does it, the length of a value counts only where a zipmap had it.
        kind::HASH_ZIPMAP if has_long_element(&pack, limits.hash_max_listpack_value) => {
            return hash_of(pairs(&pack), source);
        }
        _ => Hash::from_listpack(pack, seed, limits)
            .ok()
            .map(|hash| Value::Hash(Box::new(hash))),
    };
    match value {
        Some(value) => Ok(Object::Value(value)),
        None => source.corrupt(integrity(kind)),
    }
}

fn has_long_element(pack: &Listpack, max_bytes: usize) -> bool {
    pack.iter().any(|element| element.text_len() > max_bytes)
}

fn pairs(pack: &Listpack) -> Vec<Item> {
    let (mut items, mut elements) = (Vec::new(), pack.iter());
    while let (Some(field), Some(value)) = (elements.next(), elements.next()) {
        let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
        items.push(Item::pair(field.text(&mut one), value.text(&mut other)));
    }
    items
}

/// The blob, as a listpack whatever it was.
async fn blob(kind: u8, source: &mut Source) -> Result<Listpack, DecodeError> {
    match kind {
        kind::HASH_ZIPMAP => {
            let read = source.with_string(|raw| convert(raw, kind, zipmap_to_listpack));
            read.await
        }
        kind::LIST_ZIPLIST | kind::ZSET_ZIPLIST | kind::HASH_ZIPLIST => {
            let read = source.with_string(|raw| convert(raw, kind, ziplist_to_listpack));
            read.await
        }
        _ => match Listpack::from_bytes(source.string().await?) {
            Ok(pack) => Ok(pack),
            Err(_) => source.corrupt(integrity(kind)),
        },
    }
}

/// A blob of an old encoding, as a listpack.
pub(super) fn convert(
    raw: RawString<'_>,
    kind: u8,
    converted: impl Fn(&[u8]) -> Option<Listpack>,
) -> Result<Listpack, Stop> {
    converted(&raw.into_bytes()?).ok_or(Stop::Bad(integrity(kind)))
}

/// What is wrong with a blob of this type, in the words of Redis where it has some:
/// operators search for them.
pub(super) const fn integrity(kind: u8) -> &'static str {
    match kind {
        kind::LIST_ZIPLIST => "List ziplist integrity check failed",
        kind::LIST_QUICKLIST => "Quicklist ziplist integrity check failed",
        kind::LIST_QUICKLIST_2 => "Quicklist listpack integrity check failed",
        kind::HASH_ZIPMAP => "Zipmap integrity check failed",
        kind::HASH_ZIPLIST => "Hash ziplist integrity check failed",
        kind::ZSET_ZIPLIST => "Zset ziplist integrity check failed",
        kind::ZSET_LISTPACK => "Zset listpack integrity check failed",
        kind::SET_INTSET => "Intset integrity check failed",
        kind::SET_LISTPACK => "Set listpack integrity check failed",
        kind::HASH_LISTPACK_EX => "Hash listpack with expiries: integrity check failed",
        _ => "Hash listpack integrity check failed",
    }
}

async fn intset(source: &mut Source) -> Result<Object, DecodeError> {
    match Intset::from_bytes(source.string().await?) {
        Err(_) => source.corrupt(integrity(kind::SET_INTSET)),
        Ok(ints) if ints.is_empty() => Ok(Object::Empty),
        Ok(ints) => {
            let options = source.options();
            let set = Set::from_intset(ints, options.hash_seed, &options.encoding);
            Ok(Object::Value(Value::Set(Box::new(set))))
        }
    }
}

/// Redis's packed hash with expiries. Here such hashes are not packed, so its
/// triples become items.
async fn hash_with_expiries(source: &mut Source) -> Result<Object, DecodeError> {
    const WRONG: &str = integrity(kind::HASH_LISTPACK_EX);
    let _lowest_ms: [u8; 8] = source.array().await?;
    let Ok(pack) = Listpack::from_bytes(source.string().await?) else {
        return source.corrupt(WRONG);
    };
    let mut items = Vec::new();
    let mut elements = pack.iter();
    while let Some(field) = elements.next() {
        let (Some(value), Some(expiry)) = (elements.next(), elements.next()) else {
            return source.corrupt(WRONG);
        };
        check_field(field.text_len(), source)?;
        let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (field, value) = (field.text(&mut one), value.text(&mut other));
        items.push(match expiry.as_int() {
            Some(0) => Item::pair(field, value),
            Some(at) if at > 0 => Item::expiring_pair(field, value, at),
            _ => return source.corrupt(WRONG),
        });
    }
    hash_of(items, source)
}
