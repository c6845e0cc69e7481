//! The engine itself: what a driver calls.

use core::time::Duration;

use super::acknowledged::LOG_IS_OFF;
use super::append_only::AppendOnly;
use super::buffers::ReplyBufferPolicy;
use super::client::{Blocked, Client, ClientFlags, ClientId, Peer};
use super::client_memory::ClientMemory;
use super::clients::Clients;
use super::dispatch;
use super::effects::{Effects, NotifyClass};
use super::failover::Failover;
use super::held::HeldClients;
use super::key_view::KeyView;
use super::key_waits::KeyWaits;
use super::latency::LatencyMonitor;
use super::migration::Migrations;
use super::pause::Pauses;
use super::persistence::Persistence;
use super::pubsub::PubSub;
use super::replication::Replication;
use super::rng::Rng;
use super::server::Server;
use super::shutdown::Shutdown;
use super::slow_log::SlowLog;
use super::stats::{CommandStats, KeyStats, Stats};
use super::stream_log::StreamLog;
use super::tracking::Tracking;
use super::watch::{KeyState, Watches};
use crate::command::Ctx;
use crate::command::table::CommandTable;
use crate::config::Config;
use crate::keyspace::{Garbage, HashSeed, Keyspace};
use crate::offset::ReplicationId;
use crate::resp::RequestLimits;
use crate::resp::reply::Reply;
use crate::seams::Host;

/// What an engine starts from. All randomness it will ever use is in here.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The seed of all tables.
    pub hash_seed: HashSeed,
    /// The seed of all random choices.
    pub rng_seed: u64,
    /// The id of this run.
    pub run_id: ReplicationId,
    /// The id of the history that starts here.
    pub replid: ReplicationId,
    /// Now, unix ms.
    pub now_ms: i64,
    /// The directives.
    pub config: Config,
}

/// Whether the driver goes on with a client's next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Wait until the client is woken.
    Blocked,
    /// The connection becomes a replica's link: `Client::sync_request` says how.
    Attach,
    /// Write what is there and close.
    Close,
}

/// See the module's comment.
pub struct Engine {
    /// The dataset.
    pub keyspace: Keyspace,
    /// Everything else that clients share.
    pub server: Server,
    pub(super) key_stats: KeyStats,
    pub(super) effects: Effects,
}

