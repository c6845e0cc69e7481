//! maxmemory-clients: what clients take together, and who goes when it is too much.
//!
//! Each client's share is counted where it may have changed, and the sum is kept. Only
//! beyond the limit are clients looked at one by one: the largest go first, until the
//! others are below it. CLIENT NO-EVICT counts, and stays; our primary and replicas
//! have limits of their own.

use super::client::{Client, ClientFlags, ClientId};
use super::machine::Engine;
use super::server::Server;
use crate::command::connection::describe;
use crate::config::Settings;

/// The lowest limit: below it nobody could tell the server to raise it again.
const LIMIT_MIN_BYTES: u64 = 128 * 1024;

/// The sum, and what was found out about it.
#[derive(Debug, Default)]
pub(crate) struct ClientMemory {
    /// False while there is no limit, and nothing is counted.
    counting: bool,
    total_bytes: usize,
    /// When there was nobody left who may go, unix ms: there is no use in looking
    /// again at that moment.
    in_vain_ms: Option<i64>,
}

impl ClientMemory {
    /// Counts a client as it is now.
    #[inline]
    pub(super) fn count(&mut self, client: &mut Client) {
        if self.counting {
            let bytes = client.limited_bytes();
            self.recount(client, bytes);
        }
    }

    /// Counts a client no more.
    pub(super) fn forget(&mut self, client: &mut Client) {
        self.recount(client, 0);
    }

    fn recount(&mut self, client: &mut Client, bytes: usize) {
        self.total_bytes = self.total_bytes - client.counted_bytes + bytes;
        client.counted_bytes = bytes;
    }
}

impl Client {
    const fn has_own_limits(&self) -> bool {
        let links = ClientFlags::PRIMARY.union(ClientFlags::REPLICA);
        self.flags.intersects(links)
    }

    /// What counts against the limit. A client that is being closed takes nothing
    /// any more.
    fn limited_bytes(&self) -> usize {
        if self.has_own_limits() || self.flags.contains(ClientFlags::CLOSE_NOW) {
            0
        } else {
            self.memory_bytes()
        }
    }

    const fn may_be_evicted(&self) -> bool {
        let stays = ClientFlags::NO_EVICT.union(ClientFlags::CLOSE_NOW);
        !self.has_own_limits() && !self.flags.intersects(stays)
    }
}

/// What all clients may take. A share of `maxmemory` is no limit where there is none
/// of that.
fn limit_bytes(settings: &Settings) -> Option<usize> {
    let bytes = u64::try_from(settings.maxmemory.clients).ok()?;
    let bytes = bytes.max(LIMIT_MIN_BYTES);
    (settings.maxmemory.clients > 0).then(|| usize::try_from(bytes).unwrap_or(usize::MAX))
}

impl Server {
    /// Closes a client. What it listens to ends here and now, not when its connection
    /// notices.
    pub(crate) fn close_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.flags.insert(ClientFlags::CLOSE_NOW);
        if let Some(end) = &client.stream_end {
            end.set(self.log.offset());
        }
        self.pubsub.forget(client);
        self.watches.unwatch_all(client);
        self.client_memory.forget(client);
        self.clients.wake(id);
    }

    fn count_all_clients(&mut self) {
        self.client_memory.counting = true;
        for client in self.clients.iter_mut() {
            self.client_memory.count(client);
        }
    }

    fn stop_counting_clients(&mut self) {
        for client in self.clients.iter_mut() {
            self.client_memory.forget(client);
        }
        self.client_memory = ClientMemory::default();
    }

    /// Those who may go, the largest first.
    fn evictable(&self) -> Vec<ClientId> {
        let clients = self.clients.iter();
        let clients = clients.filter(|client| client.may_be_evicted());
        let mut sizes: Vec<(usize, ClientId)> = clients
            .map(|client| (client.counted_bytes, client.id))
            .collect();
        sizes.sort_unstable_by_key(|&(bytes, id)| (std::cmp::Reverse(bytes), id.id));
        sizes.into_iter().map(|(_, id)| id).collect()
    }

    /// Closes clients until those who are left are below the limit; answers a line for
    /// the log for each.
    fn evict_down_to(&mut self, limit: usize, now_ms: i64) -> Vec<String> {
        let mut lines = Vec::new();
        for id in self.evictable() {
            if self.client_memory.total_bytes < limit {
                break;
            }
            if let Some(client) = self.clients.get(id) {
                let line = describe(client, now_ms, 0);
                lines.push(format!("Evicting client: {}", line.trim_end()));
            }
            self.close_client(id);
            self.stats.evicted_clients += 1;
        }
        if self.client_memory.total_bytes >= limit {
            self.client_memory.in_vain_ms = Some(now_ms);
            if !lines.is_empty() {
                lines.push("Over client maxmemory after evicting all evictable clients".to_owned());
            }
        }
        lines
    }
}

