//! Sorted sets.
//!
//! The rows are here, in `rows_of_several` and in `rows_waiting`; the handlers
//! stand beside them by subject.

pub(super) mod add;
mod combine;
mod parse;
mod pop;
mod range;
mod read;
mod remove;
mod reply;
mod rows_of_several;
mod rows_waiting;
mod store;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use add::{zadd, zincrby};
use pop::{zpopmax, zpopmin};
use range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore,
};
use read::{zcard, zcount, zlexcount, zmscore, zrandmember, zrank, zrevrank, zscan, zscore};
use remove::{zrem, zremrangebylex, zremrangebyrank, zremrangebyscore};
pub use rows_of_several::COMMANDS_OF_SEVERAL;
pub use rows_waiting::WAITING;

/// The rows of the commands on one set.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("zadd", -4, zadd)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Adds members or changes their scores.")
        .complexity("O(log(N))")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                ],
            )
            .optional()
            .since("3.0.2"),
            ArgSpec::one_of(
                "comparison",
                &[
                    ArgSpec::pure_token("gt", "GT"),
                    ArgSpec::pure_token("lt", "LT"),
                ],
            )
            .optional()
            .since("6.2.0"),
            ArgSpec::pure_token("change", "CH")
                .optional()
                .since("3.0.2"),
            ArgSpec::pure_token("increment", "INCR")
                .optional()
                .since("3.0.2"),
            ArgSpec::block(
                "data",
                &[ArgSpec::double("score"), ArgSpec::string("member")],
            )
            .multiple(),
        ]),
    CommandSpec::new("zcard", 2, zcard)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Counts members.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("zcount", 4, zcount)
        .group(Group::SortedSet)
        .since("2.0.0")
        .summary("Counts members in a range of scores.")
        .complexity("O(log(N))")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::double("min"),
            ArgSpec::double("max"),
        ]),
    CommandSpec::new("zincrby", 4, zincrby)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Adds to a member's score.")
        .complexity("O(log(N))")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("increment"),
            ArgSpec::string("member"),
        ]),
    CommandSpec::new("zlexcount", 4, zlexcount)
        .group(Group::SortedSet)
        .since("2.8.9")
        .summary("Counts members in a range of members.")
        .complexity("O(log(N))")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("min"),
            ArgSpec::string("max"),
        ]),
    CommandSpec::new("zmscore", -3, zmscore)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Returns the scores of members.")
        .complexity("O(N)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("member").multiple()]),
    CommandSpec::new("zpopmax", -2, zpopmax)
        .group(Group::SortedSet)
        .since("5.0.0")
        .summary("Pops members with the highest scores.")
        .complexity("O(log(N)*M)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("count").optional()]),
    CommandSpec::new("zpopmin", -2, zpopmin)
        .group(Group::SortedSet)
        .since("5.0.0")
        .summary("Pops members with the lowest scores.")
        .complexity("O(log(N)*M)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("count").optional()]),
    CommandSpec::new("zrandmember", -2, zrandmember)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Returns random members.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::block(
                "options",
                &[
                    ArgSpec::integer("count"),
                    ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("zrange", -4, zrange)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Returns members in a range of ranks, scores or members.")
        .complexity("O(log(N)+M)")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("start"),
            ArgSpec::string("stop"),
            ArgSpec::one_of(
                "sortby",
                &[
                    ArgSpec::pure_token("byscore", "BYSCORE"),
                    ArgSpec::pure_token("bylex", "BYLEX"),
                ],
            )
            .optional()
            .since("6.2.0"),
            ArgSpec::pure_token("rev", "REV").optional().since("6.2.0"),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional()
            .since("6.2.0"),
            ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zrangebylex", -4, zrangebylex)
        .group(Group::SortedSet)
        .since("2.8.9")
        .summary("Returns members in a range of members.")
        .complexity("O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE BYLEX")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("min"),
            ArgSpec::string("max"),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
        ]),
    CommandSpec::new("zrangebyscore", -4, zrangebyscore)
        .group(Group::SortedSet)
        .since("1.0.5")
        .summary("Returns members in a range of scores.")
        .complexity("O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE BYSCORE")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::double("min"),
            ArgSpec::double("max"),
            ArgSpec::pure_token("withscores", "WITHSCORES")
                .optional()
                .since("2.0.0"),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
        ]),
    CommandSpec::new("zrangestore", -5, zrangestore)
        .group(Group::SortedSet)
        .since("6.2.0")
        .summary("Stores members in a range of ranks, scores or members.")
        .complexity("O(log(N)+M)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::SORTEDSET)
        .keys(&[
            KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
            KeySpec::at(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::key("dst", 0),
            ArgSpec::key("src", 1),
            ArgSpec::string("min"),
            ArgSpec::string("max"),
            ArgSpec::one_of(
                "sortby",
                &[
                    ArgSpec::pure_token("byscore", "BYSCORE"),
                    ArgSpec::pure_token("bylex", "BYLEX"),
                ],
            )
            .optional(),
            ArgSpec::pure_token("rev", "REV").optional(),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
        ]),
    CommandSpec::new("zrank", -3, zrank)
        .group(Group::SortedSet)
        .since("2.0.0")
        .summary("Returns a member's rank from the lowest score.")
        .complexity("O(log(N))")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member"),
            ArgSpec::pure_token("withscore", "WITHSCORE").optional(),
        ]),
    CommandSpec::new("zrem", -3, zrem)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Removes members.")
        .complexity("O(M*log(N))")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("member").multiple()]),
    CommandSpec::new("zremrangebylex", 4, zremrangebylex)
        .group(Group::SortedSet)
        .since("2.8.9")
        .summary("Removes members in a range of members.")
        .complexity("O(log(N)+M)")
        .flags(Flags::WRITE)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("min"),
            ArgSpec::string("max"),
        ]),
    CommandSpec::new("zremrangebyrank", 4, zremrangebyrank)
        .group(Group::SortedSet)
        .since("2.0.0")
        .summary("Removes members in a range of ranks.")
        .complexity("O(log(N)+M)")
        .flags(Flags::WRITE)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("start"),
            ArgSpec::integer("stop"),
        ]),
    CommandSpec::new("zremrangebyscore", 4, zremrangebyscore)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Removes members in a range of scores.")
        .complexity("O(log(N)+M)")
        .flags(Flags::WRITE)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::double("min"),
            ArgSpec::double("max"),
        ]),
    CommandSpec::new("zrevrange", -4, zrevrange)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Returns members in a range of ranks, highest scores first.")
        .complexity("O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE REV")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("start"),
            ArgSpec::integer("stop"),
            ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
        ]),
    CommandSpec::new("zrevrangebylex", -4, zrevrangebylex)
        .group(Group::SortedSet)
        .since("2.8.9")
        .summary("Returns members in a range of members, last first.")
        .complexity("O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE REV BYLEX")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("max"),
            ArgSpec::string("min"),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
        ]),
    CommandSpec::new("zrevrangebyscore", -4, zrevrangebyscore)
        .group(Group::SortedSet)
        .since("2.2.0")
        .summary("Returns members in a range of scores, highest first.")
        .complexity("O(log(N)+M)")
        .deprecated("6.2.0", "ZRANGE REV BYSCORE")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::double("max"),
            ArgSpec::double("min"),
            ArgSpec::pure_token("withscores", "WITHSCORES").optional(),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
        ]),
    CommandSpec::new("zrevrank", -3, zrevrank)
        .group(Group::SortedSet)
        .since("2.0.0")
        .summary("Returns a member's rank from the highest score.")
        .complexity("O(log(N))")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member"),
            ArgSpec::pure_token("withscore", "WITHSCORE").optional(),
        ]),
    CommandSpec::new("zscan", -3, zscan)
        .group(Group::SortedSet)
        .since("2.8.0")
        .summary("Visits members step by step.")
        .complexity("O(1) for every call")
        .flags(Flags::READONLY)
        .acl(Acl::SORTEDSET)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("cursor"),
            ArgSpec::pattern("pattern").token("MATCH").optional(),
            ArgSpec::integer("count").token("COUNT").optional(),
            ArgSpec::pure_token("noscores", "NOSCORES").optional(),
        ]),
    CommandSpec::new("zscore", 3, zscore)
        .group(Group::SortedSet)
        .since("1.2.0")
        .summary("Returns a member's score.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("member")]),
];
