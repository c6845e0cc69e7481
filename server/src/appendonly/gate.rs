//! Keeps replies back until what they promise is on disk (`appendfsync always`).
//!
//! The connection asks once a batch, under the engine's lock; the log's keeper
//! tells how far the disk is, without it. All who wait for one sync leave together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use towline_core::engine::ClientId;
use towline_core::offset::Offset;

/// Where nothing is kept back.
const OPEN: u64 = u64::MAX;

/// See the module's comment.
#[derive(Debug)]
pub struct DurableGate {
    /// Replies about what lies before this may leave.
    durable: AtomicU64,
    /// What is not durable yet never will be.
    failed: AtomicBool,
    waiting: Mutex<Vec<(Offset, ClientId)>>,
}

impl Default for DurableGate {
    fn default() -> Self {
        Self {
            durable: AtomicU64::new(OPEN),
            failed: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }
}

impl DurableGate {
    fn waiting(&self) -> MutexGuard<'_, Vec<(Offset, ClientId)>> {
        // Only plain moves happen under the lock, so a poisoned one is still sound.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether replies about what lies before `end` may leave.
    #[must_use]
    pub fn lets_through(&self, end: Offset) -> bool {
        self.durable.load(Ordering::Acquire) >= end.0
    }

    /// Whether those that are kept back have to be dropped: nobody knows whether
    /// what they promise is on disk.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Keeps the replies of a client back that has written up to `end`, where they
    /// may not leave yet. The client is then named by a later `open_to`.
    pub fn keep(&self, id: ClientId, end: Offset) -> Option<Offset> {
        if self.lets_through(end) {
            return None;
        }
        let mut waiting = self.waiting();
        // Who opens the gate does so before it looks who waits.
        if self.lets_through(end) {
            return None;
        }
        match waiting.last_mut() {
            Some((held, owner)) if *owner == id => *held = end,
            _ => waiting.push((end, id)),
        }
        Some(end)
    }

    /// Lets replies leave about what lies before `end`, or all of them, and answers
    /// whom that concerns.
    pub fn open_to(&self, end: Option<Offset>) -> Vec<ClientId> {
        self.failed.store(false, Ordering::Release);
        let end = end.map_or(OPEN, |end| end.0);
        if self.durable.swap(end, Ordering::AcqRel) == end {
            return Vec::new();
        }
        let mut waiting = self.waiting();
        let free = waiting.extract_if(.., |(held, _)| held.0 <= end);
        free.map(|(_, id)| id).collect()
    }

    /// What is kept back will never be let through; answers whom that concerns.
    pub fn fail(&self) -> Vec<ClientId> {
        self.failed.store(true, Ordering::Release);
        self.waiting().drain(..).map(|(_, id)| id).collect()
    }

    /// Another stream has begun: those who wait ask again.
    pub fn restart(&self) -> Vec<ClientId> {
        self.waiting().drain(..).map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: u64) -> ClientId {
        ClientId { slot: 0, id }
    }

    #[test]
    fn all_who_wait_for_one_sync_leave_together() {
        let gate = DurableGate::default();
        assert_eq!(gate.keep(client(1), Offset(10)), None, "nothing is kept");
        assert!(gate.open_to(Some(Offset(10))).is_empty());
        assert_eq!(gate.keep(client(1), Offset(10)), None);
        for (id, end) in [(1, 20), (2, 30), (2, 35), (3, 40)] {
            assert_eq!(gate.keep(client(id), Offset(end)), Some(Offset(end)));
        }
        assert!(!gate.lets_through(Offset(20)));
        assert_eq!(gate.open_to(Some(Offset(35))), [client(1), client(2)]);
        assert!(gate.lets_through(Offset(35)));
        assert_eq!(gate.open_to(None), [client(3)]);
        assert_eq!(gate.keep(client(1), Offset(99)), None);
    }

    #[test]
    fn what_cannot_be_promised_is_dropped() {
        let gate = DurableGate::default();
        gate.open_to(Some(Offset(1)));
        gate.keep(client(1), Offset(2));
        assert_eq!(gate.fail(), [client(1)]);
        assert!(gate.has_failed() && !gate.lets_through(Offset(2)));
        gate.open_to(Some(Offset(1)));
        assert!(!gate.has_failed());
    }
}
