//! The work that commands start and that takes longer than a command may.

use std::convert::Infallible;
use std::time::Duration;

use smol::channel::{Receiver, Sender};
use towline_core::engine::ClientId;
use towline_core::engine::append_only::LogState;
use towline_core::engine::migration::Migration;
use towline_core::engine::shutdown::{ShutdownStep, ShutdownTicket};
use towline_core::resp::Reply;
use towline_core::seams::host::{Job, LOG_WRITE_DELAY, OomScore, PrimaryAddress, ShutdownOptions};
use towline_persist::storage::FsStorage;
use towline_replication::node::Node;

use crate::appendonly::keeper::LogKeeper;
use crate::crash;
use crate::engine_lock::EngineLock;
use crate::host::unix_ms;
use crate::saving::Saver;

/// How often a shutdown looks whether its replicas have caught up.
const SHUTDOWN_STEP: Duration = Duration::from_millis(20);

/// A save that is given up is waited for so long at most.
const GIVE_UP_MAX: Duration = Duration::from_millis(500);

/// Does the jobs.
#[derive(Clone)]
pub struct Jobs {
    /// The engine.
    pub store: EngineLock,
    /// Snapshots.
    pub saver: Saver,
    /// The log on disk.
    pub keeper: LogKeeper,
    /// Where transfers to other servers are asked for.
    pub courier: Sender<Box<Migration>>,
    /// Replication.
    pub node: Node,
    /// Told when the server is to end.
    pub ended: Sender<Result<(), String>>,
}

impl Jobs {
    /// Does jobs as they come, until the server ends.
    pub async fn serve(self, bell: Receiver<()>) {
        loop {
            for job in self.store.host.take_jobs() {
                self.start(job);
            }
            if bell.recv().await.is_err() {
                return;
            }
        }
    }

    /// While the dataset is loaded, a shutdown is the one job that does not wait.
    pub async fn serve_loading(&self, bell: &Receiver<()>) -> Infallible {
        loop {
            for job in self.store.host.take_shutdowns() {
                self.start(job);
            }
            if bell.recv().await.is_err() {
                return futures::future::pending().await;
            }
        }
    }

    fn start(&self, job: Job) {
        match job {
            Job::Save(client) => smol::spawn(self.clone().save_for(client)).detach(),
            Job::SaveFlushed(client) => {
                smol::spawn(self.clone().save_flushed(client)).detach();
            }
            Job::LoadLog(client) => smol::spawn(self.clone().load_log(client)).detach(),
            Job::BackgroundSave => self.saver.spawn_begun(),
            Job::RewriteLog => self.keeper.spawn_rewrite(),
            Job::CancelSave => self.saver.cancel(),
            Job::CloseLinks => self.node.close_killed(),
            Job::Halt(reason) => self.end(Err(reason)),
            Job::Shutdown(ticket, options) => {
                smol::spawn(self.clone().shut_down(ticket, options)).detach();
            }
            Job::Follow(target) => self.follow(target),
            // The courier lives as long as the process.
            Job::Migrate(migration) => drop(self.courier.try_send(migration)),
            // The host has done it at once.
            Job::Listen(_)
            | Job::TryLogDirectory(_)
            | Job::AdjustOomScore(_)
            | Job::SetTitle(_)
            | Job::Crash(_) => {}
            Job::Reconfigure(directive) => self.reconfigure(directive),
        }
    }

    /// Makes role and link match. REPLICAOF has changed the role already, CONFIG
    /// SET has not; doing it twice changes nothing.
    fn follow(&self, target: Option<PrimaryAddress>) {
        let (replica, oom_score) = self.store.batch(|engine, _| {
            match target {
                Some(address) => engine.server.become_replica_of(address),
                None => engine.server.become_primary(),
            };
            let replica = engine.server.replication.is_replica();
            (replica, OomScore::of(&engine.server.config, replica))
        });
        let logger = self.store.host.logger();
        logger.set_replica(replica);
        if let Err(reason) = self.store.host.adjust_oom_score(oom_score) {
            logger.warning(&reason);
        }
        self.node.follow_role();
    }

