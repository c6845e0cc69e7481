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
