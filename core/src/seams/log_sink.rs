//! Where the stream goes: the backlog, and the log on disk.

use crate::engine::replication::BacklogFacts;
use crate::offset::{History, Offset};

/// Where the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPlace {
    /// The history.
    pub history: History,
    /// How much of it there is.
    pub offset: Offset,
    /// The database that it has selected; none where it selects one before it uses it.
    pub db: Option<usize>,
}

/// Takes the replication stream, in order and without gaps.
///
/// # Obligations of an implementation
///
/// * It is called under the engine's lock, once per batch: it copies the bytes
///   and returns. It does not wait for a disk or a peer.
/// * `start` is where the previous call ended, except after `restarted`.
pub trait LogSink: Send {
    /// Takes whole write units, encoded as RESP.
    fn append(&mut self, start: Offset, bytes: &[u8]);

    /// The history has another name from here on. Whoever reads under the old
    /// name gets nothing that comes later, or he would take it for a part of that.
    fn history_changed(&mut self, _place: StreamPlace) {}

    /// The dataset is another, and with it the stream, which goes on from here.
    fn restarted(&mut self, _place: StreamPlace) {}

    /// Somebody waits until the stream survives a loss of power up to `end`, some of
    /// which may come with the next `append`. A log on disk is synced soon, whatever its
    /// usual times are.
    fn sync_soon(&mut self, _end: Offset) {}

    /// From where it serves replicas, if it is a log that does: for INFO.
    fn archive_start(&self) -> Option<Offset> {
        None
    }

    /// What it holds, if it is the backlog: for INFO.
    fn backlog(&self) -> Option<BacklogFacts> {
        None
    }
}
