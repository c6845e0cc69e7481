//! Hashes: fields with values under one key.
//!
//! The rows are here; the handlers stand beside them by subject.

mod counter;
pub(super) mod expiry;
mod read;
mod sample;
#[cfg(test)]
mod tests;
mod write;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use counter::{hincrby, hincrbyfloat};
use read::{hexists, hget, hgetall, hkeys, hlen, hmget, hscan, hstrlen, hvals};
use sample::hrandfield;
use write::{hdel, hmset, hset, hsetnx};

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = Flags::READONLY.union(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST);

const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RO)];
const ACCESSED: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))];
const UPDATED: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))];
const COUNTED: &[KeySpec] = &[KeySpec::at(
    1,
    KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
)];

const KEY: ArgSpec = ArgSpec::key("key", 0);
const FIELD: ArgSpec = ArgSpec::string("field");
const VALUE: ArgSpec = ArgSpec::string("value");
const PAIRS: ArgSpec = ArgSpec::block("data", &[FIELD, VALUE]).multiple();

const fn row(
    name: &'static str,
    arity: i32,
    handler: super::Handler,
    since: &'static str,
) -> CommandSpec {
    CommandSpec::new(name, arity, handler)
        .group(Group::Hash)
        .acl(Acl::HASH)
        .since(since)
}

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    row("hdel", -3, hdel, "2.0.0")
        .summary("Removes fields, and the key with the last one.")
        .complexity("O(N) where N is the number of fields to be removed.")
        .flags(Flags::WRITE.union(Flags::FAST))
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[KEY, FIELD.multiple()]),
    row("hexists", 3, hexists, "2.0.0")
        .summary("Tells whether a field is there.")
        .complexity("O(1)")
        .flags(READ_FAST)
        .keys(LOOKED_AT)
        .args(&[KEY, FIELD]),
    row("hget", 3, hget, "2.0.0")
        .summary("Reads a field's value.")
        .complexity("O(1)")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, FIELD]),
    row("hgetall", 2, hgetall, "2.0.0")
        .summary("Reads all fields and values.")
        .complexity("O(N) where N is the size of the hash.")
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ACCESSED)
        .args(&[KEY]),
    row("hincrby", 4, hincrby, "2.0.0")
        .summary("Adds an integer to a field's value.")
        .complexity("O(1)")
        .flags(WRITE_FAST)
        .keys(COUNTED)
        .args(&[KEY, FIELD, ArgSpec::integer("increment")]),
    row("hincrbyfloat", 4, hincrbyfloat, "2.6.0")
        .summary("Adds a floating point number to a field's value.")
        .complexity("O(1)")
        .flags(WRITE_FAST)
        .keys(COUNTED)
        .args(&[KEY, FIELD, ArgSpec::double("increment")]),
    row("hkeys", 2, hkeys, "2.0.0")
        .summary("Reads all fields.")
        .complexity("O(N) where N is the size of the hash.")
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ACCESSED)
        .args(&[KEY]),
    row("hlen", 2, hlen, "2.0.0")
        .summary("Answers the number of fields.")
        .complexity("O(1)")
        .flags(READ_FAST)
        .keys(LOOKED_AT)
        .args(&[KEY]),
    row("hmget", -3, hmget, "2.0.0")
        .summary("Reads the values of several fields.")
        .complexity("O(N) where N is the number of fields being requested.")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, FIELD.multiple()]),
    row("hmset", -4, hmset, "2.0.0")
        .summary("Sets several fields.")
        .complexity("O(N) where N is the number of fields being set.")
        .deprecated("4.0.0", "HSET with several fields")
        .flags(WRITE_FAST)
        .keys(UPDATED)
        .args(&[KEY, PAIRS]),
    row("hrandfield", -2, hrandfield, "6.2.0")
        .summary("Picks random fields, with their values on request.")
        .complexity("O(N) where N is the number of fields returned")
        .flags(READ)
        .tips(&["nondeterministic_output"])
        .keys(ACCESSED)
        .args(&[
            KEY,
            ArgSpec::block(
                "options",
                &[
                    ArgSpec::integer("count"),
                    ArgSpec::pure_token("withvalues", "WITHVALUES").optional(),
                ],
            )
            .optional(),
        ]),
    row("hscan", -3, hscan, "2.8.0")
        .summary("Walks through fields and values, a part per call.")
        .complexity(
            "O(1) for every call. O(N) for a complete iteration, including enough command calls \
             for the cursor to return back to 0. N is the number of elements inside the \
             collection.",
        )
        .flags(READ)
        .tips(&["nondeterministic_output"])
        .keys(ACCESSED)
        .args(&[
            KEY,
            ArgSpec::integer("cursor"),
            ArgSpec::pattern("pattern").token("MATCH").optional(),
            ArgSpec::integer("count").token("COUNT").optional(),
            ArgSpec::pure_token("novalues", "NOVALUES").optional(),
        ]),
    row("hset", -4, hset, "2.0.0")
        .summary("Sets fields, and answers how many are new.")
        .complexity(
            "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the \
             command is called with multiple field/value pairs.",
        )
        .flags(WRITE_FAST)
        .keys(UPDATED)
        .args(&[KEY, PAIRS]),
    row("hsetnx", 4, hsetnx, "2.0.0")
        .summary("Sets a field if it is not there.")
        .complexity("O(1)")
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[KEY, FIELD, VALUE]),
    row("hstrlen", 3, hstrlen, "3.2.0")
        .summary("Answers the length of a field's value.")
        .complexity("O(1)")
        .flags(READ_FAST)
        .keys(LOOKED_AT)
        .args(&[KEY, FIELD]),
    row("hvals", 2, hvals, "2.0.0")
        .summary("Reads all values.")
        .complexity("O(N) where N is the size of the hash.")
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ACCESSED)
        .args(&[KEY]),
];
