//! A snapshot read from a file of a [`Storage`] into a dataset of its own.

use std::fmt;
use std::sync::Arc;

use towline_core::keyspace::dataset::Dataset;
use towline_core::seams::snapshot::{DecodeError, DecodeOptions, Progress};
use towline_core::seams::{SnapshotCodec, Storage, StorageError};

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;
/// How much of a file tells its format.
const HEAD_BYTES: usize = 16;

/// Why a snapshot was not loaded. The file is untouched.
#[derive(Debug)]
pub enum LoadError {
    /// The file could not be read.
    Storage(StorageError),
    /// It is of no format that is read here.
    UnknownFormat,
    /// It is damaged, or holds what is not understood.
    Decode(DecodeError),
    /// Bytes follow its end.
    TrailingBytes,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::UnknownFormat => f.write_str("Wrong signature trying to load DB from file"),
            Self::Decode(error) => error.fmt(f),
            Self::TrailingBytes => f.write_str("there are bytes behind its end"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<StorageError> for LoadError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<DecodeError> for LoadError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// The format among `codecs` that a file which starts with `head` is of.
#[must_use]
pub fn format_of<'a>(
    head: &[u8],
    codecs: &'a [Arc<dyn SnapshotCodec>],
) -> Option<&'a dyn SnapshotCodec> {
    let found = codecs
        .iter()
        .find(|codec| codec.recognises(head) == Some(true));
    found.map(|codec| &**codec)
}

/// Reads the file `name` into `dataset`; `progress` is told the bytes read and
/// the whole. Nothing of the dataset may be served unless this succeeds.
///
/// # Errors
/// See [`LoadError`].
pub async fn load(
    storage: &dyn Storage,
    name: &str,
    codecs: &[Arc<dyn SnapshotCodec>],
    options: DecodeOptions,
    dataset: &mut Dataset,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), LoadError> {
    let total = storage.len(name).await?;
    let head = storage.read(name, 0, HEAD_BYTES).await?;
    let codec = format_of(&head, codecs).ok_or(LoadError::UnknownFormat)?;
    let mut decoder = codec.decoder(options);
    let mut at = 0;
    while at < total {
        let chunk = storage.read(name, at, READ_BYTES).await?;
        if chunk.is_empty() {
            break;
        }
        at += chunk.len() as u64;
        progress(at, total);
        if let Progress::Complete { consumed } = decoder.feed(&chunk, dataset)? {
            let whole = consumed == chunk.len() && at == total;
            return if whole {
                Ok(())
            } else {
                Err(LoadError::TrailingBytes)
            };
        }
    }
    decoder.finish()?;
    Ok(())
}
