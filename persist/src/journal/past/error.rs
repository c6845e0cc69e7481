//! Why a moment cannot be reached.

use std::fmt;

use towline_core::offset::Offset;
use towline_core::seams::StorageError;
use towline_core::text::date::Rfc3339;

/// A moment, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its position in the stream.
    pub offset: Option<Offset>,
    /// Its time, in unix milliseconds.
    pub unix_ms: Option<u64>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MomentError {
    /// It lies before what is kept, which begins here.
    Before(Known),
    /// It lies after the end, which is this.
    After(Known),
    /// Bytes of the stream are missing there: it was held up to the first position,
    /// and again from the second on.
    Missing(Offset, Offset),
    /// Nobody noted when the log was written.
    NoTimes,
    /// Nobody noted where the log is in a stream.
    NoOffsets,
    /// A file is damaged in front of it.
    Damaged {
        /// The file.
        file: String,
        /// What is wrong, and where.
        what: String,
    },
    /// A file could not be read.
    Storage(StorageError),
}

impl From<StorageError> for MomentError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.offset, self.unix_ms) {
            (Some(offset), Some(unix_ms)) => {
                write!(f, "offset {offset} ({})", Rfc3339(unix_ms))
            }
            (Some(offset), None) => write!(f, "offset {offset}"),
            (None, Some(unix_ms)) => write!(f, "{}", Rfc3339(unix_ms)),
            (None, None) => f.write_str("an unknown moment"),
        }
    }
}

impl fmt::Display for MomentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(first) => {
                write!(f, "that lies before what is kept, which begins at {first}")
            }
            Self::After(last) => {
                write!(f, "that lies after the end of the log, which is at {last}")
            }
            Self::Missing(upto, from) => write!(
                f,
                "the stream is not there at that place: it is kept up to offset {upto}, and from offset {from} on"
            ),
            Self::NoTimes => f.write_str(
                "nothing tells when the log was written: it has no side files, nor annotations of the time (aof-timestamp-enabled)",
            ),
            Self::NoOffsets => f.write_str(
                "nothing tells where the log is in a stream of replication: it has no side files",
            ),
            Self::Damaged { file, what } => write!(f, "{file}: {what}"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MomentError {}
