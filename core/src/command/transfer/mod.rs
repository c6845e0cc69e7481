//! Values on their way between servers: DUMP, RESTORE and MIGRATE.

mod dump;
mod migrate;
mod restore;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, Begin, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec, keys};
use dump::dump;
pub(super) use dump::payload;
use migrate::migrate;
use restore::restore;

const TAKE_AWAY: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

const AUTHENTICATION: &[ArgSpec] = &[
    ArgSpec::string("auth")
        .token("AUTH")
        .since("4.0.7")
        .display("password"),
    ArgSpec::block(
        "auth2",
        &[ArgSpec::string("username"), ArgSpec::string("password")],
    )
    .token("AUTH2")
    .since("6.0.0"),
];

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
    CommandSpec::new("migrate", -6, migrate)
        .group(Group::Generic)
        .since("2.6.0")
        .summary("Moves keys to another server.")
        .complexity(
            "O(N) in the size of the values, which are dumped here, restored there and \
             deleted here",
        )
        .flags(Flags::WRITE.union(Flags::AWAITS_HOST))
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .tips(&["nondeterministic_output"])
        .keys(&[
            KeySpec::at(3, TAKE_AWAY),
            KeySpec::new(
                TAKE_AWAY.union(KeyFlags::INCOMPLETE),
                Begin::Keyword {
                    keyword: "KEYS",
                    start_from: -2,
                },
                Find::Range {
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            ),
        ])
        .getkeys(keys::migrate)
        .args(&[
            ArgSpec::string("host"),
            ArgSpec::integer("port"),
            ArgSpec::one_of(
                "key-selector",
                &[
                    ArgSpec::key("key", 0),
                    ArgSpec::pure_token("empty-string", ""),
                ],
            ),
            ArgSpec::integer("destination-db"),
            ArgSpec::integer("timeout"),
            ArgSpec::pure_token("copy", "COPY")
                .optional()
                .since("3.0.0"),
            ArgSpec::pure_token("replace", "REPLACE")
                .optional()
                .since("3.0.0"),
            ArgSpec::one_of("authentication", AUTHENTICATION).optional(),
            ArgSpec::key("keys", 1)
                .token("KEYS")
                .optional()
                .multiple()
                .since("3.0.6")
                .display("key"),
        ]),
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
