//! What both codecs' encoders write values with.
//!
//! A value is written by an `async` function that pauses between elements. For
//! a small one the pen never pauses, so the function runs through at once; for
//! a large one it pauses whenever its budget is used up, and
//! [`LargeEntry`] polls it again when there is a new one. As in `decode`,
//! nothing here is asynchronous in any other way.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::rdb::length::{MAX_COMPRESS_BYTES, StringWriter, put_length};

/// Strings that are not compressed are copied in slices of this size, so that
/// a budget also holds for one long string.
const SLICE_BYTES: usize = 64 << 10;

/// Writes the pieces of values.
#[derive(Debug)]
pub(crate) struct Pen {
    out: Vec<u8>,
    strings: StringWriter,
    /// Where a full `out` goes; a pen without one never pauses.
    desk: Option<Desk>,
    /// With a desk, it pauses once `out` is so long.
    budget_bytes: usize,
}

/// What passes between a [`LargeEntry`] and the pen inside it.
#[derive(Clone, Debug, Default)]
struct Desk(Arc<Mutex<OnDesk>>);

#[derive(Debug, Default)]
struct OnDesk {
    /// On its way out.
    written: Vec<u8>,
    /// The pen pauses once it has written this much.
    budget_bytes: usize,
}

impl Desk {
    fn with<T>(&self, act: impl FnOnce(&mut OnDesk) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pen {
    /// A pen; `compress` says whether strings are compressed with LZF.
    pub(crate) fn new(compress: bool) -> Self {
        Self {
            out: Vec::new(),
            strings: StringWriter::new(compress),
            desk: None,
            budget_bytes: usize::MAX,
        }
    }

    /// Runs `write`, which appends to `out`, to its end.
    pub(crate) fn write_now(&mut self, out: &mut Vec<u8>, write: impl AsyncFnOnce(&mut Self)) {
        std::mem::swap(&mut self.out, out);
        let polled = pin!(write(self)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready(), "a pen without a desk never pauses");
        std::mem::swap(&mut self.out, out);
    }

    /// Runs `write`, which needs no pause, and appends to `out` what it writes.
    pub(crate) fn write_short(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Self)) {
        std::mem::swap(&mut self.out, out);
        write(self);
        std::mem::swap(&mut self.out, out);
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length.
    pub(crate) fn length(&mut self, length: u64) {
        put_length(length, &mut self.out);
    }

    /// A short string, as an integer where it is one.
    pub(crate) fn string(&mut self, text: &[u8]) {
        self.strings.put(text, &mut self.out);
    }

    /// The text of an integer.
    pub(crate) fn int(&mut self, number: i64) {
        self.strings.put_int(number, &mut self.out);
    }

    /// A string of any length.
    pub(crate) async fn long_string(&mut self, text: &[u8]) {
        if text.len() <= MAX_COMPRESS_BYTES {
            self.string(text);
        } else {
            self.sliced(text).await;
        }
        self.pause().await;
    }

    /// A packed encoding, which is a string that is never an integer.
    pub(crate) async fn packed(&mut self, bytes: &[u8]) {
        if bytes.len() <= MAX_COMPRESS_BYTES {
            self.strings.put_blob(bytes, &mut self.out);
        } else {
            self.sliced(bytes).await;
        }
        self.pause().await;
    }

    async fn sliced(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u64);
        self.slices(bytes).await;
    }

    /// Many bytes as they are.
    pub(crate) async fn slices(&mut self, bytes: &[u8]) {
        for slice in bytes.chunks(SLICE_BYTES) {
            self.raw(slice);
            self.pause().await;
        }
    }

    /// Lets go where the budget is used up. Called between any two elements.
    pub(crate) async fn pause(&mut self) {
        if self.out.len() < self.budget_bytes {
            return;
        }
        let desk = self.desk.clone().expect("only a desk sets a budget");
        self.budget_bytes = desk.with(|on| on.budget_bytes);
        if self.out.len() < self.budget_bytes {
            return;
        }
        self.lay_down(&desk);
        let mut paused = false;
        poll_fn(move |_| {
            if std::mem::replace(&mut paused, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.budget_bytes = desk.with(|on| on.budget_bytes);
    }

    fn lay_down(&mut self, desk: &Desk) {
        desk.with(|on| on.written.append(&mut self.out));
    }
}

/// Appends `part`, without a copy where nothing waits.
pub(crate) fn put_all(part: Vec<u8>, out: &mut Vec<u8>) {
    match out.is_empty() {
        true => *out = part,
        false => out.extend_from_slice(&part),
    }
}

/// A large value that is being written.
pub(crate) struct LargeEntry {
    writing: Pin<Box<dyn Future<Output = ()> + Send>>,
    desk: Desk,
}

impl LargeEntry {
    /// Starts `write`, which owns what it writes.
    pub(crate) fn new<F>(compress: bool, write: impl FnOnce(Pen) -> F) -> Self
    where
        F: Future<Output = Pen> + Send + 'static,
    {
        let desk = Desk::default();
        let mut pen = Pen::new(compress);
        // Its first pause finds out what the budget is.
        (pen.desk, pen.budget_bytes) = (Some(desk.clone()), 0);
        let (writing, last) = (write(pen), desk.clone());
        Self {
            writing: Box::pin(async move {
                let mut pen = writing.await;
                pen.lay_down(&last);
            }),
            desk,
        }
    }

    /// Appends about `budget_bytes` more of the entry in `place` to `out`; `true` while
    /// some is left.
    pub(crate) fn resume_in(
        place: &mut Option<Self>,
        budget_bytes: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let large = place.as_mut().expect("a large entry was begun");
        let more = large.resume(budget_bytes, out);
        if !more {
            *place = None;
        }
        more
    }

    fn resume(&mut self, budget_bytes: usize, out: &mut Vec<u8>) -> bool {
        self.desk.with(|on| on.budget_bytes = budget_bytes.max(1));
        let polled = self
            .writing
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        self.desk.with(|on| out.append(&mut on.written));
        polled.is_pending()
    }
}
