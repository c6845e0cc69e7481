//! Between one snapshot's walk and all replicas that receive it.
//!
//! ```text
//!             dropped │ file (read by who is slow) │ blocks in memory │ end
//!                     ▲                            ▲          ▲       ▲
//!                 slowest reader                reader     reader   writer
//! ```
//! The walk never waits for a reader: what the slowest one has not taken yet
//! stays in memory up to a fixed amount and goes to a file beyond that. A block
//! that every reader has passed is dropped; while all keep up, no file is made.

use async_trait::async_trait;
use event_listener::Event;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use towline_core::seams::snapshot::SnapshotWriteError;
use towline_core::seams::{SnapshotWriter, Storage, StorageError};

/// How much of a snapshot stays in memory for readers that are behind.
pub const SPOOL_MEMORY_BYTES: usize = 8 << 20;
/// The most that is read from the file at once.
const FILE_READ_BYTES: usize = 256 << 10;

/// Why a reader gets no more of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpoolError {
    /// The snapshot could not be completed; the reason, for the operator.
    Failed(String),
    /// The file could not be written or read.
    Storage(StorageError),
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => f.write_str(why),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

/// Nobody reads the snapshot any more, so there is no use in going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned;

/// The writer's handle. Clones share the spool.
#[derive(Clone)]
pub struct Spool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Event,
    storage: Arc<dyn Storage>,
    file_name: String,
    memory_bytes: usize,
}

struct Block {
    start: u64,
    bytes: Arc<Vec<u8>>,
}

impl Block {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

#[derive(Default)]
struct State {
    blocks: VecDeque<Block>,
    /// The part of the snapshot that is in the file; blocks start where it ends.
    file: Option<(u64, u64)>,
    has_made_file: bool,
    held_bytes: usize,
    end: u64,
    outcome: Option<Result<(), SpoolError>>,
    readers: Vec<(u64, u64)>,
    next_reader: u64,
}

/// Where the next bytes of a reader are.
enum Source {
    Memory(Arc<Vec<u8>>, usize),
    File { at: u64, len: usize },
    Nowhere,
    Complete,
}

impl Spool {
    /// An empty spool whose file, should it need one, has the name `file_name`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, file_name: String, memory_bytes: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Event::new(),
            storage,
            file_name,
            memory_bytes,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no holder of this lock panics")
    }

    /// A reader from the snapshot's start; `None` if that is no longer held, or
    /// the snapshot has failed.
    #[must_use]
    pub fn reader(&self) -> Option<SpoolReader> {
        let mut state = self.state();
        if state.first() > 0 || matches!(state.outcome, Some(Err(_))) {
            return None;
        }
        let id = state.next_reader;
        state.next_reader += 1;
        state.readers.push((id, 0));
        Some(SpoolReader {
            spool: self.clone(),
            id,
            at: 0,
        })
    }

    /// Adds the next bytes of the snapshot.
    ///
    /// # Errors
    /// [`Abandoned`] once there are no readers. A file that cannot be written
    /// fails the snapshot for its readers, which then go away.
    pub async fn push(&self, bytes: Vec<u8>) -> Result<(), Abandoned> {
        if !bytes.is_empty() {
            self.state().push(bytes);
            self.0.changed.notify(usize::MAX);
        }
        while let Some(block) = self.block_to_spill() {
            if let Err(error) = self.spill(block).await {
                self.end(Err(SpoolError::Storage(error)));
            }
        }
        let state = self.state();
        if state.readers.is_empty() || matches!(state.outcome, Some(Err(_))) {
            return Err(Abandoned);
        }
        Ok(())
    }

    /// The oldest block, where more is held than may be; whether the file has
    /// to be started for it.
    fn block_to_spill(&self) -> Option<(Arc<Vec<u8>>, bool)> {
        let mut state = self.state();
        state.drop_passed();
        if state.held_bytes <= self.0.memory_bytes || state.outcome.is_some() {
            return None;
        }
        let starts = state.file.is_none();
        let block = state.blocks.front()?;
        Some((Arc::clone(&block.bytes), starts))
    }

    async fn spill(&self, (bytes, starts): (Arc<Vec<u8>>, bool)) -> Result<(), StorageError> {
        let Shared {
            storage, file_name, ..
        } = &*self.0;
        if starts {
            self.state().has_made_file = true;
            storage.create(file_name).await?;
        }
        storage.append(file_name, bytes.to_vec()).await?;
        self.state().block_was_spilled();
        Ok(())
    }

    /// Says that the snapshot is complete, or why it will not be.
    pub fn end(&self, outcome: Result<(), SpoolError>) {
        self.state().outcome.get_or_insert(outcome);
        self.0.changed.notify(usize::MAX);
    }

    /// Waits until all readers are gone and removes the file.
    ///
    /// # Errors
    /// If there was a file and it could not be removed.
    pub async fn clean_up(&self) -> Result<(), StorageError> {
        self.until_unused().await;
        if self.state().has_made_file {
            self.0.storage.remove(&self.0.file_name).await?;
        }
        Ok(())
    }

    /// Waits until all readers are gone.
    pub async fn until_unused(&self) {
        self.until(|state| state.readers.is_empty().then_some(()))
            .await;
    }

    /// Whether this is another handle on the same spool.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    async fn until<T>(&self, mut test: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            if let Some(found) = test(&mut self.state()) {
                return found;
            }
            let changed = self.0.changed.listen();
            if let Some(found) = test(&mut self.state()) {
                return found;
            }
            changed.await;
        }
    }
}

