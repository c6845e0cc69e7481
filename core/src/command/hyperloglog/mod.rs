//! HyperLogLogs: strings that estimate how many different elements were added.

mod debug;
mod handlers;
mod selftest;
mod sketch;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec};
use debug::pfdebug;
use handlers::{pfadd, pfcount, pfmerge};
use selftest::pfselftest;

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("pfadd", -2, pfadd)
        .group(Group::HyperLogLog)
        .since("2.8.9")
        .summary("Adds elements to a HyperLogLog.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::HYPERLOGLOG)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("element").optional().multiple(),
        ]),
    CommandSpec::new("pfcount", -2, pfcount)
        .group(Group::HyperLogLog)
        .since("2.8.9")
        .summary("Estimates how many different elements were added.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::MAY_REPLICATE))
        .acl(Acl::HYPERLOGLOG)
        .keys(&[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS),
        )])
        .args(&[ArgSpec::key("key", 0).multiple()]),
    CommandSpec::new("pfdebug", 3, pfdebug)
        .group(Group::HyperLogLog)
        .since("2.8.9")
        .summary("Shows the registers of a HyperLogLog.")
        .complexity("N/A")
        .syscmd()
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::ADMIN))
        .acl(Acl::HYPERLOGLOG)
        .keys(&[KeySpec::at(2, KeyFlags::RW.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::string("subcommand"), ArgSpec::key("key", 0)]),
    CommandSpec::new("pfmerge", -2, pfmerge)
        .group(Group::HyperLogLog)
        .since("2.8.9")
        .summary("Merges HyperLogLogs into one.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::HYPERLOGLOG)
        .keys(&[
            KeySpec::at(
                1,
                KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::INSERT),
            ),
            KeySpec::range(2, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::key("destkey", 0),
            ArgSpec::key("sourcekey", 1).optional().multiple(),
        ]),
    CommandSpec::new("pfselftest", 1, pfselftest)
        .group(Group::HyperLogLog)
        .since("2.8.9")
        .summary("Tests the HyperLogLog code.")
        .complexity("N/A")
        .syscmd()
        .flags(Flags::ADMIN)
        .acl(Acl::HYPERLOGLOG),
];
