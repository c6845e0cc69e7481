//! A thread that serves client connections: its own epoll, and an executor that
//! is polled from it.

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use smol::LocalExecutor;

use super::connection::{Accepted, Shared, serve};
use super::poller::PollerWaker;
use super::reactor::Reactor;

/// Wakes the thread's loop. While the loop runs, a flag is enough.
struct LoopWaker {
    woken: AtomicBool,
    poller: Arc<PollerWaker>,
}

impl Wake for LoopWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            self.poller.wake();
        }
    }
}

/// Hands accepted sockets to a thread.
#[derive(Clone)]
pub struct IoThread {
    inbox: Arc<Mutex<Vec<Accepted>>>,
    waker: Waker,
}

impl IoThread {
    /// Starts a thread.
    ///
    /// # Errors
    /// Where the process has no threads or descriptors left.
    pub fn start(name: String, shared: Arc<Shared>) -> io::Result<Self> {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let inbox = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&inbox);
        std::thread::Builder::new().name(name).spawn(move || {
            let reactor = match Reactor::new() {
                Ok(reactor) => reactor,
                Err(error) => return drop(send.send(Err(error))),
            };
            let waker = Arc::new(LoopWaker {
                woken: AtomicBool::new(true),
                poller: reactor.waker(),
            });
            if send.send(Ok(Waker::from(Arc::clone(&waker)))).is_ok() {
                run(&Rc::new(reactor), &waker, &theirs, &shared);
            }
        })?;
        let waker = receive.recv().map_err(|_| io::ErrorKind::Other)??;
        Ok(Self { inbox, waker })
    }

    /// Gives the thread a connection.
    pub fn give(&self, accepted: Accepted) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.push(accepted);
        drop(inbox);
        self.waker.wake_by_ref();
    }
}

fn run(
    reactor: &Rc<Reactor>,
    loop_waker: &Arc<LoopWaker>,
    inbox: &Mutex<Vec<Accepted>>,
    shared: &Arc<Shared>,
) {
    let executor = LocalExecutor::new();
    let waker = Waker::from(Arc::clone(loop_waker));
    let mut context = Context::from_waker(&waker);
    let mut ticking = Box::pin(executor.run(std::future::pending::<()>()));
    loop {
        // Whatever sets the flag from here on is seen before the thread sleeps.
        loop_waker.woken.store(false, Ordering::SeqCst);
        let accepted = std::mem::take(&mut *inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for accepted in accepted {
            let task = serve(Rc::clone(reactor), Arc::clone(shared), accepted);
            executor.spawn(task).detach();
        }
        let Poll::Pending = ticking.as_mut().poll(&mut context) else {
            unreachable!("the executor runs a future that never ends");
        };
        let idle = !loop_waker.woken.load(Ordering::SeqCst);
        if let Err(error) = reactor.turn(idle) {
            // Nothing of what epoll can answer here leaves the thread usable.
            panic!("waiting for sockets failed: {error}");
        }
    }
}
