//! Keys whatever they hold: removing, naming, expiring, walking.

mod copy;
pub(super) mod expire;
mod names;
mod object;
mod remove;
#[cfg(test)]
mod tests;
mod wait;
mod walk;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
pub(crate) use object::encoding_of;

use copy::copy;
use expire::{expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl};
use names::{move_, rename, renamenx};
use object::{object_encoding, object_freq, object_help, object_idletime, object_refcount, type_};
use remove::{del, exists, touch, unlink};
use wait::{wait, waitaof};
use walk::{keys, randomkey, scan};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("copy", -3, copy)
        .group(Group::Generic)
        .since("6.2.0")
        .summary("Copies a value to another key.")
        .complexity("O(N) worst case")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::KEYSPACE)
        .keys(&[
            KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS)),
            KeySpec::at(2, KeyFlags::OW.union(KeyFlags::UPDATE)),
        ])
        .args(&[
            ArgSpec::key("source", 0),
            ArgSpec::key("destination", 1),
            ArgSpec::integer("destination-db").token("DB").optional(),
            ArgSpec::pure_token("replace", "REPLACE").optional(),
        ]),
    CommandSpec::new("del", -2, del)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Removes keys.")
        .complexity("O(N)")
        .flags(Flags::WRITE)
        .acl(Acl::KEYSPACE)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RM.union(KeyFlags::DELETE),
        )])
        .args(&[ArgSpec::key("key", 0).multiple()]),
    CommandSpec::new("exists", -2, exists)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Counts the keys that are there.")
        .complexity("O(N)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0).multiple()]),
    CommandSpec::new("expire", -3, expire)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Lets a key expire after so many seconds.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("seconds"),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                    ArgSpec::pure_token("gt", "GT"),
                    ArgSpec::pure_token("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::new("expireat", -3, expireat)
        .group(Group::Generic)
        .since("1.2.0")
        .summary("Lets a key expire at a unix time in seconds.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::unix_time("unix-time-seconds"),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                    ArgSpec::pure_token("gt", "GT"),
                    ArgSpec::pure_token("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::new("expiretime", 2, expiretime)
        .group(Group::Generic)
        .since("7.0.0")
        .summary("Answers when a key expires, in seconds.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("keys", 2, keys)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Lists the keys that match a pattern.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::KEYSPACE.union(Acl::DANGEROUS))
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .args(&[ArgSpec::pattern("pattern")]),
    CommandSpec::new("move", 3, move_)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Moves a key to another database.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("db")]),
    CommandSpec::container("object")
        .group(Group::Generic)
        .since("2.2.3")
        .summary("Looks at how a key is kept.")
        .complexity("Depends on subcommand")
        .subcommands(&[
            CommandSpec::new("object|encoding", 3, object_encoding)
                .group(Group::Generic)
                .since("2.2.3")
                .summary("Answers how a value is encoded.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::KEYSPACE)
                .tips(&["nondeterministic_output"])
                .keys(&[KeySpec::at(2, KeyFlags::RO)])
                .args(&[ArgSpec::key("key", 0)]),
            CommandSpec::new("object|freq", 3, object_freq)
                .group(Group::Generic)
                .since("4.0.0")
                .summary("Answers how often a key is used.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::KEYSPACE)
                .tips(&["nondeterministic_output"])
                .keys(&[KeySpec::at(2, KeyFlags::RO)])
                .args(&[ArgSpec::key("key", 0)]),
            CommandSpec::new("object|help", 2, object_help)
                .group(Group::Generic)
                .since("6.2.0")
                .summary("Lists the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::KEYSPACE),
            CommandSpec::new("object|idletime", 3, object_idletime)
                .group(Group::Generic)
                .since("2.2.3")
                .summary("Answers how long a key was not used.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::KEYSPACE)
                .tips(&["nondeterministic_output"])
                .keys(&[KeySpec::at(2, KeyFlags::RO)])
                .args(&[ArgSpec::key("key", 0)]),
            CommandSpec::new("object|refcount", 3, object_refcount)
                .group(Group::Generic)
                .since("2.2.3")
                .summary("Answers how many refer to a value.")
                .complexity("O(1)")
                .flags(Flags::READONLY)
                .acl(Acl::KEYSPACE)
                .tips(&["nondeterministic_output"])
                .keys(&[KeySpec::at(2, KeyFlags::RO)])
                .args(&[ArgSpec::key("key", 0)]),
        ]),
    CommandSpec::new("persist", 2, persist)
        .group(Group::Generic)
        .since("2.2.0")
        .summary("Takes the expiry of a key away.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("pexpire", -3, pexpire)
        .group(Group::Generic)
        .since("2.6.0")
        .summary("Lets a key expire after so many milliseconds.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("milliseconds"),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                    ArgSpec::pure_token("gt", "GT"),
                    ArgSpec::pure_token("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::new("pexpireat", -3, pexpireat)
        .group(Group::Generic)
        .since("2.6.0")
        .summary("Lets a key expire at a unix time in milliseconds.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::unix_time("unix-time-milliseconds"),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                    ArgSpec::pure_token("gt", "GT"),
                    ArgSpec::pure_token("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    CommandSpec::new("pexpiretime", 2, pexpiretime)
        .group(Group::Generic)
        .since("7.0.0")
        .summary("Answers when a key expires, in milliseconds.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("pttl", 2, pttl)
        .group(Group::Generic)
        .since("2.6.0")
        .summary("Answers how long a key has left, in milliseconds.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("randomkey", 1, randomkey)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Answers any key.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::TOUCHES_ARBITRARY_KEYS))
        .acl(Acl::KEYSPACE)
        .tips(&[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ]),
    CommandSpec::new("rename", 3, rename)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Gives a key another name.")
        .complexity("O(1)")
        .flags(Flags::WRITE)
        .acl(Acl::KEYSPACE)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            ),
            KeySpec::at(2, KeyFlags::OW.union(KeyFlags::UPDATE)),
        ])
        .args(&[ArgSpec::key("key", 0), ArgSpec::key("newkey", 1)]),
    CommandSpec::new("renamenx", 3, renamenx)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Gives a key another name that is free.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            ),
            KeySpec::at(2, KeyFlags::OW.union(KeyFlags::INSERT)),
        ])
        .args(&[ArgSpec::key("key", 0), ArgSpec::key("newkey", 1)]),
    CommandSpec::new("scan", -2, scan)
        .group(Group::Generic)
        .since("2.8.0")
        .summary("Walks through the keys a piece at a time.")
        .complexity("O(1) for every call")
        .flags(Flags::READONLY.union(Flags::TOUCHES_ARBITRARY_KEYS))
        .acl(Acl::KEYSPACE)
        .tips(&[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ])
        .args(&[
            ArgSpec::integer("cursor"),
            ArgSpec::pattern("pattern").token("MATCH").optional(),
            ArgSpec::integer("count").token("COUNT").optional(),
            ArgSpec::string("type")
                .token("TYPE")
                .optional()
                .since("6.0.0"),
        ]),
    CommandSpec::new("touch", -2, touch)
        .group(Group::Generic)
        .since("3.2.1")
        .summary("Counts keys, and marks them as used.")
        .complexity("O(N)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0).multiple()]),
    CommandSpec::new("ttl", 2, ttl)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Answers how long a key has left, in seconds.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("type", 2, type_)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Answers the type of a value.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("unlink", -2, unlink)
        .group(Group::Generic)
        .since("4.0.0")
        .summary("Removes keys, and frees them elsewhere.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::KEYSPACE)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RM.union(KeyFlags::DELETE),
        )])
        .args(&[ArgSpec::key("key", 0).multiple()]),
    CommandSpec::new("wait", 3, wait)
        .group(Group::Generic)
        .since("3.0.0")
        .summary("Waits until replicas have the writes of this connection.")
        .complexity("O(1)")
        .acl(Acl::CONNECTION)
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .args(&[ArgSpec::integer("numreplicas"), ArgSpec::integer("timeout")]),
    CommandSpec::new("waitaof", 4, waitaof)
        .group(Group::Generic)
        .since("7.2.0")
        .summary("Waits until disks have the writes of this connection.")
        .complexity("O(1)")
        .flags(Flags::NOSCRIPT)
        .acl(Acl::CONNECTION)
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .args(&[
            ArgSpec::integer("numlocal"),
            ArgSpec::integer("numreplicas"),
            ArgSpec::integer("timeout"),
        ]),
];
