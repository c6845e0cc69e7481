//! SORT: the elements of a collection in an order of their own or of other keys.
//!
//! * `options`: what was asked for.
//! * `pattern`: the keys and fields that BY and GET read.
//! * `order`: what elements are compared by.
//! * `run`: from the collection to the reply or to another key.

mod options;
mod order;
mod pattern;
mod run;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, Begin, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec, keys};
use run::{sort, sort_ro};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("sort", -2, sort)
        .group(Group::Generic)
        .since("1.0.0")
        .summary("Sorts a list, a set or a sorted set, and stores the result on request.")
        .complexity("O(N+M*log(M))")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(
            Acl::SET
                .union(Acl::SORTEDSET)
                .union(Acl::LIST)
                .union(Acl::DANGEROUS),
        )
        .keys(&[
            KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS)),
            KeySpec::new(
                KeyFlags::RO.union(KeyFlags::ACCESS),
                Begin::Unknown,
                Find::Unknown,
            ),
            KeySpec::new(
                KeyFlags::OW.union(KeyFlags::UPDATE),
                Begin::Unknown,
                Find::Unknown,
            ),
        ])
        .getkeys(keys::sort)
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::pattern("by-pattern")
                .key_spec(1)
                .token("BY")
                .optional()
                .display("pattern"),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
            ArgSpec::pattern("get-pattern")
                .key_spec(1)
                .token("GET")
                .optional()
                .multiple()
                .multiple_token()
                .display("pattern"),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
            ArgSpec::pure_token("sorting", "ALPHA").optional(),
            ArgSpec::key("destination", 2).token("STORE").optional(),
        ]),
    CommandSpec::new("sort_ro", -2, sort_ro)
        .group(Group::Generic)
        .since("7.0.0")
        .summary("Sorts a list, a set or a sorted set.")
        .complexity("O(N+M*log(M))")
        .flags(Flags::READONLY)
        .acl(
            Acl::SET
                .union(Acl::SORTEDSET)
                .union(Acl::LIST)
                .union(Acl::DANGEROUS),
        )
        .keys(&[
            KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS)),
            KeySpec::new(
                KeyFlags::RO.union(KeyFlags::ACCESS),
                Begin::Unknown,
                Find::Unknown,
            ),
        ])
        .getkeys(keys::sort_ro)
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::pattern("by-pattern")
                .key_spec(1)
                .token("BY")
                .optional()
                .display("pattern"),
            ArgSpec::block(
                "limit",
                &[ArgSpec::integer("offset"), ArgSpec::integer("count")],
            )
            .token("LIMIT")
            .optional(),
            ArgSpec::pattern("get-pattern")
                .key_spec(1)
                .token("GET")
                .optional()
                .multiple()
                .multiple_token()
                .display("pattern"),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
            ArgSpec::pure_token("sorting", "ALPHA").optional(),
        ]),
];
