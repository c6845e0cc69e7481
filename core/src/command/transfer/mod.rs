//! Values on their way between servers: DUMP and RESTORE.

mod dump;
mod restore;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use dump::dump;
use restore::restore;

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("dump", 2, dump)
        .group(Group::Generic)
        .since("2.6.0")
        .summary("Answers a value as a payload.")
        .complexity("O(1)")
        .flags(Flags::READONLY)
        .acl(Acl::KEYSPACE)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("restore", -4, restore)
        .group(Group::Generic)
        .since("2.6.0")
        .summary("Makes a key of a payload.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .keys(&[KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("ttl"),
            ArgSpec::string("serialized-value"),
            ArgSpec::pure_token("replace", "REPLACE")
                .optional()
                .since("3.0.0"),
            ArgSpec::pure_token("absttl", "ABSTTL")
                .optional()
                .since("5.0.0"),
            ArgSpec::integer("seconds")
                .token("IDLETIME")
                .optional()
                .since("5.0.0"),
            ArgSpec::integer("frequency")
                .token("FREQ")
                .optional()
                .since("5.0.0"),
        ]),
    CommandSpec::new("restore-asking", -4, restore)
        .group(Group::Server)
        .since("3.0.0")
        .summary("Makes a key of a payload, on behalf of MIGRATE in a cluster.")
        .complexity("O(1)")
        .syscmd()
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::ASKING))
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .keys(&[KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("ttl"),
            ArgSpec::string("serialized-value"),
            ArgSpec::pure_token("replace", "REPLACE")
                .optional()
                .since("3.0.0"),
            ArgSpec::pure_token("absttl", "ABSTTL")
                .optional()
                .since("5.0.0"),
            ArgSpec::integer("seconds")
                .token("IDLETIME")
                .optional()
                .since("5.0.0"),
            ArgSpec::integer("frequency")
                .token("FREQ")
                .optional()
                .since("5.0.0"),
        ]),
];
