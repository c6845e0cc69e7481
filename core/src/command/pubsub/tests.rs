//! Messages from client to client.

use crate::testing::TestEngine;

#[test]
fn messages_reach_channels_and_patterns() {
    let mut t = TestEngine::new();
    let listener = t.connect();
    assert_eq!(
        t.run_as(listener, "subscribe news"),
        "*3 $9 subscribe $4 news :1"
    );
    assert_eq!(
        t.run_as(listener, "psubscribe n*"),
        "*3 $10 psubscribe $2 n* :2"
    );
    assert_eq!(t.run("publish news hello"), ":2");
    assert_eq!(
        t.output(listener),
        "*3 $7 message $4 news $5 hello *4 $8 pmessage $2 n* $4 news $5 hello"
    );
    assert_eq!(t.stream(), "publish news hello");
    assert_eq!(
        t.run("pubsub numsub news other"),
        "*4 $4 news :1 $5 other :0"
    );
    assert_eq!(t.run("pubsub numpat"), ":1");
    assert_eq!(t.run("pubsub channels x*"), "*0");
    assert!(
        t.run_as(listener, "get k")
            .starts_with("-ERR Can't execute 'get'")
    );
    assert_eq!(t.run_as(listener, "ping"), "*2 $4 pong $0");
    assert_eq!(
        t.run_as(listener, "unsubscribe"),
        "*3 $11 unsubscribe $4 news :1"
    );
    t.engine.disconnect(listener);
    assert_eq!(t.run("publish news hello"), ":0");
}

#[test]
fn resp3_listeners_get_pushes_and_go_on_working() {
    let mut t = TestEngine::new();
    t.run("hello 3");
    assert_eq!(t.run("subscribe a"), ">3 $9 subscribe $1 a :1");
    assert_eq!(t.run("get k"), "_");
    assert_eq!(t.run("publish a x"), ":1 >3 $7 message $1 a $1 x");
    for line in ["multi", "ping 1", "publish a x", "ping 2"] {
        t.run(line);
    }
    assert_eq!(
        t.run("exec"),
        "*3 $1 1 :1 $1 2 >3 $7 message $1 a $1 x",
        "a message never stands inside the reply"
    );
    assert_eq!(t.run("punsubscribe"), ">3 $12 punsubscribe _ :1");
}

#[test]
fn shard_channels_are_apart() {
    let mut t = TestEngine::new();
    let listener = t.connect();
    assert_eq!(
        t.run_as(listener, "ssubscribe s"),
        "*3 $10 ssubscribe $1 s :1"
    );
    assert_eq!(t.run("publish s x"), ":0");
    assert_eq!(t.run("spublish s x"), ":1");
    assert_eq!(t.output(listener), "*3 $8 smessage $1 s $1 x");
}

#[test]
fn key_events_are_published_where_they_are_asked_for() {
    let mut t = TestEngine::new();
    let loaded = t
        .engine
        .server
        .config
        .load(b"notify-keyspace-events", &[b"KEA"]);
    loaded.expect("a directive and its value");
    let listener = t.connect();
    t.run_as(listener, "psubscribe __key*");
    t.run("set k v");
    assert_eq!(
        t.output(listener),
        "*4 $8 pmessage $6 __key* $16 __keyspace@0__:k $3 set \
         *4 $8 pmessage $6 __key* $18 __keyevent@0__:set $1 k"
    );
}

#[test]
fn confirmations_are_messages_and_no_replies() {
    let mut t = TestEngine::new();
    t.run("client reply off");
    assert_eq!(t.run("subscribe a"), "*3 $9 subscribe $1 a :1");
    assert_eq!(t.run("unsubscribe a"), "*3 $11 unsubscribe $1 a :0");
    assert_eq!(t.run("ping"), "");
    assert_eq!(t.run("client reply on"), "+OK");
    t.run("client reply skip");
    assert_eq!(t.run("psubscribe p*"), "*3 $10 psubscribe $2 p* :1");
}

#[test]
fn events_reach_a_silent_client_that_made_them() {
    let mut t = TestEngine::new();
    t.run("hello 3");
    t.run("config set notify-keyspace-events KA");
    t.run("subscribe __keyspace@0__:k");
    t.run("client reply off");
    assert_eq!(
        t.run("set k v"),
        ">3 $7 message $16 __keyspace@0__:k $3 set"
    );
}

