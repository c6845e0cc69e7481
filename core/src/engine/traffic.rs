//! What connections report of their sockets, and the limits that end those
//! which let too much pile up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::buffers::Trim;
use super::client::{Client, ClientFlags, ClientId};
use super::machine::Engine;
use crate::config::{ClientClass, OutputLimit, Settings};

/// What a connection did since its last report, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Reads from the socket.
    pub reads: u64,
    /// Bytes they brought.
    pub read_bytes: u64,
    /// Writes to the socket.
    pub writes: u64,
    /// Input that no command has taken yet.
    pub query_buffer_bytes: usize,
    /// What the buffer of the input takes, used or not.
    pub input_capacity_bytes: usize,
    /// What the buffer of the output takes, used or not.
    pub output_capacity_bytes: usize,
    /// Replies that the socket has not taken yet.
    pub unsent_bytes: usize,
}

/// Why a client has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// It sends more than `client-query-buffer-limit` without a whole command.
    QueryBuffer,
    /// It does not read, and is beyond its `client-output-buffer-limit`.
    Output,
}

impl Engine {
    /// Notes what a connection has read, before its commands run.
    pub fn note_input(&mut self, id: ClientId, used_bytes: usize, capacity_bytes: usize) {
        if let Some(client) = self.server.clients.get_mut(id) {
            client.query_buffer_bytes = used_bytes;
            client.buffers.note_input(used_bytes, capacity_bytes);
            self.server.client_memory.count(client);
        }
    }

    /// Where a client's driver keeps how many bytes of replies the socket has not taken.
    #[must_use]
    pub fn unsent(&self, id: ClientId) -> Arc<AtomicUsize> {
        let client = self.server.clients.get(id);
        client.map_or_else(Arc::default, |client| Arc::clone(&client.unsent))
    }

    /// What a connection that was woken has to give back of its buffers.
    pub fn take_trim(&mut self, id: ClientId) -> Option<Trim> {
        self.server.clients.get_mut(id)?.buffers.trim.take()
    }

    /// The size at which a client's reply buffer is kept.
    #[must_use]
    pub fn reply_buffer_bytes(&self, id: ClientId) -> usize {
        let client = self.server.clients.get(id);
        client.map_or(0, |client| client.buffers.reply_bytes)
    }

    /// Counts what a connection reports. A client beyond a limit is marked to be
    /// closed, and the driver has to drop it with all that it holds.
    pub fn note_traffic(&mut self, id: ClientId, traffic: Traffic, now_ms: i64) -> Option<Overrun> {
        let stats = &mut self.server.stats;
        stats.reads_processed += traffic.reads;
        stats.writes_processed += traffic.writes;
        stats.net_input_bytes += traffic.read_bytes;
        let client = self.server.clients.get_mut(id)?;
        client.net_in += traffic.read_bytes;
        client.query_buffer_bytes = traffic.query_buffer_bytes;
        client.unsent.store(traffic.unsent_bytes, Ordering::Relaxed);
        client.note_buffers(traffic.input_capacity_bytes, traffic.output_capacity_bytes);
        if client.flags.contains(ClientFlags::CLOSE_NOW) {
            return None;
        }
        let overrun = client.overrun(&self.server.config, now_ms);
        if let Some(overrun) = overrun {
            client.flags.insert(ClientFlags::CLOSE_NOW);
            stats.note_overrun(overrun);
        }
        self.server.client_memory.count(client);
        overrun
    }
}

/// Replies beyond its reply buffer that a client may leave unread before it has
/// authenticated.
const UNAUTHENTICATED_OUTPUT_MAX_BYTES: usize = 1024;

impl Client {
    /// True for a client that did not give the password yet.
    pub(crate) const fn must_authenticate(&self, settings: &Settings) -> bool {
        !settings.requirepass.is_empty() && !self.authenticated
    }

    /// Our primary and our replicas have limits of their own.
    fn overrun(&mut self, settings: &Settings, now_ms: i64) -> Option<Overrun> {
        if self
            .flags
            .intersects(ClientFlags::PRIMARY | ClientFlags::REPLICA)
        {
            return None;
        }
        if self.query_buffer_bytes as u64 > settings.client_query_buffer_limit {
            return Some(Overrun::QueryBuffer);
        }
        if self.must_authenticate(settings)
            && self.output_backlog_bytes() > UNAUTHENTICATED_OUTPUT_MAX_BYTES
        {
            return Some(Overrun::Output);
        }
        let exceeds = self.exceeds(self.output_limit(settings), now_ms);
        (exceeds || self.cut_short).then_some(Overrun::Output)
    }

