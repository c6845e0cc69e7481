//! Looking on: SLOWLOG, LATENCY and MONITOR.

mod latency;
mod latency_report;
mod monitor;
mod slowlog;
#[cfg(test)]
mod tests;

use super::{ArgSpec, CommandSpec, Flags, Group};
use latency::{latency_help, latency_histogram, latency_history, latency_latest, latency_reset};
use latency_report::{latency_doctor, latency_graph};
use monitor::monitor;
use slowlog::{slowlog_get, slowlog_help, slowlog_len, slowlog_reset};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::container("slowlog")
        .group(Group::Server)
        .since("2.2.12")
        .summary("Asks about slow commands.")
        .complexity("Depends on subcommand")
        .subcommands(&[
            CommandSpec::new("slowlog|get", -2, slowlog_get)
                .group(Group::Server)
                .since("2.2.12")
                .summary("Answers the newest slow commands.")
                .complexity("O(N)")
                .flags(Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE))
                .tips(&["request_policy:all_nodes", "nondeterministic_output"])
                .args(&[ArgSpec::integer("count").optional()]),
            CommandSpec::new("slowlog|help", 2, slowlog_help)
                .group(Group::Server)
                .since("6.2.0")
                .summary("Lists the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE)),
            CommandSpec::new("slowlog|len", 2, slowlog_len)
                .group(Group::Server)
                .since("2.2.12")
                .summary("Counts the slow commands that are kept.")
                .complexity("O(1)")
                .flags(Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE))
                .tips(&[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ]),
            CommandSpec::new("slowlog|reset", 2, slowlog_reset)
                .group(Group::Server)
                .since("2.2.12")
                .summary("Forgets the slow commands.")
                .complexity("O(N)")
                .flags(Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE))
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ]),
    CommandSpec::new("monitor", 1, monitor)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Shows every command that runs.")
        .complexity("-")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        ),
    CommandSpec::container("latency")
        .group(Group::Server)
        .since("2.8.13")
        .summary("Asks about delays.")
        .complexity("Depends on subcommand")
        .subcommands(&[
            CommandSpec::new("latency|doctor", 2, latency_doctor)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Says what delays may come from.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ]),
            CommandSpec::new("latency|graph", 3, latency_graph)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Draws the delays of an event.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .args(&[ArgSpec::string("event")]),
            CommandSpec::new("latency|help", 2, latency_help)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Lists the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE)),
            CommandSpec::new("latency|histogram", -2, latency_histogram)
                .group(Group::Server)
                .since("7.0.0")
                .summary("Answers how long calls of commands took.")
                .complexity("O(N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .args(&[ArgSpec::string("command").optional().multiple()]),
            CommandSpec::new("latency|history", 3, latency_history)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Answers the delays of an event.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .args(&[ArgSpec::string("event")]),
            CommandSpec::new("latency|latest", 2, latency_latest)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Answers the newest delay of each event.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ]),
            CommandSpec::new("latency|reset", -2, latency_reset)
                .group(Group::Server)
                .since("2.8.13")
                .summary("Forgets delays.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
                .args(&[ArgSpec::string("event").optional().multiple()]),
        ]),
];
