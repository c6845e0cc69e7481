//! How drivers reach the engine: a handle on the lock around it.

use crate::engine::Engine;
use crate::seams::Host;

/// The engine behind its lock.
///
/// # Obligations of an implementation
///
/// * [`run`](Self::run) calls `work` exactly once, with the lock held, between
///   `begin_batch` and `end_batch`, and returns when it is done. Calls are in
///   one total order, which is the order of the stream.
/// * Afterwards it does what it does after any batch: it wakes clients that got
///   output, starts the jobs that the host noted, drops the garbage.
/// * It may block for as long as another batch takes, which is far below a
///   millisecond; it must not wait for a disk or a peer.
pub trait Store: Send + Sync + 'static {
    /// Runs `work` as one batch.
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host));
}

impl dyn Store {
    /// Runs `work` as one batch and hands out its result.
    pub fn with<R>(&self, work: impl FnOnce(&mut Engine, &mut dyn Host) -> R) -> R {
        let mut work = Some(work);
        let mut result = None;
        self.run(&mut |engine, host| {
            let work = work.take().expect("a store runs the work once");
            result = Some(work(engine, host));
        });
        result.expect("a store runs the work")
    }
}
