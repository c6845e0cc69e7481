//! Lists, sets, sorted sets and hashes, element by element.
//!
//! ```text
//! 1 list        n x element
//! 14, 18 list   n x node: a ziplist; or 1 and an element, or 2 and a listpack
//! 2 set         n x member
//! 3 zset        n x (member, score as text: 1 byte length; 253 nan, 254 inf, 255 -inf)
//! 5 zset        n x (member, score as 8 bytes LE), highest first
//! 4 hash        n x (field, value)
//! 24 hash       lowest expiry 8 bytes LE, n x (expiry - lowest + 1 or 0, field, value)    Redis
//! 22 hash       n x (field, value, expiry 8 bytes LE or -1)                                Valkey
//! ```

use towline_core::packed::listpack::{Entry, Listpack};
use towline_core::seams::snapshot::DecodeError;
use towline_core::text::double::parse_f64;
use towline_core::value::hash::Pair;
use towline_core::value::item::{FIELD_BYTES_MAX, Item};
use towline_core::value::list::{ListLoader, Node};
use towline_core::value::{Hash, List, Set, Value, ZSet};

use super::Object;
use super::packed::{convert, integrity};
use crate::decode::Source;
use crate::pen::Pen;
use crate::rdb::opcode::{container, kind};
use crate::rdb::ziplist::ziplist_to_listpack;

const SCORE_NAN: u8 = 253;
const SCORE_INF: u8 = 254;
const SCORE_NEG_INF: u8 = 255;

/// What Valkey writes for a field without an expiry.
const NO_EXPIRY: i64 = -1;

pub(super) async fn read_list(kind: u8, source: &mut Source) -> Result<Object, DecodeError> {
    let mut list = ListLoader::new(&source.options().encoding);
    for _ in 0..source.length().await? {
        match kind {
            kind::LIST => list.push(source.string().await?),
            kind::LIST_QUICKLIST => {
                let pack = source.with_string(|raw| convert(raw, kind, ziplist_to_listpack));
                list.push_packed(pack.await?);
            }
            _ => read_node(&mut list, source).await?,
        }
    }
    let list = list.finish();
    if list.is_empty() {
        return Ok(Object::Empty);
    }
    Ok(Object::Value(Value::List(Box::new(list))))
}

async fn read_node(list: &mut ListLoader, source: &mut Source) -> Result<(), DecodeError> {
    match source.length().await? {
        container::PLAIN => match source.string().await? {
            element if element.is_empty() => return source.corrupt("Quicklist node is empty"),
            element => list.push(element),
        },
        container::PACKED => match Listpack::from_bytes(source.string().await?) {
            Ok(pack) => list.push_packed(pack),
            Err(_) => return source.corrupt(integrity(kind::LIST_QUICKLIST_2)),
        },
        _ => return source.corrupt("unknown kind of list node"),
    }
    Ok(())
}

pub(super) async fn read_set(source: &mut Source) -> Result<Object, DecodeError> {
    let (mut items, mut member) = (Vec::new(), Vec::new());
    for _ in 0..source.length().await? {
        read_field(&mut member, source).await?;
        items.push(Item::member(&member));
    }
    if items.is_empty() {
        return Ok(Object::Empty);
    }
    let options = source.options();
    match Set::from_items(items, options.hash_seed, &options.encoding) {
        Ok(set) => Ok(Object::Value(Value::Set(Box::new(set)))),
        Err(_) => source.corrupt("Duplicate set members detected"),
    }
}

pub(super) async fn read_zset(kind: u8, source: &mut Source) -> Result<Object, DecodeError> {
    let (mut items, mut member) = (Vec::new(), Vec::new());
    for _ in 0..source.length().await? {
        read_field(&mut member, source).await?;
        let score = match kind {
            kind::ZSET_2 => f64::from_le_bytes(source.array().await?),
            _ => read_text_score(source).await?,
        };
        if score.is_nan() {
            return source.corrupt("Zset with NAN score detected");
        }
        items.push(Item::scored(&member, score));
    }
    if items.is_empty() {
        return Ok(Object::Empty);
    }
    let options = source.options();
    match ZSet::from_members(options.hash_seed, &options.encoding, items) {
        Some(zset) => Ok(Object::Value(Value::ZSet(Box::new(zset)))),
        None => source.corrupt("Duplicate zset fields detected"),
    }
}

async fn read_text_score(source: &mut Source) -> Result<f64, DecodeError> {
    match source.byte().await? {
        SCORE_NAN => Ok(f64::NAN),
        SCORE_INF => Ok(f64::INFINITY),
        SCORE_NEG_INF => Ok(f64::NEG_INFINITY),
        length => {
            let mut text = Vec::new();
            source.bytes(usize::from(length), &mut text).await?;
            match parse_f64(&text) {
                Some(score) => Ok(score),
                None => source.corrupt("a score that is not a number"),
            }
        }
    }
}

