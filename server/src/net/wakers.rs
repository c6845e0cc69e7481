//! Waking the connection of a client from any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::task::AtomicWaker;
use towline_core::engine::ClientId;

/// One connection's bell.
#[derive(Debug, Default)]
pub struct Bell {
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Takes the note that it was rung.
    pub fn take(&self) -> bool {
        self.rung.swap(false, Ordering::Acquire)
    }

    /// Wakes this task at the next ring.
    pub fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }
}

/// By the slot of a client: whose bell hangs there.
type Slots = Vec<Option<(ClientId, Arc<Bell>)>>;

/// The bells of all connections.
#[derive(Debug, Default)]
pub struct Wakers(Mutex<Slots>);

impl Wakers {
    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        // Only plain stores happen under the lock, so a poisoned one is still sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client's bell.
    pub fn add(&self, id: ClientId) -> Arc<Bell> {
        let bell = Arc::new(Bell::default());
        let mut slots = self.slots();
        let slot = id.slot as usize;
        if slots.len() <= slot {
            slots.resize_with(slot + 1, || None);
        }
        slots[slot] = Some((id, Arc::clone(&bell)));
        bell
    }

    /// Forgets a client's bell, unless its slot has a new owner already.
    pub fn remove(&self, id: ClientId) {
        let mut slots = self.slots();
        if let Some(place) = slots.get_mut(id.slot as usize)
            && place.as_ref().is_some_and(|(owner, _)| *owner == id)
        {
            *place = None;
        }
    }

    /// Rings for these clients.
    pub fn ring(&self, ids: &[ClientId]) {
        if ids.is_empty() {
            return;
        }
        let slots = self.slots();
        for id in ids {
            if let Some(Some((owner, bell))) = slots.get(id.slot as usize)
                && owner == id
            {
                bell.ring();
            }
        }
    }
}
