//! A shutdown on its way: who waits for it, how long it waits for replicas, and
//! whether it still stands.
//!
//! ```text
//!   begun ─► waits for replicas, writers paused ─► the host saves and ends the process
//!     │                  └─ SHUTDOWN ABORT ─┐                 └─ saving fails ─┐
//!     └─────────────────────────────────────┴─► called off: who waits is told ◄┘
//! ```

use super::client::ClientId;
use super::machine::Engine;
use super::pause::{NO_END_MS, PauseMode, PauseReason};
use super::server::Server;
use crate::offset::Offset;
use crate::seams::host::ShutdownOptions;

const FAILED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// Names one shutdown, so that a driver can tell whether its own still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownTicket(u64);

#[derive(Clone, Copy, Debug)]
struct Running {
    ticket: ShutdownTicket,
    /// The offset that replicas should have, and until when that is waited for.
    waits: Option<(Offset, i64)>,
}

/// See the module's comment.
#[derive(Debug, Default)]
pub struct Shutdown {
    running: Option<Running>,
    waiting: Vec<ClientId>,
    begun: u64,
}

/// What the driver of a shutdown does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownStep {
    /// Look again soon.
    Wait,
    /// Save and end; so many of all replicas lag behind.
    Proceed {
        /// Replicas that have not acknowledged what they should have.
        lagging: usize,
        /// All replicas.
        replicas: usize,
    },
    /// It was called off.
    Stop,
}

impl Shutdown {
    /// How long it still waits for replicas, milliseconds; none where it does not.
    #[must_use]
    pub fn waits_ms(&self, now_ms: i64) -> Option<i64> {
        let (_, until_ms) = self.running?.waits?;
        Some((until_ms - now_ms).max(0))
    }

    /// True from its beginning until it is called off.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }
}

impl Server {
    /// Begins a shutdown, in which writers pause where replicas lag behind. None
    /// where one is on its way; the client waits for that one then.
    pub fn begin_shutdown(
        &mut self,
        client: Option<ClientId>,
        options: ShutdownOptions,
        now_ms: i64,
    ) -> Option<ShutdownTicket> {
        self.shutdown.waiting.extend(client);
        if self.shutdown.is_running() {
            return None;
        }
        self.shutdown.begun += 1;
        let ticket = ShutdownTicket(self.shutdown.begun);
        let timeout_ms = i64::from(self.config.shutdown.timeout_s) * 1000;
        let target = self.log.offset();
        let lags = self.replication.acknowledged(target) < self.replication.replicas.len();
        let waits = lags && !options.now && timeout_ms > 0;
        if waits {
            self.pauses
                .begin(PauseReason::Shutdown, PauseMode::Writes, NO_END_MS);
            self.ask_for_acks_now();
        }
        self.shutdown.running = Some(Running {
            ticket,
            waits: waits.then_some((target, now_ms + timeout_ms)),
        });
        Some(ticket)
    }

    /// What comes next in the shutdown of this ticket.
    pub fn shutdown_step(&mut self, ticket: ShutdownTicket, now_ms: i64) -> ShutdownStep {
        let of_ticket = |running: &&mut Running| running.ticket == ticket;
        let Some(running) = self.shutdown.running.as_mut().filter(of_ticket) else {
            return ShutdownStep::Stop;
        };
        let replicas = self.replication.replicas.len();
        let target = running
            .waits
            .map_or(self.log.offset(), |(target, _)| target);
        let lagging = replicas.saturating_sub(self.replication.acknowledged(target));
        match running.waits {
            Some((_, until_ms)) if lagging > 0 && now_ms < until_ms => ShutdownStep::Wait,
            _ => {
                running.waits = None;
                ShutdownStep::Proceed { lagging, replicas }
            }
        }
    }

    /// Calls a shutdown off: writers go on, and who waits for it is told that it
    /// failed. False where there is none.
    pub fn call_off_shutdown(&mut self) -> bool {
        if self.shutdown.running.take().is_none() {
            return false;
        }
        self.pauses.end(PauseReason::Shutdown);
        for id in std::mem::take(&mut self.shutdown.waiting) {
            if let Some(client) = self.clients.get_mut(id) {
                let start = client.reply.len();
                client.reply.error(FAILED);
                client.hush(start);
                client.silent_wait = false;
                client.blocked = None;
                self.clients.wake(id);
            }
        }
        true
    }
}