/// The events that `line` brings, each with its key.
fn events(t: &mut TestEngine, line: &str) -> String {
    let listener = t.connect();
    t.run("config set notify-keyspace-events EAnm");
    t.run_as(listener, "psubscribe *");
    t.run(line);
    let heard = t.output(listener);
    t.engine.disconnect(listener);
    let words: Vec<&str> = heard.split_whitespace().collect();
    let messages = words.chunks(9);
    let events = messages.map(|message| {
        let event = message[6].rsplit(':').next().expect("a channel");
        format!("{event} {}", message[8])
    });
    events.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_new_key_is_told_of_before_what_happened_to_it() {
    let mut t = TestEngine::new();
    assert_eq!(events(&mut t, "lpush l a"), "new l, lpush l");
    assert_eq!(events(&mut t, "lpush l a"), "lpush l");
    assert_eq!(
        events(&mut t, "lmove l m left left"),
        "new m, lpush m, lpop l"
    );
    assert_eq!(events(&mut t, "mset a 1 b 2"), "new a, set a, new b, set b");
    assert_eq!(events(&mut t, "sadd s x"), "new s, sadd s");
    assert_eq!(
        events(&mut t, "smove s d x"),
        "srem s, del s, new d, sadd d"
    );
    assert_eq!(events(&mut t, "incr a"), "incrby a");
    assert_eq!(
        events(&mut t, "rename a b"),
        "new b, rename_from a, rename_to b"
    );
    assert_eq!(events(&mut t, "copy b c replace"), "new c, copy_to c");
    assert_eq!(events(&mut t, "copy b c replace"), "new c, copy_to c");
    assert_eq!(events(&mut t, "move b 1"), "new b, move_from b, move_to b");
}

#[test]
fn an_expired_key_is_told_of_before_the_one_in_its_place() {
    let mut t = TestEngine::new();
    t.run("set k v px 1");
    t.now_ms += 2;
    t.stream();
    assert_eq!(events(&mut t, "set k w"), "expired k, new k, set k");
    assert_eq!(t.stream(), "MULTI | DEL k | set k w | EXEC");
}

#[test]
fn a_key_that_was_looked_for_in_vain_is_told_of_first() {
    let mut t = TestEngine::new();
    t.run("set k v px 1");
    t.run("set s v");
    t.now_ms += 2;
    for (line, heard) in [
        (
            "mget none k s other",
            "keymiss none, expired k, keymiss k, keymiss other",
        ),
        ("getset a 1", "keymiss a, new a, set a"),
        ("bitop or s none", "keymiss none, del s"),
        ("pfmerge h", "keymiss h, new h, pfadd h"),
        ("exists none", "keymiss none"),
        ("object encoding none", ""),
        (
            "geosearchstore h none fromlonlat 1 1 byradius 1 m",
            "keymiss none, del h",
        ),
        ("lpush l a", "new l, lpush l"),
        ("append l2 x", "new l2, append l2"),
        ("hincrby m f 1", "new m, hincrby m"),
    ] {
        assert_eq!(events(&mut t, line), heard, "{line}");
    }
}

#[test]
fn channels_takes_one_pattern() {
    let mut t = TestEngine::new();
    for kind in ["Channels", "ShardChannels"] {
        assert_eq!(
            t.run(&format!("pubsub {kind} a b")),
            format!(
                "-ERR unknown subcommand or wrong number of arguments for '{kind}'. \
                 Try PUBSUB HELP."
            )
        );
    }
}

#[test]
fn a_message_travels_in_the_publishers_database() {
    let mut t = TestEngine::new();
    t.run("select 3");
    t.run("publish news hello");
    assert_eq!(t.engine.server.log.selected_db(), Some(3));
}

#[test]
fn a_shard_channel_is_not_subscribed_to_in_a_transaction() {
    let mut t = TestEngine::new();
    t.run("multi");
    t.run("subscribe a");
    t.run("ssubscribe b");
    assert_eq!(
        t.run("exec"),
        "*2 *3 $9 subscribe $1 a :1 -ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"
    );
}
