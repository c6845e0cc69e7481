//! What `list-max-listpack-size` means for one listpack.

use crate::value::EncodingLimits;

/// The most bytes of a listpack that is one chunk of many. A frozen list shares
/// its chunks, so this is what the first change to one of them copies.
pub const CHUNK_BYTES_MAX: usize = 8 << 10;

/// The most bytes of a listpack whose elements are limited by number; Redis
/// bounds such a listpack at the same size.
const COUNTED_BYTES_MAX: usize = 8 << 10;

/// The largest number of elements that the directive takes.
const COUNT_MAX: i32 = i16::MAX as i32;

/// What Redis takes the head and back length of an entry to be when it asks
/// whether a node has room for one more.
const ENTRY_OVERHEAD_BYTES: usize = 8;

/// Bounds of one listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackLimits {
    bytes: usize,
    count: usize,
    plain_min_bytes: usize,
}

impl PackLimits {
    /// The bounds of a list that is one listpack.
    pub(super) fn whole(limits: &EncodingLimits) -> Self {
        let (bytes, count) = match limits.list_max_listpack_size {
            size @ 0.. => (COUNTED_BYTES_MAX, size.clamp(1, COUNT_MAX) as usize),
            level => (2048 << level.unsigned_abs().min(5), usize::MAX),
        };
        Self {
            bytes,
            count,
            plain_min_bytes: limits.list_plain_min_bytes,
        }
    }

    /// The bounds below which a list goes back to one listpack. They are half of
    /// the others, so that a list at the limit is not converted to and fro.
    pub(super) fn shrunk(limits: &EncodingLimits) -> Self {
        let whole = Self::whole(limits);
        match limits.list_max_listpack_size {
            0.. => Self {
                count: whole.count / 2,
                ..whole
            },
            _ => Self {
                bytes: whole.bytes / 2,
                ..whole
            },
        }
    }

    /// The bounds of a chunk.
    pub(super) fn chunk(limits: &EncodingLimits) -> Self {
        let whole = Self::whole(limits);
        Self {
            bytes: whole.bytes.min(CHUNK_BYTES_MAX),
            ..whole
        }
    }

    /// Whether a listpack of so many bytes and elements is within the bounds.
    pub(super) fn hold(&self, bytes: usize, count: usize) -> bool {
        bytes <= self.bytes && count <= self.count
    }

    /// Whether a listpack of so many bytes and elements may take one more of
    /// `len` bytes.
    pub(super) fn hold_one_more(&self, bytes: usize, count: usize, len: usize) -> bool {
        self.hold(bytes + len + ENTRY_OVERHEAD_BYTES, count + 1)
    }

    /// Whether an element of so many bytes is kept apart, however much room there is.
    pub(super) fn keep_apart(&self, len: usize) -> bool {
        len >= self.plain_min_bytes
    }

    /// Whether chunks are smaller than a whole list may be.
    pub(super) fn exceed_chunk(&self) -> bool {
        self.bytes > CHUNK_BYTES_MAX
    }
}
