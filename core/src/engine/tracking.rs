//! Client-side caching: which clients keep copies of which keys, and what they
//! are told when a key changes.
//!
//! In the default mode the server remembers what each client read, and tells it
//! once. In broadcasting mode a client names prefixes and is told of every change
//! below them, once a batch. Names are told apart by no database, as in Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::client::{Client, ClientId};
use super::clients::Clients;
use super::server::Server;
use crate::resp::reply::{Protocol, Reply};

/// The channel on which a client that speaks RESP2 is told.
const CHANNEL: &[u8] = b"__redis__:invalidate";
/// Keys that one tick gives up at most.
const SHRINK_MAX: usize = 1000;

/// What a client that tracks is told about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What it reads.
    Default,
    /// What it reads after CLIENT CACHING YES.
    OptIn,
    /// What it reads, but for CLIENT CACHING NO.
    OptOut,
    /// Everything below these prefixes.
    Broadcast(BTreeSet<Vec<u8>>),
}

/// A client's tracking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTracking {
    /// What it is told about.
    pub mode: Mode,
    /// Who is told in its place.
    pub redirect: Option<ClientId>,
    /// It is not told of what it changes itself.
    pub noloop: bool,
    /// CLIENT CACHING was sent: the next command is an exception.
    pub caching: bool,
    /// The client to be told in its place is gone.
    pub broken_redirect: bool,
}

impl ClientTracking {
    /// True where a read of now is remembered.
    const fn remembers(&self) -> bool {
        match self.mode {
            Mode::Default => true,
            Mode::OptIn => self.caching,
            Mode::OptOut => !self.caching,
            Mode::Broadcast(_) => false,
        }
    }
}

impl Client {
    /// The prefixes below which it is told of every change.
    pub(super) fn tracked_prefixes(&self) -> usize {
        match self.tracking.as_deref() {
            Some(ClientTracking {
                mode: Mode::Broadcast(prefixes),
                ..
            }) => prefixes.len(),
            _ => 0,
        }
    }

    /// CLIENT CACHING holds for the next command, or for the next transaction.
    pub(super) fn end_caching_exception(&mut self) {
        if let Some(tracking) = &mut self.tracking
            && self.multi.is_none()
            && !self.last_command.starts_with("client")
        {
            tracking.caching = false;
        }
    }
}

/// A prefix that clients listen to.
#[derive(Debug, Default)]
struct Prefix {
    clients: BTreeSet<ClientId>,
    /// The keys that changed in this batch, and who changed each of them last.
    changed: BTreeMap<Vec<u8>, Option<ClientId>>,
}

/// The tracking of all clients.
#[derive(Debug, Default)]
pub struct Tracking {
    clients: BTreeSet<ClientId>,
    readers: BTreeMap<Box<[u8]>, BTreeSet<ClientId>>,
    /// Pairs of a key and a client.
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// The key that was forgotten last for want of room.
    forgotten: Box<[u8]>,
}