    async fn save_for(self, client: ClientId) {
        let saved = self.saver.save().await;
        self.store.batch(|engine, _| {
            engine.answer(client, |reply| match &saved {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(format!("ERR {error}")),
            });
        });
    }

    async fn load_log(self, client: ClientId) {
        let loaded = self.keeper.load_anew().await;
        self.store.batch(|engine, _| {
            engine.answer(client, |reply| match &loaded {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(format!("ERR Error trying to load the AOF: {error}")),
            });
        });
    }

    /// Puts the flushed dataset in the place of what was saved, and of what a save
    /// that is running is about to put there.
    async fn save_flushed(self, client: Option<ClientId>) {
        self.saver.cancel();
        // An error is in the log. As in Redis the dataset is flushed all the same.
        let _ = self.saver.save().await;
        if let Some(client) = client {
            self.store
                .batch(|engine, _| engine.answer(client, Reply::ok));
        }
    }

    fn reconfigure(&self, directive: &str) {
        let logger = self.store.host.logger();
        match directive {
            "appendonly" => {
                smol::spawn(self.keeper.clone().follow_directive()).detach();
            }
            "appendfsync"
            | "no-appendfsync-on-rewrite"
            | "aof-timestamp-enabled"
            | LOG_WRITE_DELAY => {
                self.keeper.reconfigure();
            }
            "crash-log-enabled" | "use-exit-on-panic" => {
                crash::follow(&self.store.lock().server.config);
            }
            "loglevel" => logger.set_level(self.store.lock().server.config.loglevel),
            "dir" => {
                let dir = self.store.lock().server.config.dir.clone();
                match FsStorage::open(String::from_utf8_lossy(&dir).into_owned()) {
                    Ok(directory) => self.saver.set_directory(directory),
                    Err(error) => logger.warning(&format!("Can't use dir: {error}")),
                }
            }
            _ => {}
        }
    }

    /// A signal asks for the end. A second SIGINT does not wait for anything.
    pub fn signalled(&self, options: ShutdownOptions, insists: bool) {
        let begun = self.store.batch(|engine, _| {
            let server = &mut engine.server;
            server.begin_shutdown(None, options, unix_ms())
        });
        match begun {
            Some(ticket) => {
                smol::spawn(self.clone().shut_down_in_turn(ticket, options)).detach();
            }
            None if insists => smol::spawn(self.clone().give_up()).detach(),
            None => {}
        }
    }

    /// Ends the server at once, but for a save that is running: it leaves no file behind.
    async fn give_up(self) {
        let stopped = std::pin::pin!(self.saver.stop());
        futures::future::select(stopped, smol::Timer::after(GIVE_UP_MAX)).await;
        self.end(Err("You insist... exiting now.".to_owned()));
    }

    /// Tells the main task, which waits for this alone; another may have told it.
    fn end(&self, outcome: Result<(), String>) {
        let _ = self.ended.try_send(outcome);
    }

    /// A signal is heeded from time to time, as all that DEBUG PAUSE-CRON holds back;
    /// until then SHUTDOWN ABORT calls it off.
    async fn shut_down_in_turn(self, ticket: ShutdownTicket, options: ShutdownOptions) {
        while self.store.lock().server.cron_paused {
            smol::Timer::after(SHUTDOWN_STEP).await;
        }
        self.shut_down(ticket, options).await;
    }