impl Engine {
    /// Closes the largest clients while all of them take more than `maxmemory-clients`;
    /// answers what the log should hold of it.
    #[must_use]
    pub fn evict_clients(&mut self, now_ms: i64) -> Vec<String> {
        let server = &mut self.server;
        let Some(limit) = limit_bytes(&server.config) else {
            if server.client_memory.counting {
                server.stop_counting_clients();
            }
            return Vec::new();
        };
        if !server.client_memory.counting {
            server.count_all_clients();
        }
        let memory = &server.client_memory;
        if memory.total_bytes < limit || memory.in_vain_ms == Some(now_ms) {
            return Vec::new();
        }
        server.evict_down_to(limit, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::client::{ClientFlags, ClientId};
    use crate::engine::machine::Flow;
    use crate::engine::traffic::Traffic;
    use crate::testing::TestEngine;

    fn is_open(t: &TestEngine, id: ClientId) -> bool {
        let client = t.engine.server.clients.get(id).expect("connected");
        !client.flags.contains(ClientFlags::CLOSE_NOW)
    }

    /// A client whose command has arrived in part.
    fn fill(t: &mut TestEngine, id: ClientId, bytes: usize) {
        let traffic = Traffic {
            query_buffer_bytes: bytes,
            input_capacity_bytes: bytes,
            ..Traffic::default()
        };
        assert_eq!(t.engine.note_traffic(id, traffic, t.now_ms), None);
    }

    fn evicted(t: &TestEngine) -> u64 {
        t.engine.server.stats.evicted_clients
    }

    #[test]
    fn the_largest_go_until_the_others_fit() {
        let mut t = TestEngine::new();
        t.run("config set maxmemory-clients 1mb");
        let [small, large, larger] = [100_000, 600_000, 700_000].map(|bytes| {
            let id = t.connect();
            fill(&mut t, id, bytes);
            id
        });
        assert!(is_open(&t, larger), "nobody goes before the next look");
        let lines = t.engine.evict_clients(t.now_ms);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("Evicting client: id=4 "), "{lines:?}");
        let open = [small, large, larger].map(|id| is_open(&t, id));
        assert_eq!(open, [true, true, false]);
        assert_eq!(evicted(&t), 1);
        assert!(t.engine.take_wakeups().contains(&larger));
        let flow = t.engine.take_output(larger, &mut Vec::new());
        assert_eq!(flow, Flow::Close);
        // A lower limit holds from the next command on, whoever sends it.
        t.run("config set maxmemory-clients 200kb");
        t.run("ping");
        assert_eq!([small, large].map(|id| is_open(&t, id)), [true, false]);
        assert_eq!(evicted(&t), 2);
        t.run("config resetstat");
        assert_eq!(evicted(&t), 0);
    }

    #[test]
    fn who_must_not_go_counts_all_the_same() {
        let mut t = TestEngine::new();
        t.run("config set maxmemory-clients 1");
        t.run("client no-evict on");
        let kept = t.connect();
        t.run_as(kept, "client no-evict on");
        fill(&mut t, kept, 100_000);
        let other = t.connect();
        fill(&mut t, other, 10_000);
        assert!(is_open(&t, other), "131072 is the lowest limit");
        assert_eq!(t.engine.evict_clients(t.now_ms), Vec::<String>::new());
        fill(&mut t, kept, 200_000);
        let lines = t.engine.evict_clients(t.now_ms);
        let said = lines.iter().map(|line| line.split(": ").next());
        let said: Vec<&str> = said.flatten().collect();
        let over = "Over client maxmemory after evicting all evictable clients";
        assert_eq!(said, ["Evicting client", over]);
        assert_eq!([kept, other].map(|id| is_open(&t, id)), [true, false]);
        t.now_ms += 1;
        assert_eq!(t.engine.evict_clients(t.now_ms), Vec::<String>::new());
        t.engine.disconnect(kept);
        let late = t.connect();
        t.now_ms += 1;
        t.run_as(late, "ping");
        assert!(is_open(&t, late), "who has gone takes nothing");
    }

    #[test]
    fn its_own_command_may_be_too_much_for_a_client() {
        let mut t = TestEngine::new();
        t.run("config set maxmemory-clients 150kb");
        let client = t.connect();
        t.run_as(client, "multi");
        let line = format!("set k {}", "v".repeat(60_000));
        let queued = [(); 4].map(|()| t.run_as(client, &line));
        assert_eq!(queued[0], "+QUEUED");
        assert_eq!(queued[3], "");
        assert!(!is_open(&t, client));
        assert_eq!(t.run("exists k"), ":0");
    }

    #[test]
    fn links_to_other_servers_do_not_count() {
        let mut t = TestEngine::new();
        t.run("config set maxmemory-clients 200kb");
        let replica = t.connect_as(ClientFlags::REPLICA);
        fill(&mut t, replica, 500_000);
        assert_eq!(t.run("ping"), "+PONG");
        assert!(is_open(&t, replica));
        // Without a limit nobody counts, and with one all do again.
        t.run("config set maxmemory-clients 0");
        let other = t.connect();
        fill(&mut t, other, 500_000);
        t.run("ping");
        assert!(is_open(&t, other));
        t.run("config set maxmemory-clients 50%");
        t.run("ping");
        assert!(is_open(&t, other), "a share of no maxmemory is no limit");
        t.run("config set maxmemory-clients 200kb");
        t.run("ping");
        assert!(!is_open(&t, other));
        assert_eq!(evicted(&t), 1);
    }
}
