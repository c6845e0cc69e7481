//! The log read back, command by command, each with its offset.

use std::fmt;

use futures::future::{BoxFuture, ready};
use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};

use super::archive::Segment;
use super::found::{Found, FoundIncrement};
use super::lineage::Lineage;
use super::scan::Scan;
use crate::crc::Crc64;

/// What takes the commands of a log.
pub trait ReplaySink: Send {
    /// A command; `offset` is where it starts in the stream. Those of a
    /// transaction come as they stand, between MULTI and EXEC. A last
    /// transaction without EXEC is torn, and none of it counts.
    ///
    /// # Errors
    /// Why it cannot be run. The log is then damaged there.
    fn command(&mut self, offset: Offset, args: &[&[u8]]) -> Result<(), String>;

    /// So much of the increments was read.
    fn progress(&mut self, _read_bytes: u64, _total_bytes: u64) {}

    /// Waits before the log is read further, where that is wanted.
    fn pause(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

/// A log that ends inside of a unit: what a crash leaves. It is cut there when
/// the journal goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: String,
    /// How much of it is whole.
    pub whole_bytes: u64,
    /// How much is behind that.
    pub torn_bytes: u64,
}

/// What a log held, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The history at the end. `None` where it is not known: the directory is
    /// another server's, or there is no increment.
    pub lineage: Option<Lineage>,
    /// The offset of the end.
    pub end: Offset,
    /// The database that the stream has selected at the end.
    pub stream_db: Option<u32>,
    /// The last run stopped with nothing owed to anybody.
    pub clean: bool,
    /// Another server wrote to the directory. It is taken over under a new
    /// history that shares nothing with any other.
    pub foreign: bool,
    /// What a crash tore.
    pub torn: Option<TornTail>,
    /// How many commands there were.
    pub commands: u64,
    pub(super) last: Option<LastFile>,
    /// The files whose offsets are known, in order.
    pub(super) segments: Vec<Segment>,
}

/// The last increment, as far as it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastFile {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) crc: Crc64,
}

/// Where a log is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where the damage begins, in bytes of the file.
    pub offset: u64,
    /// How many commands of the file come before it.
    pub commands: u64,
    /// The name of the last of these.
    pub last_command: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, what, .. } = self;
        write!(f, "{file}: {what}")?;
        match self.commands {
            0 => write!(f, ", at its first command"),
            n => write!(f, ", behind command {n} ({})", self.last_command),
        }
    }
}

/// Why a log was not replayed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// A file could not be read.
    Storage(StorageError),
    /// It is damaged, and nothing of it may be served.
    Damage(Damage),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Damage(damage) => damage.fmt(f),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<StorageError> for ReplayError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl Found {
    /// Hands out all commands of the increments, checksums compared.
    ///
    /// # Errors
    /// See [`ReplayError`]. What `sink` was given must then not be served.
    pub async fn replay(
        &self,
        storage: &dyn Storage,
        sink: &mut dyn ReplaySink,
    ) -> Result<Recovered, ReplayError> {
        let total = self.increments.iter().map(|file| file.bytes).sum();
        let mut done = Recovered::nothing();
        let mut read = 0;
        for (at, file) in self.increments.iter().enumerate() {
            let last = at + 1 == self.increments.len();
            let mut scan = Scan::new(file, done.end);
            scan.expect_after(&done)?;
            while let Some(chunk) = scan.next_chunk(storage).await? {
                scan.take(&chunk, sink)?;
                sink.progress(read + scan.at, total);
                sink.pause().await;
            }
            read += scan.at;
            let before = std::mem::replace(&mut done, scan.finish(storage, last).await?);
            done.commands += before.commands;
            done.segments.splice(0..0, before.segments);
        }
        Ok(done)
    }
}

/// Hands out the commands of one file that no side file vouches for, from
/// `start` on: a base of commands, or those behind a snapshot. Offsets count
/// from zero.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay_file(
    storage: &dyn Storage,
    name: &str,
    start: u64,
    sink: &mut dyn ReplaySink,
) -> Result<Recovered, ReplayError> {
    let file = FoundIncrement {
        name: name.to_owned(),
        sequence: 0,
        bytes: storage.len(name).await?,
        side: None,
    };
    let mut scan = Scan::new(&file, Offset::ZERO);
    scan.begin_at(start);
    while let Some(chunk) = scan.next_chunk(storage).await? {
        scan.take(&chunk, sink)?;
        sink.progress(scan.at, file.bytes);
        sink.pause().await;
    }
    scan.finish(storage, true).await
}

impl Recovered {
    /// Where what was replayed begins: replicas may be served from before that, from
    /// files that the log no longer needs and that nobody has read at the start.
    #[must_use]
    pub fn unread_end(&self) -> Offset {
        let first = self.segments.first();
        first.map_or(Offset::ZERO, |first| first.start)
    }

    /// From where on what was replayed tells its offsets.
    #[must_use]
    pub fn since(&self) -> Offset {
        let first = self.segments.first();
        first.map_or(self.end, |first| first.start)
    }

    pub(super) const fn nothing() -> Self {
        Self {
            lineage: None,
            end: Offset::ZERO,
            stream_db: None,
            clean: false,
            foreign: false,
            torn: None,
            commands: 0,
            last: None,
            segments: Vec::new(),
        }
    }
}

impl From<Damage> for ReplayError {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}
