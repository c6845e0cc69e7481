//! A listpack: strings and integers in one allocation, walked both ways.
//!
//! * `encoding`: the bytes.
//! * `entry`: one element, and a text to look for.
//! * `read`: validation, lookup and iteration.
//! * `edit`: everything that changes one.
//!
//! Elements have no index of their own: [`Position`] is a place in the bytes,
//! good until the next change before it.

mod edit;
mod encoding;
mod entry;
mod read;

pub use entry::{Entry, Needle};
pub use read::Iter;

use encoding::{END, HEADER_LEN};

/// The bytes that no listpack may grow beyond; its length field is 32 bits wide
/// and Redis keeps this distance from it.
pub const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// The bytes of a listpack without elements.
pub const LISTPACK_EMPTY_BYTES: usize = HEADER_LEN + 1;

/// Where an element starts in its listpack.
///
/// A change at or behind a position leaves it pointing to what then stands
/// there; a change before it makes it meaningless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(usize);

/// An owned listpack. Always well formed: it is made empty and edited, or
/// checked throughout by [`Listpack::from_bytes`].
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack {
    bytes: Vec<u8>,
}

impl Listpack {
    /// A listpack without elements.
    pub fn new() -> Self {
        Self::with_capacity(LISTPACK_EMPTY_BYTES)
    }

    /// A listpack without elements, with room for `capacity_bytes` in all.
    pub fn with_capacity(capacity_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity_bytes.max(LISTPACK_EMPTY_BYTES));
        bytes.extend_from_slice(&(LISTPACK_EMPTY_BYTES as u32).to_le_bytes());
        bytes.extend_from_slice(&[0, 0, END]);
        Self { bytes }
    }

    /// The listpack in its wire form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of the wire form.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes held by the allocation, used or not.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes that `entry` would add.
    pub fn encoded_len<'a>(entry: impl Into<Entry<'a>>) -> usize {
        encoding::Encoded::new(entry.into()).len()
    }

    /// Whether `additional_bytes` may still be added under [`LISTPACK_BYTES_MAX`].
    pub fn has_room_for(&self, additional_bytes: usize) -> bool {
        additional_bytes <= LISTPACK_BYTES_MAX.saturating_sub(self.bytes.len())
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, E: Into<Entry<'a>>> FromIterator<E> for Listpack {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let mut pack = Self::new();
        for entry in entries {
            pack.push_back(entry);
        }
        pack
    }
}

#[cfg(test)]
mod tests;
