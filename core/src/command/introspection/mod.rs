//! What the server tells of itself: COMMAND, CONFIG and INFO.

mod command;
mod config;
mod docs;
mod info;
mod list;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group};
use command::{
    command, command_count, command_getkeys, command_getkeysandflags, command_help, command_info,
};
use config::{config_get, config_help, config_resetstat, config_rewrite, config_set};
use docs::command_docs;
use info::info;
use list::command_list;

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("command", -1, command)
        .group(Group::Server)
        .since("2.8.13")
        .summary("Describes all commands.")
        .complexity("O(N)")
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Acl::CONNECTION)
        .tips(&["nondeterministic_output_order"])
        .subcommands(&[
            CommandSpec::new("command|count", 2, command_count)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Counts the commands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("command|docs", -2, command_docs)
                .group(Group::Server)
                .since("7.0.0")
                .summary("Describes commands for people.")
                .complexity("O(N)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .tips(&["nondeterministic_output_order"])
                .args(&[ArgSpec::string("command-name").optional().multiple()]),
            CommandSpec::new("command|getkeys", -3, command_getkeys)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Finds the keys in a call.")
                .complexity("O(N)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[
                    ArgSpec::string("command"),
                    ArgSpec::string("arg").optional().multiple(),
                ]),
            CommandSpec::new("command|getkeysandflags", -3, command_getkeysandflags)
                .group(Group::Server)
                .since("7.0.0")
                .summary("Finds the keys in a call, and what happens to them.")
                .complexity("O(N)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[
                    ArgSpec::string("command"),
                    ArgSpec::string("arg").optional().multiple(),
                ]),
            CommandSpec::new("command|help", 2, command_help)
                .group(Group::Server)
                .since("5.0.0")
                .summary("Explains the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("command|info", -2, command_info)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Describes commands for clients.")
                .complexity("O(N)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .tips(&["nondeterministic_output_order"])
                .args(&[ArgSpec::string("command-name").optional().multiple()]),
            CommandSpec::new("command|list", -2, command_list)
                .group(Group::Server)
                .since("7.0.0")
                .summary("Lists names of commands.")
                .complexity("O(N)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .tips(&["nondeterministic_output_order"])
                .args(&[ArgSpec::one_of(
                    "filterby",
                    &[
                        ArgSpec::string("module-name").token("MODULE"),
                        ArgSpec::string("category").token("ACLCAT"),
                        ArgSpec::pattern("pattern").token("PATTERN"),
                    ],
                )
                .token("FILTERBY")
                .optional()]),
        ]),
    CommandSpec::container("config")
        .group(Group::Server)
        .since("2.0.0")
        .summary("Reads and changes directives.")
        .complexity("Depends on subcommand")
        .subcommands(&[
            CommandSpec::new("config|get", -3, config_get)
                .group(Group::Server)
                .since("2.0.0")
                .summary("Reads directives.")
                .complexity("O(N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .args(&[ArgSpec::string("parameter").multiple()]),
            CommandSpec::new("config|help", 2, config_help)
                .group(Group::Server)
                .since("5.0.0")
                .summary("Explains the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE)),
            CommandSpec::new("config|resetstat", 2, config_resetstat)
                .group(Group::Server)
                .since("2.0.0")
                .summary("Sets the counters of INFO to zero.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
            CommandSpec::new("config|rewrite", 2, config_rewrite)
                .group(Group::Server)
                .since("2.8.0")
                .summary("Writes the directives back to the file.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
            CommandSpec::new("config|set", -4, config_set)
                .group(Group::Server)
                .since("2.0.0")
                .summary("Changes directives, all or none.")
                .complexity("O(N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .args(&[ArgSpec::block(
                    "data",
                    &[ArgSpec::string("parameter"), ArgSpec::string("value")],
                )
                .multiple()]),
        ]),
    CommandSpec::new("info", -1, info)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Describes the state of the server.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Acl::DANGEROUS)
        .tips(&[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ])
        .args(&[ArgSpec::string("section").optional().multiple()]),
];