impl Engine {
    /// An empty engine.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        let table = CommandTable::new();
        let command_stats = vec![CommandStats::default(); table.rows().len()];
        Self {
            keyspace: Keyspace::new(options.config.databases, options.hash_seed),
            key_stats: KeyStats::default(),
            effects: Effects::default(),
            server: Server {
                config: options.config,
                table,
                stats: Stats::default(),
                command_stats,
                clients: Clients::default(),
                client_memory: ClientMemory::default(),
                pubsub: PubSub::default(),
                watches: Watches::default(),
                replication: Replication::new(options.replid),
                persistence: Persistence::new(options.now_ms),
                append_only: AppendOnly::default(),
                log: StreamLog::default(),
                rng: Rng::new(options.rng_seed),
                run_id: options.run_id,
                started_ms: options.now_ms,
                active_expire: true,
                cron_paused: false,
                payload_checksums: true,
                expire_db: 0,
                value_codec: None,
                reload_wanted: None,
                tracking: Tracking::default(),
                key_waits: KeyWaits::default(),
                migrations: Migrations::default(),
                pauses: Pauses::default(),
                failover: Failover::default(),
                shutdown: Shutdown::default(),
                slow_log: SlowLog::default(),
                latency: LatencyMonitor::default(),
                reply_buffer_policy: ReplyBufferPolicy::default(),
                monitors: Vec::new(),
                waiting: Vec::new(),
                held: HeldClients::default(),
                clock_ns: 0,
                batch_first_command: 0,
            },
        }
    }

    /// Counters of look-ups.
    #[must_use]
    pub const fn key_stats(&self) -> &KeyStats {
        &self.key_stats
    }

    /// Adds a client.
    pub fn connect(&mut self, peer: Peer, now_ms: i64) -> ClientId {
        self.server.stats.connections_received += 1;
        let id = self.server.clients.add(peer, now_ms);
        let open = self.server.config.requirepass.is_empty();
        if let Some(client) = self.server.clients.get_mut(id) {
            // A password that is set later concerns only those who come later.
            client.authenticated = open;
        }
        id
    }

    /// Forgets a client, with its subscriptions, watches and transaction.
    pub fn disconnect(&mut self, id: ClientId) {
        let Some(mut client) = self.server.clients.remove(id) else {
            return;
        };
        self.server.client_memory.forget(&mut client);
        self.server.watches.unwatch_all(&mut client);
        client.stop_waiting(&mut self.server.key_waits);
        self.server.tracking.disable(&mut client);
        self.server.waiting.retain(|waiting| *waiting != id);
        self.server.held.forget(&client);
        self.server.pauses.forget(id);
        self.server.stop_monitoring(id);
        self.server.pubsub.forget(&mut client);
    }

    /// Starts a batch: the host's clock is read once, then once a command.
    pub fn begin_batch(&mut self, host: &dyn Host) {
        self.server.clock_ns = host.monotonic_ns();
        self.server.stats.batches += 1;
        self.keyspace.usage.policy = self.server.config.usage;
        self.server.batch_first_command = self.server.stats.commands_processed;
    }

    /// Ends a batch: the stream's bytes go to the sinks.
    pub fn end_batch(&mut self) {
        let first = self.server.batch_first_command;
        let stats = &mut self.server.stats;
        // CONFIG RESETSTAT in the batch sets the counter back behind its start.
        let commands = stats.commands_processed.saturating_sub(first);
        stats.batch_commands_max = stats.batch_commands_max.max(commands);
        let server = &mut self.server;
        server.tracking.broadcast(&mut server.clients);
        self.server.ask_for_acks();
        if self.server.log.flush() {
            self.server.replication.backlog = self.server.log.backlog();
        }
    }

    /// Runs one command of a client.
    pub fn execute(
        &mut self,
        id: ClientId,
        args: &[&[u8]],
        now_ms: i64,
        host: &mut dyn Host,
    ) -> Flow {
        self.end_pauses(now_ms, host);
        for line in self.evict_clients(now_ms) {
            host.log(&line);
        }
        let Some(mut client) = self.server.clients.take(id) else {
            return Flow::Close;
        };
        if client.flags.contains(ClientFlags::CLOSE_NOW) {
            // It was killed while its commands were on their way.
            self.server.clients.put_back(client);
            return Flow::Close;
        }
        client.last_active_ms = now_ms;
        client.commands += 1;
        let started_ns = self.server.clock_ns;
        self.perform(&mut client, args, now_ms, host);
        let flow = flow_of(&client);
        self.server.client_memory.count(&mut client);
        self.server.clients.put_back(client);
        if !self.server.key_waits.is_empty() {
            // The command may have taken long enough for a key to expire meanwhile.
            let took_ms = self.server.clock_ns.saturating_sub(started_ns) / 1_000_000;
            self.serve_ready(now_ms.saturating_add_unsigned(took_ms), host);
        }
        self.step_failover(now_ms, host);
        self.end_pauses(now_ms, host);
        flow
    }

    /// Runs one command as a unit of its own; the reply goes to the client.
    pub(super) fn perform(
        &mut self,
        client: &mut Client,
        args: &[&[u8]],
        now_ms: i64,
        host: &mut dyn Host,
    ) {
        self.start_unit();
        let primary = client.is_primary();
        if primary {
            self.effects.start_unit(NotifyClass::empty(), false);
            self.server.log.expect_verbatim(args);
        }
        self.server.bound_tracking(client);
        let asked = self.server.durability_of(client);
        let start = client.reply.len();
        let mut reply = std::mem::take(&mut client.reply);
        self.run(client, &mut reply, args, now_ms, host);
        // A command that waited is as silent when it is run again.
        let hushed = std::mem::take(&mut client.silent_wait);
        let silent = primary || (client.postponed.is_none() && skips_reply(client)) || hushed;
        client.silent_wait = silent && client.blocked.is_some();
        if silent {
            // What a silent client hears of keys is no reply.
            reply.truncate(start);
        }
        let (end, logged_before) = (reply.len(), self.server.log.offset());
        let changed = self.end_unit(client, &mut reply);
        let logged = self.server.log.offset() != logged_before;
        if client.postponed.is_none() {
            client.end_caching_exception();
        }
        client.reply = reply;
        let held = changed && !primary && self.hold_reply(client, start..end, asked, now_ms);
        if logged {
            client.wrote_up_to(self.server.log.offset(), held && asked.local_fsync);
        }
        if !client.held.is_empty() {
            self.server.settle_held(client, Some(now_ms));
        }
        client.deliver_pushes();
        if let Some(options) = self.server.reload_wanted.take() {
            let result = host.reload(self, options);
            match result {
                _ if silent => {}
                Ok(()) => client.reply.ok(),
                Err(error) => client.reply.error(error),
            }
        }
    }

    fn run(
        &mut self,
        client: &mut Client,
        reply: &mut Reply,
        args: &[&[u8]],
        now_ms: i64,
        host: &mut dyn Host,
    ) {
        let expiry = self.server.expiry_for(client);
        let mut keys = KeyView::new(
            &mut self.keyspace,
            &mut self.key_stats,
            client.db,
            now_ms,
            expiry,
        );
        if self.server.replication.is_replica() && !client.is_primary() {
            keys.own_expiries();
        }
        keys.set_touching(!client.flags.contains(ClientFlags::NO_TOUCH));
        keys.note_for(&self.effects);
        let mut ctx = Ctx {
            keys,
            reply,
            effects: &mut self.effects,
            client,
            server: &mut self.server,
            host,
            in_exec: false,
        };
        dispatch::run(&mut ctx, args);
    }

    pub(super) fn start_unit(&mut self) {
        let log = &self.server.log;
        // What no stream takes ends the history, so nobody asks what came after it.
        let version = log.offset().0 + u64::from(log.is_active());
        self.keyspace.begin_unit(version);
        self.keyspace.usage.policy = self.server.config.usage;
        self.watch_changes();
        let listening = !self.server.pubsub.is_idle();
        let wanted = if listening {
            self.server.config.notify_keyspace_events
        } else {
            NotifyClass::empty()
        };
        // A writable replica's own writes stay out of its primary's stream.
        let logged = self.server.log.is_active() && !self.server.replication.is_replica();
        self.effects.start_unit(wanted, logged);
    }

    /// Has the keyspace note which keys change, where somebody wants to know.
    pub(super) fn watch_changes(&mut self) {
        let server = &self.server;
        let watched = !server.watches.is_empty()
            || !server.key_waits.is_empty()
            || !server.migrations.is_empty()
            || !server.tracking.is_idle();
        self.keyspace.set_watched(watched);
    }

    /// Ends a unit; true where it changed the dataset.
    pub(super) fn end_unit(&mut self, client: &mut Client, reply: &mut Reply) -> bool {
        let changes = self.effects.end_unit();
        self.server.persistence.changes += changes;
        if changes > 0 && !client.is_primary() {
            self.note_unrecorded();
        }
        if self.effects.is_apart() {
            self.log_apart();
        } else if self.effects.has_propagated() {
            self.server.log.write_unit(self.effects.take_propagated());
        }
        if self.effects.has_events() {
            self.deliver_events(client.id, reply);
        }
        self.settle_touched(Some(client));
        changes > 0
    }

    /// A change was made here. Where no stream took it, what this node holds is
    /// no longer what its history says.
    const fn note_unrecorded(&mut self) {
        let server = &mut self.server;
        let recorded = server.log.is_active() && !server.replication.is_replica();
        server.replication.diverged |= !recorded;
    }

    fn log_apart(&mut self) {
        for command in self.effects.take_propagated() {
            self.server.log.write_unit(vec![command]);
        }
    }

    /// Ends a unit of independent removals: each is a unit of its own in the stream.
    pub(super) fn end_unit_singly(&mut self) {
        self.effects.end_unit();
        self.note_unrecorded();
        self.log_apart();
        let mut nobody = Reply::default();
        let nobody_id = ClientId {
            slot: u32::MAX,
            id: 0,
        };
        self.deliver_events(nobody_id, &mut nobody);
        self.invalidate_touched();
        self.settle_touched(None);
    }

    /// Tells those who keep copies of what changed; commands have told them already.
    pub(super) fn invalidate_touched(&mut self) {
        let server = &mut self.server;
        for (_, key) in self.keyspace.touched_since(0) {
            server.tracking.changed(&mut server.clients, None, key);
        }
    }

    /// Fails the transactions of those who watch what changed, and notes the keys
    /// for those who wait for one; `own` is the client whose command did it.
    pub(super) fn settle_touched(&mut self, mut own: Option<&mut Client>) {
        for (db, key) in self.keyspace.take_touched() {
            let after = match self.keyspace.find(db, &key) {
                Some(_) => KeyState::Live,
                None => KeyState::Absent,
            };
            let server = &mut self.server;
            let own = own.as_deref_mut();
            server
                .watches
                .changed(&mut server.clients, own, (db, &key), after);
            server.migrations.note_change(db, &key);
            server.key_waits.note((db, key));
        }
    }

    fn deliver_events(&mut self, own: ClientId, reply: &mut Reply) {
        let wanted = self.server.config.notify_keyspace_events;
        for event in self.effects.take_events() {
            let server = &mut self.server;
            if wanted.contains(NotifyClass::KEYSPACE) {
                let mut channel = format!("__keyspace@{}__:", event.db).into_bytes();
                channel.extend_from_slice(&event.key);
                let name = event.name.as_bytes();
                server
                    .pubsub
                    .publish(&mut server.clients, (own, reply), &channel, name);
            }
            if wanted.contains(NotifyClass::KEYEVENT) {
                let channel = format!("__keyevent@{}__:{}", event.db, event.name);
                server.pubsub.publish(
                    &mut server.clients,
                    (own, reply),
                    channel.as_bytes(),
                    &event.key,
                );
            }
        }
    }

    /// Moves a client's output into `out`, and answers whether it is to be closed.
    pub fn take_output(&mut self, id: ClientId, out: &mut Vec<u8>) -> Flow {
        let Some(client) = self.server.clients.get_mut(id) else {
            return Flow::Close;
        };
        if client.flags.contains(ClientFlags::CLOSE_NOW) {
            // Nobody waits until a peer that may never read has read it all.
            out.clear();
            return Flow::Close;
        }
        let taken = if !client.held.is_empty() {
            client.held.take(&mut client.reply, out)
        } else if out.is_empty() {
            *out = client.reply.swap_buffer(std::mem::take(out));
            out.len()
        } else {
            out.extend_from_slice(client.reply.as_bytes());
            let taken = client.reply.len();
            client.reply.clear();
            taken
        };
        client.net_out += taken as u64;
        self.server.stats.net_output_bytes += taken as u64;
        flow_of(client)
    }

    /// The bounds on what a client may send next.
    #[must_use]
    pub fn request_limits(&self, id: ClientId) -> RequestLimits {
        let client = self.server.clients.get(id);
        let open = self.server.config.requirepass.is_empty();
        RequestLimits {
            max_bulk_bytes: self.server.config.proto_max_bulk_len,
            authenticated: open || client.is_some_and(|client| client.authenticated),
        }
    }

    /// Answers a request that cannot be understood, and ends the connection.
    pub fn protocol_error(&mut self, id: ClientId, message: &[u8]) {
        self.server.stats.error_replies += 1;
        if let Some(client) = self.server.clients.get_mut(id) {
            client.reply.error(message);
            client.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
        }
    }

    /// Clients with output, unblocked or to be closed since the last call.
    pub fn take_wakeups(&mut self) -> Vec<ClientId> {
        self.server.clients.take_wakeups()
    }

    /// What is dear to drop; the driver drops it where it delays nobody.
    pub fn take_garbage(&mut self) -> Vec<Garbage> {
        let garbage = self.keyspace.take_garbage();
        let objects = garbage.iter().map(Garbage::objects);
        self.server.stats.lazyfreed_objects += objects.sum::<u64>();
        garbage
    }

    /// Answers a client that waits for the host, and lets it go on.
    pub fn answer(&mut self, id: ClientId, write: impl FnOnce(&mut Reply)) {
        let Some(client) = self.server.clients.get_mut(id) else {
            return;
        };
        let start = client.reply.len();
        write(&mut client.reply);
        if !matches!(client.blocked, Some(Blocked::Host)) {
            client.stop_waiting(&mut self.server.key_waits);
            return self.server.clients.wake(id);
        }
        let code = error_code(&client.reply.as_bytes()[start..]);
        client.hush(start);
        if let Some(code) = &code {
            self.server.stats.count_error(code);
        }
        self.server.note_host_wait(id);
        self.server.end_wait(id, code.is_some());
    }

    /// Lets time pass; called about ten times a second (`hz`). Where more has
    /// expired than a moment is enough for, it answers how long to rest before
    /// [`Engine::expire_turn`] goes on with it.
    pub fn tick(&mut self, now_ms: i64, host: &mut dyn Host) -> Option<Duration> {
        self.begin_batch(host);
        self.end_pauses(now_ms, host);
        let paused = self.server.cron_paused;
        let expires_on = (!paused).then(|| self.expire_turn(now_ms, host)).flatten();
        self.expire_waits(now_ms, host);
        self.serve_ready(now_ms, host);
        if !paused {
            self.tidy(now_ms);
        }
        self.end_batch();
        let at = self.server.log.offset();
        self.server.replication.times.note(at, now_ms);
        expires_on
    }

    /// What nobody waits for.
    fn tidy(&mut self, now_ms: i64) {
        self.close_idle(now_ms);
        self.fit_buffers(now_ms);
        let server = &mut self.server;
        let keys_max = server.config.tracking_table_max_keys;
        (server.tracking).shrink(&mut server.clients, None, keys_max);
        self.sample_rates(now_ms);
    }

    /// Answers the WAITs and WAITAOFs that are satisfied, and lets replies go that waited
    /// for the same.
    pub fn check_waits(&mut self) {
        self.server.settle_all_held();
        let waiting = std::mem::take(&mut self.server.waiting);
        for id in waiting {
            let client = self.server.clients.get(id);
            let blocked = client.and_then(|client| client.blocked.as_ref());
            let Some(&Blocked::Wait { awaited, .. }) = blocked else {
                continue;
            };
            if self.server.waits_in_vain(awaited) {
                self.server.break_off(id, LOG_IS_OFF);
            } else if self.server.has_reached(awaited) {
                self.server.give_up(id);
            } else {
                self.server.waiting.push(id);
            }
        }
    }

    /// Closes clients that sent nothing for `timeout` seconds. Subscribers,
    /// replicas, our primary and those who wait for an answer are not idle.
    fn close_idle(&mut self, now_ms: i64) {
        let timeout_ms = i64::from(self.server.config.timeout_s) * 1000;
        if timeout_ms == 0 {
            return;
        }
        let busy = ClientFlags::PRIMARY | ClientFlags::REPLICA;
        let idle = |client: &&mut Client| {
            now_ms - client.last_active_ms > timeout_ms
                && !client.flags.intersects(busy)
                && !client.is_waiting()
                && !client.held.is_waiting()
                && client.subscriptions() == 0
        };
        let mut closed = Vec::new();
        for client in self.server.clients.iter_mut().filter(idle) {
            client.flags.insert(ClientFlags::CLOSE_NOW);
            closed.push(client.id);
        }
        for id in closed {
            self.server.clients.wake(id);
        }
    }

    fn sample_rates(&mut self, now_ms: i64) {
        let stats = &mut self.server.stats;
        stats
            .rates
            .commands
            .sample(stats.commands_processed, now_ms);
        stats.rates.net_input.sample(stats.net_input_bytes, now_ms);
        stats
            .rates
            .net_output
            .sample(stats.net_output_bytes, now_ms);
        stats
            .rates
            .repl_input
            .sample(stats.repl_input_bytes, now_ms);
        stats
            .rates
            .repl_output
            .sample(stats.repl_output_bytes, now_ms);
        stats.rates.batches.sample(stats.batches, now_ms);
        stats
            .rates
            .lock_usec
            .sample(stats.lock_held_ns / 1000, now_ms);
    }
}

