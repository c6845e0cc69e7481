//! Publish and subscribe.

mod inspect;
mod publish;
mod subscribe;
#[cfg(test)]
mod tests;

use super::{ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use inspect::{
    pubsub_channels, pubsub_help, pubsub_numpat, pubsub_numsub, pubsub_shardchannels,
    pubsub_shardnumsub,
};
use publish::{publish, spublish};
use subscribe::{psubscribe, punsubscribe, ssubscribe, subscribe, sunsubscribe, unsubscribe};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("psubscribe", -2, psubscribe)
        .group(Group::PubSub)
        .since("2.0.0")
        .summary("Listens to channels that match patterns.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        )
        .args(&[ArgSpec::pattern("pattern").multiple()]),
    CommandSpec::new("publish", 3, publish)
        .group(Group::PubSub)
        .since("2.0.0")
        .summary("Sends a message to a channel.")
        .complexity("O(N+M)")
        .flags(
            Flags::PUBSUB
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::MAY_REPLICATE),
        )
        .args(&[ArgSpec::string("channel"), ArgSpec::string("message")]),
    CommandSpec::container("pubsub")
        .group(Group::PubSub)
        .since("2.8.0")
        .summary("Looks at who listens.")
        .complexity("Depends on subcommand")
        .subcommands(&[
            CommandSpec::new("pubsub|channels", -2, pubsub_channels)
                .group(Group::PubSub)
                .since("2.8.0")
                .summary("Lists the channels with listeners.")
                .complexity("O(N)")
                .flags(Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE))
                .args(&[ArgSpec::pattern("pattern").optional()]),
            CommandSpec::new("pubsub|help", 2, pubsub_help)
                .group(Group::PubSub)
                .since("6.2.0")
                .summary("Lists the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE)),
            CommandSpec::new("pubsub|numpat", 2, pubsub_numpat)
                .group(Group::PubSub)
                .since("2.8.0")
                .summary("Counts the patterns listened to.")
                .complexity("O(1)")
                .flags(Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE)),
            CommandSpec::new("pubsub|numsub", -2, pubsub_numsub)
                .group(Group::PubSub)
                .since("2.8.0")
                .summary("Counts the listeners of channels.")
                .complexity("O(N)")
                .flags(Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE))
                .args(&[ArgSpec::string("channel").optional().multiple()]),
            CommandSpec::new("pubsub|shardchannels", -2, pubsub_shardchannels)
                .group(Group::PubSub)
                .since("7.0.0")
                .summary("Lists the shard channels with listeners.")
                .complexity("O(N)")
                .flags(Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE))
                .args(&[ArgSpec::pattern("pattern").optional()]),
            CommandSpec::new("pubsub|shardnumsub", -2, pubsub_shardnumsub)
                .group(Group::PubSub)
                .since("7.0.0")
                .summary("Counts the listeners of shard channels.")
                .complexity("O(N)")
                .flags(Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE))
                .args(&[ArgSpec::string("shardchannel").optional().multiple()]),
        ]),
    CommandSpec::new("punsubscribe", -1, punsubscribe)
        .group(Group::PubSub)
        .since("2.0.0")
        .summary("Stops listening to patterns.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        )
        .args(&[ArgSpec::pattern("pattern").optional().multiple()]),
    CommandSpec::new("spublish", 3, spublish)
        .group(Group::PubSub)
        .since("7.0.0")
        .summary("Sends a message to a shard channel.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::MAY_REPLICATE),
        )
        .keys(&[KeySpec::at(1, KeyFlags::NOT_KEY)])
        .args(&[ArgSpec::string("shardchannel"), ArgSpec::string("message")]),
    CommandSpec::new("ssubscribe", -2, ssubscribe)
        .group(Group::PubSub)
        .since("7.0.0")
        .summary("Listens to shard channels.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        )
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .args(&[ArgSpec::string("shardchannel").multiple()]),
    CommandSpec::new("subscribe", -2, subscribe)
        .group(Group::PubSub)
        .since("2.0.0")
        .summary("Listens to channels.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        )
        .args(&[ArgSpec::string("channel").multiple()]),
    CommandSpec::new("sunsubscribe", -1, sunsubscribe)
        .group(Group::PubSub)
        .since("7.0.0")
        .summary("Stops listening to shard channels.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        )
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .args(&[ArgSpec::string("shardchannel").optional().multiple()]),
    CommandSpec::new("unsubscribe", -1, unsubscribe)
        .group(Group::PubSub)
        .since("2.0.0")
        .summary("Stops listening to channels.")
        .complexity("O(N)")
        .flags(
            Flags::PUBSUB
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE),
        )
        .args(&[ArgSpec::string("channel").optional().multiple()]),
];