    fn output_limit(&self, settings: &Settings) -> OutputLimit {
        let class = if self.subscriptions() > 0 {
            ClientClass::PubSub
        } else {
            ClientClass::Normal
        };
        settings.client_output_buffer_limit[class as usize]
    }

    /// What its output may take at once, if anything keeps it from more.
    pub(crate) fn output_hard_limit_bytes(&self, settings: &Settings) -> Option<u64> {
        let bytes = self.output_limit(settings).hard_bytes;
        (bytes > 0 && !self.is_primary()).then_some(bytes)
    }

    /// Whether time alone has brought it beyond a limit: its connection, which has
    /// nothing to do meanwhile, is to look.
    pub(super) fn is_overdue(&mut self, settings: &Settings, now_ms: i64) -> bool {
        !self.flags.contains(ClientFlags::CLOSE_NOW) && self.overrun(settings, now_ms).is_some()
    }

    /// A client may be beyond the soft limit for a while.
    fn exceeds(&mut self, limit: OutputLimit, now_ms: i64) -> bool {
        let held = self.output_backlog_bytes() as u64;
        let beyond = |bytes: u64| bytes != 0 && held > bytes;
        if !beyond(limit.soft_bytes) {
            self.over_soft_limit_since_ms = None;
            return beyond(limit.hard_bytes);
        }
        let since = *self.over_soft_limit_since_ms.get_or_insert(now_ms);
        beyond(limit.hard_bytes) || (now_ms - since) / 1000 > limit.soft_seconds.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::{Overrun, Traffic};
    use crate::engine::client::ClientFlags;
    use crate::testing::TestEngine;

    fn held(query_buffer_bytes: usize, unsent_bytes: usize) -> Traffic {
        Traffic {
            query_buffer_bytes,
            unsent_bytes,
            ..Traffic::default()
        }
    }

    #[test]
    fn traffic_is_counted() {
        let mut test = TestEngine::new();
        let traffic = Traffic {
            reads: 2,
            read_bytes: 30,
            writes: 1,
            ..Traffic::default()
        };
        assert_eq!(
            test.engine.note_traffic(test.id, traffic, test.now_ms),
            None
        );
        let stats = &test.engine.server.stats;
        assert_eq!(
            (
                stats.reads_processed,
                stats.net_input_bytes,
                stats.writes_processed
            ),
            (2, 30, 1)
        );
    }

    #[test]
    fn endless_commands_end_their_client() {
        let mut test = TestEngine::new();
        test.run("CONFIG SET client-query-buffer-limit 1mb");
        assert_eq!(
            test.engine
                .note_traffic(test.id, held(1 << 20, 0), test.now_ms),
            None
        );
        let overrun = test
            .engine
            .note_traffic(test.id, held((1 << 20) + 1, 0), test.now_ms);
        assert_eq!(overrun, Some(Overrun::QueryBuffer));
        let mut unsent = b"never read".to_vec();
        assert_eq!(
            test.engine.take_output(test.id, &mut unsent),
            crate::engine::Flow::Close
        );
        assert!(unsent.is_empty(), "nobody waits until it is read");
    }

    #[test]
    fn strangers_leave_little_unread() {
        let mut test = TestEngine::new();
        test.run("CONFIG SET requirepass secret");
        let stranger = test.connect();
        let mut look = |id, unsent| test.engine.note_traffic(id, held(0, unsent), 0);
        assert_eq!(look(test.id, 100_000), None, "it came before the password");
        assert_eq!(look(stranger, 16 * 1024), None);
        assert_eq!(look(stranger, 16 * 1024 + 1), Some(Overrun::Output));
    }

    #[test]
    fn output_has_a_hard_limit_and_a_soft_one() {
        let mut test = TestEngine::new();
        test.run("CONFIG SET client-output-buffer-limit \"normal 40000 30000 10\"");
        // What fits the reply buffer is not counted.
        let mut look = |unsent, at_s: i64| {
            test.engine
                .server
                .clients
                .get_mut(test.id)
                .expect("connected")
                .flags = ClientFlags::empty();
            test.engine
                .note_traffic(test.id, held(0, unsent), at_s * 1000)
        };
        assert_eq!(look(35_000, 0), None);
        assert_eq!(look(35_000, 10), None, "the time is not over");
        assert_eq!(look(5_000, 20), None, "it has read");
        assert_eq!(look(35_000, 30), None, "the time begins anew");
        assert_eq!(look(35_000, 41), Some(Overrun::Output));
        assert_eq!(look(40_001, 41), Some(Overrun::Output));
        let stats = &test.engine.server.stats;
        assert_eq!(stats.output_buffer_disconnections, 2);
        assert_eq!(stats.query_buffer_disconnections, 0);
    }
}
