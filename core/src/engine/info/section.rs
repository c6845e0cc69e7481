//! Which sections INFO is asked for.

/// A section, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The program and its process.
    Server,
    /// Connections.
    Clients,
    /// Memory.
    Memory,
    /// Snapshots and loading.
    Persistence,
    /// Counters.
    Stats,
    /// Role, replicas, primary and backlog.
    Replication,
    /// Processor time.
    Cpu,
    /// Loaded modules.
    Modules,
    /// Counters of each command.
    Commandstats,
    /// Errors by code.
    Errorstats,
    /// Percentiles of each command's latency.
    Latencystats,
    /// Redis Cluster.
    Cluster,
    /// Keys of each database.
    Keyspace,
    /// For developers.
    Debug,
}

use Section::{
    Clients, Cluster, Commandstats, Cpu, Errorstats, Keyspace, Latencystats, Memory, Modules,
    Persistence, Replication, Server, Stats,
};

/// What `INFO` without arguments shows.
const DEFAULT: [Section; 11] = [
    Server,
    Clients,
    Memory,
    Persistence,
    Stats,
    Replication,
    Cpu,
    Modules,
    Errorstats,
    Cluster,
    Keyspace,
];

/// Everything but what is for developers.
const ALL: [Section; 13] = [
    Server,
    Clients,
    Memory,
    Persistence,
    Stats,
    Replication,
    Cpu,
    Modules,
    Commandstats,
    Errorstats,
    Latencystats,
    Cluster,
    Keyspace,
];

impl Section {
    /// The name in its heading; in lower case, the argument that asks for it.
    pub const fn title(self) -> &'static str {
        match self {
            Server => "Server",
            Clients => "Clients",
            Memory => "Memory",
            Persistence => "Persistence",
            Stats => "Stats",
            Replication => "Replication",
            Cpu => "CPU",
            Modules => "Modules",
            Commandstats => "Commandstats",
            Errorstats => "Errorstats",
            Latencystats => "Latencystats",
            Cluster => "Cluster",
            Keyspace => "Keyspace",
            Section::Debug => "Debug",
        }
    }
}

/// The sections asked for, each once and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections(Vec<Section>);

impl Sections {
    /// Reads INFO's arguments. One that is no section asks for nothing.
    pub fn parse(args: &[&[u8]]) -> Sections {
        let mut sections: Vec<Section> = args.iter().flat_map(|arg| named(arg)).collect();
        if args.is_empty() {
            sections.extend(DEFAULT);
        }
        sections.sort_unstable();
        sections.dedup();
        Sections(sections)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Section> {
        self.0.iter().copied()
    }
}

fn named(arg: &[u8]) -> Vec<Section> {
    match arg.to_ascii_lowercase().as_slice() {
        b"default" => DEFAULT.into(),
        b"all" | b"everything" => ALL.into(),
        name => {
            let called = |section: &Section| section.title().as_bytes().eq_ignore_ascii_case(name);
            ALL.into_iter()
                .chain([Section::Debug])
                .filter(called)
                .collect()
        }
    }
}
