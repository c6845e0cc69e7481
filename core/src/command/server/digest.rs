//! DEBUG DIGEST: one number for a dataset, equal to Redis's own for equal data.
//!
//! Two operations build it, both on 20 bytes. *Xor* adds the SHA-1 of some
//! bytes, so that order does not count; *mix* adds it and hashes the whole anew,
//! so that order counts.
//!
//! | part | how it enters |
//! |---|---|
//! | database number, 4 bytes big-endian | mixed into the dataset's digest |
//! | each key's digest | xored into the dataset's digest |
//! | key, type as 4 bytes big-endian | mixed into the key's digest, in this order |
//! | string; list elements in order; stream ids `ms.seq`, fields, values | mixed |
//! | set members | xored |
//! | sorted set: member and score as `%.17g` mixed together | xored |
//! | hash: field and value mixed together | xored |
//! | `!!expire!!` where the key expires | xored |

use std::fmt;

use sha1::{Digest as _, Sha1};

use crate::keyspace::{Entry, Keyspace};
use crate::packed::listpack;
use crate::text::double::write_f64_17;
use crate::value::ValueRef;

/// A digest being built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest([u8; 20]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Digest {
    fn xor(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        for (own, other) in self.0.iter_mut().zip(hash.iter()) {
            *own ^= other;
        }
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        let hash = Sha1::digest(self.0);
        self.0.copy_from_slice(&hash);
    }

    fn mix_entry(&mut self, entry: listpack::Entry<'_>) {
        self.mix(entry.text(&mut itoa::Buffer::new()));
    }

    /// Adds the digest of one element in which order counts to a whole in which it does not.
    fn xor_element(&mut self, build: impl FnOnce(&mut Self)) {
        let mut element = Self::default();
        build(&mut element);
        self.xor(&element.0);
    }

    /// Adds what a key holds, and whether it expires.
    fn add_value(&mut self, entry: &Entry) {
        let value = entry.value();
        self.mix(&type_number(value).to_be_bytes());
        match value {
            ValueRef::Str(bytes) => self.mix(bytes),
            ValueRef::Int(number) => self.mix(number.to_string().as_bytes()),
            ValueRef::List(list) => list.iter().for_each(|element| self.mix_entry(element)),
            ValueRef::Set(set) => {
                for member in set {
                    self.xor(member.text(&mut itoa::Buffer::new()));
                }
            }
            ValueRef::ZSet(zset) => {
                for (member, score) in zset {
                    let mut text = Vec::new();
                    write_f64_17(&mut text, score);
                    self.xor_element(|element| {
                        element.mix_entry(member);
                        element.mix(&text);
                    });
                }
            }
            ValueRef::Hash(hash) => {
                for pair in hash {
                    self.xor_element(|element| {
                        element.mix_entry(pair.field);
                        element.mix_entry(pair.value);
                    });
                }
            }
            ValueRef::Stream(stream) => {
                for item in stream.iter() {
                    self.mix(format!("{}.{}", item.id.ms, item.id.seq).as_bytes());
                    for (field, value) in item.fields {
                        self.mix_entry(field);
                        self.mix_entry(value);
                    }
                }
            }
        }
        if entry.expire_ms().is_some() {
            self.xor(b"!!expire!!");
        }
    }
}

/// The numbers of types in Redis.
const fn type_number(value: ValueRef<'_>) -> u32 {
    match value {
        ValueRef::Str(_) | ValueRef::Int(_) => 0,
        ValueRef::List(_) => 1,
        ValueRef::Set(_) => 2,
        ValueRef::ZSet(_) => 3,
        ValueRef::Hash(_) => 4,
        ValueRef::Stream(_) => 6,
    }
}

/// The digest of a value without its key; of nothing, where there is none.
pub(super) fn of_value(entry: Option<&Entry>) -> Digest {
    let mut digest = Digest::default();
    if let Some(entry) = entry {
        digest.add_value(entry);
    }
    digest
}

/// The digest of everything.
pub(super) fn of_dataset(space: &Keyspace) -> Digest {
    let mut digest = Digest::default();
    for (number, db) in space.dbs().iter().enumerate() {
        if db.is_empty() {
            continue;
        }
        let number = u32::try_from(number).expect("databases are few");
        digest.mix(&number.to_be_bytes());
        db.table().for_each(&mut |_, entry| {
            let mut of_key = Digest::default();
            of_key.mix(entry.key());
            of_key.add_value(entry);
            digest.xor(&of_key.0);
        });
    }
    digest
}
