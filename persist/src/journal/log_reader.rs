//! The stream read back from the files that hold it, while more is written.
//!
//! ```text
//!            base                 checked                      length
//! file   ┊ prefix ┊ ……………… │ …………▲……………… │ ………………………………………………… ▏
//!                       position ┘       └ known by the writer alone
//! ```
//! What lies between two checkpoints is read twice: once to compare its
//! checksum, and then to be handed out, so that nothing damaged ever is, and no
//! more than a block is held. Behind the last checkpoint there is only what the
//! writer has just written.

use std::sync::Arc;

use async_trait::async_trait;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{ArchiveError, Storage, StorageError, StreamReader};

use super::archive::{ReaderId, Stand};
use super::framer::Framer;
use super::points::Points;
use super::shared::Shared;
use super::side_file::Checkpoint;
use crate::crc::Crc64;

/// How much is read at once.
const BLOCK_BYTES: usize = 256 << 10;

/// See the module. It holds on to the files that it has not read yet.
pub(super) struct LogReader {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) shared: Arc<Shared>,
    pub(super) id: ReaderId,
    pub(super) generation: u64,
    pub(super) replid: ReplicationId,
    /// Where what is handed out next begins.
    pub(super) at: Offset,
    pub(super) cursor: Option<Cursor>,
}

/// A place in one file.
pub(super) struct Cursor {
    name: String,
    sequence: i64,
    points: Points,
    /// The last point at or before the position.
    base: Checkpoint,
    /// The point after it, if it was read.
    ahead: Option<Checkpoint>,
    /// Up to where the checksum is known to be right.
    checked: u64,
    position: u64,
    /// The offset at the position.
    offset: Offset,
    framer: Framer,
}

#[async_trait]
impl StreamReader for LogReader {
    async fn read(&mut self) -> Result<Vec<u8>, ArchiveError> {
        loop {
            // The listener stands before the look, so that no write goes unnoticed.
            let changed = self.shared.listen();
            let stand = self.stand()?;
            if self.at == stand.end {
                changed.await;
                continue;
            }
            match self.read_of(&stand).await {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(bytes),
                Err(what) => return Err(self.failed(&stand, what)),
            }
        }
    }
}

impl LogReader {
    fn stand(&self) -> Result<Stand, ArchiveError> {
        let mut state = self.shared.state();
        let archive = &mut state.archive;
        let stand = archive.stand(self.id, self.generation, self.at, self.replid);
        stand.ok_or(ArchiveError::Ended)
    }

    /// Some of what follows in the file, or nothing where that lies before the
    /// reader's place.
    async fn read_of(&mut self, stand: &Stand) -> Result<Vec<u8>, String> {
        let known = self.cursor.take();
        let cursor = known.filter(|cursor| cursor.sequence == stand.sequence);
        let mut cursor = match cursor {
            Some(cursor) => cursor,
            None => Cursor::open(&*self.storage, stand, self.at).await?,
        };
        let start = cursor.offset;
        let mut bytes = cursor.read(&*self.storage, stand.length).await?;
        let before = usize::try_from(self.at.since(start)).unwrap_or(usize::MAX);
        bytes.drain(..before.min(bytes.len()));
        self.at = self.at.advance(bytes.len());
        self.cursor = Some(cursor);
        Ok(bytes)
    }

    /// What cannot be read is not offered to anybody again.
    fn failed(&self, stand: &Stand, what: String) -> ArchiveError {
        let mut state = self.shared.state();
        if state.archive.generation() != self.generation {
            return ArchiveError::Ended;
        }
        state.archive.give_up(stand.sequence);
        ArchiveError::Failed(what)
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.shared.state().archive.dismiss(self.id);
    }
}

impl Cursor {
    /// At the last point of the file that is not behind `at`.
    async fn open(storage: &dyn Storage, stand: &Stand, at: Offset) -> Result<Self, String> {
        let points = Points::open(storage, &stand.name).await;
        let points = points.map_err(|error| error.to_string())?;
        let points = points.filter(|points| points.first.offset == stand.start);
        let points =
            points.ok_or_else(|| format!("{}: its side file is not its own", stand.name))?;
        let mut cursor = Self {
            name: stand.name.clone(),
            sequence: stand.sequence,
            base: points.first,
            points,
            ahead: None,
            checked: 0,
            position: 0,
            offset: stand.start,
            framer: Framer::new(),
        };
        while cursor
            .look_ahead(storage)
            .await?
            .is_some_and(|point| point.offset <= at)
        {
            cursor.pass();
        }
        cursor.checked = cursor.base.position;
        cursor.position = cursor.base.position;
        cursor.offset = cursor.base.offset;
        Ok(cursor)
    }

    async fn look_ahead(&mut self, storage: &dyn Storage) -> Result<Option<Checkpoint>, String> {
        if self.ahead.is_none() {
            let next = self.points.next(storage).await;
            self.ahead = next.map_err(|error| error.to_string())?;
        }
        Ok(self.ahead)
    }

    fn pass(&mut self) {
        self.base = self.ahead.take().unwrap_or(self.base);
    }

    /// The stream's bytes in the next block of the file, whose first `length` bytes
    /// are written.
    async fn read(&mut self, storage: &dyn Storage, length: u64) -> Result<Vec<u8>, String> {
        if self.position >= self.checked {
            self.check_on(storage, length).await?;
        }
        let upto = match self.position < self.checked {
            true => self.checked,
            false => length,
        };
        let block = self.block(storage, self.position, upto).await?;
        let mut out = Vec::with_capacity(block.len());
        let fed = self.framer.feed(&block, &mut out);
        fed.map_err(|_| self.damage("no record is what follows", self.position, upto))?;
        self.position += block.len() as u64;
        self.offset = self.offset.advance(out.len());
        Ok(out)
    }

    /// Compares what lies between this place and the next point with its checksum,
    /// if there is one within the file's `length`.
    async fn check_on(&mut self, storage: &dyn Storage, length: u64) -> Result<(), String> {
        while let Some(point) = self.look_ahead(storage).await? {
            if point.position > length {
                return Ok(());
            }
            if point.position > self.position {
                self.compare(storage, point).await?;
                self.checked = point.position;
                self.pass();
                return Ok(());
            }
            self.pass();
        }
        Ok(())
    }

    async fn compare(&self, storage: &dyn Storage, point: Checkpoint) -> Result<(), String> {
        let mut crc = Crc64::resume(self.base.crc);
        let mut at = self.base.position;
        while at < point.position {
            let block = self.block(storage, at, point.position).await?;
            crc.update(&block);
            at += block.len() as u64;
        }
        match crc.value() == point.crc {
            true => Ok(()),
            false => Err(self.damage("wrong checksum", self.base.position, point.position)),
        }
    }

    fn damage(&self, what: &str, from: u64, upto: u64) -> String {
        format!("{}: {what} from offset {from} to {upto}", self.name)
    }

    /// Bytes of the file from `from` on, at least one.
    async fn block(&self, storage: &dyn Storage, from: u64, upto: u64) -> Result<Vec<u8>, String> {
        let most = usize::try_from(upto - from).unwrap_or(usize::MAX);
        let read = storage.read(&self.name, from, most.min(BLOCK_BYTES)).await;
        match read {
            Ok(block) if block.is_empty() => Err(self.damage("it is cut short", from, upto)),
            Ok(block) => Ok(block),
            Err(error) => Err(StorageError::to_string(&error)),
        }
    }
}
