//! Values: how each type is read and written.
//!
//! * `collection`: lists, sets, sorted sets and hashes, element by element.
//! * `packed`: the same in one blob each.
//! * `stream`: streams.

mod collection;
mod packed;
mod stream;

use std::sync::Arc;

use towline_core::keyspace::{Entry, INLINE_MAX_BYTES};
use towline_core::seams::snapshot::{DecodeError, DecodeFault, Foreign};
use towline_core::text::number::parse_i64;
use towline_core::value::{Value, ValueRef};

use super::dialect::{Dialect, Family};
use super::foreign;
use super::length::{RawString, Stop};
use super::opcode::kind;
use crate::decode::Source;
use crate::pen::Pen;

/// The longest text that may be an integer: `-9223372036854775808`.
const MAX_INT_TEXT_BYTES: usize = 20;
/// Strings over this are shared with snapshots and not copied.
const SHARED_MIN_BYTES: usize = 64 << 10;

/// What was read for a key.
pub(crate) enum Object {
    /// Its value.
    Value(Value),
    /// A collection without elements, which no key may hold.
    Empty,
    /// A value that was left out.
    Skipped(DecodeError),
}

/// Whether `kind` is a type of value that the dialect has.
pub(crate) fn is_kind(kind: u8, dialect: Dialect) -> bool {
    match kind {
        // A module's value of before Redis 4.0 does not tell its length.
        kind::MODULE_PRE_GA => false,
        kind::STRING..=kind::MODULE_2 | kind::HASH_ZIPMAP..=kind::STREAM_LISTPACKS_3 => true,
        kind::VALKEY_HASH_2 => dialect.family == Family::Valkey,
        kind::HASH_METADATA..=kind::STREAM_LISTPACKS_4 => dialect.family == Family::Redis,
        _ => false,
    }
}

/// Reads a value of type `kind`.
pub(crate) async fn read(
    kind: u8,
    dialect: Dialect,
    source: &mut Source,
) -> Result<Object, DecodeError> {
    match kind {
        kind::STRING => Ok(Object::Value(string(source).await?)),
        kind::LIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            collection::read_list(kind, source).await
        }
        kind::SET => collection::read_set(source).await,
        kind::ZSET | kind::ZSET_2 => collection::read_zset(kind, source).await,
        kind::HASH | kind::HASH_METADATA | kind::VALKEY_HASH_2 => {
            collection::read_hash(kind, source).await
        }
        kind::MODULE_2 => {
            let name = foreign::module_name(source.length().await?);
            let left_out = foreign::skip(Foreign::ModuleValue(name), source).await?;
            Ok(Object::Skipped(left_out))
        }
        kind::STREAM_LISTPACKS
        | kind::STREAM_LISTPACKS_2
        | kind::STREAM_LISTPACKS_3
        | kind::STREAM_LISTPACKS_4 => {
            let stream = stream::read(kind, source).await?;
            Ok(Object::Value(Value::Stream(Box::new(stream))))
        }
        _ if is_kind(kind, dialect) => packed::read(kind, source).await,
        _ => Err(source.error(DecodeFault::UnknownRecord(kind))),
    }
}

async fn string(source: &mut Source) -> Result<Value, DecodeError> {
    source
        .with_string(|raw| match raw {
            RawString::Int(number) => Ok(Value::Int(i64::from(number))),
            other => other.into_bytes().map(string_value),
        })
        .await
}

/// A key with a string, as the keyspace keeps it: a short one without a copy between.
pub(crate) fn string_entry(
    key: &[u8],
    raw: RawString<'_>,
    expire_ms: Option<i64>,
) -> Result<Entry, Stop> {
    match raw {
        RawString::Plain(text) if text.len() <= INLINE_MAX_BYTES && int_of(text).is_none() => {
            Ok(Entry::string(key, text, expire_ms))
        }
        RawString::Int(number) => Ok(Entry::new(key, Value::Int(i64::from(number)), expire_ms)),
        other => {
            let value = string_value(other.into_bytes()?);
            Ok(Entry::new(key, value, expire_ms))
        }
    }
}

/// The integer that a text is, written as the keyspace writes it.
fn int_of(text: &[u8]) -> Option<i64> {
    let may_be = text.len() <= MAX_INT_TEXT_BYTES;
    may_be.then(|| parse_i64(text)).flatten()
}

/// A string as the keyspace keeps it.
fn string_value(bytes: Vec<u8>) -> Value {
    match int_of(&bytes) {
        Some(number) => Value::Int(number),
        None if bytes.len() > SHARED_MIN_BYTES => Value::Shared(Arc::new(bytes)),
        None => Value::Str(bytes),
    }
}

/// Writes a value in the form of type `kind`, which its version chose.
pub(crate) async fn write(kind: u8, value: ValueRef<'_>, pen: &mut Pen) {
    match value {
        ValueRef::Str(bytes) => pen.long_string(bytes).await,
        ValueRef::Int(number) => pen.int(number),
        ValueRef::List(list) => collection::write_list(list, pen).await,
        ValueRef::Set(set) => collection::write_set(kind, set, pen).await,
        ValueRef::ZSet(zset) => collection::write_zset(zset, pen).await,
        ValueRef::Hash(hash) => collection::write_hash(kind, hash, pen).await,
        ValueRef::Stream(stream) => stream::write(kind, stream, pen).await,
    }
}
