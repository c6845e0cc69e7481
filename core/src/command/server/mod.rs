//! The dataset as a whole, the server's role, and DEBUG.

mod debug;
mod debug_htstats;
mod debug_object;
mod debug_protocol;
mod debug_replybuffer;
mod digest;
mod flush;
mod lolwut;
mod role;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group};
use debug::debug;
use flush::{dbsize, flushall, flushdb, swapdb};
use lolwut::lolwut;
use role::{lastsave, role, time};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("dbsize", 1, dbsize)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Counts the keys of the database.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    CommandSpec::new("debug", -2, debug)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Looks inside, for tests and for the curious.")
        .complexity("Depends on subcommand")
        .syscmd()
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::PROTECTED),
        ),
    CommandSpec::new("flushall", -1, flushall)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Removes all keys.")
        .complexity("O(N)")
        .flags(Flags::WRITE)
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[ArgSpec::one_of(
            "flush-type",
            &[
                ArgSpec::pure_token("async", "ASYNC").since("4.0.0"),
                ArgSpec::pure_token("sync", "SYNC").since("6.2.0"),
            ],
        )
        .optional()]),
    CommandSpec::new("flushdb", -1, flushdb)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Removes all keys of the database.")
        .complexity("O(N)")
        .flags(Flags::WRITE)
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[ArgSpec::one_of(
            "flush-type",
            &[
                ArgSpec::pure_token("async", "ASYNC").since("4.0.0"),
                ArgSpec::pure_token("sync", "SYNC").since("6.2.0"),
            ],
        )
        .optional()]),
    CommandSpec::new("lastsave", 1, lastsave)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Answers when the dataset was last saved.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Acl::ADMIN.union(Acl::DANGEROUS))
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("lolwut", -1, lolwut)
        .group(Group::Server)
        .since("5.0.0")
        .summary("Draws a picture, and tells the version.")
        .complexity("-")
        .flags(Flags::READONLY.union(Flags::FAST))
        .args(&[ArgSpec::integer("version").token("VERSION").optional()]),
    CommandSpec::new("role", 1, role)
        .group(Group::Server)
        .since("2.8.12")
        .summary("Answers the role in replication.")
        .complexity("O(1)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST),
        )
        .acl(Acl::ADMIN.union(Acl::DANGEROUS)),
    CommandSpec::new("swapdb", 3, swapdb)
        .group(Group::Server)
        .since("4.0.0")
        .summary("Exchanges two databases.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .args(&[ArgSpec::integer("index1"), ArgSpec::integer("index2")]),
    CommandSpec::new("time", 1, time)
        .group(Group::Server)
        .since("2.6.0")
        .summary("Answers the time.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .tips(&["nondeterministic_output"]),
];
