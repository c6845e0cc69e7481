//! The increment that is being written, and its side file.

use std::sync::Arc;

use towline_core::engine::effects::encode_command;
use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};

use super::lineage::Origin;
use super::naming;
use super::side_file::{Checkpoint, MAX_SIDE_FILE_BYTES, Mark, Start};
use crate::crc::Crc64;

/// The least distance between two checkpoints that are due for size.
const CHECKPOINT_MIN_BYTES: u64 = 64 << 10;
/// A log of any length gets about so many checkpoints for each doubling.
const CHECKPOINTS_PER_LENGTH: u64 = 4096;
/// The time between two checkpoints of a log that is written to slowly.
const CHECKPOINT_INTERVAL_MS: u64 = 1000;
/// The interval doubles with each so many bytes of side file.
const INTERVAL_DOUBLES_BYTES: u64 = 8 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) name: String,
    pub(super) sequence: i64,
    pub(super) length: u64,
    pub(super) crc: Crc64,
    pub(super) origin: Origin,
    /// The offset behind the last byte written.
    pub(super) offset: Offset,
    /// When that was.
    pub(super) written_ms: u64,
    /// Nothing more may be written to it.
    pub(super) poisoned: bool,
    pub(super) side: Side,
}

/// What is known of the side file.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) bytes: u64,
    pub(super) last_position: u64,
    pub(super) last_ms: u64,
    /// Why it is no longer written.
    pub(super) error: Option<Arc<str>>,
}

impl OpenFile {
    /// Makes an increment and its side file, both durable but for their names.
    pub(super) async fn create(
        storage: &dyn Storage,
        name: String,
        sequence: i64,
        origin: Origin,
        unix_ms: u64,
    ) -> Result<Self, StorageError> {
        let prefix = prefix(origin.stream_db);
        let mut crc = Crc64::default();
        crc.update(&prefix);
        let start = Start {
            origin: origin.clone(),
            prefix_bytes: prefix.len() as u64,
            prefix_crc: crc.value(),
            created_ms: unix_ms,
        };
        let side = naming::side_file(&name);
        storage.create(&side).await?;
        let side_bytes = storage.append(&side, start.to_bytes()).await?;
        storage.sync(&side).await?;
        storage.create(&name).await?;
        let length = storage.append(&name, prefix).await?;
        storage.sync(&name).await?;
        Ok(Self {
            name,
            sequence,
            length,
            crc,
            offset: origin.offset,
            origin,
            written_ms: unix_ms,
            poisoned: false,
            side: Side::new(side_bytes, length, unix_ms),
        })
    }

    /// Makes it start anew behind what it holds: the side file is replaced, and
    /// what is there is its prefix.
    pub(super) async fn restart(
        &mut self,
        storage: &dyn Storage,
        origin: Origin,
        unix_ms: u64,
    ) -> Result<(), StorageError> {
        let start = Start {
            origin: origin.clone(),
            prefix_bytes: self.length,
            prefix_crc: self.crc.value(),
            created_ms: unix_ms,
        };
        let temporary = naming::temporary_side_file(&self.name);
        storage.create(&temporary).await?;
        let bytes = storage.append(&temporary, start.to_bytes()).await?;
        storage.sync(&temporary).await?;
        let side = naming::side_file(&self.name);
        storage.rename(&temporary, &side).await?;
        storage.sync_dir().await?;
        self.side = Side::new(bytes, self.length, unix_ms);
        self.offset = origin.offset;
        self.written_ms = unix_ms;
        self.origin = origin;
        Ok(())
    }

    /// The present end as a checkpoint.
    pub(super) const fn checkpoint(&self, synced: u64) -> Checkpoint {
        Checkpoint {
            position: self.length,
            offset: self.offset,
            unix_ms: self.written_ms,
            crc: self.crc.value(),
            synced,
        }
    }

    /// Whether the side file is due for a checkpoint of what was just written.
    pub(super) fn checkpoint_due(&self, unix_ms: u64) -> bool {
        let distance = self.length - self.side.last_position;
        distance >= CHECKPOINT_MIN_BYTES.max(self.length / CHECKPOINTS_PER_LENGTH)
            || self.checkpoint_in(unix_ms) == Some(0)
    }

    /// In how long what no checkpoint vouches for is due for one, whether or not more is
    /// written; `None` where there is nothing. So everything has its time to within the
    /// interval. A clock that was set back is another time as well.
    pub(super) fn checkpoint_in(&self, unix_ms: u64) -> Option<u64> {
        if self.poisoned || self.side.error.is_some() || self.length == self.side.last_position {
            return None;
        }
        let doublings = (self.side.bytes / INTERVAL_DOUBLES_BYTES).min(16);
        let interval_ms = CHECKPOINT_INTERVAL_MS << doublings;
        Some(interval_ms.saturating_sub(unix_ms.abs_diff(self.side.last_ms)))
    }

    /// Adds a frame to the side file. A failure ends the side file and nothing
    /// else, since the log does not need it to be whole.
    pub(super) async fn mark(&mut self, storage: &dyn Storage, mark: Mark) {
        if self.side.error.is_some() {
            return;
        }
        let mut frame = Vec::new();
        mark.write(&mut frame);
        let result = match self.side.bytes + frame.len() as u64 <= MAX_SIDE_FILE_BYTES as u64 {
            true => storage
                .append(&naming::side_file(&self.name), frame)
                .await
                .map_err(|error| error.to_string()),
            false => Err(format!("{}: is full", naming::side_file(&self.name))),
        };
        match result {
            Ok(bytes) => self.side.bytes = bytes,
            Err(error) => self.side.error = Some(error.into()),
        }
        if let Some(point) = mark.checkpoint() {
            self.side.last_position = point.position;
            self.side.last_ms = point.unix_ms;
        }
    }

    /// How much of it belongs to the stream's history, prefix and annotations
    /// included.
    pub(super) fn is_empty(&self) -> bool {
        self.offset == self.origin.offset
    }
}

impl Side {
    pub(super) const fn new(bytes: u64, position: u64, unix_ms: u64) -> Self {
        Self {
            bytes,
            last_position: position,
            last_ms: unix_ms,
            error: None,
        }
    }
}

/// What puts a reader that starts with the file, in database 0, where the
/// stream is.
fn prefix(stream_db: Option<u32>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(db) = stream_db.filter(|db| *db != 0) {
        encode_command(&[b"SELECT", db.to_string().as_bytes()], &mut out);
    }
    out
}
