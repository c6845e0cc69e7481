//! Every command by name, with an index under which its counters are kept.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::spec::CommandSpec;

/// The families, each in its own file or folder.
const FAMILIES: &[&[CommandSpec]] = &[
    // One family a line.
    super::bitmap::COMMANDS,
    super::connection::COMMANDS,
    super::generic::COMMANDS,
    super::geo::COMMANDS,
    super::hash::COMMANDS,
    super::hash::expiry::COMMANDS,
    super::hyperloglog::COMMANDS,
    super::introspection::COMMANDS,
    super::list::COMMANDS,
    super::memory::COMMANDS,
    super::list::WAITING,
    super::server::COMMANDS,
    super::sort::COMMANDS,
    super::set::COMMANDS,
    super::observation::COMMANDS,
    super::persistence::COMMANDS,
    super::pubsub::COMMANDS,
    super::replication::COMMANDS,
    super::stream::COMMANDS,
    super::stream::COMMANDS_OF_GROUPS,
    super::string::COMMANDS,
    super::transfer::COMMANDS,
    super::zset::COMMANDS,
    super::zset::COMMANDS_OF_SEVERAL,
    super::zset::WAITING,
    super::transactions::COMMANDS,
];

/// A command found by name.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its row.
    pub spec: &'static CommandSpec,
    /// Its index, and that of its first subcommand minus one.
    pub index: usize,
}

/// Names are few, short and not chosen by clients, so that any mixing will do.
#[derive(Clone, Copy, Debug, Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The longest command name; a longer word is no command.
const NAME_MAX_BYTES: usize = 32;

/// See the module's comment.
#[derive(Clone, Debug)]
pub struct CommandTable {
    by_name: HashMap<Box<[u8]>, Found, BuildHasherDefault<NameHasher>>,
    /// All rows by index, subcommands right behind their container.
    rows: Vec<&'static CommandSpec>,
}

impl Default for CommandTable {
    fn default() -> Self {
        Self::new()
    }
}

impl CommandTable {
    /// All commands under their own names.
    #[must_use]
    pub fn new() -> Self {
        let mut table = Self {
            by_name: HashMap::default(),
            rows: Vec::new(),
        };
        for spec in FAMILIES.iter().copied().flatten() {
            let index = table.rows.len();
            table.rows.push(spec);
            table.rows.extend(spec.subcommands);
            let found = Found { spec, index };
            table.by_name.insert(spec.name.as_bytes().into(), found);
        }
        table
    }

    /// Gives a command another name, or none (`rename-command`); false where there
    /// is no such command or the new name is taken.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let from = from.to_ascii_lowercase();
        let to = to.to_ascii_lowercase();
        if self.by_name.contains_key(to.as_bytes()) {
            return false;
        }
        let Some(found) = self.by_name.remove(from.as_bytes()) else {
            return false;
        };
        if !to.is_empty() {
            self.by_name.insert(to.into_bytes().into(), found);
        }
        true
    }

    /// The command of this name, in any case.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<Found> {
        let mut lower = [0; NAME_MAX_BYTES];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.by_name.get(&*lower).copied()
    }

    /// The command or subcommand that these arguments call.
    #[must_use]
    #[inline]
    pub fn resolve(&self, args: &[&[u8]]) -> Option<Found> {
        let container = self.find(args.first()?)?;
        if container.spec.subcommands.is_empty() {
            return Some(container);
        }
        let Some(name) = args.get(1) else {
            return Some(container);
        };
        let named = |row: &CommandSpec| row.short_name().as_bytes().eq_ignore_ascii_case(name);
        let Some(place) = container.spec.subcommands.iter().position(named) else {
            return Some(container);
        };
        Some(Found {
            spec: &container.spec.subcommands[place],
            index: container.index + 1 + place,
        })
    }

    /// The index of the row of that full name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.name == name)
    }

    /// All rows by index.
    #[must_use]
    pub fn rows(&self) -> &[&'static CommandSpec] {
        &self.rows
    }

    /// The commands that can be called, without subcommands, under their names.
    pub fn commands(&self) -> impl Iterator<Item = (&[u8], &'static CommandSpec)> {
        self.by_name
            .iter()
            .map(|(name, found)| (&**name, found.spec))
    }
}
