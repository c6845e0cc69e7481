//! The backlog: the latest part of the stream, in blocks that everybody shares.
//!
//! ```text
//!   start                                        end
//!     │ sealed │ sealed │ sealed │ sealed │ tail ▏ │
//!         ▲                          ▲        ▲
//!      reader (slow)              reader   reader (up to date)
//! ```
//! The engine appends once per batch, under its own lock: one `memcpy` into the
//! tail. A block that is full is sealed and never changes again, so a replica
//! costs a cursor and not a copy: readers hold on to sealed blocks by counting.
//! Only what lies in the tail is copied out, once for all readers that stand at
//! the same place.
//!
//! The window is trimmed from the front to the configured size. A [`Reader`]
//! keeps what it has not read yet, up to a limit of its own
//! (`client-output-buffer-limit replica`); one that falls further behind is
//! [`Lost`] and its replica has to start over.

use crate::decision::Window;
use event_listener::Event;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use towline_core::offset::Offset;

/// The smallest `repl-backlog-size` and the smallest block, as in Redis.
pub const BACKLOG_FLOOR_BYTES: u64 = 16 * 1024;
/// A backlog consists of about this many blocks.
const BLOCKS_PER_BACKLOG: u64 = 16;
/// Blocks do not grow beyond this however large the backlog is: a block is what
/// trimming gives back at once and what the tail allocates in the engine's time.
const LARGEST_BLOCK_BYTES: u64 = 1024 * 1024;

/// A handle on the backlog. Clones share it.
#[derive(Clone, Debug)]
pub struct Backlog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    written: Event,
    next_reader: AtomicU64,
}

/// A run of the stream's bytes that can no longer change.
#[derive(Clone, Debug)]
pub struct Chunk {
    bytes: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}

/// The reader fell out of the window, the backlog was released, or the history
/// that it read has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

#[derive(Debug)]
struct Sealed {
    start: Offset,
    bytes: Arc<Vec<u8>>,
}

impl Sealed {
    fn end(&self) -> Offset {
        self.start.advance(self.bytes.len())
    }
}

/// A reader's place, and how much of the stream is kept for it.
#[derive(Debug)]
struct Place {
    reader: u64,
    at: Offset,
    limit_bytes: u64,
    /// Where the history that it reads ends.
    until: Option<Offset>,
}

#[derive(Debug)]
struct Log {
    size_bytes: u64,
    sealed: VecDeque<Sealed>,
    tail: Vec<u8>,
    tail_start: Offset,
    /// The last copy made of the tail, valid while it ends where the tail ends.
    tail_copy: Option<(Offset, Arc<Vec<u8>>)>,
    places: Vec<Place>,
    /// How far readers may go, where they must not run ahead of the log on disk.
    shown: Option<Offset>,
    released: bool,
}

impl Backlog {
    /// An empty backlog at `start`, of `size_bytes` or the floor.
    #[must_use]
    pub fn new(start: Offset, size_bytes: u64) -> Self {
        let log = Log {
            size_bytes: size_bytes.max(BACKLOG_FLOOR_BYTES),
            sealed: VecDeque::new(),
            tail: Vec::new(),
            tail_start: start,
            tail_copy: None,
            places: Vec::new(),
            shown: None,
            released: false,
        };
        Self(Arc::new(Shared {
            log: Mutex::new(log),
            written: Event::new(),
            next_reader: AtomicU64::new(0),
        }))
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().expect("no holder of this lock panics")
    }

    /// Appends the bytes of a batch and wakes the readers.
    pub fn append(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.log().append(bytes);
        self.0.written.notify(usize::MAX);
    }

    /// The part of the stream that is held.
    #[must_use]
    pub fn window(&self) -> Window {
        let log = self.log();
        Window {
            start: log.start(),
            end: log.end(),
        }
    }

