//! The checkpoints of a side file, one after the other, without holding it.

use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};

use super::naming;
use super::side_file::{Checkpoint, Frames, MAGIC, MAX_FRAME_BYTES};

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// A place in a side file, which may still grow.
pub(super) struct Points {
    file: String,
    /// How much of the file was read.
    at: u64,
    /// Read, of which so many bytes were taken apart.
    buffer: Vec<u8>,
    taken: usize,
    /// Where the log file's stream begins.
    pub(super) first: Checkpoint,
    last: (u64, Offset),
    /// What follows is damaged.
    broken: bool,
}

impl Points {
    /// The points of the log file `log`; `None` where its side file is none.
    pub(super) async fn open(
        storage: &dyn Storage,
        log: &str,
    ) -> Result<Option<Self>, StorageError> {
        let file = naming::side_file(log);
        let buffer = storage.read(&file, 0, READ_BYTES).await?;
        let at = buffer.len() as u64;
        let Some(mut rest) = buffer.strip_prefix(MAGIC) else {
            return Ok(None);
        };
        let Some(start) = Frames(&mut rest).start() else {
            return Ok(None);
        };
        let first = start.checkpoint();
        let taken = buffer.len() - rest.len();
        Ok(Some(Self {
            file,
            at,
            buffer,
            taken,
            first,
            last: (first.position, first.offset),
            broken: false,
        }))
    }

    /// The next point; `None` where there is none yet.
    pub(super) async fn next(
        &mut self,
        storage: &dyn Storage,
    ) -> Result<Option<Checkpoint>, StorageError> {
        while !self.broken {
            let mut rest = &self.buffer[self.taken..];
            if let Some(mark) = Frames(&mut rest).mark() {
                self.taken = self.buffer.len() - rest.len();
                let Some(point) = mark.checkpoint() else {
                    continue;
                };
                self.broken = point.position < self.last.0 || point.offset < self.last.1;
                self.last = (point.position, point.offset);
                return Ok(Some(*point).filter(|_| !self.broken));
            }
            self.buffer.drain(..std::mem::take(&mut self.taken));
            self.broken = self.buffer.len() >= MAX_FRAME_BYTES;
            if !self.read_on(storage).await? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    async fn read_on(&mut self, storage: &dyn Storage) -> Result<bool, StorageError> {
        let more = storage.read(&self.file, self.at, READ_BYTES).await?;
        self.at += more.len() as u64;
        self.buffer.extend_from_slice(&more);
        Ok(!more.is_empty())
    }
}
