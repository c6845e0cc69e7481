//! Who waits for which key: the queues behind BLPOP, BZPOPMIN, XREAD BLOCK and
//! their like, and the deadlines of all who wait.
//!
//! A client that waits keeps its command. When one of its keys may have become
//! ready, the command is run again as if it had just come, and waits again if it
//! finds nothing; so that whatever makes a key ready (a push, RENAME, SWAPDB, a
//! restored snapshot) needs to know nothing about who waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::client::{Blocked, Client, ClientId};

/// A key that clients wait for: its database and name.
pub(crate) type Key = (usize, Box<[u8]>);

/// What a client waits for at its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A value of the type that TYPE names so.
    Type(&'static str),
    /// A value of that type, or that there is none any more.
    TypeOrAbsence(&'static str),
}

impl Awaited {
    /// Whether a key whose value has this type, or is not there, is worth a try.
    pub(super) fn is_met_by(self, found: Option<&str>) -> bool {
        match self {
            Self::Type(name) => found == Some(name),
            Self::TypeOrAbsence(_) => true,
        }
    }

    /// True where the absence of a key is an answer as well.
    #[must_use]
    pub const fn includes_absence(self) -> bool {
        matches!(self, Self::TypeOrAbsence(_))
    }
}

/// A client that waits for keys, and the command it will run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWait {
    /// What it waits for.
    pub awaited: Awaited,
    /// The database of the keys.
    pub db: usize,
    /// The keys, in the order of the command.
    pub keys: Vec<Vec<u8>>,
    /// The command, in the form in which it is run again.
    pub command: Vec<Vec<u8>>,
    /// Unix milliseconds; none waits for ever.
    pub deadline_ms: Option<i64>,
    /// Its place in the queues: who waits longer has a lower one.
    pub ticket: u64,
}

/// Those who wait for one key, by ticket.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<u64, ClientId>,
    /// How many of them take the key's absence for an answer.
    on_absence: usize,
    /// It stands in `ready` already.
    is_ready: bool,
}

/// See the module's comment.
#[derive(Debug, Default)]
pub struct KeyWaits {
    queues: BTreeMap<Key, Queue>,
    ready: VecDeque<Key>,
    deadlines: BTreeSet<(i64, ClientId)>,
    next_ticket: u64,
}

impl KeyWaits {
    /// True where nobody waits for a key, which makes every write free of this.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// How many keys are waited for.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.queues.len()
    }

    /// How many keys are waited for by one who takes absence for an answer.
    #[must_use]
    pub fn keys_on_absence(&self) -> usize {
        let queues = self.queues.values();
        queues.filter(|queue| queue.on_absence > 0).count()
    }

    /// How many clients wait until a deadline.
    #[must_use]
    pub fn deadline_count(&self) -> usize {
        self.deadlines.len()
    }

    /// A new place at the end of the queues.
    pub(crate) fn draw_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Puts a client that is about to wait into its queues.
    pub(crate) fn add(&mut self, id: ClientId, wait: &Blocked) {
        if let Some(deadline) = wait.deadline_ms() {
            self.deadlines.insert((deadline, id));
        }
        let Blocked::Keys(wait) = wait else {
            return;
        };
        for key in &wait.keys {
            let queue = self.queues.entry((wait.db, key.as_slice().into()));
            let queue = queue.or_default();
            // A key that is named twice is waited for once.
            if queue.waiting.insert(wait.ticket, id).is_none() {
                queue.on_absence += usize::from(wait.awaited.includes_absence());
            }
        }
    }

    /// Takes a client that waits no longer out of its queues.
    pub(crate) fn remove(&mut self, id: ClientId, wait: &Blocked) {
        if let Some(deadline) = wait.deadline_ms() {
            self.deadlines.remove(&(deadline, id));
        }
        let Blocked::Keys(wait) = wait else {
            return;
        };
        for key in &wait.keys {
            let key = (wait.db, key.as_slice().into());
            if let Some(queue) = self.queues.get_mut(&key) {
                if queue.waiting.remove(&wait.ticket).is_some() {
                    queue.on_absence -= usize::from(wait.awaited.includes_absence());
                }
                if queue.waiting.is_empty() {
                    self.queues.remove(&key);
                }
            }
        }
    }

    /// A key changed: those who wait for it will be looked at.
    pub(super) fn note(&mut self, key: Key) {
        if let Some(queue) = self.queues.get_mut(&key)
            && !queue.is_ready
        {
            queue.is_ready = true;
            self.ready.push_back(key);
        }
    }

    /// A database got another content.
    pub(crate) fn note_database(&mut self, db: usize) {
        let of_db = self.queues.keys().filter(|(of, _)| *of == db);
        let keys: Vec<Key> = of_db.cloned().collect();
        for key in keys {
            self.note(key);
        }
    }

    /// The next key that may have become ready, with those who wait for it now.
    pub(super) fn take_ready(&mut self) -> Option<(Key, Vec<ClientId>)> {
        while let Some(key) = self.ready.pop_front() {
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.is_ready = false;
                return Some((key, queue.waiting.values().copied().collect()));
            }
        }
        None
    }

    /// The moment at which the first of those who wait gives up.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A client whose deadline has come.
    pub(super) fn first_due(&self, now_ms: i64) -> Option<ClientId> {
        let (deadline, id) = self.deadlines.first()?;
        (*deadline <= now_ms).then_some(*id)
    }
}

impl Client {
    /// Ends a wait, in the queues as well.
    pub(crate) fn stop_waiting(&mut self, key_waits: &mut KeyWaits) -> Option<Blocked> {
        let wait = self.blocked.take()?;
        key_waits.remove(self.id, &wait);
        Some(wait)
    }
}
