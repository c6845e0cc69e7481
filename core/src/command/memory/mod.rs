//! MEMORY: what keys and the server take.

mod doctor;
mod stats;
#[cfg(test)]
mod tests;
mod usage;

use super::help::{HelpRow, help};
use super::{ArgSpec, CommandResult, CommandSpec, Ctx, Flags, Group, KeyFlags, KeySpec};
use crate::engine::info::Source;
use crate::seams::host::ProcessFacts;
use doctor::memory_doctor;
use stats::memory_stats;
use usage::memory_usage;

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[CommandSpec::container("memory")
    .group(Group::Server)
    .since("4.0.0")
    .summary("Asks about the use of memory.")
    .complexity("Depends on subcommand")
    .subcommands(&[
        CommandSpec::new("memory|doctor", 2, memory_doctor)
            .group(Group::Server)
            .since("4.0.0")
            .summary("Names what is wrong with the use of memory.")
            .complexity("O(1)")
            .tips(&[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ]),
        CommandSpec::new("memory|help", 2, memory_help)
            .group(Group::Server)
            .since("4.0.0")
            .summary("Lists the subcommands.")
            .complexity("O(1)")
            .flags(Flags::LOADING.union(Flags::STALE)),
        CommandSpec::new("memory|malloc-stats", 2, memory_malloc_stats)
            .group(Group::Server)
            .since("4.0.0")
            .summary("Answers what the allocator tells of itself.")
            .complexity("Depends on the allocator")
            .tips(&[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ]),
        CommandSpec::new("memory|purge", 2, memory_purge)
            .group(Group::Server)
            .since("4.0.0")
            .summary("Asks the allocator to give memory back.")
            .complexity("Depends on the allocator")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        CommandSpec::new("memory|stats", 2, memory_stats)
            .group(Group::Server)
            .since("4.0.0")
            .summary("Answers what memory is used for.")
            .complexity("O(1)")
            .tips(&[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ]),
        CommandSpec::new("memory|usage", -3, memory_usage)
            .group(Group::Server)
            .since("4.0.0")
            .summary("Answers what a key and its value take.")
            .complexity("O(N)")
            .flags(Flags::READONLY)
            .keys(&[KeySpec::at(2, KeyFlags::RO)])
            .args(&[
                ArgSpec::key("key", 0),
                ArgSpec::integer("count").token("SAMPLES").optional(),
            ]),
    ])];

/// What INFO reads, for a command.
fn source<'a>(ctx: &'a Ctx<'_>, facts: &'a ProcessFacts) -> Source<'a> {
    Source {
        server: ctx.server,
        keyspace: ctx.keys.space(),
        key_stats: ctx.keys.stats(),
        client: ctx.client,
        facts,
        now_ms: ctx.now_ms(),
    }
}

/// The allocators this runs on keep no report; Redis says this without jemalloc.
fn memory_malloc_stats(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply
        .bulk(b"Stats not supported for the current allocator");
    Ok(())
}

/// Asks for nothing: only jemalloc keeps pages back that it can be asked for, and
/// a Redis without it answers the same.
fn memory_purge(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.ok();
    Ok(())
}

const HELP: &[HelpRow] = &[
    ("DOCTOR", "Names what is wrong with the use of memory."),
    (
        "MALLOC-STATS",
        "Answers what the allocator tells of itself.",
    ),
    ("PURGE", "Asks the allocator to give memory back."),
    ("STATS", "Answers what memory is used for."),
    (
        "USAGE <key> [SAMPLES <count>]",
        "Answers what the key and its value take, in bytes, judged by <count> elements (5; 0 for all).",
    ),
];

fn memory_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(ctx, "MEMORY", HELP);
    Ok(())
}
