//! Up to where a collection keeps its compact encoding.

use super::stream::StreamNodeLimits;

/// What `list_plain_min_bytes` is unless a test asks for something else.
pub const LIST_PLAIN_MIN_BYTES: usize = 1 << 30;

/// The thresholds of the encodings, named after their directives. A collection
/// that outgrows one is converted and does not come back when it shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingLimits {
    /// `hash-max-listpack-entries`: most fields of a packed hash.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: longest field or value in one, in bytes.
    pub hash_max_listpack_value: usize,
    /// `set-max-intset-entries`: most members of a set of integers.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`: most members of a packed set.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`: longest member in one, in bytes.
    pub set_max_listpack_value: usize,
    /// `zset-max-listpack-entries`: most members of a packed sorted set.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: longest member in one, in bytes.
    pub zset_max_listpack_value: usize,
    /// `list-max-listpack-size`: most elements of one listpack of a list, or,
    /// from -1 to -5, its most bytes: 4, 8, 16, 32 or 64 KB.
    pub list_max_listpack_size: i32,
    /// Elements of a large list that are this long, in bytes, are kept apart.
    /// No directive sets it, DEBUG QUICKLIST-PACKED-THRESHOLD does.
    pub list_plain_min_bytes: usize,
    /// When a run of a stream's entries is full.
    pub stream_node: StreamNodeLimits,
}

impl Default for EncodingLimits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_plain_min_bytes: LIST_PLAIN_MIN_BYTES,
            stream_node: StreamNodeLimits::DEFAULT,
        }
    }
}
