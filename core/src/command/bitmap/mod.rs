//! Strings as bits: SETBIT, BITCOUNT, BITOP, BITFIELD and their kin.
//!
//! Bit 0 is the highest bit of the first byte. A string without a key is empty,
//! and bits behind the end of a string are zero.

mod bit;
mod count;
mod field;
mod field_args;
mod kernel;
mod op;
mod range;
#[cfg(test)]
mod tests;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group, KeyFlags, KeySpec, keys};
use bit::{getbit, setbit};
use count::{bitcount, bitpos};
use field::{bitfield, bitfield_ro};
use op::bitop;

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("bitcount", -2, bitcount)
        .group(Group::Bitmap)
        .since("2.6.0")
        .summary("Counts the bits that are set.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::BITMAP)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::block(
                "range",
                &[
                    ArgSpec::integer("start"),
                    ArgSpec::block(
                        "end-unit-block",
                        &[
                            ArgSpec::integer("end"),
                            ArgSpec::one_of(
                                "unit",
                                &[
                                    ArgSpec::pure_token("byte", "BYTE"),
                                    ArgSpec::pure_token("bit", "BIT"),
                                ],
                            )
                            .optional()
                            .since("7.0.0"),
                        ],
                    )
                    .optional(),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("bitfield", -2, bitfield)
        .group(Group::Bitmap)
        .since("3.2.0")
        .summary("Reads and changes integers of any width in a string.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::BITMAP)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW
                .union(KeyFlags::ACCESS)
                .union(KeyFlags::UPDATE)
                .union(KeyFlags::VARIABLE_FLAGS),
        )])
        .getkeys(keys::bitfield)
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "operation",
                &[
                    ArgSpec::block(
                        "get-block",
                        &[ArgSpec::string("encoding"), ArgSpec::integer("offset")],
                    )
                    .token("GET"),
                    ArgSpec::block(
                        "write",
                        &[
                            ArgSpec::one_of(
                                "overflow-block",
                                &[
                                    ArgSpec::pure_token("wrap", "WRAP"),
                                    ArgSpec::pure_token("sat", "SAT"),
                                    ArgSpec::pure_token("fail", "FAIL"),
                                ],
                            )
                            .token("OVERFLOW")
                            .optional(),
                            ArgSpec::one_of(
                                "write-operation",
                                &[
                                    ArgSpec::block(
                                        "set-block",
                                        &[
                                            ArgSpec::string("encoding"),
                                            ArgSpec::integer("offset"),
                                            ArgSpec::integer("value"),
                                        ],
                                    )
                                    .token("SET"),
                                    ArgSpec::block(
                                        "incrby-block",
                                        &[
                                            ArgSpec::string("encoding"),
                                            ArgSpec::integer("offset"),
                                            ArgSpec::integer("increment"),
                                        ],
                                    )
                                    .token("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ]),
    CommandSpec::new("bitfield_ro", -2, bitfield_ro)
        .group(Group::Bitmap)
        .since("6.0.0")
        .summary("Reads integers of any width in a string.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::BITMAP)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::block(
                "get-block",
                &[ArgSpec::string("encoding"), ArgSpec::integer("offset")],
            )
            .token("GET")
            .optional()
            .multiple()
            .multiple_token(),
        ]),
    CommandSpec::new("bitop", -4, bitop)
        .group(Group::Bitmap)
        .since("2.6.0")
        .summary("Combines strings bit by bit into another.")
        .complexity("O(N)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::BITMAP)
        .keys(&[
            KeySpec::at(2, KeyFlags::OW.union(KeyFlags::UPDATE)),
            KeySpec::range(3, -1, 1, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::one_of(
                "operation",
                &[
                    ArgSpec::pure_token("and", "AND"),
                    ArgSpec::pure_token("or", "OR"),
                    ArgSpec::pure_token("xor", "XOR"),
                    ArgSpec::pure_token("not", "NOT"),
                    ArgSpec::pure_token("diff", "DIFF").since("8.2.0"),
                    ArgSpec::pure_token("diff1", "DIFF1").since("8.2.0"),
                    ArgSpec::pure_token("andor", "ANDOR").since("8.2.0"),
                    ArgSpec::pure_token("one", "ONE").since("8.2.0"),
                ],
            ),
            ArgSpec::key("destkey", 0),
            ArgSpec::key("key", 1).multiple(),
        ]),
    CommandSpec::new("bitpos", -3, bitpos)
        .group(Group::Bitmap)
        .since("2.8.7")
        .summary("Finds the first bit that is set, or clear.")
        .complexity("O(N)")
        .flags(Flags::READONLY)
        .acl(Acl::BITMAP)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("bit"),
            ArgSpec::block(
                "range",
                &[
                    ArgSpec::integer("start"),
                    ArgSpec::block(
                        "end-unit-block",
                        &[
                            ArgSpec::integer("end"),
                            ArgSpec::one_of(
                                "unit",
                                &[
                                    ArgSpec::pure_token("byte", "BYTE"),
                                    ArgSpec::pure_token("bit", "BIT"),
                                ],
                            )
                            .optional()
                            .since("7.0.0"),
                        ],
                    )
                    .optional(),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("getbit", 3, getbit)
        .group(Group::Bitmap)
        .since("2.2.0")
        .summary("Reads a bit.")
        .complexity("O(1)")
        .flags(Flags::READONLY.union(Flags::FAST))
        .acl(Acl::BITMAP)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[ArgSpec::key("key", 0), ArgSpec::integer("offset")]),
    CommandSpec::new("setbit", 4, setbit)
        .group(Group::Bitmap)
        .since("2.2.0")
        .summary("Sets or clears a bit.")
        .complexity("O(1)")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::BITMAP)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::integer("offset"),
            ArgSpec::integer("value"),
        ]),
];