impl Tracking {
    /// True where nobody tracks, which makes every command free of this.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
    }

    /// How many clients track.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.readers.len()
    }

    /// How many pairs of a key and a client are remembered.
    #[must_use]
    pub const fn item_count(&self) -> usize {
        self.items
    }

    /// How many prefixes are listened to.
    #[must_use]
    pub fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    /// Turns a client's tracking on, or changes it. Prefixes are added.
    pub fn enable(&mut self, client: &mut Client, mut tracking: ClientTracking) {
        let before = client.tracking.take().map(|before| before.mode);
        if let Mode::Broadcast(wanted) = &mut tracking.mode {
            if let Some(Mode::Broadcast(had)) = before {
                wanted.extend(had);
            }
            for prefix in wanted.iter() {
                let listened = self.prefixes.entry(prefix.clone()).or_default();
                listened.clients.insert(client.id);
            }
        }
        self.clients.insert(client.id);
        client.tracking = Some(Box::new(tracking));
    }

    /// Turns a client's tracking off. What it read is forgotten when it changes.
    pub fn disable(&mut self, client: &mut Client) {
        let Some(tracking) = client.tracking.take() else {
            return;
        };
        self.clients.remove(&client.id);
        if let Mode::Broadcast(prefixes) = tracking.mode {
            for prefix in prefixes {
                if let Some(listened) = self.prefixes.get_mut(&prefix) {
                    listened.clients.remove(&client.id);
                    if listened.clients.is_empty() {
                        self.prefixes.remove(&prefix);
                    }
                }
            }
        }
        if self.clients.is_empty() {
            self.forget_all();
        }
    }

    fn forget_all(&mut self) {
        self.readers.clear();
        self.items = 0;
    }

    /// Remembers what a client read. Beyond `keys_max` another key is given up,
    /// and those who read it are told.
    pub(super) fn remember<'a>(
        &mut self,
        clients: &mut Clients,
        client: &mut Client,
        keys: impl Iterator<Item = &'a [u8]>,
        keys_max: usize,
    ) {
        if !client.tracking.as_ref().is_some_and(|t| t.remembers()) {
            return;
        }
        for key in keys {
            let readers = self.readers.entry(key.into()).or_default();
            self.items += usize::from(readers.insert(client.id));
            if keys_max > 0 && self.readers.len() > keys_max {
                self.give_up_one(clients, Some(&mut *client));
            }
        }
    }

    /// Gives up some of the keys beyond `keys_max`, which CONFIG SET may have lowered.
    /// The client whose command runs is `own`.
    pub(super) fn shrink(
        &mut self,
        clients: &mut Clients,
        mut own: Option<&mut Client>,
        keys_max: usize,
    ) {
        if keys_max == 0 {
            return;
        }
        for _ in 0..self.readers.len().saturating_sub(keys_max).min(SHRINK_MAX) {
            self.give_up_one(clients, own.as_deref_mut());
        }
    }

    /// Forgets the key behind the one that was forgotten last.
    fn give_up_one(&mut self, clients: &mut Clients, own: Option<&mut Client>) {
        let behind = (Bound::Excluded(&*self.forgotten), Bound::Unbounded);
        let next = self.readers.range::<[u8], _>(behind).next();
        let next = next.or_else(|| self.readers.iter().next());
        if let Some((key, _)) = next {
            self.forgotten = key.clone();
            let key = key.clone();
            self.tell_readers(clients, own, None, &key);
        }
    }

    /// A key changed, by a command of `own` where there is one.
    pub(super) fn changed(&mut self, clients: &mut Clients, own: Option<&mut Client>, key: &[u8]) {
        let by = own.as_ref().map(|own| own.id);
        for (prefix, listened) in &mut self.prefixes {
            if key.starts_with(prefix) {
                listened.changed.insert(key.to_vec(), by);
            }
        }
        self.tell_readers(clients, own, by, key);
    }

    /// Tells those who read a key, and forgets them.
    fn tell_readers(
        &mut self,
        clients: &mut Clients,
        mut own: Option<&mut Client>,
        by: Option<ClientId>,
        key: &[u8],
    ) {
        let Some(readers) = self.readers.remove(key) else {
            return;
        };
        self.items -= readers.len();
        for id in readers {
            let mut all = Everyone {
                clients,
                own: own.as_deref_mut(),
            };
            let reader = all.get(id).and_then(|reader| reader.tracking.as_deref());
            let told = reader.is_some_and(|tracking| {
                let loops = tracking.noloop && by == Some(id);
                !loops && !matches!(tracking.mode, Mode::Broadcast(_))
            });
            if told {
                all.tell(id, |reply| {
                    reply.array(1);
                    reply.bulk(key);
                });
            }
        }
    }

    /// Everything changed: all who track are told to forget what they have.
    pub fn flushed(&mut self, clients: &mut Clients, own: Option<&mut Client>) {
        let mut all = Everyone { clients, own };
        for &id in &self.clients {
            all.tell(id, Reply::null);
        }
        self.forget_all();
    }

    /// Tells the listeners of prefixes what changed in this batch.
    pub(super) fn broadcast(&mut self, clients: &mut Clients) {
        for listened in self.prefixes.values_mut() {
            let changed = std::mem::take(&mut listened.changed);
            if changed.is_empty() {
                continue;
            }
            let mut all = Everyone { clients, own: None };
            for &id in &listened.clients {
                let tracking = all.get(id).and_then(|client| client.tracking.as_deref());
                let noloop = tracking.is_some_and(|tracking| tracking.noloop);
                let others = |by: &Option<ClientId>| !(noloop && *by == Some(id));
                let keys = changed.iter().filter(|(_, by)| others(by));
                let keys: Vec<&Vec<u8>> = keys.map(|(key, _)| key).collect();
                if !keys.is_empty() {
                    all.tell(id, |reply| {
                        reply.array(keys.len());
                        for key in &keys {
                            reply.bulk(key);
                        }
                    });
                }
            }
        }
    }
}