/// The code of a reply, where it is an error.
fn error_code(reply: &[u8]) -> Option<String> {
    let text = reply.strip_prefix(b"-")?;
    let end = text.iter().position(u8::is_ascii_whitespace);
    let code = &text[..end.unwrap_or(text.len())];
    Some(String::from_utf8_lossy(code).into_owned())
}

fn skips_reply(client: &mut Client) -> bool {
    let skips = client.skips_replies();
    client.flags.remove(ClientFlags::REPLY_SKIP);
    if client.flags.contains(ClientFlags::REPLY_SKIP_NEXT) {
        client.flags.remove(ClientFlags::REPLY_SKIP_NEXT);
        client.flags.insert(ClientFlags::REPLY_SKIP);
    }
    skips
}

fn flow_of(client: &Client) -> Flow {
    let leaves = client.flags.contains(ClientFlags::CLOSE_AFTER_REPLY);
    let leaves = leaves || client.sync_request.is_some();
    if client.flags.contains(ClientFlags::CLOSE_NOW) || client.cut_short {
        Flow::Close
    } else if client.held.is_full(client.reply.len()) || (leaves && client.held.is_waiting()) {
        // What waits is still to be sent.
        Flow::Blocked
    } else if client.flags.contains(ClientFlags::CLOSE_AFTER_REPLY) {
        Flow::Close
    } else if client.sync_request.is_some() {
        Flow::Attach
    } else if client.is_waiting() {
        Flow::Blocked
    } else {
        Flow::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestEngine;

    #[test]
    fn idle_clients_are_closed_and_subscribers_are_not() {
        let mut t = TestEngine::new();
        let loaded = t.engine.server.config.load(b"timeout", &[b"5"]);
        loaded.expect("a directive and its value");
        let listener = t.connect();
        let client = t.engine.server.clients.get_mut(listener);
        client.expect("connected").channels.insert(b"news".to_vec());
        t.now_ms += 5_000;
        t.tick();
        assert_eq!(t.engine.take_wakeups(), []);
        t.now_ms += 1;
        t.tick();
        assert_eq!(t.engine.take_wakeups(), [t.id]);
        assert_eq!(t.engine.take_output(t.id, &mut Vec::new()), Flow::Close);
    }
}