    /// Saves and ends the server, unless something keeps it from doing so.
    async fn shut_down(self, ticket: ShutdownTicket, options: ShutdownOptions) {
        let logger = self.store.host.logger();
        logger.notice("User requested shutdown...");
        let Some(drained) = self.wait_for_replicas(ticket).await else {
            return;
        };
        let saves = self.saves_at_end(options);
        // A save that is running would be cut off, and leave its file behind.
        if self.store.lock().server.persistence.saving.is_some() {
            logger.warning("There is a save on its way. Stopping it!");
            self.saver.stop().await;
        }
        if !self.stop_rewrite(options.force).await {
            return self.fail();
        }
        if saves {
            logger.notice("Saving the final RDB snapshot before exiting.");
            if self.saver.save().await.is_err() {
                if !options.force {
                    logger.warning("Error trying to save the DB, can't exit.");
                    return self.fail();
                }
                logger.warning("Error trying to save the DB. Exit anyway.");
            }
        }
        if self.is_off(ticket) {
            return;
        }
        if let Err(error) = self.keeper.finish(drained).await {
            logger.warning(&format!("Error writing the end of the AOF: {error}"));
        }
        logger.warning("Towline is now ready to exit, bye bye...");
        self.end(Ok(()));
    }

    /// Whether a shutdown saves. What is loaded in part must not replace what it is
    /// loaded from.
    fn saves_at_end(&self, options: ShutdownOptions) -> bool {
        let engine = self.store.lock();
        let server = &engine.server;
        let asked = options.save.unwrap_or(!server.config.save.is_empty());
        asked && server.persistence.loading.is_none()
    }

    /// Gives up a rewrite of the log that is running. False where the log has no base
    /// yet: the dataset is then in no file, and would be lost.
    async fn stop_rewrite(&self, force: bool) -> bool {
        if !self.keeper.is_rewriting() {
            return true;
        }
        if self.store.lock().server.append_only.state == LogState::Starting {
            let logger = self.store.host.logger();
            if !force {
                logger.warning("Writing initial AOF, can't exit.");
                return false;
            }
            logger.warning("Writing initial AOF. Exit anyway.");
        }
        self.keeper.stop_rewrite().await;
        true
    }

    /// Says how far behind replicas are that a shutdown leaves so.
    fn name_lagging(&self) {
        let engine = self.store.lock();
        let (end, now_ms) = (engine.server.log.offset(), unix_ms());
        for replica in &engine.server.replication.replicas {
            let behind = end.0.saturating_sub(replica.ack_offset.0);
            if behind == 0 {
                continue;
            }
            let (name, port) = (&replica.ip, replica.port);
            let lag_s = (now_ms - replica.ack_ms) / 1000;
            let state = replica.state.name();
            self.store.host.logger().warning(&format!(
                "Lagging replica {name}:{port} reported offset {behind} behind master, lag={lag_s}, state={state}."
            ));
        }
    }

    fn fail(&self) {
        let text = "Errors trying to shut down the server. Check the logs for more information.";
        self.store.host.logger().warning(text);
        self.store
            .batch(|engine, host| engine.fail_shutdown(unix_ms(), host));
    }

    fn step(&self, ticket: ShutdownTicket) -> ShutdownStep {
        self.store
            .batch(|engine, _| engine.server.shutdown_step(ticket, unix_ms()))
    }

    fn is_off(&self, ticket: ShutdownTicket) -> bool {
        self.step(ticket) == ShutdownStep::Stop
    }

    /// Lets replicas take what they are owed, and answers whether they have it all;
    /// none where the shutdown was called off.
    async fn wait_for_replicas(&self, ticket: ShutdownTicket) -> Option<bool> {
        let logger = self.store.host.logger();
        let mut step = self.step(ticket);
        if step == ShutdownStep::Wait {
            logger.notice("Waiting for replicas before shutting down.");
        }
        while step == ShutdownStep::Wait {
            smol::Timer::after(SHUTDOWN_STEP).await;
            step = self.step(ticket);
        }
        let ShutdownStep::Proceed { lagging, replicas } = step else {
            return None;
        };
        if replicas > 0 {
            let in_sync = replicas - lagging;
            self.name_lagging();
            logger.notice(&format!(
                "{in_sync} of {replicas} replicas are in sync when shutting down."
            ));
        }
        Some(lagging == 0)
    }
}
