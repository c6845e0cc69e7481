//! WATCH: which clients' transactions fail when a key changes.

use std::collections::{HashMap, HashSet};

use super::client::{Client, ClientId};
use super::clients::Clients;

/// A watched key: its database and name.
type Key = (usize, Box<[u8]>);

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
    pub fn changed(&self, clients: &mut Clients, own: &mut Client, db: usize, key: Box<[u8]>) {
        let Some(watchers) = self.0.get(&(db, key)) else {
            return;
        };
        for &id in watchers {
            if id == own.id {
                own.dirty_watch = true;
            } else if let Some(client) = clients.get_mut(id) {
                client.dirty_watch = true;
            }
        }
    }

    /// The watched keys of a database.
    pub fn keys_of(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        let here = self.0.keys().filter(move |(of, _)| *of == db);
        here.map(|(_, key)| &**key)
    }
}
