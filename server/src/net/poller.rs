//! Which sockets have something to do. One file per kernel interface; the rest
//! of the server sees the trait.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{EventfdFlags, epoll, eventfd};

/// What happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token it was added with.
    pub token: u64,
    /// It can be read, or has ended.
    pub readable: bool,
    /// It can be written.
    pub writable: bool,
}

/// A source of readiness that one thread waits on. Readiness is reported once,
/// when it comes; a reader goes on until the socket would block.
pub trait Poller {
    /// Adds a socket under a token.
    ///
    /// # Errors
    /// Where the kernel takes no more.
    fn add(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()>;

    /// Removes a socket.
    ///
    /// # Errors
    /// Where it was not added.
    fn remove(&self, socket: BorrowedFd<'_>) -> io::Result<()>;

    /// Waits (or only looks, if not `block`) and appends what is ready.
    ///
    /// # Errors
    /// Whatever the kernel refuses.
    fn wait(&mut self, block: bool, ready: &mut Vec<Ready>) -> io::Result<()>;

    /// Ends a `wait` from any thread.
    fn waker(&self) -> Arc<PollerWaker>;
}

/// Ends a `wait`.
#[derive(Debug)]
pub struct PollerWaker(OwnedFd);

impl PollerWaker {
    /// See the type.
    pub fn wake(&self) {
        // A full counter means that the waiter is woken already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// The token of the waker's own descriptor.
const WAKER_TOKEN: u64 = u64::MAX;
const EVENTS_AT_ONCE: usize = 1024;

/// epoll, edge-triggered: a socket is registered once and never again.
pub struct Epoll {
    epoll: OwnedFd,
    waker: Arc<PollerWaker>,
    events: Vec<epoll::Event>,
}

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// Where the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let data = epoll::EventData::new_u64(WAKER_TOKEN);
        epoll::add(&epoll, &waker, data, epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            waker: Arc::new(PollerWaker(waker)),
            events: Vec::with_capacity(EVENTS_AT_ONCE),
        })
    }

    fn drain_waker(&self) {
        let mut count = [0; 8];
        // It only has to become unreadable; what it held does not matter.
        let _ = rustix::io::read(&self.waker.0, &mut count);
    }
}

impl Poller for Epoll {
    fn add(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        epoll::add(&self.epoll, socket, epoll::EventData::new_u64(token), flags)?;
        Ok(())
    }

    fn remove(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        epoll::delete(&self.epoll, socket)?;
        Ok(())
    }

    fn wait(&mut self, block: bool, ready: &mut Vec<Ready>) -> io::Result<()> {
        let now = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let timeout = if block { None } else { Some(&now) };
        self.events.clear();
        let buffer = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, buffer, timeout) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for event in &self.events {
            let token = event.data.u64();
            if token == WAKER_TOKEN {
                self.drain_waker();
                continue;
            }
            let flags = event.flags;
            let ended = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
            ready.push(Ready {
                token,
                readable: flags.intersects(epoll::EventFlags::IN | ended),
                writable: flags.intersects(epoll::EventFlags::OUT | ended),
            });
        }
        Ok(())
    }

    fn waker(&self) -> Arc<PollerWaker> {
        Arc::clone(&self.waker)
    }
}
