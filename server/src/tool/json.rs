//! A key and its value as JSON.
//!
//! ```text
//! {"db":0,"key":"boat","type":"hash","expire_ms":1700000000000,"value":[["name","tug"]]}
//!
//! string        "…", or {"hex":"…"} where the bytes are no UTF-8; so everywhere below
//! list, set     ["…", …]
//! zset          [["member", 1.5], …]; an infinite score is "inf" or "-inf"
//! hash          [["field", "value"], …], with a third item where the field expires, in
//!               unix milliseconds
//! stream        {"entries":[["1-0",[["field","value"], …]], …], "last_id":"1-0",
//!               "groups":[{"name":"…","last_id":"1-0","pending":[["1-0","consumer",1], …]}, …]}
//! ```

use std::cell::Cell;

use serde::{Serialize, Serializer};
use towline_core::value::stream::{Group, Pending, Stream, StreamEntry};
use towline_core::value::{Hash, List, Set, ValueRef, ZSet};

/// One line.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub db: u32,
    pub key: Text<'a>,
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_ms: Option<i64>,
    pub value: Content<'a>,
}

/// Bytes: a string where they are one, else in hexadecimal.
pub(super) struct Text<'a>(pub &'a [u8]);

#[derive(Serialize)]
struct Hex {
    hex: String,
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let hex = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
                Hex { hex }.serialize(serializer)
            }
        }
    }
}

/// As [`Text`], of its own.
struct Owned(Vec<u8>);

impl Serialize for Owned {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Text(&self.0).serialize(serializer)
    }
}

/// An iterator as a list; it can be written once.
struct Each<I>(Cell<Option<I>>);

fn each<I: Iterator>(items: I) -> Each<I> {
    Each(Cell::new(Some(items)))
}

impl<I: Iterator<Item: Serialize>> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items = self.0.take();
        serializer.collect_seq(items.into_iter().flatten())
    }
}

/// A value.
pub(super) struct Content<'a>(pub ValueRef<'a>);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Str(bytes) => Text(bytes).serialize(serializer),
            ValueRef::Int(number) => serializer.serialize_str(&number.to_string()),
            ValueRef::List(list) => elements(list).serialize(serializer),
            ValueRef::Set(set) => members(set).serialize(serializer),
            ValueRef::ZSet(zset) => scored(zset).serialize(serializer),
            ValueRef::Hash(hash) => fields(hash).serialize(serializer),
            ValueRef::Stream(stream) => stream_parts(stream).serialize(serializer),
        }
    }
}

fn elements(list: &List) -> impl Serialize {
    each(list.iter().map(|element| Owned(element.to_vec())))
}

fn members(set: &Set) -> impl Serialize {
    each(set.iter().map(|member| Owned(member.to_vec())))
}

fn scored(zset: &ZSet) -> impl Serialize {
    each(
        zset.iter()
            .map(|(member, score)| (Owned(member.to_vec()), Score(score))),
    )
}

/// A number, which JSON has no infinite ones of.
struct Score(f64);

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => serializer.serialize_f64(self.0),
            false => serializer.serialize_str(&self.0.to_string()),
        }
    }
}

fn fields(hash: &Hash) -> impl Serialize {
    each(hash.iter().map(|pair| Field {
        field: Owned(pair.field.to_vec()),
        value: Owned(pair.value.to_vec()),
        expire_ms: pair.expire_at_ms,
    }))
}

struct Field {
    field: Owned,
    value: Owned,
    expire_ms: Option<i64>,
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.expire_ms {
            None => (&self.field, &self.value).serialize(serializer),
            Some(expire_ms) => (&self.field, &self.value, expire_ms).serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Parts<E, G> {
    entries: E,
    last_id: String,
    groups: G,
}

fn stream_parts(stream: &Stream) -> impl Serialize {
    Parts {
        entries: each(stream.iter().map(entry)),
        last_id: stream.last_id.to_string(),
        groups: each(
            stream
                .groups()
                .iter()
                .map(|(name, group)| group_parts(name, group)),
        ),
    }
}

fn entry(entry: StreamEntry<'_>) -> impl Serialize {
    let fields = entry.fields;
    let pairs = fields.map(|(field, value)| (Owned(field.to_vec()), Owned(value.to_vec())));
    (entry.id.to_string(), each(pairs))
}

#[derive(Serialize)]
struct GroupParts<'a, P> {
    name: Text<'a>,
    last_id: String,
    pending: P,
}

fn group_parts<'a>(name: &'a [u8], group: &'a Group) -> impl Serialize {
    let pending = |pending: &'a Pending| {
        let consumer = Text(&pending.consumer);
        (pending.id.to_string(), consumer, pending.deliveries)
    };
    GroupParts {
        name: Text(name),
        last_id: group.last_id.to_string(),
        pending: each(group.pending().iter().map(pending)),
    }
}
