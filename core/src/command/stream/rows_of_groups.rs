//! The rows of the commands on consumer groups, and of XINFO.

use super::super::{Acl, ArgSpec, Begin, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec};
use super::claim::{xautoclaim, xclaim};
use super::group::{
    xack, xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_help,
    xgroup_setid,
};
use super::info::{xinfo_consumers, xinfo_groups, xinfo_help, xinfo_stream};
use super::pending::xpending;
use super::read_group::xreadgroup;

/// The rows of the commands on consumer groups, and of XINFO.
pub const COMMANDS_OF_GROUPS: &[CommandSpec] = &[
    CommandSpec::new("xack", -4, xack)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Takes entries out of those pending in a group.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("group"),
            ArgSpec::string("id").multiple(),
        ]),
    CommandSpec::new("xautoclaim", -6, xautoclaim)
        .group(Group::Stream)
        .since("6.2.0")
        .summary("Gives pending entries that were idle for long to a consumer.")
        .complexity("O(1) if COUNT is small")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STREAM)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("group"),
            ArgSpec::string("consumer"),
            ArgSpec::string("min-idle-time"),
            ArgSpec::string("start"),
            ArgSpec::integer("count").token("COUNT").optional(),
            ArgSpec::pure_token("justid", "JUSTID").optional(),
        ]),
    CommandSpec::new("xclaim", -6, xclaim)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Gives pending entries to a consumer.")
        .complexity("O(log N)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STREAM)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("group"),
            ArgSpec::string("consumer"),
            ArgSpec::string("min-idle-time"),
            ArgSpec::string("id").multiple(),
            ArgSpec::integer("ms").token("IDLE").optional(),
            ArgSpec::unix_time("unix-time-milliseconds")
                .token("TIME")
                .optional(),
            ArgSpec::integer("count").token("RETRYCOUNT").optional(),
            ArgSpec::pure_token("force", "FORCE").optional(),
            ArgSpec::pure_token("justid", "JUSTID").optional(),
            ArgSpec::string("lastid").token("LASTID").optional(),
        ]),
    CommandSpec::container("xgroup")
        .group(Group::Stream)
        .since("5.0.0")
        .summary("A container of commands on consumer groups.")
        .complexity("Depends on the subcommand")
        .subcommands(&[
            CommandSpec::new("xgroup|create", -5, xgroup_create)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Makes a consumer group.")
                .complexity("O(1)")
                .flags(Flags::WRITE.union(Flags::DENYOOM))
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::INSERT))])
                .args(&[
                    ArgSpec::key("key", 0),
                    ArgSpec::string("group"),
                    ArgSpec::one_of(
                        "id-selector",
                        &[ArgSpec::string("id"), ArgSpec::pure_token("new-id", "$")],
                    ),
                    ArgSpec::pure_token("mkstream", "MKSTREAM").optional(),
                    ArgSpec::integer("entriesread")
                        .token("ENTRIESREAD")
                        .optional()
                        .display("entries-read"),
                ]),
            CommandSpec::new("xgroup|createconsumer", 5, xgroup_createconsumer)
                .group(Group::Stream)
                .since("6.2.0")
                .summary("Makes a consumer.")
                .complexity("O(1)")
                .flags(Flags::WRITE.union(Flags::DENYOOM))
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::INSERT))])
                .args(&[
                    ArgSpec::key("key", 0),
                    ArgSpec::string("group"),
                    ArgSpec::string("consumer"),
                ]),
            CommandSpec::new("xgroup|delconsumer", 5, xgroup_delconsumer)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Removes a consumer.")
                .complexity("O(1)")
                .flags(Flags::WRITE)
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::DELETE))])
                .args(&[
                    ArgSpec::key("key", 0),
                    ArgSpec::string("group"),
                    ArgSpec::string("consumer"),
                ]),
            CommandSpec::new("xgroup|destroy", 4, xgroup_destroy)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Removes a consumer group.")
                .complexity("O(N)")
                .flags(Flags::WRITE)
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::DELETE))])
                .args(&[ArgSpec::key("key", 0), ArgSpec::string("group")]),
            CommandSpec::new("xgroup|help", 2, xgroup_help)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Explains the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::STREAM),
            CommandSpec::new("xgroup|setid", -5, xgroup_setid)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Sets how far a group has read.")
                .complexity("O(1)")
                .flags(Flags::WRITE)
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::UPDATE))])
                .args(&[
                    ArgSpec::key("key", 0),
                    ArgSpec::string("group"),
                    ArgSpec::one_of(
                        "id-selector",
                        &[ArgSpec::string("id"), ArgSpec::pure_token("new-id", "$")],
                    ),
                    ArgSpec::integer("entriesread")
                        .token("ENTRIESREAD")
                        .optional()
                        .display("entries-read"),
                ]),
        ]),
    CommandSpec::container("xinfo")
        .group(Group::Stream)
        .since("5.0.0")
        .summary("A container of commands that describe streams.")
        .complexity("Depends on the subcommand")
        .subcommands(&[
            CommandSpec::new("xinfo|consumers", 4, xinfo_consumers)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Lists the consumers of a group.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::STREAM)
                .tips(&["nondeterministic_output"])
                .keys(&[KeySpec::at(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
                .args(&[ArgSpec::key("key", 0), ArgSpec::string("group")]),
            CommandSpec::new("xinfo|groups", 3, xinfo_groups)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Lists the consumer groups of a stream.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
                .args(&[ArgSpec::key("key", 0)]),
            CommandSpec::new("xinfo|help", 2, xinfo_help)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Explains the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::STREAM),
            CommandSpec::new("xinfo|stream", -3, xinfo_stream)
                .group(Group::Stream)
                .since("5.0.0")
                .summary("Describes a stream.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::STREAM)
                .keys(&[KeySpec::at(2, KeyFlags::RO.union(KeyFlags::ACCESS))])
                .args(&[
                    ArgSpec::key("key", 0),
                    ArgSpec::block(
                        "full-block",
                        &[
                            ArgSpec::pure_token("full", "FULL"),
                            ArgSpec::integer("count").token("COUNT").optional(),
                        ],
                    )
                    .optional(),
                ]),
        ]),
    CommandSpec::new("xpending", -3, xpending)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Describes entries that were delivered and not acknowledged.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::STREAM)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("group"),
            ArgSpec::block(
                "filters",
                &[
                    ArgSpec::integer("min-idle-time")
                        .token("IDLE")
                        .optional()
                        .since("6.2.0"),
                    ArgSpec::string("start"),
                    ArgSpec::string("end"),
                    ArgSpec::integer("count"),
                    ArgSpec::string("consumer").optional(),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("xreadgroup", -7, xreadgroup)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Delivers entries to a consumer of a group, of several streams.")
        .complexity("O(M) for every stream")
        .flags(Flags::WRITE.union(Flags::BLOCKING))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::new(
            KeyFlags::RO.union(KeyFlags::ACCESS),
            Begin::Keyword {
                keyword: "STREAMS",
                start_from: 4,
            },
            Find::Range {
                last: -1,
                step: 1,
                limit: 2,
            },
        )])
        .args(&[
            ArgSpec::block(
                "group-block",
                &[ArgSpec::string("group"), ArgSpec::string("consumer")],
            )
            .token("GROUP"),
            ArgSpec::integer("count").token("COUNT").optional(),
            ArgSpec::integer("milliseconds").token("BLOCK").optional(),
            ArgSpec::pure_token("noack", "NOACK").optional(),
            ArgSpec::block(
                "streams",
                &[
                    ArgSpec::key("key", 0).multiple(),
                    ArgSpec::string("id").multiple(),
                ],
            )
            .token("STREAMS"),
        ]),
];
