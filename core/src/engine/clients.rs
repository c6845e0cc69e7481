//! All clients, by slot, and who has to be woken.

use super::client::{Client, ClientId, Peer};

/// See the module's comment. The client whose command runs is taken out
/// meanwhile, so that a handler can reach it and the others at once.
#[derive(Debug, Default)]
pub struct Clients {
    slots: Vec<Option<Box<Client>>>,
    free: Vec<u32>,
    next_id: u64,
    connected: usize,
    wakeups: Vec<ClientId>,
    /// The slot at which the next turn begins.
    turn: usize,
}

impl Clients {
    pub(super) fn add(&mut self, peer: Peer, now_ms: i64) -> ClientId {
        self.next_id += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("maxclients is far below u32::MAX")
        });
        let id = ClientId {
            slot,
            id: self.next_id,
        };
        self.slots[slot as usize] = Some(Box::new(Client::new(id, peer, now_ms)));
        self.connected += 1;
        id
    }

    pub(super) fn remove(&mut self, id: ClientId) -> Option<Box<Client>> {
        self.get(id)?;
        self.free.push(id.slot);
        self.connected -= 1;
        self.slots[id.slot as usize].take()
    }

    #[inline]
    pub(super) fn take(&mut self, id: ClientId) -> Option<Box<Client>> {
        let place = self.slots.get_mut(id.slot as usize)?;
        if place.as_ref()?.id == id {
            place.take()
        } else {
            None
        }
    }

    #[inline]
    pub(super) fn put_back(&mut self, client: Box<Client>) {
        let slot = client.id.slot as usize;
        self.slots[slot] = Some(client);
    }

    /// Number of clients, the one whose command runs included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.connected
    }

    /// True without clients.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.connected == 0
    }

    /// A client, unless it is the one whose command runs.
    #[must_use]
    pub fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.slots.get(id.slot as usize)?.as_deref()?;
        (client.id == id).then_some(client)
    }

    /// A client for changing, unless it is the one whose command runs.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.slots.get_mut(id.slot as usize)?.as_deref_mut()?;
        (client.id == id).then_some(client)
    }

    /// All clients but the one whose command runs.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slots.iter().flatten().map(|client| &**client)
    }

    /// All clients but the one whose command runs, for changing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slots.iter_mut().flatten().map(|client| &mut **client)
    }

    /// Up to `count` clients that have not had their turn for longest.
    pub(super) fn next_in_turn(&mut self, count: usize) -> Vec<ClientId> {
        let slots = self.slots.len();
        let mut ids = Vec::new();
        for _ in 0..slots {
            if ids.len() >= count {
                break;
            }
            self.turn = (self.turn + 1) % slots;
            ids.extend(self.slots[self.turn].as_ref().map(|client| client.id));
        }
        ids
    }

    /// Tells the driver that a client has output, was unblocked, or is to be closed.
    pub fn wake(&mut self, id: ClientId) {
        self.wakeups.push(id);
    }

    pub(super) fn take_wakeups(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.wakeups)
    }
}
