//! Polls a decoder's function once per chunk.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use towline_core::seams::snapshot::{
    DecodeError, DecodeFault, DecodeOptions, Progress, SnapshotDecoder, SnapshotSink,
};

use super::source::{Event, Source};

/// Chunks are cut to this, so that what one poll can produce before the sink
/// takes it stays small.
const MAX_POLL_BYTES: usize = 64 << 10;

/// What passes between a decoder's outside and the function inside it. Locked
/// twice per chunk, by the one thread that polls.
#[derive(Default)]
pub(super) struct Exchange {
    /// The next bytes, on their way in.
    pub(super) input: Option<Vec<u8>>,
    /// What has been read, on its way out.
    pub(super) events: Vec<Event>,
    /// Where the function waits, for the error if no more bytes come.
    pub(super) offset: u64,
    /// The key it was reading.
    pub(super) key: Option<Vec<u8>>,
}

/// The exchange, as both sides hold it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Exchange>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Exchange> {
        // A panic in the decoder is a bug, and the coroutine is not polled
        // again after one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Decoding = Pin<Box<dyn Future<Output = Result<u64, DecodeError>> + Send>>;

/// A decoder whose grammar is an `async` function.
pub(crate) struct Coroutine {
    /// `None` once it has returned.
    decoding: Option<Decoding>,
    exchange: Shared,
    fed_bytes: u64,
}

impl Coroutine {
    /// A decoder that runs `decode`, which returns where the snapshot ended.
    pub(crate) fn new<F>(options: DecodeOptions, decode: impl FnOnce(Source) -> F) -> Self
    where
        F: Future<Output = Result<u64, DecodeError>> + Send + 'static,
    {
        let exchange = Shared::default();
        let source = Source::new(options, exchange.clone());
        Self {
            decoding: Some(Box::pin(decode(source))),
            exchange,
            fed_bytes: 0,
        }
    }

    /// Takes `bytes` in one piece, and appends what they complete to `events`.
    pub(crate) fn feed_whole(
        &mut self,
        bytes: Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Result<Progress, DecodeError> {
        let length = bytes.len();
        let polled = self.poll(bytes);
        events.append(&mut self.exchange.lock().events);
        self.progress(polled, length)
    }

    fn feed_part(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn SnapshotSink,
    ) -> Result<Progress, DecodeError> {
        let polled = self.poll(bytes.to_vec());
        self.deliver(sink)?;
        self.progress(polled, bytes.len())
    }

    /// Lets the function go on with more bytes.
    fn poll(&mut self, bytes: Vec<u8>) -> Poll<Result<u64, DecodeError>> {
        let decoding = self
            .decoding
            .as_mut()
            .expect("nothing is fed after the end or an error");
        self.fed_bytes += bytes.len() as u64;
        self.exchange.lock().input = Some(bytes);
        let polled = decoding
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            self.decoding = None;
        }
        polled
    }

    /// What came of `length` bytes.
    fn progress(
        &self,
        polled: Poll<Result<u64, DecodeError>>,
        length: usize,
    ) -> Result<Progress, DecodeError> {
        match polled {
            Poll::Pending => Ok(Progress::More),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(end)) => {
                let left = usize::try_from(self.fed_bytes - end)
                    .expect("what is left over is part of the last chunk");
                Ok(Progress::Complete {
                    consumed: length - left,
                })
            }
        }
    }

    /// Hands what was read to the sink.
    fn deliver(&mut self, sink: &mut dyn SnapshotSink) -> Result<(), DecodeError> {
        let events = std::mem::take(&mut self.exchange.lock().events);
        for event in events {
            event.deliver(sink).map_err(|undelivered| {
                self.decoding = None;
                undelivered.into_error(self.error_here())
            })?;
        }
        Ok(())
    }

    fn error_here(&self) -> DecodeError {
        let exchange = self.exchange.lock();
        DecodeError {
            offset: exchange.offset,
            key: exchange.key.clone(),
            fault: DecodeFault::Truncated,
        }
    }
}

impl SnapshotDecoder for Coroutine {
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn SnapshotSink) -> Result<Progress, DecodeError> {
        let mut before = 0;
        for part in bytes.chunks(MAX_POLL_BYTES) {
            if let Progress::Complete { consumed } = self.feed_part(part, sink)? {
                return Ok(Progress::Complete {
                    consumed: before + consumed,
                });
            }
            before += part.len();
        }
        Ok(Progress::More)
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        match self.decoding {
            None => Ok(()),
            Some(_) => Err(self.error_here()),
        }
    }
}
