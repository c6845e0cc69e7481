//! A snapshot read from a file of a [`Storage`] into a dataset of its own.

mod ahead;

use std::fmt;
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::{BoxFuture, ready};
use towline_core::keyspace::dataset::Dataset;
use towline_core::seams::snapshot::{DecodeError, DecodeOptions, Progress, SnapshotDecoder};
use towline_core::seams::{SnapshotCodec, Storage, StorageError};

use self::ahead::Ahead;
use crate::decode::Found;

/// How much is read at once, at most.
const READ_BYTES: u64 = 256 << 10;
/// So many parts may be decoded that do not have their turn yet.
const PARTS_AHEAD: usize = 4;
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
    let mut pace = progress;
    load_beside(storage, name, codecs, options, dataset, &mut pace, &here).await
}

/// What goes on while a snapshot is read. A closure is one that is told how far it is.
pub trait LoadPace: Send {
    /// Told after each part the bytes read, and the whole.
    fn progress(&mut self, read_bytes: u64, total_bytes: u64);

    /// The most that is read before it is told how far that is.
    fn interval_bytes(&self) -> u64 {
        READ_BYTES
    }

    /// Waits for as long as so many keys are to take.
    fn keys_loaded(&mut self, _keys: u64) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

impl<F: FnMut(u64, u64) + Send> LoadPace for F {
    fn progress(&mut self, read_bytes: u64, total_bytes: u64) {
        self(read_bytes, total_bytes);
    }
}

/// A part of the work of a load.
pub type Work = Box<dyn FnOnce() + Send>;

/// Does the work before it returns: for those without threads.
fn here(work: Work) {
    work();
}

/// [`load`] on several threads: `beside` starts a work on another one, which decodes
/// a part of the file while others are decoded or put into the dataset.
///
/// # Errors
/// See [`LoadError`].
pub async fn load_beside(
    storage: &dyn Storage,
    name: &str,
    codecs: &[Arc<dyn SnapshotCodec>],
    options: DecodeOptions,
    dataset: &mut Dataset,
    pace: &mut dyn LoadPace,
    beside: &(dyn Fn(Work) + Send + Sync),
) -> Result<(), LoadError> {
    let total = storage.len(name).await?;
    dataset.expect_bytes(total);
    let head = storage.read(name, 0, HEAD_BYTES).await?;
    let codec = format_of(&head, codecs).ok_or(LoadError::UnknownFormat)?;
    let mut decoder = codec.decoder(options);
    let read_bytes = pace.interval_bytes().clamp(1, READ_BYTES) as usize;
    let mut chunk = storage.read(name, 0, read_bytes).await?;
    let (mut at, mut keys) = (0, 0);
    let mut ahead = Ahead::new(beside);
    while !chunk.is_empty() {
        let (before, length) = (at, chunk.len());
        at += length as u64;
        let decoded = start(decoder, chunk, beside);
        ahead.take(PARTS_AHEAD, dataset, before).await?;
        chunk = match at < total {
            true => storage.read(name, at, read_bytes).await?,
            false => Vec::new(),
        };
        let (found, step);
        (decoder, found, step) = decoded.await.expect("a part that is begun is done");
        ahead.put(found);
        if !matches!(step, Ok(Progress::More)) {
            ahead.take(0, dataset, at).await?;
        }
        pace.progress(at, total);
        let before = std::mem::replace(&mut keys, dataset.keys());
        pace.keys_loaded(keys - before).await;
        if let Progress::Complete { consumed } = step? {
            let whole = consumed == length && at == total;
            return if whole {
                Ok(())
            } else {
                Err(LoadError::TrailingBytes)
            };
        }
    }
    ahead.take(0, dataset, at).await?;
    decoder.finish()?;
    Ok(())
}

/// A decoder that took a part, what it found, and how far it has come.
type Decoded = (
    Box<dyn SnapshotDecoder>,
    Found,
    Result<Progress, DecodeError>,
);

fn start(
    mut decoder: Box<dyn SnapshotDecoder>,
    chunk: Vec<u8>,
    beside: &(dyn Fn(Work) + Send + Sync),
) -> oneshot::Receiver<Decoded> {
    let (tell, told) = oneshot::channel();
    beside(Box::new(move || {
        let mut found = Found::default();
        let step = decoder.feed(&chunk, &mut found);
        // Nobody waits for it where the load was given up.
        let _ = tell.send((decoder, found, step));
    }));
    told
}
