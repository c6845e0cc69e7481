//! Packed encodings of small collections, byte for byte as Redis lays them out,
//! so that a snapshot writes them as they stand and reads them after one check.
//!
//! * [`listpack`]: a sequence of strings and integers in one allocation.
//! * [`intset`]: a sorted set of integers of one width.

pub mod intset;
pub mod listpack;

use std::fmt;

/// Why bytes that came from outside are not a packed value.
///
/// Each names the first thing found wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackedError {
    /// Shorter than its header and end mark.
    Truncated,
    /// The total length in the header is not the number of bytes at hand.
    WrongLength {
        /// What the header says.
        stated: usize,
        /// What there is.
        actual: usize,
    },
    /// The element count in the header is not what the body holds.
    WrongCount {
        /// What the header says.
        stated: usize,
        /// What there is.
        actual: usize,
    },
    /// No end mark where the body should end.
    NoEndMark,
    /// An entry has an unknown encoding or runs past the end.
    BadEntry {
        /// Byte offset of the entry.
        offset: usize,
    },
    /// An entry's back length does not match the entry.
    BadBackLength {
        /// Byte offset of the entry.
        offset: usize,
    },
    /// An integer set's width is not 2, 4 or 8.
    BadWidth(u32),
    /// An integer set's elements do not strictly ascend.
    Unsorted {
        /// Index of the element that is not above its predecessor.
        index: usize,
    },
}

impl fmt::Display for PackedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated => f.write_str("packed value is shorter than its header"),
            Self::WrongLength { stated, actual } => {
                write!(f, "header says {stated} bytes, there are {actual}")
            }
            Self::WrongCount { stated, actual } => {
                write!(f, "header says {stated} elements, there are {actual}")
            }
            Self::NoEndMark => f.write_str("the end mark is missing"),
            Self::BadEntry { offset } => write!(f, "bad entry at byte {offset}"),
            Self::BadBackLength { offset } => {
                write!(f, "bad back length of the entry at byte {offset}")
            }
            Self::BadWidth(width) => write!(f, "integer width {width} is not 2, 4 or 8"),
            Self::Unsorted { index } => write!(f, "element {index} is not above the one before"),
        }
    }
}

impl std::error::Error for PackedError {}
