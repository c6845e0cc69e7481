//! Clients that wait: served when a key becomes ready, and answered when their
//! time is over.

use super::acknowledged::reached;
use super::client::{Blocked, ClientId};
use super::key_waits::KeyWait;
use super::machine::Engine;
use super::redirect;
use super::server::Server;
use crate::command::Flags;
use crate::seams::Host;

/// What a client whose wait is cut short by a change of role is told.
const ROLE_CHANGED: &str = "UNBLOCKED force unblock from blocking operation, instance state \
                            changed (master -> replica?)";

impl Engine {
    /// Serves those who wait for keys that have become ready, in the order in
    /// which the keys did and then in which the clients came. What they do may
    /// make further keys ready. A key that has expired serves nobody, and stays
    /// until somebody asks for it: the stream has no DEL on account of who waits.
    pub(super) fn serve_ready(&mut self, now_ms: i64, host: &mut dyn Host) {
        while let Some(((db, key), waiting)) = self.server.key_waits.take_ready() {
            for id in waiting {
                let client = self.server.clients.get(id);
                let wait = client.and_then(|client| client.blocked.as_ref());
                let Some(Blocked::Keys(wait)) = wait else {
                    continue;
                };
                let here = wait.db == db && wait.keys.iter().any(|held| **held == *key);
                if here && wait.awaited.is_met_by(self.live_type(db, &key, now_ms)) {
                    self.retry(id, now_ms, host);
                }
            }
        }
    }

    fn live_type(&self, db: usize, key: &[u8], now_ms: i64) -> Option<&'static str> {
        let entry = self.keyspace.find(db, key)?;
        let expired = entry.expire_ms().is_some_and(|at| at <= now_ms);
        (!expired).then(|| entry.value().type_name())
    }

    /// Runs the command of a client that waits once more.
    fn retry(&mut self, id: ClientId, now_ms: i64, host: &mut dyn Host) {
        let Some(mut client) = self.server.clients.take(id) else {
            return;
        };
        if let Some(Blocked::Keys(wait)) = client.stop_waiting(&mut self.server.key_waits) {
            let wait: KeyWait = *wait;
            let args: Vec<&[u8]> = wait.command.iter().map(Vec::as_slice).collect();
            client.retrying = Some((wait.ticket, wait.deadline_ms));
            self.perform(&mut client, &args, now_ms, host);
            client.retrying = None;
            if client.blocked.is_none() {
                self.server.clients.wake(id);
            }
        }
        self.server.clients.put_back(client);
    }

    /// Answers those whose time is over, and ends the pauses and the failover whose
    /// time is.
    pub fn expire_waits(&mut self, now_ms: i64, host: &mut dyn Host) {
        self.step_failover(now_ms, host);
        self.end_pauses(now_ms, host);
        self.server.expire_held(now_ms);
        while let Some(id) = self.server.key_waits.first_due(now_ms) {
            self.server.give_up(id);
        }
    }

    /// When `expire_waits` has something to do next, unix milliseconds: a driver
    /// that sleeps longer answers late.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let waits = self.server.key_waits.next_deadline_ms();
        waits
            .into_iter()
            .chain(self.server.held.next_deadline_ms())
            .chain(self.server.pauses.next_end_ms())
            .chain(self.server.failover.until_ms())
            .min()
    }
}

impl Server {
    /// Answers a client that waits as if its time were over. False where it does
    /// not wait, or for what no time ends.
    pub(crate) fn give_up(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(id) else {
            return false;
        };
        let start = client.reply.len();
        match client.blocked {
            Some(Blocked::Keys(_)) => client.reply.null_array(),
            Some(Blocked::Wait { awaited, .. }) => {
                reached(awaited, &self.replication, &self.append_only).reply_to(&mut client.reply);
            }
            Some(Blocked::Host) | None => return false,
        }
        client.hush(start);
        self.end_wait(id, false);
        true
    }

    /// Ends a client's wait with an error. False where it does not wait, or for
    /// what only the host can end.
    pub(crate) fn break_off(&mut self, id: ClientId, error: &str) -> bool {
        let Some(client) = self.clients.get_mut(id) else {
            return false;
        };
        if !matches!(
            client.blocked,
            Some(Blocked::Keys(_) | Blocked::Wait { .. })
        ) {
            return false;
        }
        let start = client.reply.len();
        client.reply.error(error);
        client.hush(start);
        self.stats
            .count_error(error.split(' ').next().unwrap_or(error));
        self.end_wait(id, true);
        true
    }

    pub(super) fn end_wait(&mut self, id: ClientId, failed: bool) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.stop_waiting(&mut self.key_waits);
        client.silent_wait = false;
        let name = client.last_command;
        self.waiting.retain(|waiting| *waiting != id);
        self.clients.wake(id);
        // A command that waited counts once, when it is answered.
        self.stats.commands_processed += 1;
        if let Some(index) = self.table.index_of(name) {
            let stats = &mut self.command_stats[index];
            stats.calls += 1;
            stats.failed_calls += u64::from(failed);
        }
    }

    /// What a client is told that waits for a key and goes to the primary for it.
    fn redirection_of(&self, id: ClientId) -> Option<String> {
        let client = self.clients.get(id)?;
        let Some(Blocked::Keys(wait)) = &client.blocked else {
            return None;
        };
        let args: Vec<&[u8]> = wait.command.iter().map(Vec::as_slice).collect();
        let found = self.table.resolve(&args)?;
        let writes = found.spec.flags.contains(Flags::WRITE);
        redirect::redirection(client, &self.replication, writes)
    }

    /// This node follows another from here on: what its clients wait for will
    /// not happen here.
    pub(crate) fn break_off_all(&mut self) {
        let waits = |blocked: &Blocked| matches!(blocked, Blocked::Keys(_) | Blocked::Wait { .. });
        let waiting = self.clients.iter();
        let waiting = waiting.filter(|client| client.blocked.as_ref().is_some_and(waits));
        let waiting: Vec<ClientId> = waiting.map(|client| client.id).collect();
        for id in waiting {
            if let Some(error) = self.redirection_of(id) {
                self.break_off(id, &error);
                continue;
            }
            self.break_off(id, ROLE_CHANGED);
            if let Some(client) = self.clients.get_mut(id) {
                client
                    .flags
                    .insert(super::client::ClientFlags::CLOSE_AFTER_REPLY);
            }
        }
        self.settle_all_held();
    }
}
