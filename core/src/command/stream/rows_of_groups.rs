//! The rows of the commands on consumer groups, and of XINFO.

use super::super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use super::info::{xinfo_consumers, xinfo_groups, xinfo_help, xinfo_stream};

/// The rows of the commands on consumer groups, and of XINFO.
pub const COMMANDS_OF_GROUPS: &[CommandSpec] = &[CommandSpec::container("xinfo")
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
    ])];
