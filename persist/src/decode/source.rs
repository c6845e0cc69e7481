//! The bytes of a snapshot, as a decoder's function sees them.

use std::future::poll_fn;
use std::task::Poll;

use towline_core::keyspace::{Entry, HashSeed};
use towline_core::seams::snapshot::{
    Access, DecodeError, DecodeFault, DecodeOptions, Refused, SnapshotEntry, SnapshotPart,
    SnapshotSink,
};
use towline_core::value::Value;

use super::coroutine::Shared;
use crate::crc::Crc64;
use crate::rdb::length::{RawString, Stop, parse_length, parse_string};

/// A buffer that grew for one long string gives its memory back beyond this.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// Something that was read whole.
pub(crate) enum Event {
    Aux(Box<(Vec<u8>, Vec<u8>)>),
    SelectDb(u64),
    Resize(u64, u64),
    /// A key in the block in which a keyspace keeps it.
    Ready(Entry, Access),
    /// A key, for one who does not want that block.
    Entry(Box<SnapshotEntry>),
    EmptyKey(Vec<u8>),
    Function(Vec<u8>),
    /// What is to be decoded by itself.
    Part(SnapshotPart),
    /// What was left out.
    Skipped(Box<DecodeError>),
}

/// Why an event did not arrive.
pub(crate) enum Undelivered {
    /// The sink does not take it.
    Refused(Refused),
    /// The part is damaged.
    Damaged(DecodeError),
}

impl From<Refused> for Undelivered {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Undelivered {
    /// The error, which is `here` where the event itself names no place.
    pub(crate) fn into_error(self, here: DecodeError) -> DecodeError {
        match self {
            Self::Damaged(error) => error,
            Self::Refused(Refused(reason)) => DecodeError {
                fault: DecodeFault::Refused(reason),
                ..here
            },
        }
    }
}

impl Event {
    pub(crate) fn deliver(self, sink: &mut dyn SnapshotSink) -> Result<(), Undelivered> {
        let taken = match self {
            Self::Aux(field) => sink.aux(&field.0, &field.1),
            Self::SelectDb(db) => sink.select_db(db),
            Self::Resize(keys, expires) => sink.resize(keys, expires),
            Self::Ready(entry, access) => sink.ready(entry, access),
            Self::Entry(entry) => sink.entry(*entry),
            Self::EmptyKey(key) => sink.empty_key(&key),
            Self::Function(source) => sink.function(source),
            Self::Skipped(what) => sink.skipped(*what),
            Self::Part(part) => {
                let decoded = sink.part(part).map_or(Ok(()), |part| part(sink));
                return decoded.map_err(Undelivered::Damaged);
            }
        };
        taken.map_err(Undelivered::from)
    }
}

/// Reads pieces of a snapshot, waiting for more bytes where there are too few.
pub(crate) struct Source {
    options: DecodeOptions,
    exchange: Shared,
    /// What has arrived and is not yet forgotten.
    buffer: Vec<u8>,
    /// How much of `buffer` has been read.
    at: usize,
    /// How many bytes were forgotten.
    forgotten: u64,
    /// The checksum of what was read up to `summed` in `buffer`.
    crc: Crc64,
    summed: usize,
    /// The key being read, for errors.
    key: Option<Vec<u8>>,
    /// The room of the last key, for the next.
    spare_key: Vec<u8>,
    /// Whether what is read is summed up: a checksum of all of it stands at its end.
    is_summed: bool,
    /// Whether an entry was handed on.
    has_entries: bool,
    /// What was read since the last wait.
    events: Vec<Event>,
}

impl Source {
    pub(super) fn new(options: DecodeOptions, exchange: Shared) -> Self {
        Self {
            options,
            exchange,
            buffer: Vec::new(),
            at: 0,
            forgotten: 0,
            crc: Crc64::default(),
            summed: 0,
            key: None,
            spare_key: Vec::new(),
            is_summed: options.verify_checksum,
            has_entries: false,
            events: Vec::new(),
        }
    }

