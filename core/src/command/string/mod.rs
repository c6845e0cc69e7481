//! Strings: GET, SET and their kin, and counters.
//!
//! The rows are here; the handlers stand beside them by subject.

mod compare;
mod counter;
pub(super) mod edit;
mod expire_args;
mod get;
mod lcs;
mod set;
mod set_options;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, Begin, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec, keys};
use compare::{delex, delifeq, digest_of};
use counter::{decr, decrby, incr, incrby, incrbyfloat};
use edit::{append, getrange, setrange, strlen, substr};
use get::{get, getdel, getex, getset, mget};
use lcs::lcs;
use set::{mset, msetex, msetnx, psetex, set, setex, setnx};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("append", 3, append)
        .group(Group::String)
        .since("2.0.0")
        .summary("Appends to a string.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("value")]),
    CommandSpec::new("decr", 2, decr)
        .group(Group::String)
        .since("1.0.0")
        .summary("Subtracts one.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("decrby", 3, decrby)
        .group(Group::String)
        .since("1.0.0")
        .summary("Subtracts an integer.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("decrement")]),
    CommandSpec::new("delex", -2, delex)
        .group(Group::String)
        .since("8.4.0")
        .summary("Removes a key, if its string or the string's digest is as wanted.")
        .complexity("O(1), with a digest O(N)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW
                .union(KeyFlags::DELETE)
                .union(KeyFlags::VARIABLE_FLAGS),
        )])
        .getkeys(keys::delex)
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::string("ifeq-value").token("IFEQ"),
                    ArgSpec::string("ifne-value").token("IFNE"),
                    ArgSpec::string("ifdeq-digest").token("IFDEQ"),
                    ArgSpec::string("ifdne-digest").token("IFDNE"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("delifeq", 3, delifeq)
        .group(Group::String)
        .since("9.0.0")
        .summary("Removes a string if it equals another.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RM.union(KeyFlags::DELETE))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("value")]),
    CommandSpec::new("digest", 2, digest_of)
        .group(Group::String)
        .since("8.4.0")
        .summary("Returns a digest of a string.")
        .complexity("O(N)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("get", 2, get)
        .group(Group::String)
        .since("1.0.0")
        .summary("Reads a string.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("getdel", 2, getdel)
        .group(Group::String)
        .since("6.2.0")
        .summary("Reads a string and removes its key.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("getex", -2, getex)
        .group(Group::String)
        .since("6.2.0")
        .summary("Reads a string and changes its expiry.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "expiration",
                &[
                    ArgSpec::integer("seconds").token("EX"),
                    ArgSpec::integer("milliseconds").token("PX"),
                    ArgSpec::unix_time("unix-time-seconds").token("EXAT"),
                    ArgSpec::unix_time("unix-time-milliseconds").token("PXAT"),
                    ArgSpec::pure_token("persist", "PERSIST"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("getrange", 4, getrange)
        .group(Group::String)
        .since("2.4.0")
        .summary("Reads a part of a string.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("start"),
            ArgSpec::integer("end"),
        ]),
    CommandSpec::new("getset", 3, getset)
        .group(Group::String)
        .since("1.0.0")
        .summary("Sets a string and answers the old one.")
        .complexity("O(1)")
        .deprecated("6.2.0", "SET GET")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("value")]),
    CommandSpec::new("incr", 2, incr)
        .group(Group::String)
        .since("1.0.0")
        .summary("Adds one.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("incrby", 3, incrby)
        .group(Group::String)
        .since("1.0.0")
        .summary("Adds an integer.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("increment")]),
    CommandSpec::new("incrbyfloat", 3, incrbyfloat)
        .group(Group::String)
        .since("2.6.0")
        .summary("Adds a floating-point number.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[ArgSpec::key("key", 0), ArgSpec::double("increment")]),
    CommandSpec::new("lcs", -3, lcs)
        .group(Group::String)
        .since("7.0.0")
        .summary("Finds the longest common subsequence of two strings.")
        .complexity("O(N*M)")
        .flags(Flags::READONLY)
        .acl(Acl::STRING)
        .keys(&[KeySpec::range(
            1,
            1,
            1,
            KeyFlags::RO.union(KeyFlags::ACCESS),
        )])
        .args(&[
            ArgSpec::key("key1", 0),
            ArgSpec::key("key2", 0),
            ArgSpec::pure_token("len", "LEN").optional(),
            ArgSpec::pure_token("idx", "IDX").optional(),
            ArgSpec::integer("min-match-len")
                .token("MINMATCHLEN")
                .optional(),
            ArgSpec::pure_token("withmatchlen", "WITHMATCHLEN").optional(),
        ]),
    CommandSpec::new("mget", -2, mget)
        .group(Group::String)
        .since("1.0.0")
        .summary("Reads several strings.")
        .complexity("O(N)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::STRING)
        .tips(&["request_policy:multi_shard"])
        .keys(&[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RO.union(KeyFlags::ACCESS),
        )])
        .args(&[ArgSpec::key("key", 0).multiple()]),
    CommandSpec::new("mset", -3, mset)
        .group(Group::String)
        .since("1.0.1")
        .summary("Sets several strings.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .tips(&[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ])
        .keys(&[KeySpec::range(
            1,
            -1,
            2,
            KeyFlags::OW.union(KeyFlags::UPDATE),
        )])
        .args(&[
            ArgSpec::block("data", &[ArgSpec::key("key", 0), ArgSpec::string("value")]).multiple(),
        ]),
    CommandSpec::new("msetex", -4, msetex)
        .group(Group::String)
        .since("9.1.0")
        .summary("Sets several strings, with conditions and an expiry on request.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .tips(&[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ])
        .keys(&[KeySpec::new(
            KeyFlags::OW.union(KeyFlags::UPDATE),
            Begin::Index(1),
            Find::KeyNum {
                count_at: 0,
                first: 1,
                step: 2,
            },
        )])
        .args(&[
            ArgSpec::integer("numkeys"),
            ArgSpec::block("data", &[ArgSpec::key("key", 0), ArgSpec::string("value")]).multiple(),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "expiration",
                &[
                    ArgSpec::integer("seconds").token("EX"),
                    ArgSpec::integer("milliseconds").token("PX"),
                    ArgSpec::unix_time("unix-time-seconds").token("EXAT"),
                    ArgSpec::unix_time("unix-time-milliseconds").token("PXAT"),
                    ArgSpec::pure_token("keepttl", "KEEPTTL"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("msetnx", -3, msetnx)
        .group(Group::String)
        .since("1.0.1")
        .summary("Sets several strings if none of the keys exists.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .keys(&[KeySpec::range(
            1,
            -1,
            2,
            KeyFlags::OW.union(KeyFlags::INSERT),
        )])
        .args(&[
            ArgSpec::block("data", &[ArgSpec::key("key", 0), ArgSpec::string("value")]).multiple(),
        ]),
    CommandSpec::new("psetex", 4, psetex)
        .group(Group::String)
        .since("2.6.0")
        .summary("Sets a string with an expiry in milliseconds.")
        .complexity("O(1)")
        .deprecated("2.6.12", "SET PX")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("milliseconds"),
            ArgSpec::string("value"),
        ]),
    CommandSpec::new("set", -3, set)
        .group(Group::String)
        .since("1.0.0")
        .summary("Sets a string, with conditions and an expiry on request.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW
                .union(KeyFlags::ACCESS)
                .union(KeyFlags::UPDATE)
                .union(KeyFlags::VARIABLE_FLAGS),
        )])
        .getkeys(keys::set)
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("value"),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX").since("2.6.12"),
                    ArgSpec::pure_token("xx", "XX").since("2.6.12"),
                    ArgSpec::string("comparison-value")
                        .token("IFEQ")
                        .since("8.1.0"),
                    ArgSpec::string("ifne-value").token("IFNE").since("8.4.0"),
                    ArgSpec::string("ifdeq-digest")
                        .token("IFDEQ")
                        .since("8.4.0"),
                    ArgSpec::string("ifdne-digest")
                        .token("IFDNE")
                        .since("8.4.0"),
                ],
            )
            .optional(),
            ArgSpec::pure_token("get", "GET").optional().since("6.2.0"),
            ArgSpec::one_of(
                "expiration",
                &[
                    ArgSpec::integer("seconds").token("EX").since("2.6.12"),
                    ArgSpec::integer("milliseconds").token("PX").since("2.6.12"),
                    ArgSpec::unix_time("unix-time-seconds")
                        .token("EXAT")
                        .since("6.2.0"),
                    ArgSpec::unix_time("unix-time-milliseconds")
                        .token("PXAT")
                        .since("6.2.0"),
                    ArgSpec::pure_token("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("setex", 4, setex)
        .group(Group::String)
        .since("2.0.0")
        .summary("Sets a string with an expiry in seconds.")
        .complexity("O(1)")
        .deprecated("2.6.12", "SET EX")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("seconds"),
            ArgSpec::string("value"),
        ]),
    CommandSpec::new("setnx", 3, setnx)
        .group(Group::String)
        .since("1.0.0")
        .summary("Sets a string if the key does not exist.")
        .complexity("O(1)")
        .deprecated("2.6.12", "SET NX")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::OW.union(KeyFlags::INSERT))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("value")]),
    CommandSpec::new("setrange", 4, setrange)
        .group(Group::String)
        .since("2.2.0")
        .summary("Overwrites a part of a string.")
        .complexity("O(1), not counting the time taken")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("offset"),
            ArgSpec::string("value"),
        ]),
    CommandSpec::new("strlen", 2, strlen)
        .group(Group::String)
        .since("2.2.0")
        .summary("Answers the length of a string.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("substr", 4, substr)
        .group(Group::String)
        .since("1.0.0")
        .summary("Reads a part of a string.")
        .complexity("O(N)")
        .deprecated("2.0.0", "GETRANGE")
        .flags(Flags::READONLY)
        .acl(Acl::STRING)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("start"),
            ArgSpec::integer("end"),
        ]),
];
