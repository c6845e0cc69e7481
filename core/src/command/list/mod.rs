//! Lists.
//!
//! The rows are here and in `rows_waiting`; the handlers stand beside them by subject.

mod edit;
mod parse;
mod pop;
mod push;
mod read;
mod rows_waiting;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use edit::{linsert, lrem, lset, ltrim};
use pop::{lmpop, lpop, rpop};
use push::{lmove, lpush, lpushx, rpoplpush, rpush, rpushx};
use read::{lindex, llen, lpos, lrange};
pub use rows_waiting::WAITING;

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("lindex", 3, lindex)
        .group(Group::List)
        .since("1.0.0")
        .summary("Returns the element at an index.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("index")]),
    CommandSpec::new("linsert", 5, linsert)
        .group(Group::List)
        .since("2.2.0")
        .summary("Inserts an element before or after another.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "where",
                &[
                    ArgSpec::pure_token("before", "BEFORE"),
                    ArgSpec::pure_token("after", "AFTER"),
                ],
            ),
            ArgSpec::string("pivot"),
            ArgSpec::string("element"),
        ]),
    CommandSpec::new("llen", 2, llen)
        .group(Group::List)
        .since("1.0.0")
        .summary("Returns the length of a list.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("lmove", 5, lmove)
        .group(Group::List)
        .since("6.2.0")
        .summary("Moves an element from one end of a list to an end of another.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::LIST)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            ),
            KeySpec::at(2, KeyFlags::RW.union(KeyFlags::INSERT)),
        ])
        .args(&[
            ArgSpec::key("source", 0),
            ArgSpec::key("destination", 1),
            ArgSpec::one_of(
                "wherefrom",
                &[
                    ArgSpec::pure_token("left", "LEFT"),
                    ArgSpec::pure_token("right", "RIGHT"),
                ],
            ),
            ArgSpec::one_of(
                "whereto",
                &[
                    ArgSpec::pure_token("left", "LEFT"),
                    ArgSpec::pure_token("right", "RIGHT"),
                ],
            ),
        ]),
    CommandSpec::new("lmpop", -4, lmpop)
        .group(Group::List)
        .since("7.0.0")
        .summary("Pops elements from the first list that is not empty.")
        .complexity("O(N+M)")
        .flags(Flags::WRITE)
        .acl(Acl::LIST)
        .keys(&[KeySpec::counted(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::integer("numkeys"),
            ArgSpec::key("key", 0).multiple(),
            ArgSpec::one_of(
                "where",
                &[
                    ArgSpec::pure_token("left", "LEFT"),
                    ArgSpec::pure_token("right", "RIGHT"),
                ],
            ),
            ArgSpec::integer("count").token("COUNT").optional(),
        ]),
    CommandSpec::new("lpop", -2, lpop)
        .group(Group::List)
        .since("1.0.0")
        .summary("Pops elements from the left of a list.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("count").optional().since("6.2.0"),
        ]),
    CommandSpec::new("lpos", -3, lpos)
        .group(Group::List)
        .since("6.0.6")
        .summary("Returns the indexes of matching elements.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("element"),
            ArgSpec::integer("rank").token("RANK").optional(),
            ArgSpec::integer("num-matches").token("COUNT").optional(),
            ArgSpec::integer("len").token("MAXLEN").optional(),
        ]),
    CommandSpec::new("lpush", -3, lpush)
        .group(Group::List)
        .since("1.0.0")
        .summary("Pushes elements to the left of a list.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("element").multiple(),
        ]),
    CommandSpec::new("lpushx", -3, lpushx)
        .group(Group::List)
        .since("2.2.0")
        .summary("Pushes elements to the left of a list that is there.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("element").multiple(),
        ]),
    CommandSpec::new("lrange", 4, lrange)
        .group(Group::List)
        .since("1.0.0")
        .summary("Returns a range of elements.")
        .complexity("O(S+N)")
        .flags(Flags::READONLY)
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("start"),
            ArgSpec::integer("stop"),
        ]),
    CommandSpec::new("lrem", 4, lrem)
        .group(Group::List)
        .since("1.0.0")
        .summary("Removes matching elements.")
        .complexity("O(N+M)")
        .flags(Flags::WRITE)
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("count"),
            ArgSpec::string("element"),
        ]),
    CommandSpec::new("lset", 4, lset)
        .group(Group::List)
        .since("1.0.0")
        .summary("Sets the element at an index.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("index"),
            ArgSpec::string("element"),
        ]),
    CommandSpec::new("ltrim", 4, ltrim)
        .group(Group::List)
        .since("1.0.0")
        .summary("Removes all elements outside a range.")
        .complexity("O(N)")
        .flags(Flags::WRITE)
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("start"),
            ArgSpec::integer("stop"),
        ]),
    CommandSpec::new("rpop", -2, rpop)
        .group(Group::List)
        .since("1.0.0")
        .summary("Pops elements from the right of a list.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("count").optional().since("6.2.0"),
        ]),
    CommandSpec::new("rpoplpush", 3, rpoplpush)
        .group(Group::List)
        .since("1.2.0")
        .summary("Moves the last element of a list to the left of another.")
        .complexity("O(1)")
        .deprecated("6.2.0", "LMOVE RIGHT LEFT")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::LIST)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            ),
            KeySpec::at(2, KeyFlags::RW.union(KeyFlags::INSERT)),
        ])
        .args(&[ArgSpec::key("source", 0), ArgSpec::key("destination", 1)]),
    CommandSpec::new("rpush", -3, rpush)
        .group(Group::List)
        .since("1.0.0")
        .summary("Pushes elements to the right of a list.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("element").multiple(),
        ]),
    CommandSpec::new("rpushx", -3, rpushx)
        .group(Group::List)
        .since("2.2.0")
        .summary("Pushes elements to the right of a list that is there.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("element").multiple(),
        ]),
];
