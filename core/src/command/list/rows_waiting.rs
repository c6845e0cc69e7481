//! The rows of the commands that wait for a list.

use super::pop::{blmpop, blpop, brpop};
use super::push::{blmove, brpoplpush};
use crate::command::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};

/// The rows.
pub const WAITING: &[CommandSpec] = &[
    CommandSpec::new("blmove", 6, blmove)
        .group(Group::List)
        .since("6.2.0")
        .summary("Moves an element from list to list, waits for one if need be.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING))
        .acl(Acl::LIST)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            ),
            KeySpec::at(2, KeyFlags::RW.union(KeyFlags::INSERT)),
        ])
        .args(&[
            ArgSpec::key("source", 0),
            ArgSpec::key("destination", 1),
            ArgSpec::one_of(
                "wherefrom",
                &[
                    ArgSpec::pure_token("left", "LEFT"),
                    ArgSpec::pure_token("right", "RIGHT"),
                ],
            ),
            ArgSpec::one_of(
                "whereto",
                &[
                    ArgSpec::pure_token("left", "LEFT"),
                    ArgSpec::pure_token("right", "RIGHT"),
                ],
            ),
            ArgSpec::double("timeout"),
        ]),
    CommandSpec::new("blmpop", -5, blmpop)
        .group(Group::List)
        .since("7.0.0")
        .summary("Pops elements from the first list that is not empty, waits for one if need be.")
        .complexity("O(N+M)")
        .flags(Flags::WRITE.union(Flags::BLOCKING))
        .acl(Acl::LIST)
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
                    ArgSpec::pure_token("left", "LEFT"),
                    ArgSpec::pure_token("right", "RIGHT"),
                ],
            ),
            ArgSpec::integer("count").token("COUNT").optional(),
        ]),
    CommandSpec::new("blpop", -3, blpop)
        .group(Group::List)
        .since("2.0.0")
        .summary("Removes and returns the first element of a list, waits for one if need be.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::BLOCKING))
        .acl(Acl::LIST)
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
    CommandSpec::new("brpop", -3, brpop)
        .group(Group::List)
        .since("2.0.0")
        .summary("Removes and returns the last element of a list, waits for one if need be.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::BLOCKING))
        .acl(Acl::LIST)
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
    CommandSpec::new("brpoplpush", 4, brpoplpush)
        .group(Group::List)
        .since("2.2.0")
        .summary(
            "Moves the last element of a list to the left of another, waits for one if need be.",
        )
        .complexity("O(1)")
        .deprecated("6.2.0", "BLMOVE RIGHT LEFT")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING))
        .acl(Acl::LIST)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            ),
            KeySpec::at(2, KeyFlags::RW.union(KeyFlags::INSERT)),
        ])
        .args(&[
            ArgSpec::key("source", 0),
            ArgSpec::key("destination", 1),
            ArgSpec::double("timeout"),
        ]),
];
