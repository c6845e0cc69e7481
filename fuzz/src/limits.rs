//! How much memory one input may cost, all in one place.
//!
//! An input's memory is counted from the moment that it is handed to its target,
//! on the target's own thread, and includes what the target itself keeps in order
//! to compare: several copies of the input and of what was read from it.

/// The most that a run on one input may allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Bytes that any input may cost, in one allocation.
    pub single_base_bytes: usize,
    /// Bytes in one allocation for each byte of the input.
    pub single_per_byte: usize,
    /// Bytes that any input may hold at once.
    pub total_base_bytes: usize,
    /// Bytes held at once for each byte of the input.
    pub total_per_byte: usize,
}

const KIB: usize = 1 << 10;

/// Requests, quoted words and what the two sides of a link say: nothing is kept
/// but the input, a place for each argument (16 bytes, 24 in the target's own
/// copy) and the room that a header may claim beforehand (1,024 places).
pub const PROTOCOL: MemoryLimits = MemoryLimits {
    single_base_bytes: 128 * KIB,
    single_per_byte: 64,
    total_base_bytes: 512 * KIB,
    total_per_byte: 256,
};

/// A snapshot's strings: LZF makes at most 88 bytes of one, which a vector may
/// double, and several copies are held at once. The base is the decoder's and the
/// encoder's own: chunks, a compressor's table of 64 KiB and blocks of 512 KiB.
pub const SNAPSHOT: MemoryLimits = MemoryLimits {
    single_base_bytes: 640 * KIB,
    single_per_byte: 2 * 88,
    total_base_bytes: 4096 * KIB,
    total_per_byte: 16 * 88,
};

/// A snapshot read into a keyspace: a snapshot's word for its number of keys is
/// believed up to a million, for which the tables hold 16 bytes a key and the
/// directory of their segments.
pub const KEYSPACE: MemoryLimits = MemoryLimits {
    single_base_bytes: 640 * KIB,
    single_per_byte: 2 * 88,
    total_base_bytes: 48 * KIB * KIB,
    total_per_byte: 16 * 88,
};

/// A configuration: its lines as words, and the values of all directives, of
/// which the target holds several sets at once. Lines that join earlier ones
/// are copied with them.
pub const CONFIGURATION: MemoryLimits = MemoryLimits {
    single_base_bytes: 128 * KIB,
    single_per_byte: 128,
    total_base_bytes: 2048 * KIB,
    total_per_byte: 1024,
};

impl MemoryLimits {
    /// The largest single allocation for an input of this length.
    #[must_use]
    pub const fn single_bytes(&self, input_bytes: usize) -> usize {
        self.single_base_bytes + self.single_per_byte * input_bytes
    }

    /// The most that may be held at once for an input of this length.
    #[must_use]
    pub const fn total_bytes(&self, input_bytes: usize) -> usize {
        self.total_base_bytes + self.total_per_byte * input_bytes
    }
}