pub(super) async fn read_hash(kind: u8, source: &mut Source) -> Result<Object, DecodeError> {
    let lowest_ms = match kind {
        kind::HASH_METADATA => i64::from_le_bytes(source.array().await?),
        _ => 0,
    };
    let (mut items, mut field, mut value) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..source.length().await? {
        let mut expire_ms = match kind {
            kind::HASH_METADATA => relative_expiry(lowest_ms, source.length().await?, source)?,
            _ => None,
        };
        read_field(&mut field, source).await?;
        source.string_into(&mut value).await?;
        if kind == kind::VALKEY_HASH_2 {
            expire_ms = match i64::from_le_bytes(source.array().await?) {
                NO_EXPIRY => None,
                at if at >= 0 => Some(at),
                _ => return source.corrupt("a field expiry out of range"),
            };
        }
        items.push(match expire_ms {
            Some(at) => Item::expiring_pair(&field, &value, at),
            None => Item::pair(&field, &value),
        });
    }
    hash_of(items, source)
}

/// A hash of items read in any form.
pub(super) fn hash_of(items: Vec<Item>, source: &Source) -> Result<Object, DecodeError> {
    if items.is_empty() {
        return Ok(Object::Empty);
    }
    let options = source.options();
    match Hash::from_items(items, options.hash_seed, &options.encoding) {
        Ok(hash) => Ok(Object::Value(Value::Hash(Box::new(hash)))),
        Err(_) => source.corrupt("Duplicate hash fields detected"),
    }
}

/// The moment that type 24 writes as a distance from the lowest one.
fn relative_expiry(
    lowest_ms: i64,
    written: u64,
    source: &Source,
) -> Result<Option<i64>, DecodeError> {
    let Some(distance) = written.checked_sub(1) else {
        return Ok(None);
    };
    match lowest_ms.checked_add_unsigned(distance) {
        Some(at) if at >= 0 => Ok(Some(at)),
        _ => source.corrupt("a field expiry out of range"),
    }
}

/// A member or a field, which may be shorter than other strings.
async fn read_field(field: &mut Vec<u8>, source: &mut Source) -> Result<(), DecodeError> {
    source.string_into(field).await?;
    check_field(field.len(), source)
}

pub(super) fn check_field(bytes: usize, source: &Source) -> Result<(), DecodeError> {
    if bytes > FIELD_BYTES_MAX {
        return source.corrupt("a field or member that is too long");
    }
    Ok(())
}

pub(super) async fn write_list(list: &List, pen: &mut Pen) {
    pen.length(list.node_count() as u64);
    for node in list.nodes() {
        match node {
            Node::Plain(element) => {
                pen.length(container::PLAIN);
                pen.long_string(element).await;
            }
            Node::Packed(pack) => {
                pen.length(container::PACKED);
                pen.packed(pack.as_bytes()).await;
            }
        }
    }
}

async fn write_element(element: Entry<'_>, pen: &mut Pen) {
    match element {
        Entry::Int(number) => pen.int(number),
        Entry::Str(text) => pen.long_string(text).await,
    }
}

pub(super) async fn write_set(kind: u8, set: &Set, pen: &mut Pen) {
    match (kind, set.as_intset(), set.as_listpack()) {
        (kind::SET_INTSET, Some(ints), _) => pen.packed(ints.as_bytes()).await,
        (kind::SET_LISTPACK, _, Some(pack)) => pen.packed(pack.as_bytes()).await,
        _ => {
            pen.length(set.len() as u64);
            for member in set {
                write_element(member, pen).await;
                pen.pause().await;
            }
        }
    }
}

pub(super) async fn write_zset(zset: &ZSet, pen: &mut Pen) {
    if let Some(pack) = zset.as_listpack() {
        return pen.packed(pack.as_bytes()).await;
    }
    pen.length(zset.len() as u64);
    // From the highest on, so that a reader may insert each at the front.
    for (member, score) in zset.iter().rev() {
        write_element(member, pen).await;
        pen.raw(&score.to_le_bytes());
        pen.pause().await;
    }
}

pub(super) async fn write_hash(kind: u8, hash: &Hash, pen: &mut Pen) {
    if let (kind::HASH_LISTPACK, Some(pack)) = (kind, hash.as_listpack()) {
        return pen.packed(pack.as_bytes()).await;
    }
    let lowest_ms = hash.iter().filter_map(|pair| pair.expire_at_ms).min();
    let lowest_ms = lowest_ms.unwrap_or(0);
    if kind == kind::HASH_METADATA {
        pen.raw(&lowest_ms.to_le_bytes());
    }
    pen.length(hash.len() as u64);
    for pair in hash {
        write_pair(kind, lowest_ms, pair, pen).await;
        pen.pause().await;
    }
}

async fn write_pair(kind: u8, lowest_ms: i64, pair: Pair<'_>, pen: &mut Pen) {
    if kind == kind::HASH_METADATA {
        let distance = |at: i64| at.abs_diff(lowest_ms).saturating_add(1);
        pen.length(pair.expire_at_ms.map_or(0, distance));
    }
    write_element(pair.field, pen).await;
    write_element(pair.value, pen).await;
    if kind == kind::VALKEY_HASH_2 {
        let at = pair.expire_at_ms.unwrap_or(NO_EXPIRY);
        pen.raw(&at.to_le_bytes());
    }
}
