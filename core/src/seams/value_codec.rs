//! How one value becomes a payload that DUMP answers and RESTORE takes.

use std::fmt;

use crate::seams::snapshot::{DecodeError, DecodeOptions, EncodeError, EntryView};
use crate::value::Value;

/// How a payload is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadOptions {
    /// Whether strings are compressed.
    pub compress: bool,
    /// The version of the format, by the format's own count, where only that will do;
    /// none takes the oldest that holds the value.
    pub version: Option<u16>,
}

/// A format of single values. It is called under the engine's lock, once per
/// DUMP and RESTORE.
pub trait ValueCodec: Send + Sync {
    /// Appends the payload of an entry's value. On an error `out` is as it was.
    ///
    /// # Errors
    /// Where no version of the format holds the value, or not the one that was asked for.
    fn encode(
        &self,
        entry: &EntryView<'_>,
        options: PayloadOptions,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError>;

    /// How many bytes of a payload are the value itself, and not what stands around it.
    fn value_len(&self, payload: &[u8]) -> usize {
        payload.len()
    }

    /// The value in a payload, which may come from anywhere: an implementer owes
    /// that no bytes make it panic, or allocate more than they justify.
    ///
    /// # Errors
    /// Where the payload is not one, or is damaged.
    fn decode(&self, payload: &[u8], options: DecodeOptions) -> Result<Value, PayloadError>;
}

/// Why a payload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// It is too short, of a version that is not read, or its checksum is wrong.
    Envelope,
    /// Its checksum is right and its content is not.
    Content(DecodeError),
    /// It holds a collection without elements, which no key may hold.
    Empty,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope => f.write_str("not a payload that is read here"),
            Self::Content(error) => error.fmt(f),
            Self::Empty => f.write_str("a collection without elements"),
        }
    }
}

impl std::error::Error for PayloadError {}
