//! Where a replica's stream is read: memory, and the log on disk where memory no
//! longer holds it.
//!
//! ```text
//!              it fell out of the window, and the disk has it
//!    Memory ────────────────────────────────────────────────► Disk
//!       ▲                                                       │
//!       └───────────────────────────────────────────────────────┘
//!              the window holds what comes next
//! ```
//! With a log on disk, a replica that reads slowly costs no memory: little is kept
//! for it, and it reads the rest from files.

use super::link::{End, PIECE_BYTES, Shared};
use super::session::CloseReason;
use crate::backlog::Reader;
use crate::node::Inner;
use futures::io::AsyncWrite;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{ArchiveError, StreamReader};

/// What is kept in memory for a replica that can be served from disk, beyond the
/// backlog's own size: enough that one that keeps up is never sent there.
const HELD_BYTES: u64 = 8 << 20;

/// See the module.
pub(super) struct Source {
    place: Place,
    /// The history that the replica follows.
    replid: ReplicationId,
    /// The position of what comes next.
    at: Offset,
}

enum Place {
    Memory(Reader),
    Disk(Box<dyn StreamReader>),
}

/// How much of the stream is kept in memory for one replica, where the
/// configuration allows `limit_bytes` and zero is no limit.
pub(super) fn held_bytes(node: &Inner, limit_bytes: u64) -> u64 {
    match (node.archive_start(), limit_bytes) {
        (None, limit_bytes) => limit_bytes,
        (Some(_), 0) => HELD_BYTES,
        (Some(_), limit_bytes) => limit_bytes.min(HELD_BYTES),
    }
}

impl Source {
    /// The stream of the history `replid` from `at` on; none where it is nowhere.
    pub(super) fn open(
        node: &Inner,
        at: Offset,
        replid: ReplicationId,
        limit_bytes: u64,
    ) -> Option<Self> {
        let limit_bytes = held_bytes(node, limit_bytes);
        let memory = node.backlog()?.reader(at, limit_bytes).ok();
        let place = match memory {
            Some(reader) => Place::Memory(reader),
            None => Place::Disk(node.archive()?.reader(at, replid)?),
        };
        Some(Self { place, replid, at })
    }

    /// What comes next in the backlog.
    pub(super) fn memory(reader: Reader, replid: ReplicationId) -> Self {
        Self {
            at: reader.position(),
            place: Place::Memory(reader),
            replid,
        }
    }

    pub(super) const fn position(&self) -> Offset {
        self.at
    }

    pub(super) const fn is_disk(&self) -> bool {
        matches!(self.place, Place::Disk(_))
    }
}

impl Shared {
    /// Sends what comes next, waited for, and tells where the stream goes on.
    pub(super) async fn send_on(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        mut source: Source,
    ) -> Result<Source, End> {
        if let Place::Memory(reader) = &mut source.place {
            let Ok(chunk) = reader.read(PIECE_BYTES).await else {
                return self.to_disk(&source);
            };
            self.put_stream(writer, chunk.as_ref()).await?;
            source.at = reader.position();
        } else if let Some(reader) = self.in_memory(&source) {
            source.place = Place::Memory(reader);
        } else if let Place::Disk(reader) = &mut source.place {
            let bytes = reader.read().await.map_err(ended)?;
            for piece in bytes.chunks(PIECE_BYTES) {
                self.put_stream(writer, piece).await?;
            }
            source.at = source.at.advance(bytes.len());
        }
        Ok(source)
    }

    /// The backlog no longer holds what comes next. The disk may, and ends where the
    /// replica's history does.
    fn to_disk(&self, source: &Source) -> Result<Source, End> {
        if let Some(own) = &self.own {
            return Err(own.lost());
        }
        let reader = self.node.archive().and_then(|archive| {
            let store = &self.node.parts.store;
            store.with(|_, _| archive.reader(source.at, source.replid))
        });
        let reader = reader.ok_or(End::Closed(CloseReason::Lost))?;
        Ok(Source {
            place: Place::Disk(reader),
            ..*source
        })
    }

    /// A reader of the backlog, if it holds what comes next in the replica's history.
    fn in_memory(&self, source: &Source) -> Option<Reader> {
        let limit_bytes = self.limit_bytes();
        self.node.parts.store.with(|engine, _| {
            let history = engine.server.replication.history;
            let backlog = self.node.backlog()?;
            let same = history.replid == source.replid;
            same.then(|| backlog.reader(source.at, limit_bytes).ok())?
        })
    }
}

fn ended(error: ArchiveError) -> End {
    match error {
        ArchiveError::Ended => End::Closed(CloseReason::Lost),
        failed @ ArchiveError::Failed(_) => End::Archive(failed),
    }
}
