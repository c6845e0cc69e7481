//! What memory is used for, as far as it is not the dataset itself.

use super::Source;
use crate::engine::client::Client;
use crate::keyspace::Db;

/// What the tables of one database take, without what is in them; in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DbOverhead {
    /// Its number.
    pub number: usize,
    /// Its keys.
    pub keys: usize,
    /// The table of its keys.
    pub main: u64,
    /// The index of what expires.
    pub expires: u64,
}

impl DbOverhead {
    fn of((number, db): (usize, &Db)) -> Self {
        Self {
            number,
            keys: db.len(),
            main: db.table().overhead_bytes() as u64,
            expires: db.expires_bytes() as u64,
        }
    }
}

/// Where memory goes beside the dataset, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overhead {
    /// All that is allocated.
    pub used: u64,
    /// The most that ever was.
    pub peak: u64,
    /// What was allocated when the server was ready.
    pub startup: u64,
    /// Ordinary clients.
    pub normal_clients: u64,
    /// Replicas, the backlog apart.
    pub replicas: u64,
    /// The replication backlog.
    pub backlog: u64,
    /// Every database.
    pub dbs: Vec<DbOverhead>,
}

impl Overhead {
    /// Takes stock.
    #[must_use]
    pub fn of(source: &Source<'_>) -> Overhead {
        let is_replica = |client: &&Client| {
            let mut replicas = source.server.replication.replicas.iter();
            replicas.any(|replica| replica.id == client.id.id)
        };
        let of_replicas: usize = source
            .clients()
            .filter(is_replica)
            .map(Client::memory_bytes)
            .sum();
        let of_all: usize = source.clients().map(Client::memory_bytes).sum();
        let dbs = source.keyspace.dbs().iter().enumerate();
        let facts = source.facts;
        Overhead {
            used: facts.allocated_bytes,
            peak: facts.peak_allocated_bytes.max(facts.allocated_bytes),
            startup: facts.startup_allocated_bytes,
            normal_clients: (of_all - of_replicas) as u64,
            replicas: of_replicas as u64,
            backlog: source.server.log.backlog().memory_bytes,
            dbs: dbs.map(DbOverhead::of).collect(),
        }
    }

    /// The sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        let dbs = self.dbs.iter().map(|db| db.main + db.expires);
        self.startup + self.normal_clients + self.replicas + self.backlog + dbs.sum::<u64>()
    }

    /// What remains for the dataset.
    #[must_use]
    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.total())
    }

    /// What came after the start.
    #[must_use]
    pub fn above_startup(&self) -> u64 {
        self.used.saturating_sub(self.startup)
    }

    /// The keys of all databases.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.dbs.iter().map(|db| db.keys).sum()
    }
}
