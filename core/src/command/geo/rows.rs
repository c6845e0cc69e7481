//! The rows of the family.

use super::add::geoadd;
use super::read::{geodist, geohash, geopos};
use super::search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};
use crate::command::{Acl, ArgSpec, Begin, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec};

/// The rows of the family.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("geoadd", -5, geoadd)
        .group(Group::Geo)
        .since("3.2.0")
        .summary("Adds members at positions, or moves them.")
        .complexity("O(log(N))")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::UPDATE))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "condition",
                &[
                    ArgSpec::pure_token("nx", "NX"),
                    ArgSpec::pure_token("xx", "XX"),
                ],
            )
            .optional()
            .since("6.2.0"),
            ArgSpec::pure_token("change", "CH")
                .optional()
                .since("6.2.0"),
            ArgSpec::block(
                "data",
                &[
                    ArgSpec::double("longitude"),
                    ArgSpec::double("latitude"),
                    ArgSpec::string("member"),
                ],
            )
            .multiple(),
        ]),
    CommandSpec::new("geodist", -4, geodist)
        .group(Group::Geo)
        .since("3.2.0")
        .summary("Returns the distance between two members.")
        .complexity("O(1)")
        .flags(Flags::READONLY)
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member1"),
            ArgSpec::string("member2"),
            ArgSpec::one_of(
                "unit",
                &[
                    ArgSpec::pure_token("m", "M"),
                    ArgSpec::pure_token("km", "KM"),
                    ArgSpec::pure_token("ft", "FT"),
                    ArgSpec::pure_token("mi", "MI"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("geohash", -2, geohash)
        .group(Group::Geo)
        .since("3.2.0")
        .summary("Returns members' positions as geohash text.")
        .complexity("O(1)")
        .flags(Flags::READONLY)
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member").optional().multiple(),
        ]),
    CommandSpec::new("geopos", -2, geopos)
        .group(Group::Geo)
        .since("3.2.0")
        .summary("Returns members' positions.")
        .complexity("O(1)")
        .flags(Flags::READONLY)
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member").optional().multiple(),
        ]),
    CommandSpec::new("georadius", -6, georadius)
        .group(Group::Geo)
        .since("3.2.0")
        .summary("Finds members within a radius, and stores them on request.")
        .complexity("O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE, BYRADIUS")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::GEO)
        .keys(&[
            KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS)),
            KeySpec::new(
                KeyFlags::OW.union(KeyFlags::UPDATE),
                Begin::Keyword {
                    keyword: "STORE",
                    start_from: 6,
                },
                Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            ),
            KeySpec::new(
                KeyFlags::OW.union(KeyFlags::UPDATE),
                Begin::Keyword {
                    keyword: "STOREDIST",
                    start_from: 6,
                },
                Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            ),
        ])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::double("longitude"),
            ArgSpec::double("latitude"),
            ArgSpec::double("radius"),
            ArgSpec::one_of(
                "unit",
                &[
                    ArgSpec::pure_token("m", "M"),
                    ArgSpec::pure_token("km", "KM"),
                    ArgSpec::pure_token("ft", "FT"),
                    ArgSpec::pure_token("mi", "MI"),
                ],
            ),
            ArgSpec::pure_token("withcoord", "WITHCOORD").optional(),
            ArgSpec::pure_token("withdist", "WITHDIST").optional(),
            ArgSpec::pure_token("withhash", "WITHHASH").optional(),
            ArgSpec::block(
                "count-block",
                &[
                    ArgSpec::integer("count").token("COUNT"),
                    ArgSpec::pure_token("any", "ANY").optional().since("6.2.0"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "store",
                &[
                    ArgSpec::key("storekey", 1).token("STORE").display("key"),
                    ArgSpec::key("storedistkey", 2)
                        .token("STOREDIST")
                        .display("key"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("georadius_ro", -6, georadius_ro)
        .group(Group::Geo)
        .since("3.2.10")
        .summary("Finds members within a radius.")
        .complexity("O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH BYRADIUS")
        .flags(Flags::READONLY)
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::double("longitude"),
            ArgSpec::double("latitude"),
            ArgSpec::double("radius"),
            ArgSpec::one_of(
                "unit",
                &[
                    ArgSpec::pure_token("m", "M"),
                    ArgSpec::pure_token("km", "KM"),
                    ArgSpec::pure_token("ft", "FT"),
                    ArgSpec::pure_token("mi", "MI"),
                ],
            ),
            ArgSpec::pure_token("withcoord", "WITHCOORD").optional(),
            ArgSpec::pure_token("withdist", "WITHDIST").optional(),
            ArgSpec::pure_token("withhash", "WITHHASH").optional(),
            ArgSpec::block(
                "count-block",
                &[
                    ArgSpec::integer("count").token("COUNT"),
                    ArgSpec::pure_token("any", "ANY").optional().since("6.2.0"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("georadiusbymember", -5, georadiusbymember)
        .group(Group::Geo)
        .since("3.2.0")
        .summary("Finds members within a radius of a member, and stores them on request.")
        .complexity("O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE, FROMMEMBER BYRADIUS")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::GEO)
        .keys(&[
            KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS)),
            KeySpec::new(
                KeyFlags::OW.union(KeyFlags::UPDATE),
                Begin::Keyword {
                    keyword: "STORE",
                    start_from: 5,
                },
                Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            ),
            KeySpec::new(
                KeyFlags::OW.union(KeyFlags::UPDATE),
                Begin::Keyword {
                    keyword: "STOREDIST",
                    start_from: 5,
                },
                Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            ),
        ])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member"),
            ArgSpec::double("radius"),
            ArgSpec::one_of(
                "unit",
                &[
                    ArgSpec::pure_token("m", "M"),
                    ArgSpec::pure_token("km", "KM"),
                    ArgSpec::pure_token("ft", "FT"),
                    ArgSpec::pure_token("mi", "MI"),
                ],
            ),
            ArgSpec::pure_token("withcoord", "WITHCOORD").optional(),
            ArgSpec::pure_token("withdist", "WITHDIST").optional(),
            ArgSpec::pure_token("withhash", "WITHHASH").optional(),
            ArgSpec::block(
                "count-block",
                &[
                    ArgSpec::integer("count").token("COUNT"),
                    ArgSpec::pure_token("any", "ANY").optional(),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "store",
                &[
                    ArgSpec::key("storekey", 1).token("STORE").display("key"),
                    ArgSpec::key("storedistkey", 2)
                        .token("STOREDIST")
                        .display("key"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("georadiusbymember_ro", -5, georadiusbymember_ro)
        .group(Group::Geo)
        .since("3.2.10")
        .summary("Finds members within a radius of a member.")
        .complexity("O(N+log(M))")
        .deprecated("6.2.0", "GEOSEARCH FROMMEMBER BYRADIUS")
        .flags(Flags::READONLY)
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::string("member"),
            ArgSpec::double("radius"),
            ArgSpec::one_of(
                "unit",
                &[
                    ArgSpec::pure_token("m", "M"),
                    ArgSpec::pure_token("km", "KM"),
                    ArgSpec::pure_token("ft", "FT"),
                    ArgSpec::pure_token("mi", "MI"),
                ],
            ),
            ArgSpec::pure_token("withcoord", "WITHCOORD").optional(),
            ArgSpec::pure_token("withdist", "WITHDIST").optional(),
            ArgSpec::pure_token("withhash", "WITHHASH").optional(),
            ArgSpec::block(
                "count-block",
                &[
                    ArgSpec::integer("count").token("COUNT"),
                    ArgSpec::pure_token("any", "ANY").optional(),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
        ]),
    CommandSpec::new("geosearch", -7, geosearch)
        .group(Group::Geo)
        .since("6.2.0")
        .summary("Finds members inside of a circle, a box or a polygon.")
        .complexity("O(N+log(M))")
        .flags(Flags::READONLY)
        .acl(Acl::GEO)
        .keys(&[KeySpec::at(1, KeyFlags::RO.union(KeyFlags::ACCESS))])
        .args(&[
            ArgSpec::key("key", 0),
            ArgSpec::one_of(
                "from",
                &[
                    ArgSpec::string("member").token("FROMMEMBER"),
                    ArgSpec::block(
                        "fromlonlat",
                        &[ArgSpec::double("longitude"), ArgSpec::double("latitude")],
                    )
                    .token("FROMLONLAT"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "by",
                &[
                    ArgSpec::block(
                        "circle",
                        &[
                            ArgSpec::double("radius").token("BYRADIUS"),
                            ArgSpec::one_of(
                                "unit",
                                &[
                                    ArgSpec::pure_token("m", "M"),
                                    ArgSpec::pure_token("km", "KM"),
                                    ArgSpec::pure_token("ft", "FT"),
                                    ArgSpec::pure_token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    ArgSpec::block(
                        "box",
                        &[
                            ArgSpec::double("width").token("BYBOX"),
                            ArgSpec::double("height"),
                            ArgSpec::one_of(
                                "unit",
                                &[
                                    ArgSpec::pure_token("m", "M"),
                                    ArgSpec::pure_token("km", "KM"),
                                    ArgSpec::pure_token("ft", "FT"),
                                    ArgSpec::pure_token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    ArgSpec::block(
                        "polygon",
                        &[
                            ArgSpec::integer("num-vertices").token("BYPOLYGON"),
                            ArgSpec::block(
                                "vertices",
                                &[ArgSpec::double("longitude"), ArgSpec::double("latitude")],
                            )
                            .multiple(),
                        ],
                    )
                    .since("9.0.0"),
                ],
            ),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
            ArgSpec::block(
                "count-block",
                &[
                    ArgSpec::integer("count").token("COUNT"),
                    ArgSpec::pure_token("any", "ANY").optional(),
                ],
            )
            .optional(),
            ArgSpec::pure_token("withcoord", "WITHCOORD").optional(),
            ArgSpec::pure_token("withdist", "WITHDIST").optional(),
            ArgSpec::pure_token("withhash", "WITHHASH").optional(),
        ]),
    CommandSpec::new("geosearchstore", -8, geosearchstore)
        .group(Group::Geo)
        .since("6.2.0")
        .summary("Stores members inside of a circle, a box or a polygon.")
        .complexity("O(N+log(M))")
        .flags(Flags::WRITE.union(Flags::DENYOOM))
        .acl(Acl::GEO)
        .keys(&[
            KeySpec::at(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
            KeySpec::at(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
        ])
        .args(&[
            ArgSpec::key("destination", 0),
            ArgSpec::key("source", 1),
            ArgSpec::one_of(
                "from",
                &[
                    ArgSpec::string("member").token("FROMMEMBER"),
                    ArgSpec::block(
                        "fromlonlat",
                        &[ArgSpec::double("longitude"), ArgSpec::double("latitude")],
                    )
                    .token("FROMLONLAT"),
                ],
            )
            .optional(),
            ArgSpec::one_of(
                "by",
                &[
                    ArgSpec::block(
                        "circle",
                        &[
                            ArgSpec::double("radius").token("BYRADIUS"),
                            ArgSpec::one_of(
                                "unit",
                                &[
                                    ArgSpec::pure_token("m", "M"),
                                    ArgSpec::pure_token("km", "KM"),
                                    ArgSpec::pure_token("ft", "FT"),
                                    ArgSpec::pure_token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    ArgSpec::block(
                        "box",
                        &[
                            ArgSpec::double("width").token("BYBOX"),
                            ArgSpec::double("height"),
                            ArgSpec::one_of(
                                "unit",
                                &[
                                    ArgSpec::pure_token("m", "M"),
                                    ArgSpec::pure_token("km", "KM"),
                                    ArgSpec::pure_token("ft", "FT"),
                                    ArgSpec::pure_token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    ArgSpec::block(
                        "polygon",
                        &[
                            ArgSpec::integer("num-vertices").token("BYPOLYGON"),
                            ArgSpec::block(
                                "vertices",
                                &[ArgSpec::double("longitude"), ArgSpec::double("latitude")],
                            )
                            .multiple(),
                        ],
                    )
                    .since("9.0.0"),
                ],
            ),
            ArgSpec::one_of(
                "order",
                &[
                    ArgSpec::pure_token("asc", "ASC"),
                    ArgSpec::pure_token("desc", "DESC"),
                ],
            )
            .optional(),
            ArgSpec::block(
                "count-block",
                &[
                    ArgSpec::integer("count").token("COUNT"),
                    ArgSpec::pure_token("any", "ANY").optional(),
                ],
            )
            .optional(),
            ArgSpec::pure_token("storedist", "STOREDIST").optional(),
        ]),
];
