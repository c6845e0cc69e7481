//! Who listens to which channel.

use std::collections::{BTreeMap, BTreeSet};

use super::client::{Client, ClientId};
use super::clients::Clients;
use crate::resp::reply::Reply;
use crate::text::glob::{self, Case};

type Listeners = BTreeMap<Vec<u8>, BTreeSet<ClientId>>;

/// The subscriptions of all clients.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: Listeners,
    patterns: Listeners,
    shard_channels: Listeners,
}

/// The three kinds of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SUBSCRIBE.
    Channel,
    /// PSUBSCRIBE.
    Pattern,
    /// SSUBSCRIBE.
    Shard,
}

impl PubSub {
    /// The listeners of one kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> &Listeners {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shard_channels,
        }
    }

    const fn of_mut(&mut self, kind: Kind) -> &mut Listeners {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }

    /// Adds a listener.
    pub fn subscribe(&mut self, kind: Kind, name: &[u8], client: ClientId) {
        let listeners = self.of_mut(kind).entry(name.to_vec()).or_default();
        listeners.insert(client);
    }

    /// Removes a listener.
    pub fn unsubscribe(&mut self, kind: Kind, name: &[u8], client: ClientId) {
        let listeners = self.of_mut(kind);
        if let Some(clients) = listeners.get_mut(name) {
            clients.remove(&client);
            if clients.is_empty() {
                listeners.remove(name);
            }
        }
    }

    /// Ends all subscriptions of a client.
    pub fn forget(&mut self, client: &mut Client) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for name in std::mem::take(client.subscribed_mut(kind)) {
                self.unsubscribe(kind, &name, client.id);
            }
        }
    }

    /// True where nobody listens to anything but shard channels.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// The deliveries that a message to `channel` makes: who gets it, and by which pattern.
    #[must_use]
    pub fn receivers(&self, channel: &[u8]) -> Vec<(ClientId, Option<&[u8]>)> {
        let direct = self.channels.get(channel).into_iter().flatten();
        let matching = self
            .patterns
            .iter()
            .filter(|(pattern, _)| glob::matches(pattern, channel, Case::Sensitive));
        let by_pattern = matching.flat_map(|(pattern, clients)| {
            clients.iter().map(|&client| (client, Some(&pattern[..])))
        });
        direct
            .map(|&client| (client, None))
            .chain(by_pattern)
            .collect()
    }

    /// Writes a message to everybody who listens to `channel`; `own` is the client
    /// whose command runs. Answers how many deliveries there were.
    pub fn publish(
        &self,
        clients: &mut Clients,
        own: (ClientId, &mut Reply),
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let receivers = self.receivers(channel);
        let (own_id, own_reply) = own;
        for &(id, pattern) in &receivers {
            deliver(clients, own_id, own_reply, id, |reply| {
                match pattern {
                    Some(pattern) => {
                        reply.push(4);
                        reply.bulk(b"pmessage");
                        reply.bulk(pattern);
                    }
                    None => {
                        reply.push(3);
                        reply.bulk(b"message");
                    }
                }
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        receivers.len()
    }

    /// As `publish`, for a shard channel.
    pub fn publish_shard(
        &self,
        clients: &mut Clients,
        own: (ClientId, &mut Reply),
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let Some(listeners) = self.shard_channels.get(channel) else {
            return 0;
        };
        let (own_id, own_reply) = own;
        for &id in listeners {
            deliver(clients, own_id, own_reply, id, |reply| {
                reply.push(3);
                reply.bulk(b"smessage");
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        listeners.len()
    }
}

/// Lets `write` append a push to a client's output, and wakes its connection.
fn deliver(
    clients: &mut Clients,
    own_id: ClientId,
    own_reply: &mut Reply,
    id: ClientId,
    write: impl FnOnce(&mut Reply),
) {
    if id == own_id {
        write(own_reply);
    } else if let Some(client) = clients.get_mut(id) {
        write(&mut client.reply);
        clients.wake(id);
    }
}
