//! Following a primary, and being followed.

mod failover;
#[cfg(test)]
mod failover_tests;
mod handlers;
#[cfg(test)]
mod tests;

use super::{ArgSpec, CommandSpec, Flags, Group};
use failover::failover;
use handlers::{psync, replconf, replicaof, slaveof, sync};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("failover", -1, failover)
        .group(Group::Server)
        .since("6.2.0")
        .summary("Hands over to a replica that has caught up.")
        .complexity("O(1)")
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE))
        .args(&[
            ArgSpec::block(
                "target",
                &[
                    ArgSpec::string("host"),
                    ArgSpec::integer("port"),
                    ArgSpec::pure_token("force", "FORCE").optional(),
                ],
            )
            .token("TO")
            .optional(),
            ArgSpec::pure_token("abort", "ABORT").optional(),
            ArgSpec::integer("milliseconds").token("TIMEOUT").optional(),
        ]),
    CommandSpec::new("psync", -3, psync)
        .group(Group::Server)
        .since("2.8.0")
        .summary("Asks for the stream, from an offset on if possible.")
        .complexity("-")
        .syscmd()
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::NO_ASYNC_LOADING)
                .union(Flags::NO_MULTI),
        )
        .args(&[ArgSpec::string("replicationid"), ArgSpec::integer("offset")]),
    CommandSpec::new("replconf", -1, replconf)
        .group(Group::Server)
        .since("3.0.0")
        .summary("Tells a primary about a replica, and back.")
        .complexity("O(1)")
        .syscmd()
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::ALLOW_BUSY),
        ),
    CommandSpec::new("replicaof", 3, replicaof)
        .group(Group::Server)
        .since("5.0.0")
        .summary("Follows a primary, or nobody.")
        .complexity("O(1)")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::STALE)
                .union(Flags::NO_ASYNC_LOADING),
        )
        .args(&[ArgSpec::one_of(
            "args",
            &[
                ArgSpec::block(
                    "host-port",
                    &[ArgSpec::string("host"), ArgSpec::integer("port")],
                ),
                ArgSpec::block(
                    "no-one",
                    &[
                        ArgSpec::pure_token("no", "NO"),
                        ArgSpec::pure_token("one", "ONE"),
                    ],
                ),
            ],
        )]),
    CommandSpec::new("slaveof", 3, slaveof)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Follows a primary, or nobody.")
        .complexity("O(1)")
        .deprecated("5.0.0", "REPLICAOF")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::STALE)
                .union(Flags::NO_ASYNC_LOADING),
        )
        .args(&[ArgSpec::one_of(
            "args",
            &[
                ArgSpec::block(
                    "host-port",
                    &[ArgSpec::string("host"), ArgSpec::integer("port")],
                ),
                ArgSpec::block(
                    "no-one",
                    &[
                        ArgSpec::pure_token("no", "NO"),
                        ArgSpec::pure_token("one", "ONE"),
                    ],
                ),
            ],
        )]),
    CommandSpec::new("sync", 1, sync)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Asks for a snapshot and the stream.")
        .complexity("-")
        .syscmd()
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::NO_ASYNC_LOADING)
                .union(Flags::NO_MULTI),
        ),
];