    /// `repl-backlog-size` in effect.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.log().size_bytes
    }

    /// Changes `repl-backlog-size`. What is held is kept where it fits.
    pub fn resize(&self, size_bytes: u64) {
        let mut log = self.log();
        log.size_bytes = size_bytes.max(BACKLOG_FLOOR_BYTES);
        log.trim();
    }

    /// Shows readers no more than what lies before `end`; none shows all there is.
    pub fn show_to(&self, end: Option<Offset>) {
        self.log().shown = end;
        self.0.written.notify(usize::MAX);
    }

    /// Lets the present readers read up to here and no further. What follows
    /// belongs to a history that they do not know yet.
    pub fn end_readers(&self) {
        let mut log = self.log();
        let end = log.end();
        for place in &mut log.places {
            place.until.get_or_insert(end);
        }
        drop(log);
        self.0.written.notify(usize::MAX);
    }

    /// Ends every reader: the history changed, or nobody needs the backlog.
    pub fn release(&self) {
        let mut log = self.log();
        log.released = true;
        log.sealed.clear();
        log.tail_start = log.end();
        log.tail = Vec::new();
        log.tail_copy = None;
        drop(log);
        self.0.written.notify(usize::MAX);
    }

    /// A reader that stands at `at` and for which up to `limit_bytes` are kept
    /// beyond what the backlog keeps anyway; zero means no limit.
    ///
    /// # Errors
    /// [`Lost`] if `at` is not in the window.
    pub fn reader(&self, at: Offset, limit_bytes: u64) -> Result<Reader, Lost> {
        let limit_bytes = if limit_bytes == 0 {
            u64::MAX
        } else {
            limit_bytes
        };
        let id = self.0.next_reader.fetch_add(1, Ordering::Relaxed);
        let mut log = self.log();
        if log.released || at < log.start() || at > log.end() {
            return Err(Lost);
        }
        log.places.push(Place {
            reader: id,
            at,
            limit_bytes,
            until: None,
        });
        Ok(Reader {
            backlog: self.clone(),
            id,
            at,
            limit_bytes,
        })
    }
}

impl Log {
    fn start(&self) -> Offset {
        self.sealed
            .front()
            .map_or(self.tail_start, |block| block.start)
    }

    fn end(&self) -> Offset {
        self.tail_start.advance(self.tail.len())
    }

    fn block_bytes(&self) -> usize {
        let bytes =
            (self.size_bytes / BLOCKS_PER_BACKLOG).clamp(BACKLOG_FLOOR_BYTES, LARGEST_BLOCK_BYTES);
        usize::try_from(bytes).expect("clamped to a block's largest size")
    }

    fn append(&mut self, mut bytes: &[u8]) {
        self.tail_copy = None;
        while !bytes.is_empty() {
            if self.tail.capacity() == 0 {
                self.tail.reserve_exact(self.block_bytes());
            }
            let room = self.tail.capacity() - self.tail.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            bytes = later;
            if now.len() == room {
                self.seal();
            }
        }
    }

    fn seal(&mut self) {
        let start = self.tail_start;
        self.tail_start = self.end();
        let bytes = Arc::new(std::mem::take(&mut self.tail));
        self.sealed.push_back(Sealed { start, bytes });
        self.trim();
    }

    /// Drops blocks from the front while the rest still fills the window and
    /// nobody who is within its limit needs them.
    fn trim(&mut self) {
        let end = self.end();
        while let Some(front) = self.sealed.front() {
            let cut = front.end();
            let is_needed =
                |place: &Place| place.at < cut && end.since(place.at) <= place.limit_bytes;
            if end.since(cut) < self.size_bytes || self.places.iter().any(is_needed) {
                return;
            }
            self.sealed.pop_front();
        }
    }

    /// Up to `max_bytes` from `at` on; an empty chunk if there are none yet.
    fn read(&mut self, at: Offset, max_bytes: usize) -> Result<Option<Chunk>, Lost> {
        if self.released || at < self.start() || at > self.end() {
            return Err(Lost);
        }
        if at == self.end() {
            return Ok(None);
        }
        let (start, bytes) = if at >= self.tail_start {
            self.copy_tail(at)
        } else {
            let next = self.sealed.partition_point(|block| block.start <= at);
            let block = &self.sealed[next - 1];
            (block.start, Arc::clone(&block.bytes))
        };
        let from = usize::try_from(at.since(start)).expect("within a block");
        let to = bytes.len().min(from.saturating_add(max_bytes));
        Ok(Some(Chunk {
            bytes,
            range: from..to,
        }))
    }

    fn copy_tail(&mut self, at: Offset) -> (Offset, Arc<Vec<u8>>) {
        if let Some((start, bytes)) = &self.tail_copy
            && *start <= at
        {
            return (*start, Arc::clone(bytes));
        }
        let from = usize::try_from(at.since(self.tail_start)).expect("within the tail");
        let bytes = Arc::new(self.tail[from..].to_vec());
        self.tail_copy = Some((at, Arc::clone(&bytes)));
        (at, bytes)
    }

    fn place(&mut self, reader: u64) -> &mut Place {
        self.places
            .iter_mut()
            .find(|place| place.reader == reader)
            .expect("a reader has a place until it is dropped")
    }
}

/// A cursor into the backlog. Dropping it lets go of what it kept.
#[derive(Debug)]
pub struct Reader {
    backlog: Backlog,
    id: u64,
    at: Offset,
    limit_bytes: u64,
}

