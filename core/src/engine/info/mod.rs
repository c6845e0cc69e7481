//! INFO: what the server tells of itself, in the sections, fields and order of
//! Redis 7.2, with what Valkey 9 tells of fields that expire.
//!
//! Each section is a function over [`Source`] that writes its fields. A field
//! that stands for something this server does not have is written with
//! `Fields::absent`, and its value is in the one table of `absent`.

mod absent;
mod commands;
mod fields;
mod memory;
mod overhead;
mod persistence;
mod process;
mod replication;
mod section;
mod stats;

use super::client::Client;
use super::server::Server;
use super::stats::KeyStats;
use crate::keyspace::Keyspace;
use crate::seams::host::ProcessFacts;
use fields::Fields;

pub use absent::absent_fields;
pub use overhead::{DbOverhead, Overhead};
pub use section::{Section, Sections};

/// Everything that INFO reads.
pub struct Source<'a> {
    /// What clients share.
    pub server: &'a Server,
    /// The dataset.
    pub keyspace: &'a Keyspace,
    /// Counters of look-ups.
    pub key_stats: &'a KeyStats,
    /// The client that asks, which is not among the server's meanwhile.
    pub client: &'a Client,
    /// What the process knows.
    pub facts: &'a ProcessFacts,
    /// Now, unix ms.
    pub now_ms: i64,
}

impl Source<'_> {
    /// All clients.
    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.server.clients.iter().chain([self.client])
    }

    /// Whole seconds since a moment in unix milliseconds.
    const fn seconds_since(&self, ms: i64) -> i64 {
        (self.now_ms - ms) / 1000
    }
}

/// The text of these sections, each behind a line with its name.
pub fn write(source: &Source<'_>, sections: &Sections) -> String {
    let mut fields = Fields::default();
    for section in sections.iter() {
        fields.section(section.title());
        match section {
            Section::Server => process::server(&mut fields, source),
            Section::Clients => process::clients(&mut fields, source),
            Section::Memory => memory::memory(&mut fields, source),
            Section::Persistence => persistence::persistence(&mut fields, source),
            Section::Stats => stats::stats(&mut fields, source),
            Section::Replication => replication::replication(&mut fields, source),
            Section::Cpu => process::cpu(&mut fields, source),
            Section::Modules => {}
            Section::Commandstats => commands::commandstats(&mut fields, source),
            Section::Errorstats => commands::errorstats(&mut fields, source),
            Section::Latencystats => commands::latencystats(&mut fields, source),
            Section::Cluster => fields.absent("cluster_enabled"),
            Section::Keyspace => persistence::keyspace(&mut fields, source),
            Section::Debug => stats::debug(&mut fields, source),
        }
    }
    fields.into_text()
}
