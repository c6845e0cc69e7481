//! Keys on their way to another server (MIGRATE).
//!
//! ```text
//!   handler ─► Job::Migrate ─► begin_migration ─► take_for_migration … ─► settle_migration
//!                                                   │  a write to a key        │
//!                                                   └─ that was taken ─► kept ─┘─► DEL, reply
//! ```
//! The host moves the bytes, and other clients go on meanwhile, where Redis lets them
//! wait. A key that changes between its copy and the end is therefore not deleted:
//! the target has what it was, this server what it is, and the client is told.

use std::collections::HashMap;
use std::fmt;

use super::client::{Client, ClientId};
use super::effects::NotifyClass;
use super::key_view::{Expiry, KeyView};
use super::machine::Engine;
use crate::keyspace::{Entry, Keyspace};
use crate::seams::Host;

/// What the client is told whose key was kept.
const KEPT: &str = "ERR A key changed while it was being migrated. It was kept here, and the \
                    target has what it was before";

const READ_ONLY: &str = "READONLY You can't write against a read only replica.";

/// What MIGRATE asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Who waits for the end.
    pub client: ClientId,
    /// The target's name or address.
    pub host: String,
    /// The target's port; none where what was given cannot be one.
    pub port: Option<u16>,
    /// The database of the keys here.
    pub db: usize,
    /// The database that the target is to put them in, as the client gave it.
    pub target_db: i64,
    /// How long connecting, one write and one reply may take each.
    pub timeout_ms: u64,
    /// The keys stay here as well.
    pub copy: bool,
    /// Keys of the same name at the target are replaced.
    pub replace: bool,
    /// What the target is told before anything else.
    pub credentials: Option<Credentials>,
    /// The keys.
    pub keys: Vec<Vec<u8>>,
}

/// A password, and whose it is where that is not the default user.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: Vec<u8>,
}

/// Secrets are not shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// How the transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// The keys that the target has acknowledged.
    pub acknowledged: Vec<Vec<u8>>,
    /// Or the text of the error reply, code included.
    pub outcome: Result<(), String>,
}

/// Names a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationId(u64);

/// A key of which a copy was taken.
#[derive(Debug)]
struct Taken {
    /// Which database it was in: another may have taken its number since.
    database: u64,
    changed: bool,
    expire_ms: Option<i64>,
}

#[derive(Debug)]
struct Running {
    id: MigrationId,
    db: usize,
    taken: HashMap<Box<[u8]>, Taken>,
}

/// The transfers on their way.
#[derive(Debug, Default)]
pub struct Migrations {
    last_id: u64,
    running: Vec<Running>,
    /// Connections to targets that the host keeps open, for INFO.
    pub cached_sockets: usize,
}

impl Migrations {
    /// True where nothing is on its way, which makes every write free of this.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// A key changed.
    pub(super) fn note_change(&mut self, db: usize, key: &[u8]) {
        for running in self.running.iter_mut().filter(|running| running.db == db) {
            if let Some(taken) = running.taken.get_mut(key) {
                taken.changed = true;
            }
        }
    }

    fn running_mut(&mut self, id: MigrationId) -> &mut Running {
        let found = self.running.iter_mut().find(|running| running.id == id);
        found.expect("a migration is there until it is settled")
    }

    fn end(&mut self, id: MigrationId) -> Running {
        let at = self.running.iter().position(|running| running.id == id);
        self.running
            .swap_remove(at.expect("a migration is there until it is settled"))
    }
}

fn live<'a>(keyspace: &'a Keyspace, db: usize, key: &[u8], now_ms: i64) -> Option<&'a Entry> {
    let entry = keyspace.find(db, key)?;
    let lives = entry.expire_ms().is_none_or(|at| at > now_ms);
    lives.then_some(entry)
}

impl Engine {
    /// Begins a transfer; none where not one of the keys is there any more.
    pub fn begin_migration(&mut self, migration: &Migration, now_ms: i64) -> Option<MigrationId> {
        let (db, mut keys) = (migration.db, migration.keys.iter());
        keys.find(|key| live(&self.keyspace, db, key, now_ms).is_some())?;
        let migrations = &mut self.server.migrations;
        migrations.last_id += 1;
        let (id, taken) = (MigrationId(migrations.last_id), HashMap::new());
        migrations.running.push(Running { id, db, taken });
        Some(id)
    }

