//! The threads that encode slices of snapshots beside the clients.
//!
//! A few for the whole process, like the executor that its tasks run on. They start
//! with the first snapshot and then stay. They never hold the engine's lock, and are
//! worth less to the scheduler than the threads that serve clients: where there are
//! fewer processors than threads that want one, the snapshot waits, not the client.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use crate::process::yield_to_others;

/// A walk has at most so many slices encoded at once.
const THREADS_MAX: usize = 3;

/// How much less these threads are worth: a third of one that serves clients, so that
/// a snapshot beside busy clients still comes to its end.
const NICENESS: i32 = 5;

type Work = Box<dyn FnOnce() + Send>;

static QUEUE: LazyLock<Option<Sender<Work>>> = LazyLock::new(start);

/// Has it done soon, or does it before returning where the system has no thread left.
pub(crate) fn run(work: Work) {
    match &*QUEUE {
        Some(queue) => queue.send(work).expect("its receiver lives as long as it"),
        None => work(),
    }
}

/// None where not one thread could be started.
fn start() -> Option<Sender<Work>> {
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let begin = |number: usize| {
        let receiver = Arc::clone(&receiver);
        let name = format!("encoder-{number}");
        let body = move || serve(&receiver);
        thread::Builder::new().name(name).spawn(body).is_ok()
    };
    let started = (0..processors.min(THREADS_MAX)).filter(|number| begin(*number));
    (started.count() > 0).then_some(sender)
}

fn serve(queue: &Mutex<Receiver<Work>>) {
    yield_to_others(NICENESS);
    loop {
        // Nothing that could panic is done under this lock.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_work_is_done_on_other_threads() {
        let (tell, told) = channel();
        for number in 0..100 {
            let tell = tell.clone();
            let work = move || tell.send((number, thread::current().id())).expect("heard");
            run(Box::new(work));
        }
        drop(tell);
        let mut done: Vec<_> = told.iter().collect();
        assert!(done.iter().all(|(_, id)| *id != thread::current().id()));
        done.sort_unstable_by_key(|(number, _)| *number);
        assert!(done.iter().map(|(number, _)| *number).eq(0..100));
    }
}
