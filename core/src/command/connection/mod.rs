//! The connection itself: who the client is and how it speaks.

mod client;
mod client_filter;
mod client_kill;
mod client_list;
mod client_pause;
mod hello;
mod session;
#[cfg(test)]
mod tests;
mod tracking;

use super::{Acl, ArgSpec, CommandSpec, Flags, Group};
use client::{
    client_capa, client_durability, client_getname, client_help, client_id, client_import_source,
    client_no_evict, client_no_touch, client_reply, client_setinfo, client_setname, client_unblock,
};
use client_kill::client_kill;
pub(crate) use client_list::describe;
use client_list::{client_info, client_list};
use client_pause::{client_pause, client_unpause};
use hello::{auth, hello};
use session::{echo, ping, quit, readonly, readwrite, reset, select};
use tracking::{client_caching, client_getredir, client_tracking, client_trackinginfo};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("auth", -2, auth)
        .group(Group::Connection)
        .since("1.0.0")
        .summary("Authenticates the connection.")
        .complexity("O(N)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::NO_AUTH)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::CONNECTION)
        .args(&[
            ArgSpec::string("username").optional().since("6.0.0"),
            ArgSpec::string("password"),
        ]),
    CommandSpec::container("client")
        .group(Group::Connection)
        .since("2.4.0")
        .summary("Commands about clients.")
        .complexity("Depends on subcommand")
        .subcommands(&[
            CommandSpec::new("client|caching", 3, client_caching)
                .group(Group::Connection)
                .since("6.0.0")
                .summary("Says whether the next reads are tracked.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "mode",
                    &[
                        ArgSpec::pure_token("yes", "YES"),
                        ArgSpec::pure_token("no", "NO"),
                    ],
                )]),
            CommandSpec::new("client|capa", -3, client_capa)
                .group(Group::Connection)
                .since("8.0.0")
                .summary("Says what the client can do.")
                .complexity("O(1)")
                .flags(
                    Flags::NOSCRIPT
                        .union(Flags::LOADING)
                        .union(Flags::STALE)
                        .union(Flags::ALLOW_BUSY),
                )
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::string("capability").multiple()]),
            CommandSpec::new("client|durability", -2, client_durability)
                .group(Group::Connection)
                .since("0.1.0")
                .summary("Says what replies to the connection's writes wait for, or tells it.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "setting",
                    &[
                        ArgSpec::pure_token("default", "DEFAULT"),
                        ArgSpec::string("part=value").multiple(),
                    ],
                )
                .optional()]),
            CommandSpec::new("client|getname", 2, client_getname)
                .group(Group::Connection)
                .since("2.6.9")
                .summary("Answers the connection's name.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("client|getredir", 2, client_getredir)
                .group(Group::Connection)
                .since("6.0.0")
                .summary("Returns the client that invalidations are redirected to.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("client|help", 2, client_help)
                .group(Group::Connection)
                .since("5.0.0")
                .summary("Lists the subcommands.")
                .complexity("O(1)")
                .flags(Flags::LOADING.union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("client|id", 2, client_id)
                .group(Group::Connection)
                .since("5.0.0")
                .summary("Answers the connection's id.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("client|import-source", 3, client_import_source)
                .group(Group::Connection)
                .since("8.1.0")
                .summary("Marks the connection as the one that data is imported by.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "enabled",
                    &[
                        ArgSpec::pure_token("on", "ON"),
                        ArgSpec::pure_token("off", "OFF"),
                    ],
                )]),
            CommandSpec::new("client|info", 2, client_info)
                .group(Group::Connection)
                .since("6.2.0")
                .summary("Describes the connection.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .tips(&["nondeterministic_output"]),
            CommandSpec::new("client|kill", -3, client_kill)
                .group(Group::Connection)
                .since("2.4.0")
                .summary("Closes connections.")
                .complexity("O(N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "filter",
                    &[
                        ArgSpec::string("old-format")
                            .deprecated_since("2.8.12")
                            .display("ip:port"),
                        ArgSpec::one_of(
                            "new-format",
                            &[
                                ArgSpec::integer("client-id")
                                    .token("ID")
                                    .optional()
                                    .multiple()
                                    .since("2.8.12"),
                                ArgSpec::one_of(
                                    "client-type",
                                    &[
                                        ArgSpec::pure_token("normal", "NORMAL"),
                                        ArgSpec::pure_token("master", "MASTER").since("3.2.0"),
                                        ArgSpec::pure_token("primary", "PRIMARY").since("8.0.0"),
                                        ArgSpec::pure_token("slave", "SLAVE"),
                                        ArgSpec::pure_token("replica", "REPLICA").since("5.0.0"),
                                        ArgSpec::pure_token("pubsub", "PUBSUB"),
                                    ],
                                )
                                .token("TYPE")
                                .optional()
                                .since("2.8.12"),
                                ArgSpec::string("username").token("USER").optional(),
                                ArgSpec::string("addr")
                                    .token("ADDR")
                                    .optional()
                                    .display("ip:port"),
                                ArgSpec::string("laddr")
                                    .token("LADDR")
                                    .optional()
                                    .since("6.2.0")
                                    .display("ip:port"),
                                ArgSpec::one_of(
                                    "skipme",
                                    &[
                                        ArgSpec::pure_token("yes", "YES"),
                                        ArgSpec::pure_token("no", "NO"),
                                    ],
                                )
                                .token("SKIPME")
                                .optional(),
                                ArgSpec::integer("maxage")
                                    .token("MAXAGE")
                                    .optional()
                                    .since("8.0.0"),
                                ArgSpec::string("name")
                                    .token("NAME")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::integer("idle")
                                    .token("IDLE")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("flags")
                                    .token("FLAGS")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("lib-name")
                                    .token("LIB-NAME")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("lib-ver")
                                    .token("LIB-VER")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::integer("db").token("DB").optional().since("9.0.0"),
                                ArgSpec::string("capa")
                                    .token("CAPA")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("ip").token("IP").optional().since("9.0.0"),
                                ArgSpec::one_of(
                                    "not-client-type",
                                    &[
                                        ArgSpec::pure_token("normal", "NORMAL"),
                                        ArgSpec::pure_token("master", "MASTER"),
                                        ArgSpec::pure_token("primary", "PRIMARY"),
                                        ArgSpec::pure_token("slave", "SLAVE"),
                                        ArgSpec::pure_token("replica", "REPLICA"),
                                        ArgSpec::pure_token("pubsub", "PUBSUB"),
                                    ],
                                )
                                .token("NOT-TYPE")
                                .optional()
                                .since("9.0.0"),
                                ArgSpec::integer("not-client-id")
                                    .token("NOT-ID")
                                    .optional()
                                    .multiple()
                                    .since("9.0.0"),
                                ArgSpec::string("not-username")
                                    .token("NOT-USER")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("not-addr")
                                    .token("NOT-ADDR")
                                    .optional()
                                    .since("9.0.0")
                                    .display("ip:port"),
                                ArgSpec::string("not-laddr")
                                    .token("NOT-LADDR")
                                    .optional()
                                    .since("9.0.0")
                                    .display("ip:port"),
                                ArgSpec::string("not-name")
                                    .token("NOT-NAME")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("not-flags")
                                    .token("NOT-FLAGS")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("not-lib-name")
                                    .token("NOT-LIB-NAME")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("not-lib-ver")
                                    .token("NOT-LIB-VER")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::integer("not-db")
                                    .token("NOT-DB")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("not-capa")
                                    .token("NOT-CAPA")
                                    .optional()
                                    .since("9.0.0"),
                                ArgSpec::string("not-ip")
                                    .token("NOT-IP")
                                    .optional()
                                    .since("9.0.0"),
                            ],
                        )
                        .multiple(),
                    ],
                )]),
            CommandSpec::new("client|list", -2, client_list)
                .group(Group::Connection)
                .since("2.4.0")
                .summary("Describes connections.")
                .complexity("O(N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .acl(Acl::CONNECTION)
                .tips(&["nondeterministic_output"])
                .args(&[
                    ArgSpec::one_of(
                        "client-type",
                        &[
                            ArgSpec::pure_token("normal", "NORMAL"),
                            ArgSpec::pure_token("master", "MASTER"),
                            ArgSpec::pure_token("replica", "REPLICA"),
                            ArgSpec::pure_token("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("TYPE")
                    .optional()
                    .since("5.0.0"),
                    ArgSpec::integer("client-id")
                        .token("ID")
                        .optional()
                        .multiple()
                        .since("6.2.0"),
                    ArgSpec::string("username")
                        .token("USER")
                        .optional()
                        .since("8.1.0"),
                    ArgSpec::string("addr")
                        .token("ADDR")
                        .optional()
                        .since("8.1.0")
                        .display("ip:port"),
                    ArgSpec::string("laddr")
                        .token("LADDR")
                        .optional()
                        .since("8.1.0")
                        .display("ip:port"),
                    ArgSpec::one_of(
                        "skipme",
                        &[
                            ArgSpec::pure_token("yes", "YES"),
                            ArgSpec::pure_token("no", "NO"),
                        ],
                    )
                    .token("SKIPME")
                    .optional()
                    .since("8.1.0"),
                    ArgSpec::integer("maxage")
                        .token("MAXAGE")
                        .optional()
                        .since("8.1.0"),
                    ArgSpec::string("name")
                        .token("NAME")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::integer("idle")
                        .token("IDLE")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("flags")
                        .token("FLAGS")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("lib-name")
                        .token("LIB-NAME")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("lib-ver")
                        .token("LIB-VER")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::integer("db").token("DB").optional().since("9.0.0"),
                    ArgSpec::string("capa")
                        .token("CAPA")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("ip").token("IP").optional().since("9.0.0"),
                    ArgSpec::one_of(
                        "not-client-type",
                        &[
                            ArgSpec::pure_token("normal", "NORMAL"),
                            ArgSpec::pure_token("master", "MASTER"),
                            ArgSpec::pure_token("replica", "REPLICA"),
                            ArgSpec::pure_token("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("NOT-TYPE")
                    .optional()
                    .since("9.0.0"),
                    ArgSpec::integer("not-client-id")
                        .token("NOT-ID")
                        .optional()
                        .multiple()
                        .since("9.0.0"),
                    ArgSpec::string("not-username")
                        .token("NOT-USER")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("not-addr")
                        .token("NOT-ADDR")
                        .optional()
                        .since("9.0.0")
                        .display("ip:port"),
                    ArgSpec::string("not-laddr")
                        .token("NOT-LADDR")
                        .optional()
                        .since("9.0.0")
                        .display("ip:port"),
                    ArgSpec::string("not-name")
                        .token("NOT-NAME")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("not-flags")
                        .token("NOT-FLAGS")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("not-lib-name")
                        .token("NOT-LIB-NAME")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("not-lib-ver")
                        .token("NOT-LIB-VER")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::integer("not-db")
                        .token("NOT-DB")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("not-capa")
                        .token("NOT-CAPA")
                        .optional()
                        .since("9.0.0"),
                    ArgSpec::string("not-ip")
                        .token("NOT-IP")
                        .optional()
                        .since("9.0.0"),
                ]),
            CommandSpec::new("client|no-evict", 3, client_no_evict)
                .group(Group::Connection)
                .since("7.0.0")
                .summary("Keeps the connection from being evicted.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "enabled",
                    &[
                        ArgSpec::pure_token("on", "ON"),
                        ArgSpec::pure_token("off", "OFF"),
                    ],
                )]),
            CommandSpec::new("client|no-touch", 3, client_no_touch)
                .group(Group::Connection)
                .since("7.2.0")
                .summary("Keeps reads from counting as uses.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "enabled",
                    &[
                        ArgSpec::pure_token("on", "ON"),
                        ArgSpec::pure_token("off", "OFF"),
                    ],
                )]),
            CommandSpec::new("client|pause", -3, client_pause)
                .group(Group::Connection)
                .since("3.0.0")
                .summary("Lets commands of clients wait for a time.")
                .complexity("O(1)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .acl(Acl::CONNECTION)
                .args(&[
                    ArgSpec::integer("timeout"),
                    ArgSpec::one_of(
                        "mode",
                        &[
                            ArgSpec::pure_token("write", "WRITE"),
                            ArgSpec::pure_token("all", "ALL"),
                        ],
                    )
                    .optional()
                    .since("6.2.0"),
                ]),
            CommandSpec::new("client|reply", 3, client_reply)
                .group(Group::Connection)
                .since("3.2.0")
                .summary("Turns replies on or off.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[ArgSpec::one_of(
                    "action",
                    &[
                        ArgSpec::pure_token("on", "ON"),
                        ArgSpec::pure_token("off", "OFF"),
                        ArgSpec::pure_token("skip", "SKIP"),
                    ],
                )]),
            CommandSpec::new("client|setinfo", 4, client_setinfo)
                .group(Group::Connection)
                .since("7.2.0")
                .summary("Tells which library the client uses.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .args(&[ArgSpec::one_of(
                    "attr",
                    &[
                        ArgSpec::string("libname").token("LIB-NAME"),
                        ArgSpec::string("libver").token("LIB-VER"),
                    ],
                )]),
            CommandSpec::new("client|setname", 3, client_setname)
                .group(Group::Connection)
                .since("2.6.9")
                .summary("Names the connection.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .args(&[ArgSpec::string("connection-name")]),
            CommandSpec::new("client|tracking", -3, client_tracking)
                .group(Group::Connection)
                .since("6.0.0")
                .summary("Turns server-assisted client-side caching on or off.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION)
                .args(&[
                    ArgSpec::one_of(
                        "status",
                        &[
                            ArgSpec::pure_token("on", "ON"),
                            ArgSpec::pure_token("off", "OFF"),
                        ],
                    ),
                    ArgSpec::integer("client-id").token("REDIRECT").optional(),
                    ArgSpec::string("prefix")
                        .token("PREFIX")
                        .optional()
                        .multiple()
                        .multiple_token(),
                    ArgSpec::pure_token("bcast", "BCAST").optional(),
                    ArgSpec::pure_token("optin", "OPTIN").optional(),
                    ArgSpec::pure_token("optout", "OPTOUT").optional(),
                    ArgSpec::pure_token("noloop", "NOLOOP").optional(),
                ]),
            CommandSpec::new("client|trackinginfo", 2, client_trackinginfo)
                .group(Group::Connection)
                .since("6.2.0")
                .summary("Describes the tracking of this connection.")
                .complexity("O(1)")
                .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
                .acl(Acl::CONNECTION),
            CommandSpec::new("client|unblock", -3, client_unblock)
                .group(Group::Connection)
                .since("5.0.0")
                .summary("Wakes a client that waits.")
                .complexity("O(log N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .acl(Acl::CONNECTION)
                .args(&[
                    ArgSpec::integer("client-id"),
                    ArgSpec::one_of(
                        "unblock-type",
                        &[
                            ArgSpec::pure_token("timeout", "TIMEOUT"),
                            ArgSpec::pure_token("error", "ERROR"),
                        ],
                    )
                    .optional(),
                ]),
            CommandSpec::new("client|unpause", 2, client_unpause)
                .group(Group::Connection)
                .since("6.2.0")
                .summary("Ends the wait that CLIENT PAUSE began.")
                .complexity("O(N)")
                .flags(
                    Flags::ADMIN
                        .union(Flags::NOSCRIPT)
                        .union(Flags::LOADING)
                        .union(Flags::STALE),
                )
                .acl(Acl::CONNECTION),
        ]),
    CommandSpec::new("echo", 2, echo)
        .group(Group::Connection)
        .since("1.0.0")
        .summary("Answers its argument.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Acl::CONNECTION)
        .args(&[ArgSpec::string("message")]),
    CommandSpec::new("hello", -1, hello)
        .group(Group::Connection)
        .since("6.0.0")
        .summary("Chooses the protocol, and introduces the client.")
        .complexity("O(1)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::NO_AUTH)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::CONNECTION)
        .args(&[ArgSpec::block(
            "arguments",
            &[
                ArgSpec::integer("protover"),
                ArgSpec::block(
                    "auth",
                    &[ArgSpec::string("username"), ArgSpec::string("password")],
                )
                .token("AUTH")
                .optional(),
                ArgSpec::string("clientname").token("SETNAME").optional(),
            ],
        )
        .optional()]),
    CommandSpec::new("ping", -1, ping)
        .group(Group::Connection)
        .since("1.0.0")
        .summary("Answers that the server is there.")
        .complexity("O(1)")
        .flags(Flags::FAST)
        .acl(Acl::CONNECTION)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[ArgSpec::string("message").optional()]),
    CommandSpec::new("quit", -1, quit)
        .group(Group::Connection)
        .since("1.0.0")
        .summary("Closes the connection.")
        .complexity("O(1)")
        .deprecated("7.2.0", "closing the connection")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::NO_AUTH)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::CONNECTION),
    CommandSpec::new("readonly", 1, readonly)
        .group(Group::Cluster)
        .since("3.0.0")
        .summary("Lets the connection read from a replica.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Acl::CONNECTION),
    CommandSpec::new("readwrite", 1, readwrite)
        .group(Group::Cluster)
        .since("3.0.0")
        .summary("Ends what READONLY began.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Acl::CONNECTION),
    CommandSpec::new("reset", 1, reset)
        .group(Group::Connection)
        .since("6.2.0")
        .summary("Makes the connection as new.")
        .complexity("O(1)")
        .flags(
            Flags::NOSCRIPT
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::FAST)
                .union(Flags::NO_AUTH)
                .union(Flags::ALLOW_BUSY),
        )
        .acl(Acl::CONNECTION),
    CommandSpec::new("select", 2, select)
        .group(Group::Connection)
        .since("1.0.0")
        .summary("Chooses a database.")
        .complexity("O(1)")
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Acl::CONNECTION)
        .args(&[ArgSpec::integer("index")]),
];