    /// Copies of those of the keys that are there, which share what is large. From
    /// here on it is noticed when one of them changes.
    pub fn take_for_migration(
        &mut self,
        id: MigrationId,
        keys: &[Vec<u8>],
        now_ms: i64,
    ) -> Vec<Entry> {
        let running = self.server.migrations.running_mut(id);
        let db = running.db;
        let database = self.keyspace.db(db).id();
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(entry) = live(&self.keyspace, db, key, now_ms) else {
                continue;
            };
            let expire_ms = entry.expire_ms();
            let taken = Taken {
                database,
                changed: false,
                expire_ms,
            };
            running.taken.insert(key.as_slice().into(), taken);
            entries.push(entry.with_key(key, expire_ms));
        }
        entries
    }

    /// Ends a transfer: deletes what the target has acknowledged, unless it changed or
    /// was to stay, and answers the client. False where that has to wait for the end
    /// of a pause, and nothing was done.
    pub fn settle_migration(
        &mut self,
        id: MigrationId,
        migration: &Migration,
        transferred: &Transferred,
        now_ms: i64,
        host: &mut dyn Host,
    ) -> bool {
        let deletes = !migration.copy && !transferred.acknowledged.is_empty();
        self.end_pauses(now_ms, host);
        if deletes && self.server.pauses.mode().is_some() {
            return false;
        }
        let replication = &self.server.replication;
        let read_only = replication.is_replica() && self.server.config.replica_read_only;
        // What changes from here on is the transfer's own doing.
        let running = self.server.migrations.end(id);
        let (mut outcome, mut changed) = (transferred.outcome.clone(), false);
        if deletes && read_only {
            outcome = outcome.and(Err(READ_ONLY.to_owned()));
        } else if deletes {
            let (keys, kept) = self.deletable(&running, &transferred.acknowledged, now_ms);
            changed = self.delete_migrated(migration, &keys, now_ms);
            if kept {
                outcome = outcome.and(Err(KEPT.to_owned()));
            }
        }
        let start = self.buffered(migration.client);
        self.answer(migration.client, |reply| match &outcome {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
        if changed {
            self.hold_from(migration.client, start, now_ms);
        }
        self.serve_ready(now_ms, host);
        true
    }

    /// The keys that are still what the target got, each once; and whether one is not.
    /// One that has expired meanwhile has done so there as well.
    fn deletable<'k>(
        &self,
        running: &Running,
        acknowledged: &'k [Vec<u8>],
        now_ms: i64,
    ) -> (Vec<&'k [u8]>, bool) {
        let database = self.keyspace.db(running.db).id();
        let (mut keys, mut kept) = (Vec::new(), false);
        let mut seen = std::collections::HashSet::new();
        for key in acknowledged {
            let taken = running.taken.get(key.as_slice());
            let taken = taken.expect("only what was taken is acknowledged");
            if taken.changed || taken.database != database {
                kept |= taken.expire_ms.is_none_or(|at| at > now_ms);
            } else if seen.insert(key) {
                keys.push(key.as_slice());
            }
        }
        (keys, kept)
    }

    /// Deletes keys in a unit of the client's own, if it is still there; true where that
    /// changed something.
    fn delete_migrated(&mut self, migration: &Migration, keys: &[&[u8]], now_ms: i64) -> bool {
        if keys.is_empty() {
            return false;
        }
        self.start_unit();
        self.remove_all(migration.db, keys, now_ms);
        let Some(mut client) = self.server.clients.take(migration.client) else {
            self.end_unit_singly();
            return true;
        };
        let server = &mut self.server;
        for (_, key) in self.keyspace.touched_since(0) {
            let own: Option<&mut Client> = Some(&mut client);
            server.tracking.changed(&mut server.clients, own, key);
        }
        let mut reply = std::mem::take(&mut client.reply);
        let changed = self.end_unit(&mut client, &mut reply);
        client.reply = reply;
        client.write_offset = self.server.log.offset();
        self.server.clients.put_back(client);
        changed
    }

    /// Removes the keys, with one DEL for all in the stream.
    fn remove_all(&mut self, db: usize, keys: &[&[u8]], now_ms: i64) {
        let expiry = if self.server.replication.is_replica() {
            Expiry::Hide
        } else {
            Expiry::Remove
        };
        let (space, stats) = (&mut self.keyspace, &mut self.key_stats);
        let mut view = KeyView::new(space, stats, db, now_ms, expiry);
        let effects = &mut self.effects;
        let mark = effects.mark();
        let mut removed: Vec<&[u8]> = vec![b"DEL"];
        for key in keys.iter().filter(|key| view.remove(key)) {
            effects.notify(NotifyClass::GENERIC, "del", db, key);
            removed.push(key);
        }
        if removed.len() > 1 {
            effects.changed(removed.len() - 1);
            effects.propagate(db, &removed);
        }
        view.flush_expired(effects, mark);
    }

    /// Answers a client whose keys are gone.
    pub fn refuse_migration(&mut self, client: ClientId) {
        self.answer(client, |reply| reply.simple("NOKEY"));
    }
}
