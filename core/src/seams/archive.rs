//! The stream where it is kept for longer than in memory: a log on disk.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Storage, StorageError};
use crate::offset::{Offset, ReplicationId};

/// A log that the stream goes to and can be read from again.
///
/// # Obligations of an implementation
///
/// * All but `new_base` is called under the engine's lock: it looks and
///   returns. It does not wait for a disk.
/// * What a reader may still ask for stays where it is, for as long as the
///   reader lives.
#[async_trait]
pub trait StreamArchive: Send + Sync {
    /// The first position from which replicas may be served; none where they may
    /// not be. What lies between it and the end of what was written is whole.
    fn start(&self) -> Option<Offset>;

    /// A reader from `at` on, of the stream as far as it belongs to the history
    /// `replid`; none where the archive does not reach back that far.
    fn reader(&self, at: Offset, replid: ReplicationId) -> Option<Box<dyn StreamReader>>;

    /// A file for a snapshot that is on its way from the primary, and where it is:
    /// it is to become what the log starts with. Whoever asked removes it where
    /// it is not offered.
    async fn new_base(&self) -> Result<(Arc<dyn Storage>, String), StorageError>;

    /// The file `name` from [`new_base`](Self::new_base), whole and durable, holds
    /// the dataset that the engine is about to go on from, in the format
    /// `format`. The log begins anew with it at the sink's next `restarted`.
    fn offer_base(&self, name: &str, format: &str);

    /// Takes back an offer that the log made no use of; answers whether there was
    /// one.
    fn withdraw_base(&self) -> bool;
}

/// A cursor in an archive.
#[async_trait]
pub trait StreamReader: Send {
    /// The next bytes, not many and never none, waited for.
    ///
    /// # Errors
    /// See [`ArchiveError`]. The reader is of no use after it.
    async fn read(&mut self) -> Result<Vec<u8>, ArchiveError>;
}

/// Why an archive gives no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// The history that was read has ended, or the log has begun anew.
    Ended,
    /// It cannot be read, or is not what was written; the file and what is wrong.
    Failed(String),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the log on disk has begun anew"),
            Self::Failed(what) => write!(f, "reading the log on disk failed: {what}"),
        }
    }
}

impl std::error::Error for ArchiveError {}
