//! The work that commands start and that takes longer than a command may.

use std::time::Duration;

use smol::channel::{Receiver, Sender};
use towline_core::engine::ClientId;
use towline_core::offset::Offset;
use towline_core::seams::host::{Job, PrimaryAddress, ShutdownOptions};
use towline_persist::storage::FsStorage;
use towline_replication::node::Node;

use crate::engine_lock::EngineLock;
use crate::saving::Saver;

/// How often a shutdown looks whether its replicas have caught up.
const SHUTDOWN_STEP: Duration = Duration::from_millis(20);

/// Does the jobs.
#[derive(Clone)]
pub struct Jobs {
    /// The engine.
    pub store: EngineLock,
    /// Snapshots.
    pub saver: Saver,
    /// Replication.
    pub node: Node,
    /// Told when the server is to end.
    pub ended: Sender<()>,
}

impl Jobs {
    /// Does jobs as they come, until the server ends.
    pub async fn serve(self, bell: Receiver<()>) {
        while bell.recv().await.is_ok() {
            for job in self.store.host.take_jobs() {
                self.start(job);
            }
        }
    }

    fn start(&self, job: Job) {
        match job {
            Job::Save(client) => smol::spawn(self.clone().save_for(client)).detach(),
            Job::BackgroundSave => self.saver.spawn(),
            Job::CancelSave => self.saver.cancel(),
            Job::Shutdown(client, options) => {
                smol::spawn(self.clone().shut_down(Some(client), options)).detach();
            }
            Job::AbortShutdown => self.store.lock().server.persistence.shutting_down = false,
            Job::Follow(target) => self.follow(target),
            Job::Reconfigure(directive) => self.reconfigure(directive),
        }
    }

    /// Makes role and link match. REPLICAOF has changed the role already, CONFIG
    /// SET has not; doing it twice changes nothing.
    fn follow(&self, target: Option<PrimaryAddress>) {
        let replica = self.store.batch(|engine, _| {
            match target {
                Some(address) => engine.server.become_replica_of(address),
                None => engine.server.become_primary(),
            };
            engine.server.replication.is_replica()
        });
        self.store.host.logger().set_replica(replica);
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

    fn reconfigure(&self, directive: &str) {
        let logger = self.store.host.logger();
        match directive {
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

    /// Saves and ends the server, unless something keeps it from doing so.
    pub async fn shut_down(self, client: Option<ClientId>, options: ShutdownOptions) {
        let logger = self.store.host.logger();
        logger.warning("User requested shutdown...");
        if !options.now && !self.wait_for_replicas().await {
            return self.refuse(client, "ERR Errors trying to SHUTDOWN. Check logs.");
        }
        let saves = options
            .save
            .unwrap_or_else(|| !self.store.lock().server.config.save.is_empty());
        if saves {
            self.saver.cancel();
            logger.notice("Saving the final RDB snapshot before exiting.");
            if self.saver.save().await.is_err() && !options.force {
                logger.warning("Error trying to save the DB, can't exit.");
                return self.refuse(client, "ERR Errors trying to SHUTDOWN. Check logs.");
            }
        }
        logger.warning("Towline is now ready to exit, bye bye...");
        // The other end waits for this alone; a second shutdown may have told it.
        let _ = self.ended.try_send(());
    }

    fn refuse(&self, client: Option<ClientId>, text: &str) {
        self.store.batch(|engine, _| {
            engine.server.persistence.shutting_down = false;
            if let Some(client) = client {
                engine.answer(client, |reply| reply.error(text));
            }
        });
    }

    /// Lets replicas take what they are owed; false where SHUTDOWN ABORT came.
    async fn wait_for_replicas(&self) -> bool {
        let (target, timeout_s) = self.store.batch(|engine, _| {
            engine.server.persistence.shutting_down = true;
            let timeout_s = engine.server.config.shutdown_timeout_s;
            engine.server.replication.getack_wanted = true;
            (engine.server.log.offset(), timeout_s)
        });
        let steps = u64::from(timeout_s) * 1000 / SHUTDOWN_STEP.as_millis() as u64;
        for _ in 0..steps {
            if !self.store.lock().server.persistence.shutting_down {
                return false;
            }
            if self.lagging(target) == 0 {
                return true;
            }
            smol::Timer::after(SHUTDOWN_STEP).await;
        }
        let lagging = self.lagging(target);
        if lagging > 0 {
            let text = format!("{lagging} replicas lag behind at shutdown.");
            self.store.host.logger().warning(&text);
        }
        true
    }

    fn lagging(&self, target: Offset) -> usize {
        let engine = self.store.lock();
        let replication = &engine.server.replication;
        replication.replicas.len()
            - replication
                .acknowledged(target)
                .min(replication.replicas.len())
    }
}
