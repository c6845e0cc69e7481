//! A link in memory: two ends, each of which reads what the other wrote.

use futures::io::{AsyncRead, AsyncWrite};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// What one direction holds at most, so that a reader that stops is noticed.
const CAPACITY_BYTES: usize = 64 << 10;

/// What gets through a stalled pipe at once.
const STALLED_BYTES: usize = 1000;

#[derive(Default)]
struct Direction {
    bytes: VecDeque<u8>,
    is_closed: bool,
    /// More than a few bytes do not get through.
    is_stalled: bool,
    /// Bytes after which the direction breaks, as a cable that is cut.
    breaks_after: Option<usize>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }

    fn close(&mut self) {
        self.is_closed = true;
        self.wake();
    }
}

/// One end of a pipe. Dropping it closes both directions.
pub struct End {
    from: Arc<Mutex<Direction>>,
    to: Arc<Mutex<Direction>>,
}

/// Cuts a pipe from outside.
#[derive(Clone)]
pub struct Cutter(Vec<Arc<Mutex<Direction>>>);

impl Cutter {
    /// Lets the handshake through but nothing that is longer, or all again.
    pub fn stall(&self, is_stalled: bool) {
        for direction in &self.0 {
            let mut direction = direction.lock().unwrap();
            direction.is_stalled = is_stalled;
            direction.wake();
        }
    }

    /// What both directions take, as the buffers of a socket do.
    pub fn buffer_bytes(&self) -> usize {
        let capacity = |direction: &Arc<Mutex<Direction>>| {
            let direction = direction.lock().unwrap();
            direction.bytes.capacity()
        };
        self.0.iter().map(capacity).sum()
    }

    pub fn cut(&self) {
        for direction in &self.0 {
            let mut direction = direction.lock().unwrap();
            direction.bytes.clear();
            direction.close();
        }
    }
}

/// The two ends of a new pipe. The direction from the second to the first
/// breaks after so many bytes, if told.
pub fn pipe(breaks_after: Option<usize>) -> (End, End, Cutter) {
    let there = Arc::new(Mutex::new(Direction::default()));
    let back = Arc::new(Mutex::new(Direction {
        breaks_after,
        ..Direction::default()
    }));
    let cutter = Cutter(vec![Arc::clone(&there), Arc::clone(&back)]);
    let first = End {
        from: Arc::clone(&back),
        to: Arc::clone(&there),
    };
    let second = End {
        from: there,
        to: back,
    };
    (first, second, cutter)
}

impl Drop for End {
    fn drop(&mut self) {
        self.from.lock().unwrap().close();
        self.to.lock().unwrap().close();
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut from = self.from.lock().unwrap();
        let holds_back = from.is_stalled && from.bytes.len() > STALLED_BYTES;
        if (from.bytes.is_empty() || holds_back) && !from.is_closed {
            from.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = out.len().min(from.bytes.len());
        for (place, byte) in out.iter_mut().zip(from.bytes.drain(..len)) {
            *place = byte;
        }
        from.wake();
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut to = self.to.lock().unwrap();
        if to.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = CAPACITY_BYTES - to.bytes.len();
        if room == 0 {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut len = bytes.len().min(room);
        if let Some(left) = &mut to.breaks_after {
            len = len.min(*left);
            *left -= len;
        }
        to.bytes.extend(&bytes[..len]);
        to.wake();
        if len == 0 {
            to.close();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.lock().unwrap().close();
        Poll::Ready(Ok(()))
    }
}