    /// What was asked for.
    pub(crate) fn options(&self) -> DecodeOptions {
        self.options
    }

    /// Builds values with the snapshot's own seed from now on, where that is
    /// wanted. Once there are values it is too late.
    pub(crate) fn adopt_hash_seed(&mut self, seed: Option<HashSeed>) {
        if let (Some(seed), true, false) = (seed, self.options.adopt_hash_seed, self.has_entries) {
            self.options.hash_seed = seed;
        }
    }

    /// How many bytes were read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.forgotten + self.at as u64
    }

    /// Says that no checksum of the whole is asked for.
    pub(crate) fn forgo_checksum(&mut self) {
        self.is_summed = false;
    }

    /// Takes back the key that errors are about.
    pub(crate) fn take_key(&mut self) -> Option<Vec<u8>> {
        self.key.take()
    }

    /// Reads a key, which errors are about until it is taken back.
    pub(crate) async fn key(&mut self) -> Result<(), DecodeError> {
        let mut key = std::mem::take(&mut self.spare_key);
        self.string_into(&mut key).await?;
        self.key = Some(key);
        Ok(())
    }

    /// Hands something on.
    pub(crate) fn emit(&mut self, event: Event) {
        self.has_entries |= matches!(event, Event::Entry(_) | Event::Ready(..));
        self.events.push(event);
    }

    /// Hands on what another one found.
    pub(crate) fn emit_all(&mut self, events: &mut Vec<Event>) {
        self.has_entries |= !events.is_empty();
        self.events.append(events);
    }

    /// Hands the key at hand on with its value.
    pub(crate) fn emit_value(&mut self, value: Value, expire_ms: Option<i64>, access: Access) {
        let key = self.take_key().expect("a value follows its key");
        self.emit(Event::Ready(Entry::new(&key, value, expire_ms), access));
        self.spare_key = key;
    }

    /// Hands the key at hand on with what `make` makes of it and the string that
    /// comes next.
    pub(crate) async fn emit_string(
        &mut self,
        make: impl FnOnce(&[u8], RawString<'_>) -> Result<Entry, Stop>,
        access: Access,
    ) -> Result<(), DecodeError> {
        let max_bytes = self.options.max_string_bytes;
        loop {
            match parse_string(&self.buffer[self.at..], max_bytes) {
                Ok((raw, used)) => {
                    let key = self.key.as_deref().expect("a value follows its key");
                    let made = make(key, raw);
                    self.at += used;
                    let entry = made.map_err(|stop| self.error(self.fault(stop)))?;
                    self.emit(Event::Ready(entry, access));
                    self.spare_key = self.take_key().expect("as above");
                    return Ok(());
                }
                Err(stop) => self.wait_after(stop).await?,
            }
        }
    }

    /// An error at this place.
    pub(crate) fn error(&self, fault: DecodeFault) -> DecodeError {
        DecodeError {
            offset: self.offset(),
            key: self.key.clone(),
            fault,
        }
    }

    /// Refuses contradicting bytes.
    pub(crate) fn corrupt<T>(&self, what: &'static str) -> Result<T, DecodeError> {
        Err(self.error(DecodeFault::Corrupt(what)))
    }

    /// The checksum of everything read so far.
    pub(crate) fn checksum(&mut self) -> u64 {
        self.crc.update(&self.buffer[self.summed..self.at]);
        self.summed = self.at;
        self.crc.value()
    }

    /// One byte.
    pub(crate) async fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array().await?;
        Ok(byte)
    }

