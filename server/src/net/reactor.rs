//! Readiness of the sockets of one I/O thread, for its tasks.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::task::Waker;

use super::poller::{Epoll, Poller, Ready};

/// One socket's readiness, shared between the reactor and the socket's task.
#[derive(Debug, Default)]
pub struct Source {
    readable: Cell<bool>,
    writable: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Source {
    /// Takes the note that the socket became readable since the last call.
    pub fn take_readable(&self) -> bool {
        self.readable.take()
    }

    /// Notes that there is more to read: a read stopped before the socket would block.
    pub fn set_readable(&self) {
        self.readable.set(true);
    }

    /// Takes the note that the socket became writable since the last call.
    pub fn take_writable(&self) -> bool {
        self.writable.take()
    }

    /// Wakes this task at the next change.
    pub fn register(&self, waker: &Waker) {
        let mut place = self.waker.borrow_mut();
        if !place.as_ref().is_some_and(|held| held.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }

    fn note(&self, ready: Ready) {
        self.readable.set(self.readable.get() || ready.readable);
        self.writable.set(self.writable.get() || ready.writable);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// See the module's comment. It never leaves its thread.
pub struct Reactor {
    poller: RefCell<Epoll>,
    sources: RefCell<Vec<Option<Rc<Source>>>>,
    free: RefCell<Vec<u64>>,
    ready: RefCell<Vec<Ready>>,
}

impl Reactor {
    /// A reactor without sockets.
    ///
    /// # Errors
    /// Where the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poller: RefCell::new(Epoll::new()?),
            sources: RefCell::default(),
            free: RefCell::default(),
            ready: RefCell::default(),
        })
    }

    /// Ends a `turn` from any thread.
    pub fn waker(&self) -> std::sync::Arc<super::poller::PollerWaker> {
        self.poller.borrow().waker()
    }

    /// Adds a socket.
    ///
    /// # Errors
    /// Where the kernel takes no more.
    pub fn add(&self, socket: BorrowedFd<'_>) -> io::Result<(u64, Rc<Source>)> {
        let mut sources = self.sources.borrow_mut();
        let token = self.free.borrow_mut().pop().unwrap_or(sources.len() as u64);
        self.poller.borrow().add(socket, token)?;
        let source = Rc::new(Source::default());
        if token as usize == sources.len() {
            sources.push(None);
        }
        sources[token as usize] = Some(Rc::clone(&source));
        Ok((token, source))
    }

    /// Removes a socket.
    pub fn remove(&self, socket: BorrowedFd<'_>, token: u64) {
        // The kernel forgets a closed socket by itself; only a live one can be refused.
        let _ = self.poller.borrow().remove(socket);
        self.sources.borrow_mut()[token as usize] = None;
        self.free.borrow_mut().push(token);
    }

    /// Waits (or only looks) and wakes the tasks of what is ready.
    ///
    /// # Errors
    /// Whatever the kernel refuses.
    pub fn turn(&self, block: bool) -> io::Result<()> {
        let mut ready = self.ready.borrow_mut();
        ready.clear();
        self.poller.borrow_mut().wait(block, &mut ready)?;
        let sources = self.sources.borrow();
        for &event in ready.iter() {
            if let Some(Some(source)) = sources.get(event.token as usize) {
                source.note(event);
            }
        }
        Ok(())
    }
}
