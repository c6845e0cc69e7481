//! Fields that expire: the commands of Valkey 9 and Redis 7.4.
//!
//! What the stream gets is absolute and names only the fields that changed, so
//! that it means the same wherever and whenever it is applied. Where no expiry
//! is left in what a command did, it is told in words that replicas without
//! such fields know as well: HSET and HDEL.

mod args;
mod expire;
mod getex;
mod setex;
#[cfg(test)]
mod tests;
mod ttl;

use super::{
    ACCESSED, Acl, ArgSpec, CommandSpec, FIELD, Flags, Group, KEY, KeyFlags, KeySpec, READ_FAST,
    UPDATED, VALUE, WRITE_FAST,
};
use crate::command::Handler;
use expire::{hexpire, hexpireat, hpersist, hpexpire, hpexpireat};
use getex::{hgetdel, hgetex};
use setex::hsetex;
use ttl::{hexpiretime, hpexpiretime, hpttl, httl};

/// A write that takes no memory to speak of.
const CHANGE_FAST: Flags = Flags::WRITE.union(Flags::FAST);

const fn row(name: &'static str, arity: i32, handler: Handler) -> CommandSpec {
    CommandSpec::new(name, arity, handler)
        .group(Group::Hash)
        .acl(Acl::HASH)
        .since("9.0.0")
        .complexity("O(N) where N is the number of specified fields.")
}

const CONDITION: ArgSpec = ArgSpec::one_of(
    "condition",
    &[
        ArgSpec::pure_token("nx", "NX"),
        ArgSpec::pure_token("xx", "XX"),
        ArgSpec::pure_token("gt", "GT"),
        ArgSpec::pure_token("lt", "LT"),
    ],
)
.optional();

const FIELDS: ArgSpec =
    ArgSpec::block("fields", &[ArgSpec::integer("numfields"), FIELD.multiple()]).token("FIELDS");

const SECONDS: ArgSpec = ArgSpec::integer("seconds").token("EX");
const MILLISECONDS: ArgSpec = ArgSpec::integer("milliseconds").token("PX");
const UNIX_SECONDS: ArgSpec = ArgSpec::unix_time("unix-time-seconds").token("EXAT");
const UNIX_MILLISECONDS: ArgSpec = ArgSpec::unix_time("unix-time-milliseconds").token("PXAT");

/// The rows of the family.
pub(crate) const COMMANDS: &[CommandSpec] = &[
    row("hexpire", -6, hexpire)
        .summary("Lets fields expire in so many seconds.")
        .flags(CHANGE_FAST)
        .keys(UPDATED)
        .args(&[KEY, ArgSpec::integer("seconds"), CONDITION, FIELDS]),
    row("hexpireat", -6, hexpireat)
        .summary("Lets fields expire at a moment, in seconds since 1970.")
        .flags(CHANGE_FAST)
        .keys(UPDATED)
        .args(&[
            KEY,
            ArgSpec::integer("unix-time-seconds"),
            CONDITION.since("9.0.0"),
            FIELDS,
        ]),
    row("hexpiretime", -5, hexpiretime)
        .summary("Tells when fields expire, in seconds since 1970.")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, FIELDS]),
    row("hgetdel", -5, hgetdel)
        .since("9.1.0")
        .summary("Reads fields and removes them.")
        .flags(CHANGE_FAST)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
        )])
        .args(&[KEY, FIELDS]),
    row("hgetex", -5, hgetex)
        .summary("Reads fields and sets or removes their expiry.")
        .flags(CHANGE_FAST)
        .keys(&[KeySpec::at(
            1,
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
        )])
        .args(&[
            KEY,
            ArgSpec::one_of(
                "expiration",
                &[
                    SECONDS,
                    MILLISECONDS,
                    UNIX_SECONDS,
                    UNIX_MILLISECONDS,
                    ArgSpec::pure_token("persist", "PERSIST"),
                ],
            )
            .optional(),
            FIELDS,
        ]),
    row("hpersist", -5, hpersist)
        .summary("Removes the expiry of fields.")
        .flags(CHANGE_FAST)
        .keys(UPDATED)
        .args(&[KEY, FIELDS]),
    row("hpexpire", -6, hpexpire)
        .summary("Lets fields expire in so many milliseconds.")
        .flags(CHANGE_FAST)
        .keys(UPDATED)
        .args(&[
            KEY,
            ArgSpec::integer("milliseconds"),
            CONDITION.since("9.0.0"),
            FIELDS,
        ]),
    row("hpexpireat", -6, hpexpireat)
        .summary("Lets fields expire at a moment, in milliseconds since 1970.")
        .flags(CHANGE_FAST)
        .keys(UPDATED)
        .args(&[
            KEY,
            ArgSpec::integer("unix-time-milliseconds"),
            CONDITION.since("9.0.0"),
            FIELDS,
        ]),
    row("hpexpiretime", -5, hpexpiretime)
        .summary("Tells when fields expire, in milliseconds since 1970.")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, FIELDS]),
    row("hpttl", -5, hpttl)
        .summary("Tells how many milliseconds fields have left.")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, FIELDS]),
    row("hsetex", -6, hsetex)
        .summary("Sets fields with an expiry, under conditions on request.")
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::INSERT))])
        .args(HSETEX_ARGS),
    row("httl", -5, httl)
        .summary("Tells how many seconds fields have left.")
        .flags(READ_FAST)
        .keys(ACCESSED)
        .args(&[KEY, FIELDS]),
];

const HSETEX_ARGS: &[ArgSpec] = &[
    KEY,
    ArgSpec::one_of(
        "key-condition",
        &[
            ArgSpec::pure_token("nx", "NX"),
            ArgSpec::pure_token("xx", "XX"),
        ],
    )
    .optional(),
    ArgSpec::one_of(
        "fields-condition",
        &[
            ArgSpec::pure_token("fnx", "FNX"),
            ArgSpec::pure_token("fxx", "FXX"),
        ],
    )
    .optional(),
    ArgSpec::one_of(
        "expiration",
        &[
            SECONDS,
            MILLISECONDS,
            UNIX_SECONDS,
            UNIX_MILLISECONDS,
            ArgSpec::pure_token("keepttl", "KEEPTTL"),
        ],
    )
    .optional(),
    ArgSpec::block(
        "fields",
        &[
            ArgSpec::integer("numfields"),
            ArgSpec::block("data", &[FIELD, VALUE]).multiple(),
        ],
    )
    .token("FIELDS"),
];