    /// `N` bytes.
    pub(crate) async fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.wait_for(N as u64).await?;
        let bytes = self.buffer[self.at..self.at + N]
            .try_into()
            .expect("the slice is N long");
        self.at += N;
        Ok(bytes)
    }

    /// Exactly `length` bytes, appended to `out`. The caller has bounded
    /// `length`.
    pub(crate) async fn bytes(
        &mut self,
        length: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        self.wait_for(length as u64).await?;
        out.extend_from_slice(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(())
    }

    /// A length.
    pub(crate) async fn length(&mut self) -> Result<u64, DecodeError> {
        loop {
            match parse_length(&self.buffer[self.at..]) {
                Ok((length, used)) => {
                    self.at += used;
                    return Ok(length);
                }
                Err(stop) => self.wait_after(stop).await?,
            }
        }
    }

    /// A string, into `out`, whatever that held.
    pub(crate) async fn string_into(&mut self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        out.clear();
        self.with_string(|raw| match raw {
            RawString::Plain(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            other => {
                *out = other.into_bytes()?;
                Ok(())
            }
        })
        .await
    }

    /// A string.
    pub(crate) async fn string(&mut self) -> Result<Vec<u8>, DecodeError> {
        self.with_string(expanded).await
    }

    /// A string, seen by `take` where it lies.
    pub(crate) async fn with_string<T>(
        &mut self,
        take: impl FnOnce(RawString<'_>) -> Result<T, Stop>,
    ) -> Result<T, DecodeError> {
        let max_bytes = self.options.max_string_bytes;
        loop {
            match parse_string(&self.buffer[self.at..], max_bytes) {
                Ok((raw, used)) => {
                    let taken = take(raw);
                    self.at += used;
                    return taken.map_err(|stop| self.error(self.fault(stop)));
                }
                Err(stop) => self.wait_after(stop).await?,
            }
        }
    }

    /// Goes on behind a string.
    pub(crate) async fn skip_string(&mut self) -> Result<(), DecodeError> {
        self.with_string(|_| Ok(())).await
    }

    async fn wait_after(&mut self, stop: Stop) -> Result<(), DecodeError> {
        match stop {
            Stop::Need(bytes) => self.wait_for(bytes).await,
            other => Err(self.error(self.fault(other))),
        }
    }

    fn fault(&self, stop: Stop) -> DecodeFault {
        match stop {
            Stop::Need(_) => DecodeFault::Truncated,
            Stop::Bad(what) => DecodeFault::Corrupt(what),
            Stop::TooLong(bytes) => DecodeFault::TooLong {
                bytes,
                max_bytes: self.options.max_string_bytes,
            },
        }
    }

    /// Waits until `bytes` bytes lie ahead. Memory grows only as they arrive.
    async fn wait_for(&mut self, bytes: u64) -> Result<(), DecodeError> {
        while ((self.buffer.len() - self.at) as u64) < bytes {
            self.suspend();
            let exchange = self.exchange.clone();
            let chunk = poll_fn(move |_| match exchange.lock().input.take() {
                Some(chunk) => Poll::Ready(chunk),
                None => Poll::Pending,
            })
            .await;
            if self.buffer.is_empty() {
                self.buffer = chunk;
            } else {
                self.buffer.extend_from_slice(&chunk);
            }
        }
        Ok(())
    }

    /// Forgets what was read and hands on what it gave.
    fn suspend(&mut self) {
        if self.is_summed {
            self.checksum();
        }
        self.buffer.drain(..self.at);
        if self.buffer.capacity() > KEPT_BUFFER_BYTES && self.buffer.len() < KEPT_BUFFER_BYTES / 2 {
            self.buffer.shrink_to(KEPT_BUFFER_BYTES / 2);
        }
        self.forgotten += self.at as u64;
        (self.at, self.summed) = (0, 0);
        let mut exchange = self.exchange.lock();
        exchange.events.append(&mut self.events);
        exchange.offset = self.forgotten;
        exchange.key.clone_from(&self.key);
    }
}

impl Drop for Source {
    /// Whatever was read before the end or an error still counts.
    fn drop(&mut self) {
        self.exchange.lock().events.append(&mut self.events);
    }
}

/// A string's own bytes.
fn expanded(raw: RawString<'_>) -> Result<Vec<u8>, Stop> {
    raw.into_bytes()
}