#[async_trait]
impl SnapshotWriter for Spool {
    async fn write(&mut self, block: Vec<u8>) -> Result<(), SnapshotWriteError> {
        let pushed = self.push(block).await;
        pushed.map_err(|Abandoned| match &self.state().outcome {
            Some(Err(SpoolError::Storage(error))) => SnapshotWriteError::Storage(error.clone()),
            _ => SnapshotWriteError::Link("all replicas that waited for it are gone".to_owned()),
        })
    }

    async fn finish(&mut self) -> Result<(), SnapshotWriteError> {
        self.end(Ok(()));
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), SnapshotWriteError> {
        self.end(Err(SpoolError::Failed("it was given up".to_owned())));
        Ok(())
    }
}

impl State {
    fn first(&self) -> u64 {
        let in_memory = self.blocks.front().map_or(self.end, |block| block.start);
        self.file.map_or(in_memory, |(start, _)| start)
    }

    fn push(&mut self, bytes: Vec<u8>) {
        let start = self.end;
        self.end += bytes.len() as u64;
        self.held_bytes += bytes.len();
        self.blocks.push_back(Block {
            start,
            bytes: Arc::new(bytes),
        });
    }

    fn slowest(&self) -> u64 {
        let places = self.readers.iter().map(|(_, at)| *at);
        places.min().unwrap_or(self.end)
    }

    /// Drops what every reader has passed. A file that nobody needs any more is
    /// forgotten as a whole, and started anew should one be needed again.
    fn drop_passed(&mut self) {
        let slowest = self.slowest();
        if self.file.is_some_and(|(_, end)| slowest >= end) {
            self.file = None;
        }
        while self.file.is_none()
            && self
                .blocks
                .front()
                .is_some_and(|block| block.end() <= slowest)
        {
            let block = self.blocks.pop_front().expect("there was a front");
            self.held_bytes -= block.bytes.len();
        }
    }

    fn block_was_spilled(&mut self) {
        let block = self
            .blocks
            .pop_front()
            .expect("only the writer takes blocks away");
        self.held_bytes -= block.bytes.len();
        let start = self.file.map_or(block.start, |(start, _)| start);
        self.file = Some((start, block.end()));
    }

    fn source(&self, at: u64) -> Result<Source, SpoolError> {
        if let Some(Err(error)) = &self.outcome {
            return Err(error.clone());
        }
        if let Some((start, end)) = self.file.filter(|(_, end)| at < *end) {
            let len = FILE_READ_BYTES.min(usize::try_from(end - at).unwrap_or(usize::MAX));
            return Ok(Source::File {
                at: at - start,
                len,
            });
        }
        let next = self.blocks.partition_point(|block| block.start <= at);
        let block = next.checked_sub(1).map(|at| &self.blocks[at]);
        Ok(match block.filter(|block| at < block.end()) {
            Some(block) => {
                let from = usize::try_from(at - block.start).expect("within a block");
                Source::Memory(Arc::clone(&block.bytes), from)
            }
            None if self.outcome.is_some() => Source::Complete,
            None => Source::Nowhere,
        })
    }
}

/// One replica's place in the snapshot.
pub struct SpoolReader {
    spool: Spool,
    id: u64,
    at: u64,
}

impl SpoolReader {
    /// The snapshot's length, waited for.
    ///
    /// # Errors
    /// If the snapshot failed.
    pub async fn length(&self) -> Result<u64, SpoolError> {
        let done = |state: &mut State| {
            let outcome = state.outcome.as_ref()?;
            Some(outcome.clone().map(|()| state.end))
        };
        self.spool.until(done).await
    }

    /// Whether there are bytes that [`read`](Self::read) need not wait for.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.at < self.spool.state().end
    }

    /// The next bytes, waited for; `None` at the snapshot's end.
    ///
    /// # Errors
    /// If the snapshot failed, or its file cannot be read.
    pub async fn read(&mut self) -> Result<Option<SpoolChunk>, SpoolError> {
        let at = self.at;
        let source = self
            .spool
            .until(|state| match state.source(at) {
                Ok(Source::Nowhere) => None,
                source => Some(source),
            })
            .await?;
        let chunk = match source {
            Source::Memory(bytes, from) => SpoolChunk { bytes, from },
            Source::File { at, len } => self.read_file(at, len).await?,
            Source::Nowhere | Source::Complete => return Ok(None),
        };
        self.advance(chunk.as_ref().len());
        Ok(Some(chunk))
    }

    async fn read_file(&self, at: u64, len: usize) -> Result<SpoolChunk, SpoolError> {
        let Shared {
            storage, file_name, ..
        } = &*self.spool.0;
        let bytes = storage.read(file_name, at, len).await;
        let bytes = bytes.map_err(SpoolError::Storage)?;
        if bytes.len() != len {
            let why = format!("the spool file {file_name} was cut short by somebody else");
            return Err(SpoolError::Failed(why));
        }
        Ok(SpoolChunk {
            bytes: Arc::new(bytes),
            from: 0,
        })
    }

    fn advance(&mut self, len: usize) {
        self.at += len as u64;
        let mut state = self.spool.state();
        if let Some(place) = state.readers.iter_mut().find(|(id, _)| *id == self.id) {
            place.1 = self.at;
        }
    }
}

impl Drop for SpoolReader {
    fn drop(&mut self) {
        let mut state = self.spool.state();
        state.readers.retain(|(id, _)| *id != self.id);
        drop(state);
        self.spool.0.changed.notify(usize::MAX);
    }
}

/// A run of the snapshot's bytes.
pub struct SpoolChunk {
    bytes: Arc<Vec<u8>>,
    from: usize,
}

impl AsRef<[u8]> for SpoolChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
