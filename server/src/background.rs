//! The threads that work on snapshots beside the clients: those that encode slices, and
//! those that write what was encoded to files.
//!
//! A few for the whole process, like the executor that its tasks run on. They start
//! with the first snapshot and then stay. They never hold the engine's lock, and run
//! where a processor has nothing else to do (SCHED_IDLE): whoever serves a client, or
//! is one, takes their place at once, and does not wait until their turn is over, which
//! for a thread that is only worth less takes milliseconds.
//!
//! Where the machine is never idle such a thread would never be done. So each looks at
//! how long it had to wait, and after one that starved the work goes for a while to
//! threads that get their share.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::process::{Worth, set_worth};

/// A walk has at most so many slices encoded at once.
const ENCODERS_MAX: usize = 3;

/// A save, a rewrite and a full sync write at the same time at most.
const WRITERS: usize = 2;

/// How much less a thread is worth that gets its share: a third of one that serves
/// clients, so that a snapshot beside busy clients still comes to its end.
const NICENESS: i32 = 5;

/// A thread starves that was ready to run so long for one piece of work, which takes
/// a few milliseconds of a processor.
const STARVED_NS: u64 = 50_000_000;

/// How long nothing is given to threads that starved.
const SPARED_MS: u64 = 10_000;

type Work = Box<dyn FnOnce() + Send>;

/// Encodes a slice of a snapshot soon, or before it returns where the system has no
/// thread left.
pub(crate) fn encode(work: Work) {
    static POOL: Pool = Pool::new(
        || Queue::start("encoder", encoders(), Worth::Idle),
        || Queue::start("busy-encoder", encoders(), Worth::Niceness(NICENESS)),
    );
    POOL.run(work);
}

/// Works on a file of a snapshot soon, likewise.
pub(crate) fn write(work: Work) {
    static POOL: Pool = Pool::new(
        || Queue::start("writer", WRITERS, Worth::Idle),
        || Queue::start("busy-writer", WRITERS, Worth::Niceness(NICENESS)),
    );
    POOL.run(work);
}

fn encoders() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    processors.min(ENCODERS_MAX)
}

struct Pool {
    idle: LazyLock<Queue>,
    /// For while those starve. What is idle once cannot become more again, so these
    /// are threads of their own.
    busy: LazyLock<Queue>,
    /// Until when, on the clock of [`now_ms`].
    starves_until_ms: AtomicU64,
}

impl Pool {
    const fn new(idle: fn() -> Queue, busy: fn() -> Queue) -> Self {
        Self {
            idle: LazyLock::new(idle),
            busy: LazyLock::new(busy),
            starves_until_ms: AtomicU64::new(0),
        }
    }

    fn run(&'static self, work: Work) {
        if now_ms() < self.starves_until_ms.load(Ordering::Relaxed) {
            return self.busy.run(work);
        }
        self.idle.run(Box::new(move || {
            let before = ready_ns();
            work();
            let starved = match (before, ready_ns()) {
                (Some(before), Some(after)) => after.saturating_sub(before) > STARVED_NS,
                // A kernel that does not tell could let it starve unseen.
                _ => true,
            };
            if starved {
                let until_ms = now_ms() + SPARED_MS;
                self.starves_until_ms.store(until_ms, Ordering::Relaxed);
            }
        }));
    }
}

/// Milliseconds on a clock of this process.
fn now_ms() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGIN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// How long this thread was ready to run, and did not, since it began. Where the kernel
/// tells it.
fn ready_ns() -> Option<u64> {
    let figures = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    figures.split(' ').nth(1)?.parse().ok()
}

struct Queue {
    /// None where not one thread could be started.
    works: Option<Sender<Work>>,
}

impl Queue {
    fn start(name: &str, threads: usize, worth: Worth) -> Self {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let begin = |number: usize| {
            let receiver = Arc::clone(&receiver);
            let body = move || serve(&receiver, worth);
            let thread = thread::Builder::new().name(format!("{name}-{number}"));
            thread.spawn(body).is_ok()
        };
        let started = (0..threads).filter(|number| begin(*number)).count();
        let works = (started > 0).then_some(sender);
        Self { works }
    }

    fn run(&self, work: Work) {
        match &self.works {
            Some(works) => works.send(work).expect("its receiver lives as long as it"),
            None => work(),
        }
    }
}

fn serve(works: &Mutex<Receiver<Work>>, worth: Worth) {
    set_worth(worth);
    loop {
        // Nothing that could panic is done under this lock.
        let next = works.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The names of the threads that `count` works ran on.
    fn names(pool: &'static Pool, count: usize) -> Vec<String> {
        let (tell, told) = channel();
        for _ in 0..count {
            let tell = tell.clone();
            let name = || thread::current().name().unwrap_or_default().to_owned();
            pool.run(Box::new(move || tell.send(name()).expect("heard")));
        }
        drop(tell);
        told.iter().collect()
    }

    static SPARE: Pool = Pool::new(
        || Queue::start("idle", 1, Worth::Idle),
        || Queue::start("busy", 2, Worth::Niceness(NICENESS)),
    );

    #[test]
    fn all_work_is_done_on_other_threads_and_after_hunger_on_busy_ones() {
        assert_eq!(names(&SPARE, 100), ["idle-0"; 100]);
        let until_ms = now_ms() + SPARED_MS;
        SPARE.starves_until_ms.store(until_ms, Ordering::Relaxed);
        let busy = names(&SPARE, 100);
        assert!(busy.iter().all(|name| name.starts_with("busy-")));
        assert_eq!(busy.len(), 100);
        SPARE.starves_until_ms.store(0, Ordering::Relaxed);
        assert_eq!(names(&SPARE, 1), ["idle-0"]);
    }

    #[test]
    fn a_thread_knows_how_long_it_was_kept_waiting() {
        let before = ready_ns().expect("this kernel tells");
        thread::sleep(Duration::from_millis(1));
        assert!(ready_ns().expect("it still does") >= before);
    }
}
