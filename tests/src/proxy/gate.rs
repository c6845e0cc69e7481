//! What holds connections back until they are let through.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::Passage;

#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: Option<Arc<Passage>>,
    /// The proxy is going: nobody will open it any more.
    is_removed: bool,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Lets one connection through.
    pub(super) fn open_for(&self, passage: &Arc<Passage>) {
        let before = self.state().next.replace(Arc::clone(passage));
        assert!(before.is_none(), "a passage was not used");
        self.changed.notify_all();
    }

    pub(super) fn remove(&self) {
        self.state().is_removed = true;
        self.changed.notify_all();
    }

    /// Waits until a connection may pass.
    pub(super) fn wait(&self) -> Arc<Passage> {
        let shut = |state: &mut State| state.next.is_none() && !state.is_removed;
        let waited = self.changed.wait_while(self.state(), shut);
        let mut state = waited.expect("no holder of this lock panics");
        // Nothing passes a proxy that is going.
        let nothing = || Arc::new(Passage::new(0));
        state.next.take().unwrap_or_else(nothing)
    }
}
