//! The row of the command table. Everything that is known about a command
//! before it runs stands in its row, and nowhere else.

use super::args::ArgSpec;
use super::flags::{Acl, Flags, KeyFlags};
use super::keys::GetKeys;
use super::{CommandResult, Ctx};

/// Runs a command: `args[0]` is the command's name as the client wrote it.
pub type Handler = fn(&mut Ctx<'_>, &[&[u8]]) -> CommandResult;

/// The family that COMMAND DOCS files a command under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Bits of strings.
    Bitmap,
    /// Redis Cluster.
    Cluster,
    /// The connection itself.
    Connection,
    /// Keys whatever their type.
    Generic,
    /// Geographic indexes.
    Geo,
    /// Hashes.
    Hash,
    /// HyperLogLogs.
    HyperLogLog,
    /// Lists.
    List,
    /// Publish and subscribe.
    PubSub,
    /// Scripts and functions.
    Scripting,
    /// Administration.
    Server,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Strings.
    String,
    /// Transactions.
    Transactions,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::PubSub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// Where a key spec starts to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(i32),
    /// Behind this keyword, looked for from `start_from` on: forwards, or
    /// backwards from the end if negative.
    Keyword {
        /// The keyword, compared in any case.
        keyword: &'static str,
        /// The first argument looked at; -1 is the last one.
        start_from: i32,
    },
    /// Cannot be told from the row.
    Unknown,
}

/// How a key spec goes on from where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Each `step`-th argument.
    Range {
        /// The last key, counted from the first, or from the end if negative
        /// (-1 is the last argument).
        last: i32,
        /// The distance from key to key.
        step: i32,
        /// With `last` -1: only the first 1/`limit` of the arguments, where
        /// `limit` is 2 or more.
        limit: i32,
    },
    /// An argument tells how many keys follow.
    KeyNum {
        /// Where the number stands, counted from the beginning.
        count_at: i32,
        /// Where the first key stands, counted from the beginning.
        first: i32,
        /// The distance from key to key.
        step: i32,
    },
    /// Cannot be told from the row.
    Unknown,
}

/// Where a command's keys are, and what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// What happens to the keys.
    pub flags: KeyFlags,
    /// Where the keys begin.
    pub begin: Begin,
    /// Which arguments from there on are keys.
    pub find: Find,
}

impl KeySpec {
    /// The general form.
    pub const fn new(flags: KeyFlags, begin: Begin, find: Find) -> KeySpec {
        KeySpec { flags, begin, find }
    }

    /// One key at argument `index`.
    pub const fn at(index: i32, flags: KeyFlags) -> KeySpec {
        KeySpec::range(index, 0, 1, flags)
    }

    /// Keys from argument `first` to `last` (see [`Find::Range`]), each `step`.
    pub const fn range(first: i32, last: i32, step: i32, flags: KeyFlags) -> KeySpec {
        KeySpec::new(
            flags,
            Begin::Index(first),
            Find::Range {
                last,
                step,
                limit: 0,
            },
        )
    }

    /// As many keys as argument `count_at` says, right behind it.
    pub const fn counted(count_at: i32, flags: KeyFlags) -> KeySpec {
        let find = Find::KeyNum {
            count_at: 0,
            first: 1,
            step: 1,
        };
        KeySpec::new(flags, Begin::Index(count_at), find)
    }
}

/// The positions that COMMAND INFO gives to clients which know no key specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LegacyRange {
    /// The first key, or 0 if there is none.
    pub first: i32,
    /// The last key; negative counts from the end.
    pub last: i32,
    /// The distance from key to key.
    pub step: i32,
}

/// Why not to use a command any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// The version that advised against it.
    pub since: &'static str,
    /// What to use instead.
    pub replaced_by: &'static str,
}

