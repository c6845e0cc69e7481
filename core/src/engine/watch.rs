//! WATCH: which clients' transactions fail when a key changes.

use std::collections::{HashMap, HashSet};

use super::client::{Client, ClientId};
use super::clients::Clients;

/// A watched key: its database and name.
type Key = (usize, Box<[u8]>);

/// What there is at a key after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing.
    Absent,
    /// Something whose time has come.
    Expired,
    /// Something.
    Live,
}

/// Watchers by key. Only exact keys count, so that no transaction fails for a neighbour's sake.
#[derive(Debug, Default)]
pub struct Watches(HashMap<Key, HashSet<ClientId>>);

impl Watches {
    /// True where no key is watched, which makes every write free of this.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Watches a key for a client; false where it did already.
    pub fn watch(&mut self, db: usize, key: &[u8], client: ClientId) -> bool {
        self.0.entry((db, key.into())).or_default().insert(client)
    }

    /// Ends all watches of a client.
    pub fn unwatch_all(&mut self, client: &mut Client) {
        for (db, key, _) in client.watching.drain(..) {
            let key = (db, key.into_boxed_slice());
            if let Some(watchers) = self.0.get_mut(&key) {
                watchers.remove(&client.id);
                if watchers.is_empty() {
                    self.0.remove(&key);
                }
            }
        }
        client.dirty_watch = false;
    }

    /// Fails the transactions of all who watch a key that changed.
    pub fn changed(
        &self,
        clients: &mut Clients,
        own: Option<&mut Client>,
        (db, key): (usize, &[u8]),
        after: KeyState,
    ) {
        self.note(clients, own, (db, key), true, after);
    }

    /// Fails the transactions of all who watch a key of a database that gets
    /// another content: the keys that `before` held, and those that `after` holds.
    pub fn database_replaced(
        &self,
        clients: &mut Clients,
        mut own: Option<&mut Client>,
        db: usize,
        before: impl Fn(&[u8]) -> bool,
        after: impl Fn(&[u8]) -> KeyState,
    ) {
        for key in self.keys_of(db) {
            self.note(
                clients,
                own.as_deref_mut(),
                (db, key),
                before(key),
                after(key),
            );
        }
    }

    fn note(
        &self,
        clients: &mut Clients,
        mut own: Option<&mut Client>,
        (db, key): (usize, &[u8]),
        existed: bool,
        after: KeyState,
    ) {
        let Some(watchers) = self.0.get(&(db, key.into())) else {
            return;
        };
        for &id in watchers {
            let watcher = match &mut own {
                Some(own) if own.id == id => Some(&mut **own),
                _ => clients.get_mut(id),
            };
            if let Some(watcher) = watcher {
                note_for(watcher, db, key, existed, after);
            }
        }
    }

    /// The watched keys of a database.
    pub fn keys_of(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        let here = self.0.keys().filter(move |(of, _)| *of == db);
        here.map(|(_, key)| &**key)
    }
}

/// Fails a client's transaction, unless what changed makes no difference to it:
/// a key that had expired when it was watched may go, or stay as it is.
fn note_for(client: &mut Client, db: usize, key: &[u8], existed: bool, after: KeyState) {
    let mut watching = client.watching.iter_mut();
    let Some((_, _, was_expired)) = watching.find(|(of, name, _)| *of == db && name == key) else {
        return;
    };
    let was_there = existed && !*was_expired;
    match after {
        KeyState::Absent if !was_there => *was_expired = false,
        KeyState::Expired if !was_there => *was_expired = true,
        _ => client.dirty_watch = true,
    }
}
