//! What a key may hold.

mod duplicates;
pub mod hash;
pub mod hash_index;
pub mod item;
mod large;
pub mod limits;
pub mod list;
pub mod set;
pub mod stream;
pub mod zset;

use std::sync::Arc;

use crate::packed::listpack::Listpack;

pub use hash::Hash;
pub use hash_index::HashIndex;
pub use item::Item;
pub use limits::EncodingLimits;
pub use list::List;
pub use set::Set;
pub use stream::Stream;
pub use zset::ZSet;

/// What an `Arc` keeps beside its value: two counts.
pub(crate) const ARC_COUNTS_BYTES: usize = 2 * size_of::<usize>();

/// A value that belongs to nobody yet: on its way into the keyspace or out of it.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Str(Vec<u8>),
    /// A long string that may be shared with a frozen snapshot.
    Shared(Arc<Vec<u8>>),
    /// A string that is a canonical 64-bit integer.
    Int(i64),
    /// A list.
    List(Box<List>),
    /// A hash.
    Hash(Box<Hash>),
    /// A set.
    Set(Box<Set>),
    /// A sorted set.
    ZSet(Box<ZSet>),
    /// A stream.
    Stream(Box<Stream>),
}

/// A value in the keyspace, for reading.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Str(&'a [u8]),
    /// A string kept as an integer.
    Int(i64),
    /// A list.
    List(&'a List),
    /// A hash.
    Hash(&'a Hash),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    ZSet(&'a ZSet),
    /// A stream.
    Stream(&'a Stream),
}

/// A value in the keyspace, for changing in place. Strings keep their length.
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// A string.
    Str(&'a mut [u8]),
    /// A string kept as an integer.
    Int(i64),
    /// A list.
    List(&'a mut List),
    /// A hash.
    Hash(&'a mut Hash),
    /// A set.
    Set(&'a mut Set),
    /// A sorted set.
    ZSet(&'a mut ZSet),
    /// A stream.
    Stream(&'a mut Stream),
}

impl Value {
    /// This value, for reading.
    #[must_use]
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Self::Str(bytes) => ValueRef::Str(bytes),
            Self::Shared(bytes) => ValueRef::Str(bytes),
            Self::Int(number) => ValueRef::Int(*number),
            Self::List(list) => ValueRef::List(list),
            Self::Hash(hash) => ValueRef::Hash(hash),
            Self::Set(set) => ValueRef::Set(set),
            Self::ZSet(zset) => ValueRef::ZSet(zset),
            Self::Stream(stream) => ValueRef::Stream(stream),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The bytes of a collection that lies in one piece.
    #[must_use]
    pub(crate) fn packed_bytes(self) -> Option<&'a [u8]> {
        let pack = match self {
            Self::List(list) => list.as_listpack(),
            Self::Hash(hash) => hash.as_listpack(),
            Self::ZSet(zset) => zset.as_listpack(),
            Self::Set(set) => match set.as_intset() {
                Some(ints) => return Some(ints.as_bytes()),
                None => set.as_listpack(),
            },
            Self::Str(_) | Self::Int(_) | Self::Stream(_) => None,
        };
        pack.map(Listpack::as_bytes)
    }
}

impl ValueRef<'_> {
    /// The name TYPE answers.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Str(_) | Self::Int(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::ZSet(_) => "zset",
            Self::Stream(_) => "stream",
        }
    }

    /// Bytes that a collection takes beside the block of its key, judged by its
    /// first `samples` elements. A string's depend on its entry, which knows them.
    #[must_use]
    pub(crate) fn collection_bytes(&self, samples: usize) -> usize {
        match self {
            Self::Str(_) | Self::Int(_) => 0,
            Self::List(list) => size_of::<List>() + list.heap_bytes(samples),
            Self::Hash(hash) => size_of::<Hash>() + hash.heap_bytes(samples),
            Self::Set(set) => size_of::<Set>() + set.heap_bytes(samples),
            Self::ZSet(zset) => size_of::<ZSet>() + zset.heap_bytes(samples),
            Self::Stream(stream) => size_of::<Stream>() + stream.heap_bytes(samples),
        }
    }

    /// True for a collection without elements, which no key may keep. Streams may be empty.
    #[must_use]
    pub fn is_empty_collection(&self) -> bool {
        match self {
            Self::List(list) => list.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::ZSet(zset) => zset.is_empty(),
            _ => false,
        }
    }

    /// An owned copy; large collections share their pieces with it.
    #[must_use]
    pub fn to_owned(self) -> Value {
        match self {
            Self::Str(bytes) => Value::Str(bytes.to_vec()),
            Self::Int(number) => Value::Int(number),
            Self::List(list) => Value::List(Box::new(list.clone())),
            Self::Hash(hash) => Value::Hash(Box::new(hash.clone())),
            Self::Set(set) => Value::Set(Box::new(set.clone())),
            Self::ZSet(zset) => Value::ZSet(Box::new(zset.clone())),
            Self::Stream(stream) => Value::Stream(Box::new(stream.clone())),
        }
    }
}
