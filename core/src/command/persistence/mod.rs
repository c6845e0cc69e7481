//! Snapshots on demand, and the end of the process.

mod handlers;
#[cfg(test)]
mod tests;

use super::{ArgSpec, CommandSpec, Flags, Group};
use handlers::{bgrewriteaof, bgsave, save, shutdown};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("bgrewriteaof", 1, bgrewriteaof)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Begins the log on disk anew with a snapshot, in the background.")
        .complexity("O(1)")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::NO_ASYNC_LOADING),
        ),
    CommandSpec::new("bgsave", -1, bgsave)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Saves the dataset in the background.")
        .complexity("O(1)")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::NO_ASYNC_LOADING),
        )
        .args(&[ArgSpec::one_of(
            "operation",
            &[
                ArgSpec::pure_token("schedule", "SCHEDULE").since("3.2.2"),
                ArgSpec::pure_token("cancel", "CANCEL").since("8.1.0"),
            ],
        )
        .optional()]),
    CommandSpec::new("save", 1, save)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Saves the dataset, and answers when it is done.")
        .complexity("O(N)")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::NO_ASYNC_LOADING)
                .union(Flags::NO_MULTI),
        ),
    CommandSpec::new("shutdown", -1, shutdown)
        .group(Group::Server)
        .since("1.0.0")
        .summary("Saves as configured and ends the server.")
        .complexity("O(N) when saving")
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::NO_MULTI)
                .union(Flags::ALLOW_BUSY),
        )
        .args(&[ArgSpec::one_of(
            "abort-selector",
            &[
                ArgSpec::block(
                    "save-selector-block",
                    &[
                        ArgSpec::one_of(
                            "save-selector",
                            &[
                                ArgSpec::pure_token("nosave", "NOSAVE"),
                                ArgSpec::pure_token("save", "SAVE"),
                            ],
                        )
                        .optional(),
                        ArgSpec::pure_token("now", "NOW").optional().since("7.0.0"),
                        ArgSpec::pure_token("force", "FORCE")
                            .optional()
                            .since("7.0.0"),
                    ],
                ),
                ArgSpec::pure_token("abort", "ABORT").since("7.0.0"),
            ],
        )
        .optional()]),
];