impl Reader {
    /// The position after the last byte that was read.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.at
    }

    /// How far the stream has gone beyond this reader.
    #[must_use]
    pub fn lag_bytes(&self) -> u64 {
        self.backlog.log().end().since(self.at)
    }

    /// Another reader at the same place, with the same limit.
    ///
    /// # Errors
    /// [`Lost`] if the place has left the window.
    pub fn try_clone(&self) -> Result<Self, Lost> {
        self.backlog.reader(self.at, self.limit_bytes)
    }

    /// The next bytes, at most `max_bytes`; `None` if the reader is up to date.
    ///
    /// # Errors
    /// [`Lost`] if they are no longer held.
    pub fn try_read(&mut self, max_bytes: usize) -> Result<Option<Chunk>, Lost> {
        let mut log = self.backlog.log();
        let until = log.place(self.id).until;
        if until.is_some_and(|until| until <= self.at) {
            return Err(Lost);
        }
        let bounds = until.into_iter().chain(log.shown);
        let max_bytes = bounds.fold(max_bytes, |max_bytes, bound| {
            usize::try_from(bound.since(self.at)).map_or(max_bytes, |left| left.min(max_bytes))
        });
        if max_bytes == 0 {
            return Ok(None);
        }
        let chunk = log.read(self.at, max_bytes)?;
        if let Some(chunk) = &chunk {
            self.at = self.at.advance(chunk.range.len());
            log.place(self.id).at = self.at;
        }
        Ok(chunk)
    }

    /// The next bytes, at most `max_bytes`, waited for.
    ///
    /// # Errors
    /// [`Lost`] if they are no longer held.
    pub async fn read(&mut self, max_bytes: usize) -> Result<Chunk, Lost> {
        loop {
            // The listener stands before the second look, so that an append
            // between the two cannot go unnoticed.
            if let Some(chunk) = self.try_read(max_bytes)? {
                return Ok(chunk);
            }
            let written = self.backlog.0.written.listen();
            if let Some(chunk) = self.try_read(max_bytes)? {
                return Ok(chunk);
            }
            written.await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut log = self.backlog.log();
        log.places.retain(|place| place.reader != self.id);
        log.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smol::block_on;

    const KIB: u64 = 1024;

    /// Bytes whose value tells their position.
    fn stream(from: u64, len: usize) -> Vec<u8> {
        (from..).take(len).map(|at| (at * 31 % 251) as u8).collect()
    }

    fn fill(backlog: &Backlog, bytes: u64) {
        let end = backlog.window().end.0;
        for at in (end..end + bytes).step_by(1000) {
            let len = 1000.min(end + bytes - at) as usize;
            backlog.append(&stream(at, len));
        }
    }

    fn read_all(reader: &mut Reader) -> Result<Vec<u8>, Lost> {
        let mut all = Vec::new();
        while let Some(chunk) = reader.try_read(700)? {
            assert!(chunk.as_ref().len() <= 700);
            all.extend_from_slice(chunk.as_ref());
        }
        Ok(all)
    }

    #[test]
    fn readers_see_what_is_shown() {
        let backlog = Backlog::new(Offset(5), 16 * KIB);
        backlog.show_to(Some(Offset(5)));
        let mut reader = backlog.reader(Offset(5), 0).expect("it is the end");
        backlog.append(&stream(5, 100));
        assert!(reader.try_read(1000).expect("held").is_none());
        backlog.show_to(Some(Offset(45)));
        let chunk = reader.try_read(1000).expect("held").expect("shown");
        assert_eq!(chunk.as_ref(), stream(5, 40));
        assert!(reader.try_read(1000).expect("held").is_none());
        // An offset of an earlier stream lies behind the reader.
        backlog.show_to(Some(Offset(7)));
        assert!(reader.try_read(1000).expect("held").is_none());
        backlog.show_to(None);
        let chunk = reader.try_read(1000).expect("held").expect("shown");
        assert_eq!(chunk.as_ref(), stream(45, 60));
    }

    #[test]
    fn the_window_is_the_size_and_at_most_a_block_more() {
        let backlog = Backlog::new(Offset(77), 1);
        assert_eq!(backlog.size_bytes(), 16 * KIB);
        fill(&backlog, 500_000);
        let window = backlog.window();
        assert_eq!(window.end, Offset(500_077));
        let held = window.end.since(window.start);
        assert!((16 * KIB..=33 * KIB).contains(&held), "{held}");
    }

    #[test]
    fn growing_keeps_what_is_held_and_shrinking_gives_it_back() {
        let backlog = Backlog::new(Offset::ZERO, 64 * KIB);
        fill(&backlog, 300_000);
        let before = backlog.window().start;
        backlog.resize(1024 * KIB);
        fill(&backlog, 300_000);
        assert_eq!(backlog.window().start, before);
        backlog.resize(0);
        let window = backlog.window();
        assert!(window.end.since(window.start) <= 16 * KIB + 64 * KIB);
    }

    #[test]
    fn a_reader_keeps_its_bytes_up_to_its_limit() {
        let backlog = Backlog::new(Offset::ZERO, 16 * KIB);
        let mut patient = backlog.reader(Offset::ZERO, 0).unwrap();
        let mut limited = backlog.reader(Offset::ZERO, 100 * KIB).unwrap();
        fill(&backlog, 90 * KIB);
        let mut twin = limited.try_clone().unwrap();
        assert_eq!(read_all(&mut twin).unwrap(), stream(0, 90 * 1024));
        drop(patient.try_read(1).unwrap());
        fill(&backlog, 200 * KIB);
        drop(twin);
        assert_eq!(read_all(&mut patient).unwrap().len(), 290 * 1024 - 1);
        fill(&backlog, 64 * KIB);
        assert_eq!(limited.try_read(1).unwrap_err(), Lost);
        assert_eq!(backlog.reader(Offset(3), 0).unwrap_err(), Lost);
    }

    #[test]
    fn readers_at_one_place_share_one_copy() {
        let backlog = Backlog::new(Offset::ZERO, 16 * KIB);
        backlog.append(b"hello");
        let mut readers = [0, 1].map(|_| backlog.reader(Offset::ZERO, 0).unwrap());
        let [first, second] = &mut readers;
        let (first, second) = (
            first.try_read(9).unwrap().unwrap(),
            second.try_read(9).unwrap().unwrap(),
        );
        assert!(Arc::ptr_eq(&first.bytes, &second.bytes));
        assert_eq!(first.as_ref(), b"hello");
    }

    #[test]
    fn a_reader_gets_nothing_of_the_history_that_follows_its_own() {
        let backlog = Backlog::new(Offset::ZERO, 16 * KIB);
        let mut reader = backlog.reader(Offset::ZERO, 0).unwrap();
        backlog.append(b"old");
        backlog.end_readers();
        backlog.append(b"new");
        let mut later = backlog.reader(Offset(3), 0).unwrap();
        assert_eq!(read_up_to_the_end(&mut reader), b"old");
        assert_eq!(read_all(&mut later).unwrap(), b"new");
    }

    fn read_up_to_the_end(reader: &mut Reader) -> Vec<u8> {
        let mut all = Vec::new();
        while let Ok(Some(chunk)) = reader.try_read(2) {
            all.extend_from_slice(chunk.as_ref());
        }
        assert_eq!(reader.try_read(2).unwrap_err(), Lost);
        all
    }

    #[test]
    fn releasing_ends_every_reader() {
        let backlog = Backlog::new(Offset::ZERO, 16 * KIB);
        let mut reader = backlog.reader(Offset::ZERO, 0).unwrap();
        backlog.release();
        assert_eq!(reader.try_read(1).unwrap_err(), Lost);
        assert_eq!(block_on(reader.read(1)).unwrap_err(), Lost);
    }

    #[test]
    fn a_waiting_reader_is_woken_by_an_append() {
        let backlog = Backlog::new(Offset::ZERO, 16 * KIB);
        let mut reader = backlog.reader(Offset::ZERO, 0).unwrap();
        let writer = std::thread::spawn(move || {
            for at in 0..20_000 {
                backlog.append(&stream(at, 1));
            }
        });
        let mut all = Vec::new();
        while all.len() < 20_000 {
            all.extend_from_slice(block_on(reader.read(4096)).unwrap().as_ref());
        }
        assert_eq!(all, stream(0, 20_000));
        writer.join().unwrap();
    }

    proptest! {
        /// Whatever the batches and sizes, a reader sees the stream as it was
        /// written, or is told that it is lost.
        #[test]
        fn readers_see_the_stream(steps in proptest::collection::vec((0u8..5, 1usize..40_000), 1..60)) {
            let backlog = Backlog::new(Offset(5), 16 * KIB);
            let mut readers: Vec<Reader> = Vec::new();
            for (what, n) in steps {
                let window = backlog.window();
                match what {
                    0 | 1 => backlog.append(&stream(window.end.0, n)),
                    2 => backlog.resize(n as u64 * 8),
                    3 => {
                        let at = window.start.advance(n % (window.end.since(window.start) as usize + 1));
                        readers.push(backlog.reader(at, 1 + n as u64 * 2).unwrap());
                    }
                    _ => readers.retain_mut(|reader| {
                        let at = reader.position();
                        match reader.try_read(n) {
                            Ok(Some(chunk)) => {
                                assert_eq!(chunk.as_ref(), stream(at.0, chunk.as_ref().len()));
                                true
                            }
                            Ok(None) => { assert_eq!(at, window.end); true }
                            Err(Lost) => {
                                assert!(at < backlog.window().start);
                                false
                            }
                        }
                    }),
                }
                let now = backlog.window();
                prop_assert!(now.end.since(now.start) >= window.end.since(window.start).min(backlog.size_bytes()));
            }
        }
    }
}
