//! The rows of the commands that wait for a sorted set.

use super::pop::{bzmpop, bzpopmax, bzpopmin};
use crate::command::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};

/// The rows.
pub const WAITING: &[CommandSpec] = &[
    CommandSpec::new("bzmpop", -5, bzmpop)
        .group(Group::SortedSet)
        .since("7.0.0")
        .summary("Removes and returns members by score, waits for some if need be.")
        .complexity("O(K) + O(M*log(N))")
        .flags(Flags::WRITE.union(Flags::BLOCKING))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::counted(
            2,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::double("timeout"),
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::one_of(
                "where",
                &[
                    ArgSpec::pure_token("min", "MIN"),
                    ArgSpec::pure_token("max", "MAX"),
                ],
            ),
            ArgSpec::integer("count").token("COUNT").optional(),
        ]),
    CommandSpec::new("bzpopmax", -3, bzpopmax)
        .group(Group::SortedSet)
        .since("5.0.0")
        .summary("Removes and returns the member with the highest score, waits for one if need be.")
        .complexity("O(log(N))")
        .flags(Flags::WRITE.union(Flags::BLOCKING).union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::range(
            1,
            -2,
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::double("timeout"),
        ]),
    CommandSpec::new("bzpopmin", -3, bzpopmin)
        .group(Group::SortedSet)
        .since("5.0.0")
        .summary("Removes and returns the member with the lowest score, waits for one if need be.")
        .complexity("O(log(N))")
        .flags(Flags::WRITE.union(Flags::BLOCKING).union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::range(
            1,
            -2,
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::double("timeout"),
        ]),
];
