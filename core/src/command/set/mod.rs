//! Sets: members without order, and what several sets have in common.
//!
//! The rows are here; the handlers stand beside them by subject.

mod combine;
mod member;
mod pop;
mod read;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use combine::{sdiff, sdiffstore, sinter, sintercard, sinterstore, smembers, sunion, sunionstore};
use member::{sadd, smove, srem};
use pop::spop;
use read::{scard, sismember, smismember, srandmember, sscan};

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = Flags::READONLY.union(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.union(Flags::FAST);
const STORE: Flags = Flags::WRITE.union(Flags::DENYOOM);

const RO_ACCESS: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const OW_UPDATE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
const TAKEN_FROM: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);
const ADDED_TO: KeyFlags = KeyFlags::RW.union(KeyFlags::INSERT);

const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1, KeyFlags::RO)];
const ACCESSED: &[KeySpec] = &[KeySpec::at(1, RO_ACCESS)];
const ALL_ACCESSED: &[KeySpec] = &[KeySpec::range(1, -1, 1, RO_ACCESS)];
const STORED: &[KeySpec] = &[
    KeySpec::at(1, OW_UPDATE),
    KeySpec::range(2, -1, 1, RO_ACCESS),
];

const KEY: ArgSpec = ArgSpec::key("key", 0);
const KEYS: ArgSpec = KEY.multiple();
const MEMBER: ArgSpec = ArgSpec::string("member");
const STORE_ARGS: &[ArgSpec] = &[
    ArgSpec::key("destination", 0),
    ArgSpec::key("key", 1).multiple(),
];

const ALL_SETS: &str = "O(N) where N is the total number of elements in all given sets.";
const INTERSECTION: &str = "O(N*M) worst case where N is the cardinality of the smallest set \
                            and M is the number of sets.";

const fn row(
    name: &'static str,
    arity: i32,
    handler: super::Handler,
    since: &'static str,
) -> CommandSpec {
    CommandSpec::new(name, arity, handler)
        .group(Group::Set)
        .acl(Acl::SET)
        .since(since)
}

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    row("sadd", -3, sadd, "1.0.0")
        .summary("Adds members, and answers how many are new.")
        .complexity(
            "O(1) for each element added, so O(N) to add N elements when the command is called \
             with multiple arguments.",
        )
        .flags(WRITE_FAST.union(Flags::DENYOOM))
        .keys(&[KeySpec::at(1, ADDED_TO)])
        .args(&[KEY, MEMBER.multiple()]),
    row("scard", 2, scard, "1.0.0")
        .summary("Answers the number of members.")
        .complexity("O(1)")
        .flags(READ_FAST)
        .keys(LOOKED_AT)
        .args(&[KEY]),
    row("sdiff", -2, sdiff, "1.0.0")
        .summary("Reads the members of the first set that no other set has.")
        .complexity(ALL_SETS)
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ALL_ACCESSED)
        .args(&[KEYS]),
    row("sdiffstore", -3, sdiffstore, "1.0.0")
        .summary("Stores the members of the first set that no other set has.")
        .complexity(ALL_SETS)
        .flags(STORE)
        .keys(STORED)
        .args(STORE_ARGS),
    row("sinter", -2, sinter, "1.0.0")
        .summary("Reads the members that all sets have.")
        .complexity(INTERSECTION)
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ALL_ACCESSED)
        .args(&[KEYS]),
    row("sintercard", -3, sintercard, "7.0.0")
        .summary("Answers how many members all sets have.")
        .complexity(INTERSECTION)
        .flags(READ)
        .keys(&[KeySpec::counted(1, RO_ACCESS)])
        .args(&[
            ArgSpec::integer("numkeys"),
            KEYS,
            ArgSpec::integer("limit").token("LIMIT").optional(),
        ]),
    row("sinterstore", -3, sinterstore, "1.0.0")
        .summary("Stores the members that all sets have.")
        .complexity(INTERSECTION)
        .flags(STORE)
        .keys(&[
            KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, RO_ACCESS),
        ])
        .args(STORE_ARGS),
    row("sismember", 3, sismember, "1.0.0")
        .summary("Tells whether a member is there.")
        .complexity("O(1)")
        .flags(READ_FAST)
        .keys(LOOKED_AT)
        .args(&[KEY, MEMBER]),
    row("smembers", 2, smembers, "1.0.0")
        .summary("Reads all members.")
        .complexity("O(N) where N is the set cardinality.")
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ACCESSED)
        .args(&[KEY]),
    row("smismember", -3, smismember, "6.2.0")
        .summary("Tells which of several members are there.")
        .complexity("O(N) where N is the number of elements being checked for membership")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, MEMBER.multiple()]),
    row("smove", 4, smove, "1.0.0")
        .summary("Moves a member to another set.")
        .complexity("O(1)")
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1, TAKEN_FROM), KeySpec::at(2, ADDED_TO)])
        .args(&[
            ArgSpec::key("source", 0),
            ArgSpec::key("destination", 1),
            MEMBER,
        ]),
    row("spop", -2, spop, "1.0.0")
        .summary("Takes random members out.")
        .complexity(
            "Without the count argument O(1), otherwise O(N) where N is the value of the passed \
             count.",
        )
        .flags(WRITE_FAST)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, TAKEN_FROM)])
        .args(&[KEY, ArgSpec::integer("count").optional().since("3.2.0")]),
    row("srandmember", -2, srandmember, "1.0.0")
        .summary("Picks random members.")
        .complexity(
            "Without the count argument O(1), otherwise O(N) where N is the absolute value of \
             the passed count.",
        )
        .flags(READ)
        .tips(&["nondeterministic_output"])
        .keys(ACCESSED)
        .args(&[KEY, ArgSpec::integer("count").optional().since("2.6.0")]),
    row("srem", -3, srem, "1.0.0")
        .summary("Removes members, and the key with the last one.")
        .complexity("O(N) where N is the number of members to be removed.")
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[KEY, MEMBER.multiple()]),
    row("sscan", -3, sscan, "2.8.0")
        .summary("Walks through the members, a part per call.")
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
        ]),
    row("sunion", -2, sunion, "1.0.0")
        .summary("Reads the members that any set has.")
        .complexity(ALL_SETS)
        .flags(READ)
        .tips(&["nondeterministic_output_order"])
        .keys(ALL_ACCESSED)
        .args(&[KEYS]),
    row("sunionstore", -3, sunionstore, "1.0.0")
        .summary("Stores the members that any set has.")
        .complexity(ALL_SETS)
        .flags(STORE)
        .keys(STORED)
        .args(STORE_ARGS),
];
