//! The thread that drops what is dear to drop.
//!
//! One for all of it, as in Redis: what many deletions leave is dropped one after
//! the other, beside the clients and not in the place of them. It also gives freed
//! memory back to the system, which takes the allocator a hundred milliseconds
//! where a large dataset is gone, and whoever asked it for memory just then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use towline_core::keyspace::Garbage;

use crate::memory;
use crate::process::{Worth, set_worth};

/// How often freed memory is given back, and about how long it stays for those who
/// need it again.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(1);

/// See the module's comment. The thread ends with this handle.
pub struct Disposal {
    sender: Sender<Vec<Garbage>>,
    /// Keys on their way to be dropped.
    pending: Arc<AtomicU64>,
}

impl Disposal {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start() -> io::Result<Self> {
        let (sender, receiver) = channel();
        let pending = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&pending);
        thread::Builder::new()
            .name("disposal".to_owned())
            .spawn(move || {
                set_worth(Worth::Niceness(NICENESS));
                work(&receiver, &counter);
            })?;
        // From now on nobody else does.
        memory::give_back_when_told();
        Ok(Self { sender, pending })
    }

    /// Has it dropped soon.
    pub fn dispose(&self, garbage: Vec<Garbage>) {
        if garbage.is_empty() {
            return;
        }
        self.pending.fetch_add(objects(&garbage), Ordering::Relaxed);
        let sent = self.sender.send(garbage);
        sent.expect("the thread lasts as long as its sender");
    }

    /// How many keys are yet to be dropped.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }
}

/// How much less this thread is worth to the scheduler than those that serve clients.
const NICENESS: i32 = 10;

fn objects(garbage: &[Garbage]) -> u64 {
    garbage.iter().map(Garbage::objects).sum()
}

fn work(receiver: &Receiver<Vec<Garbage>>, pending: &AtomicU64) {
    let mut given_back = Instant::now();
    loop {
        match receiver.recv_timeout(GIVE_BACK_EVERY) {
            Ok(garbage) => {
                let dropped = objects(&garbage);
                drop(garbage);
                pending.fetch_sub(dropped, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if given_back.elapsed() >= GIVE_BACK_EVERY {
            memory::give_back();
            given_back = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use towline_core::keyspace::{HashSeed, Keyspace};

    use super::*;

    #[test]
    fn what_is_handed_over_is_dropped_in_time() {
        let disposal = Disposal::start().expect("a thread");
        let mut space = Keyspace::new(1, HashSeed::new(1, 1));
        for key in 0..1000u32 {
            space.set_string(0, &key.to_be_bytes(), b"v", Some(5), 0);
        }
        space.flush(0);
        disposal.dispose(space.take_garbage());
        while disposal.pending() > 0 {
            thread::yield_now();
        }
        disposal.dispose(Vec::new());
        assert_eq!(disposal.pending(), 0);
    }
}
