//! What a snapshot holds, told without regard to how each value is packed, so
//! that two readings can be compared.

use towline_core::packed::listpack::Entry;
use towline_core::seams::snapshot::{Access, SnapshotEntry};
use towline_core::value::stream::{Group, Stream};
use towline_core::value::{Hash, ValueRef};
use towline_persist::contents::Contents;

type Text = Vec<u8>;

/// What is left out of a comparison.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Without {
    /// How keys were used, which the keyspace does not keep yet.
    pub(super) access: bool,
    /// When a consumer was last active, which RDB 10 has no place for.
    pub(super) activity: bool,
}

/// The contents of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    functions: Vec<Text>,
    keys: Vec<(u64, KeyFacts)>,
}

#[derive(Clone, Debug, PartialEq)]
struct KeyFacts {
    key: Text,
    expire_ms: Option<i64>,
    access: Access,
    value: ValueFacts,
}

#[derive(Clone, Debug, PartialEq)]
enum ValueFacts {
    String(Text),
    List(Vec<Text>),
    Set(Vec<Text>),
    /// The score's bits, since zero has two signs.
    ZSet(Vec<(Text, u64)>),
    Hash(Vec<(Text, Text, Option<i64>)>),
    Stream(Vec<String>),
}

impl Facts {
    pub(super) fn of(contents: &Contents, without: Without) -> Self {
        let databases = contents.databases.iter();
        let keys = databases.flat_map(|(db, entries)| {
            let entries = entries.values();
            entries.map(|entry| (*db, KeyFacts::of(entry, without)))
        });
        Self {
            functions: contents.functions.clone(),
            keys: keys.collect(),
        }
    }

    /// How many keys there are.
    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }
}

/// What one value holds, to compare it with another.
pub(super) fn same(one: ValueRef<'_>, other: ValueRef<'_>, without: Without) -> bool {
    value_facts(one, without) == value_facts(other, without)
}

impl KeyFacts {
    fn of(entry: &SnapshotEntry, without: Without) -> Self {
        Self {
            key: entry.key.clone(),
            expire_ms: entry.expire_ms,
            access: if without.access {
                Access::Unknown
            } else {
                entry.access
            },
            value: value_facts(entry.value.view(), without),
        }
    }
}

fn value_facts(value: ValueRef<'_>, without: Without) -> ValueFacts {
    match value {
        ValueRef::Str(bytes) => ValueFacts::String(bytes.to_vec()),
        ValueRef::Int(number) => ValueFacts::String(number.to_string().into_bytes()),
        ValueRef::List(list) => ValueFacts::List(list.iter().map(Entry::to_vec).collect()),
        ValueRef::Set(set) => {
            let mut members: Vec<Text> = set.iter().map(Entry::to_vec).collect();
            members.sort();
            ValueFacts::Set(members)
        }
        ValueRef::ZSet(zset) => {
            let members = zset.iter();
            let members = members.map(|(member, score)| (member.to_vec(), score.to_bits()));
            ValueFacts::ZSet(members.collect())
        }
        ValueRef::Hash(hash) => ValueFacts::Hash(pairs(hash)),
        ValueRef::Stream(stream) => ValueFacts::Stream(stream_facts(stream, without)),
    }
}

fn pairs(hash: &Hash) -> Vec<(Text, Text, Option<i64>)> {
    let pairs = hash.iter();
    let mut pairs: Vec<_> = pairs
        .map(|pair| (pair.field.to_vec(), pair.value.to_vec(), pair.expire_at_ms))
        .collect();
    pairs.sort();
    pairs
}

fn stream_facts(stream: &Stream, without: Without) -> Vec<String> {
    let ids = [stream.last_id, stream.first_id, stream.max_deleted_id];
    let added = stream.entries_added;
    let mut facts = vec![format!("{ids:?} {added} {:?}", stream.idempotence)];
    facts.extend(stream.iter().map(|entry| {
        let text = |entry: Entry<'_>| entry.to_vec();
        let fields = entry.fields;
        let fields: Vec<_> = fields.map(|(f, v)| (text(f), text(v))).collect();
        format!("{:?} {fields:?}", entry.id)
    }));
    for (name, group) in stream.groups() {
        facts.push(format!("{name:?}"));
        group_facts(group, without, &mut facts);
    }
    facts
}

fn group_facts(group: &Group, without: Without, facts: &mut Vec<String>) {
    facts.push(format!("{:?} {:?}", group.last_id, group.entries_read));
    facts.extend(group.pending().iter().map(|pending| format!("{pending:?}")));
    for (name, consumer) in group.consumers() {
        let active_ms = if without.activity {
            0
        } else {
            consumer.active_ms
        };
        let pending: Vec<_> = consumer.pending().iter().collect();
        let seen_ms = consumer.seen_ms;
        facts.push(format!("{name:?} {seen_ms} {active_ms} {pending:?}"));
    }
}