impl Engine {
    /// As [`Server::call_off_shutdown`], for what is no command: what the pause
    /// held back runs.
    pub fn fail_shutdown(&mut self, now_ms: i64, host: &mut dyn crate::seams::Host) {
        self.server.call_off_shutdown();
        self.end_pauses(now_ms, host);
    }
}

#[cfg(test)]
mod tests {
    use super::{ShutdownStep, ShutdownTicket};
    use crate::seams::host::ShutdownOptions;
    use crate::testing::{TestEngine, replica};

    fn begin(t: &mut TestEngine, now: bool) -> ShutdownTicket {
        let options = ShutdownOptions {
            now,
            ..ShutdownOptions::default()
        };
        let begun = t.engine.server.begin_shutdown(None, options, t.now_ms);
        begun.expect("none is on its way")
    }

    fn step(t: &mut TestEngine, ticket: ShutdownTicket) -> ShutdownStep {
        t.engine.server.shutdown_step(ticket, t.now_ms)
    }

    fn with_lagging_replica() -> TestEngine {
        let mut t = TestEngine::new();
        t.engine.server.replication.replicas.push(replica(99));
        t.run("set k 1");
        t
    }

    #[test]
    fn who_wants_no_reply_gets_none_when_it_fails() {
        for (silence, failed) in [
            ("client reply off", ""),
            ("client reply skip", ""),
            ("ping", "-ERR Errors trying to SHUTDOWN. Check logs."),
        ] {
            let mut t = TestEngine::new();
            begin(&mut t, true);
            let id = t.connect();
            t.run_as(id, silence);
            assert_eq!(t.run_as(id, "shutdown"), "", "it waits with the first");
            t.engine.fail_shutdown(t.now_ms, &mut t.host);
            assert_eq!(t.output(id), failed, "{silence}");
            assert_eq!(t.run_as(id, "client reply on"), "+OK", "{silence}");
        }
    }

    const ONE_LAGS: ShutdownStep = ShutdownStep::Proceed {
        lagging: 1,
        replicas: 1,
    };

    #[test]
    fn without_replicas_nothing_is_waited_for() {
        let mut t = TestEngine::new();
        let ticket = begin(&mut t, false);
        let nobody = ShutdownStep::Proceed {
            lagging: 0,
            replicas: 0,
        };
        assert_eq!(step(&mut t, ticket), nobody);
        assert_eq!(t.run("set k 1"), "+OK", "nothing is paused");
    }

    #[test]
    fn writers_wait_while_replicas_catch_up() {
        let mut t = with_lagging_replica();
        let ticket = begin(&mut t, false);
        assert_eq!(step(&mut t, ticket), ShutdownStep::Wait);
        let left = t.run("info server");
        assert!(left.contains("shutdown_in_milliseconds:10000"), "{left}");
        assert!(t.stream().ends_with("REPLCONF GETACK *"));
        let writer = t.connect();
        assert_eq!(t.run_as(writer, "set k 2"), "");
        t.now_ms += 10_000;
        assert_eq!(step(&mut t, ticket), ONE_LAGS);
        assert_eq!(
            t.output(writer),
            "",
            "the dataset stays as the replicas have it"
        );
    }

    #[test]
    fn now_waits_for_nobody() {
        let mut t = with_lagging_replica();
        let ticket = begin(&mut t, true);
        assert_eq!(step(&mut t, ticket), ONE_LAGS);
    }

    #[test]
    fn an_aborted_shutdown_lets_everybody_go_on() {
        let mut t = with_lagging_replica();
        assert_eq!(t.run("shutdown abort"), "-ERR No shutdown in progress.");
        let ticket = begin(&mut t, false);
        let writer = t.connect();
        t.run_as(writer, "set k 2");
        let (second, server) = (t.connect(), &mut t.engine.server);
        let options = ShutdownOptions::default();
        assert_eq!(server.begin_shutdown(Some(second), options, t.now_ms), None);
        assert_eq!(t.run("shutdown abort"), "+OK");
        assert_eq!(
            t.output(second),
            "-ERR Errors trying to SHUTDOWN. Check logs."
        );
        assert_eq!(t.output(writer), "+OK");
        assert_eq!(step(&mut t, ticket), ShutdownStep::Stop);
        let next = begin(&mut t, false);
        assert_eq!(step(&mut t, ticket), ShutdownStep::Stop);
        assert_eq!(step(&mut t, next), ShutdownStep::Wait);
    }
}
