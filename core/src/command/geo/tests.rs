//! Positions through the engine. Numbers and texts are redis-server 7.0.15's, and
//! valkey-server 9.1's for polygons.

use crate::resp::Protocol;
use crate::testing::TestEngine;

fn all(t: &mut TestEngine, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        assert_eq!(t.run(line), *reply, "{line}");
    }
}

fn sicily() -> TestEngine {
    let mut t = TestEngine::new();
    t.run("geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
    t.stream();
    t
}

#[test]
fn geoadd_is_a_zadd_of_scores() {
    let mut t = TestEngine::new();
    for (line, reply, stream) in [
        (
            "geoadd g 13.361389 38.115556 Palermo",
            ":1",
            "ZADD g 3479099956230698 Palermo",
        ),
        ("geoadd g 13.361389 38.115556 Palermo", ":0", ""),
        (
            "geoadd g nx ch 14 38 Palermo 1 2 x",
            ":1",
            "ZADD g nx ch 3479107959090919 Palermo 3378080408407459 x",
        ),
        (
            "geoadd g XX CH 14 38.115556 Palermo",
            ":1",
            "ZADD g XX CH 3479111264467618 Palermo",
        ),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
        assert_eq!(t.stream(), stream, "{line}");
    }
}

#[test]
fn geoadd_checks_everything_first() {
    let mut t = TestEngine::new();
    t.run("rpush l x");
    all(
        &mut t,
        &[
            ("geoadd g nx xx 1 2 a", "-ERR syntax error"),
            ("geoadd g gt 1 2 a", "-ERR syntax error"),
            ("geoadd g 1 2 a 3", "-ERR syntax error"),
            ("geoadd g nx ch ch", "-ERR syntax error"),
            ("geoadd g 1 2 a x 0 b", "-ERR value is not a valid float"),
            ("geoadd g nan 0 b", "-ERR value is not a valid float"),
            (
                "geoadd g 1 2 a 181 0 b",
                "-ERR invalid longitude,latitude pair 181.000000,0.000000",
            ),
            (
                "geoadd l inf 0 b",
                "-ERR invalid longitude,latitude pair inf,0.000000",
            ),
            (
                "geoadd l 1 0 b",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("exists g", ":0"),
        ],
    );
}

#[test]
fn positions_are_shown_with_all_digits() {
    let mut t = sicily();
    t.run("geoadd g 180 85.05112878 corner");
    all(
        &mut t,
        &[
            (
                "geopos g Palermo none",
                "*2 *2 $20 13.36138933897018433 $20 38.11555639549629859 *-1",
            ),
            ("geopos g corner", "*1 *2 $3 180 $19 85.0511287799999991"),
            ("geopos none a", "*1 *-1"),
            (
                "geohash g Palermo none Catania",
                "*3 $11 sqc8b49rny0 $-1 $11 sqdtr74hyu0",
            ),
            ("geodist g Palermo Catania", "$11 166274.1516"),
            ("geodist g Palermo Catania KM", "$8 166.2742"),
            ("geodist g Palermo none", "$-1"),
            ("geodist none a b", "$-1"),
            (
                "geodist none a b foo",
                "-ERR unsupported unit provided. please use M, KM, FT, MI",
            ),
            ("geodist g a b m x", "-ERR syntax error"),
        ],
    );
    let client = t.engine.server.clients.get_mut(t.id).expect("connected");
    client.reply.set_protocol(Protocol::Resp3);
    all(
        &mut t,
        &[
            (
                "geopos g Palermo none",
                "*2 *2 ,13.36138933897018433 ,38.11555639549629859 _",
            ),
            ("geodist g Palermo Catania", "$11 166274.1516"),
        ],
    );
}

#[test]
fn searches_find_what_is_inside() {
    let mut t = sicily();
    let both = "*2 $7 Palermo $7 Catania";
    let near = "*2 $7 Catania $7 Palermo";
    all(
        &mut t,
        &[
            ("georadius g 15 37 200 km", both),
            ("georadius_ro g 15 37 200 km asc", near),
            ("georadiusbymember g Palermo 200 km", both),
            ("georadiusbymember_ro g Palermo 100 km", "*1 $7 Palermo"),
            ("geosearch g frommember Palermo byradius 200 km desc", near),
            ("geosearch g fromlonlat 15 37 bybox 400 400 km asc", near),
            (
                "geosearch g fromlonlat 15 37 bybox 400 200 km",
                "*1 $7 Catania",
            ),
            (
                "geosearch g fromlonlat 15 37 byradius 200 km count 1",
                "*1 $7 Catania",
            ),
            (
                "geosearch g fromlonlat 15 37 byradius 200 km count 1 any",
                "*1 $7 Palermo",
            ),
            ("geosearch g bypolygon 3 0 0 20 0 20 50", "*1 $7 Catania"),
            ("geosearch g fromlonlat 1 1 byradius inf km asc", near),
            (
                "geosearch g frommember Palermo byradius 0 m",
                "*1 $7 Palermo",
            ),
            ("geosearch none frommember x byradius 1 km", "*0"),
            ("georadiusbymember none x y z", "*0"),
        ],
    );
}

#[test]
fn results_come_with_what_was_asked_for() {
    let mut t = sicily();
    let place = "*2 $20 15.08726745843887329 $20 37.50266842333162032";
    let line = "georadius g 15 37 100 km withdist withcoord withhash";
    let reply = format!("*1 *4 $7 Catania $7 56.4413 :3479447370796909 {place}");
    assert_eq!(t.run(line), reply);
    let line = "geosearch g bypolygon 3 0 0 20 0 20 50 withdist";
    assert_eq!(t.run(line), "*1 *2 $7 Catania $12 2362809.6196");
}

#[test]
fn results_are_stored_as_a_sorted_set() {
    let mut t = sicily();
    all(
        &mut t,
        &[
            ("georadius g 15 37 200 km store d", ":2"),
            (
                "zrange d 0 -1 withscores",
                "*4 $7 Palermo $16 3479099956230698 $7 Catania $16 3479447370796909",
            ),
            (
                "geosearchstore d g fromlonlat 15 37 byradius 100 km storedist",
                ":1",
            ),
            (
                "zrange d 0 -1 withscores",
                "*2 $7 Catania $16 56.4412578701582",
            ),
            (
                "geosearchstore d none fromlonlat 15 37 byradius 100 km",
                ":0",
            ),
            ("exists d", ":0"),
        ],
    );
    assert_eq!(
        t.stream(),
        "georadius g 15 37 200 km store d | \
         geosearchstore d g fromlonlat 15 37 byradius 100 km storedist | \
         geosearchstore d none fromlonlat 15 37 byradius 100 km"
    );
}

#[test]
fn georadius_refuses_what_makes_no_sense() {
    let mut t = sicily();
    t.run("rpush l x");
    for (line, reply) in [
        (
            "georadius l 1 1 1 foo",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        (
            "georadius none 181 37 1 km",
            "-ERR invalid longitude,latitude pair 181.000000,37.000000",
        ),
        ("georadius g 1 1 x km", "-ERR need numeric radius"),
        ("georadius g 1 1 -1 km", "-ERR radius cannot be negative"),
        (
            "georadius g 1 1 1 foo",
            "-ERR unsupported unit provided. please use M, KM, FT, MI",
        ),
        ("georadius g 1 1 1 km count 0", "-ERR COUNT must be > 0"),
        ("georadius g 1 1 1 km count", "-ERR syntax error"),
        (
            "georadius g 1 1 1 km any",
            "-ERR the ANY argument requires COUNT argument",
        ),
        ("georadius_ro g 1 1 1 km store d", "-ERR syntax error"),
        (
            "georadius g 1 1 1 km withdist store d",
            "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ),
        (
            "georadiusbymember g none 1 km",
            "-ERR could not decode requested zset member",
        ),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
}

#[test]
fn geosearch_refuses_what_makes_no_sense() {
    let mut t = sicily();
    for (line, reply) in [
        (
            "geosearch g fromlonlat 1 1 bybox x 1 km",
            "-ERR need numeric width",
        ),
        (
            "geosearch g fromlonlat 1 1 bybox 1 x km",
            "-ERR need numeric height",
        ),
        (
            "geosearch g fromlonlat 1 1 bybox 1 -1 km",
            "-ERR height or width cannot be negative",
        ),
        (
            "geosearch g fromlonlat 1 1 frommember a bybox 1 1 km",
            "-ERR syntax error",
        ),
        (
            "geosearch g fromlonlat 1 1 bybox 1 1 km byradius 1 km",
            "-ERR syntax error",
        ),
        (
            "geosearch g fromlonlat 1 1 bypolygon 3 0 0 1 1 2 2",
            "-ERR syntax error",
        ),
        (
            "geosearch g bypolygon 2 0 0 20 0 20 50",
            "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices",
        ),
        (
            "geosearch g bypolygon 4 0 0 20 0 20 50",
            "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices",
        ),
        (
            "geosearch g bypolygon x 0 0 20 0 20 50",
            "-ERR invalid number of vertices",
        ),
        (
            "geosearch g bypolygon 3 0 0 20 0 20 x",
            "-ERR value is not a valid float",
        ),
        (
            "geosearch g bypolygon 3 0 0 20 0 20 1 7",
            "-ERR syntax error",
        ),
        (
            "GeoSearch g byradius 1 km asc desc",
            "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GeoSearch",
        ),
        (
            "geosearch g fromlonlat 1 1 asc desc",
            "-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch",
        ),
        (
            "geosearchstore d g fromlonlat 1 1 byradius 1 km withhash",
            "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
}