/// One command or subcommand.
#[derive(Debug, Clone, Copy)]
pub struct CommandSpec {
    /// Lower case; a subcommand's is `container|subcommand`.
    pub name: &'static str,
    /// The number of arguments with the name(s), or its negated minimum.
    pub arity: i32,
    /// Runs it; none if only its subcommands can run.
    pub handler: Option<Handler>,
    /// Its family.
    pub group: Group,
    /// The Redis or Valkey version that brought it.
    pub since: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Its cost in time.
    pub complexity: &'static str,
    /// Set if something else should be used.
    pub deprecated: Option<Deprecation>,
    /// Meant for servers and tests, not for applications.
    pub syscmd: bool,
    /// Its properties.
    pub flags: Flags,
    /// ACL categories that do not follow from `flags`.
    pub acl: Acl,
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// Finds keys that the specs cannot describe.
    pub getkeys: Option<GetKeys>,
    /// Its arguments.
    pub args: &'static [ArgSpec],
    /// Its subcommands.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    /// A command that runs.
    pub const fn new(name: &'static str, arity: i32, handler: Handler) -> CommandSpec {
        CommandSpec {
            handler: Some(handler),
            ..CommandSpec::bare(name, arity)
        }
    }

    /// A command that only groups subcommands.
    pub const fn container(name: &'static str) -> CommandSpec {
        CommandSpec::bare(name, -2)
    }

    const fn bare(name: &'static str, arity: i32) -> CommandSpec {
        CommandSpec {
            name,
            arity,
            handler: None,
            group: Group::Generic,
            since: "",
            summary: "",
            complexity: "",
            deprecated: None,
            syscmd: false,
            flags: Flags::empty(),
            acl: Acl::empty(),
            tips: &[],
            keys: &[],
            getkeys: None,
            args: &[],
            subcommands: &[],
        }
    }

    /// Sets the family.
    pub const fn group(mut self, group: Group) -> CommandSpec {
        self.group = group;
        self
    }

    /// Sets the version that brought the command.
    pub const fn since(mut self, version: &'static str) -> CommandSpec {
        self.since = version;
        self
    }

    /// Sets what the command does, in a few words.
    pub const fn summary(mut self, text: &'static str) -> CommandSpec {
        self.summary = text;
        self
    }

    /// Sets the cost in time.
    pub const fn complexity(mut self, text: &'static str) -> CommandSpec {
        self.complexity = text;
        self
    }

    /// Advises against the command.
    pub const fn deprecated(
        mut self,
        since: &'static str,
        replaced_by: &'static str,
    ) -> CommandSpec {
        self.deprecated = Some(Deprecation { since, replaced_by });
        self
    }

    /// Marks the command as one for servers and tests.
    pub const fn syscmd(mut self) -> CommandSpec {
        self.syscmd = true;
        self
    }

    /// Sets the properties.
    pub const fn flags(mut self, flags: Flags) -> CommandSpec {
        self.flags = flags;
        self
    }

    /// Sets the ACL categories that do not follow from the flags.
    pub const fn acl(mut self, acl: Acl) -> CommandSpec {
        self.acl = acl;
        self
    }

    /// Sets hints for clients and proxies.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> CommandSpec {
        self.tips = tips;
        self
    }

    /// Sets where the keys are.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> CommandSpec {
        self.keys = keys;
        self
    }

    /// Sets the function that finds keys the specs cannot describe.
    pub const fn getkeys(mut self, getkeys: GetKeys) -> CommandSpec {
        self.getkeys = Some(getkeys);
        self
    }

    /// Sets the arguments.
    pub const fn args(mut self, args: &'static [ArgSpec]) -> CommandSpec {
        self.args = args;
        self
    }

    /// Sets the subcommands.
    pub const fn subcommands(mut self, subcommands: &'static [CommandSpec]) -> CommandSpec {
        self.subcommands = subcommands;
        self
    }

    /// All ACL categories, with those that follow from the flags.
    pub const fn acl_categories(&self) -> Acl {
        self.acl.union(Acl::implied_by(self.flags, self.acl))
    }

    /// The name without its container's.
    pub fn short_name(&self) -> &'static str {
        self.name
            .split_once('|')
            .map_or(self.name, |(_, short)| short)
    }

    /// The subcommand of this name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static CommandSpec> {
        let named = |row: &&CommandSpec| row.short_name().as_bytes().eq_ignore_ascii_case(name);
        self.subcommands.iter().find(named)
    }

    /// Whether a call with `count` arguments, the name included, is complete.
    pub const fn accepts(&self, count: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 {
            count >= wanted
        } else {
            count == wanted
        }
    }
}
