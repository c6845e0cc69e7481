//! The rows of the commands on several sorted sets.

use super::combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
use super::pop::zmpop;
use crate::command::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};

/// The rows.
pub const COMMANDS_OF_SEVERAL: &[CommandSpec] = &[
    CommandSpec::new("zdiff", -3, zdiff)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Returns members of the first key that no other has.")
        .complexity("O(L + (N-K)log(N)) worst case")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::counted(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zdiffstore", -4, zdiffstore)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Stores members of the first key that no other has.")
        .complexity("O(L + (N-K)log(N)) worst case")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::SORTEDSET)
        .keys(&[
            KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
            KeySpec::counted(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::key("destination", 0),
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 1).multiple(),
        ]),
    CommandSpec::new("zinter", -3, zinter)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Returns members that all keys have.")
        .complexity("O(N*K)+O(M*log(M)) worst case")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::counted(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::integer("weight")
                .token("WEIGHTS")
                .optional()
                .multiple(),
            ArgSpec::one_of(
                "aggregate",
                &[
                    ArgSpec::pure_token("sum", "SUM"),
                    ArgSpec::pure_token("min", "MIN"),
                    ArgSpec::pure_token("max", "MAX"),
                ],
            )
            .token("AGGREGATE")
            .optional(),
            ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zintercard", -3, zintercard)
        .group(Group::SortedSet)
        .since("7.0.0")
        .summary("Counts members that all keys have.")
        .complexity("O(N*K) worst case")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::counted(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::integer("limit").token("LIMIT").optional(),
        ]),
    CommandSpec::new("zinterstore", -4, zinterstore)
        .group(Group::SortedSet)
        .since("2.0.0")
        .summary("Stores members that all keys have.")
        .complexity("O(N*K)+O(M*log(M)) worst case")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::SORTEDSET)
        .keys(&[
            KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
            KeySpec::counted(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::key("destination", 0),
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 1).multiple(),
            ArgSpec::integer("weight")
                .token("WEIGHTS")
                .optional()
                .multiple(),
            ArgSpec::one_of(
                "aggregate",
                &[
                    ArgSpec::pure_token("sum", "SUM"),
                    ArgSpec::pure_token("min", "MIN"),
                    ArgSpec::pure_token("max", "MAX"),
                ],
            )
            .token("AGGREGATE")
            .optional(),
        ]),
    CommandSpec::new("zmpop", -4, zmpop)
        .group(Group::SortedSet)
        .since("7.0.0")
        .summary("Pops lowest or highest members of the first key that has any.")
        .complexity("O(K) + O(M*log(N))")
        .flags(Flags::WRITE)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::counted(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
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
    CommandSpec::new("zunion", -3, zunion)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Returns members that any key has.")
        .complexity("O(N)+O(M*log(M))")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::counted(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::integer("weight")
                .token("WEIGHTS")
                .optional()
                .multiple(),
            ArgSpec::one_of(
                "aggregate",
                &[
                    ArgSpec::pure_token("sum", "SUM"),
                    ArgSpec::pure_token("min", "MIN"),
                    ArgSpec::pure_token("max", "MAX"),
                ],
            )
            .token("AGGREGATE")
            .optional(),
            ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zunionstore", -4, zunionstore)
        .group(Group::SortedSet)
        .since("2.0.0")
        .summary("Stores members that any key has.")
        .complexity("O(N)+O(M log(M))")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::SORTEDSET)
        .keys(&[
            KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
            KeySpec::counted(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::key("destination", 0),
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 1).multiple(),
            ArgSpec::integer("weight")
                .token("WEIGHTS")
                .optional()
                .multiple(),
            ArgSpec::one_of(
                "aggregate",
                &[
                    ArgSpec::pure_token("sum", "SUM"),
                    ArgSpec::pure_token("min", "MIN"),
                    ArgSpec::pure_token("max", "MAX"),
                ],
            )
            .token("AGGREGATE")
            .optional(),
        ]),
];