impl Server {
    /// Tells of the keys beyond the bound, which CONFIG SET may have lowered. A client
    /// hears of it ahead of the reply to the command that it sent.
    pub(super) fn bound_tracking(&mut self, client: &mut Client) {
        if !self.tracking.is_idle() {
            let keys_max = self.config.tracking_table_max_keys;
            let own = Some(&mut *client);
            self.tracking.shrink(&mut self.clients, own, keys_max);
            client.deliver_pushes();
        }
    }
}

/// All clients, the one whose command runs included.
struct Everyone<'a> {
    clients: &'a mut Clients,
    own: Option<&'a mut Client>,
}

impl Everyone<'_> {
    fn get(&mut self, id: ClientId) -> Option<&mut Client> {
        match &mut self.own {
            Some(own) if own.id == id => Some(own),
            _ => self.clients.get_mut(id),
        }
    }

    /// Tells a client that tracks, or who is told in its place, that what `write`
    /// writes is no longer valid.
    fn tell(&mut self, id: ClientId, write: impl FnOnce(&mut Reply)) {
        let redirect = self
            .get(id)
            .and_then(|client| client.tracking.as_deref()?.redirect);
        let Some(other) = redirect else {
            self.push(id, |client| client.protocol == Protocol::Resp3, write);
            return;
        };
        if self.get(other).is_some() {
            let listens =
                |client: &Client| client.protocol == Protocol::Resp3 || client.subscriptions() > 0;
            self.push(other, listens, write);
        } else {
            self.report_broken(id, other);
        }
    }

    /// Appends a push to a client's output, where it can understand one.
    fn push(
        &mut self,
        id: ClientId,
        understands: impl FnOnce(&Client) -> bool,
        write: impl FnOnce(&mut Reply),
    ) {
        let Some(client) = self.get(id) else { return };
        if !understands(client) {
            return;
        }
        let protocol = client.protocol;
        let reply = self.output(id).expect("it was just found");
        if protocol == Protocol::Resp3 {
            reply.push(2);
            reply.bulk(b"invalidate");
        } else {
            reply.push(3);
            reply.bulk(b"message");
            reply.bulk(CHANNEL);
        }
        write(reply);
    }

    /// Where a push to a client goes: its own waits until its command is answered.
    fn output(&mut self, id: ClientId) -> Option<&mut Reply> {
        match &mut self.own {
            Some(own) if own.id == id => Some(&mut own.pushes),
            _ => {
                self.clients.wake(id);
                Some(&mut self.clients.get_mut(id)?.reply)
            }
        }
    }

    fn report_broken(&mut self, id: ClientId, gone: ClientId) {
        let Some(client) = self.get(id) else { return };
        if let Some(tracking) = &mut client.tracking {
            tracking.broken_redirect = true;
        }
        if client.protocol == Protocol::Resp3
            && let Some(reply) = self.output(id)
        {
            reply.push(2);
            reply.bulk(b"tracking-redir-broken");
            reply.int(gone.id.cast_signed());
        }
    }
}
