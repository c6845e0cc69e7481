//! Streams: entries under ascending ids, and the groups that read them together.
//!
//! The rows of commands on entries are here, those on groups in
//! `rows_of_groups`; the handlers stand beside them by subject.

mod add;
mod claim;
mod group;
mod info;
mod parse;
mod pending;
mod propagate;
mod range;
mod read;
mod read_group;
mod references;
mod remove;
mod reply;
mod rows_of_groups;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_references;
mod trim;

use super::{Acl, ArgSpec, Begin, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec};
use add::xadd;
use range::{xlen, xrange, xrevrange};
use read::xread;
use references::{xackdel, xdelex};
use remove::{xdel, xsetid};
pub use rows_of_groups::COMMANDS_OF_GROUPS;
use trim::xtrim;

/// What becomes of groups' references to entries that go.
const REFERENCES: ArgSpec = ArgSpec::one_of(
    "condition",
    &[
        ArgSpec::pure_token("keepref", "KEEPREF").since("8.2.0"),
        ArgSpec::pure_token("delref", "DELREF").since("8.2.0"),
        ArgSpec::pure_token("acked", "ACKED").since("8.2.0"),
    ],
)
.optional();

const IDS: ArgSpec = ArgSpec::block(
    "ids",
    &[ArgSpec::integer("numids"), ArgSpec::string("id").multiple()],
)
.token("IDS");

/// The rows of the commands on entries.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("xadd", -5, xadd)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Adds an entry, and makes the stream where there is none.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STREAM)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::pure_token("nomkstream", "NOMKSTREAM")
                .optional()
                .since("6.2.0"),
            REFERENCES,
            ArgSpec::block(
                "trim",
                &[
                    ArgSpec::one_of(
                        "strategy",
                        &[
                            ArgSpec::pure_token("maxlen", "MAXLEN"),
                            ArgSpec::pure_token("minid", "MINID").since("6.2.0"),
                        ],
                    ),
                    ArgSpec::one_of(
                        "operator",
                        &[
                            ArgSpec::pure_token("equal", "="),
                            ArgSpec::pure_token("approximately", "~"),
                        ],
                    )
                    .optional(),
                    ArgSpec::string("threshold"),
                    ArgSpec::integer("count")
                        .token("LIMIT")
                        .optional()
                        .since("6.2.0"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "id-selector",
                &[ArgSpec::pure_token("auto-id", "*"), ArgSpec::string("id")],
            ),
            ArgSpec::block(
                "data",
                &[ArgSpec::string("field"), ArgSpec::string("value")],
            )
            .multiple(),
        ]),
    CommandSpec::new("xdel", -3, xdel)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Deletes entries.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::string("id").multiple()]),
    CommandSpec::new("xackdel", -6, xackdel)
        .group(Group::Stream)
        .since("8.2.0")
        .summary("Acknowledges entries and deletes them.")
        .complexity("O(1) for each id")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::UPDATE).union(KeyFlags::DELETE),
        )])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("group"),
            REFERENCES,
            IDS,
        ]),
    CommandSpec::new("xdelex", -5, xdelex)
        .group(Group::Stream)
        .since("8.2.0")
        .summary("Deletes entries, and groups' references to them on request.")
        .complexity("O(1) for each id")
        .flags(Flags::WRITE.union(Flags::FAST))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[ArgSpec::key("key", 0), REFERENCES, IDS]),
    CommandSpec::new("xlen", 2, xlen)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Counts entries.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .args(&[ArgSpec::key("key", 0)]),
    CommandSpec::new("xrange", -4, xrange)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Returns entries in a range of ids.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("start"),
            ArgSpec::string("end"),
            ArgSpec::integer("count").token("COUNT").optional(),
        ]),
    CommandSpec::new("xread", -4, xread)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Returns entries behind an id, of several streams.")
        .complexity("O(M) for every stream")
        .flags(Flags::READONLY.union(Flags::BLOCKING))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::new(
            KeyFlags::RO.union(KeyFlags::ACCESS),
            Begin::Keyword {
                keyword: "STREAMS",
                start_from: 1,
            },
            Find::Range {
                last: -1,
                step: 1,
                limit: 2,
            },
        )])
        .args(&[
            ArgSpec::integer("count").token("COUNT").optional(),
            ArgSpec::integer("milliseconds").token("BLOCK").optional(),
            ArgSpec::block(
                "streams",
                &[
                    ArgSpec::key("key", 0).multiple(),
                    ArgSpec::string("id").multiple(),
                ],
            )
            .token("STREAMS"),
        ]),
    CommandSpec::new("xrevrange", -4, xrevrange)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Returns entries in a range of ids, last first.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("end"),
            ArgSpec::string("start"),
            ArgSpec::integer("count").token("COUNT").optional(),
        ]),
    CommandSpec::new("xsetid", -3, xsetid)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Sets the last id of a stream.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST))
        .acl(Acl::STREAM)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("last-id"),
            ArgSpec::integer("entries-added")
                .token("ENTRIESADDED")
                .optional()
                .since("7.0.0"),
            ArgSpec::string("max-deleted-id")
                .token("MAXDELETEDID")
                .optional()
                .since("7.0.0"),
        ]),
    CommandSpec::new("xtrim", -4, xtrim)
        .group(Group::Stream)
        .since("5.0.0")
        .summary("Removes entries from the front of a stream.")
        .complexity("O(N)")
        .flags(Flags::WRITE)
        .acl(Acl::STREAM)
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::block(
                "trim",
                &[
                    ArgSpec::one_of(
                        "strategy",
                        &[
                            ArgSpec::pure_token("maxlen", "MAXLEN"),
                            ArgSpec::pure_token("minid", "MINID").since("6.2.0"),
                        ],
                    ),
                    ArgSpec::one_of(
                        "operator",
                        &[
                            ArgSpec::pure_token("equal", "="),
                            ArgSpec::pure_token("approximately", "~"),
                        ],
                    )
                    .optional(),
                    ArgSpec::string("threshold"),
                    ArgSpec::integer("count")
                        .token("LIMIT")
                        .optional()
                        .since("6.2.0"),
                ],
            ),
            REFERENCES,
        ]),
];
