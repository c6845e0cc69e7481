//! Transactions: commands queued by MULTI and run as one by EXEC, and WATCH.
//!
//! EXEC is one write unit: what its commands propagate goes into the stream
//! together. The stream of our primary runs through the same handlers.

mod queue;
#[cfg(test)]
mod tests;
mod watch;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use queue::{discard, exec, multi};
use watch::{unwatch, watch};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("discard", 1, discard)
        .group(Group::Transactions)
        .since("2.0.0")
        .summary("Drops a transaction.")
        .complexity("O(N)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::TRANSACTION),
    CommandSpec::new("exec", 1, exec)
        .group(Group::Transactions)
        .since("1.2.0")
        .summary("Runs the queued commands as one.")
        .complexity("O(N)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::SKIP_SLOWLOG),
        )
        .acl(Acl::TRANSACTION),
    CommandSpec::new("multi", 1, multi)
        .group(Group::Transactions)
        .since("1.2.0")
        .summary("Starts a transaction.")
        .complexity("O(1)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::TRANSACTION),
    CommandSpec::new("unwatch", 1, unwatch)
        .group(Group::Transactions)
        .since("2.2.0")
        .summary("Forgets all watched keys.")
        .complexity("O(1)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::TRANSACTION),
    CommandSpec::new("watch", -2, watch)
        .group(Group::Transactions)
        .since("2.2.0")
        .summary("Makes the next EXEC depend on keys not changing.")
        .complexity("O(N)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::TRANSACTION)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0).multiple()]),
];
