//! Connections through the engine.

use crate::engine::Flow;
use crate::testing::TestEngine;

#[test]
fn ping_echo_and_select() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("ping"), "+PONG");
    assert_eq!(t.run("ping hey"), "$3 hey");
    assert_eq!(t.run("echo hey"), "$3 hey");
    assert_eq!(t.run("select 3"), "+OK");
    t.run("set k v");
    assert_eq!(t.run("select 16"), "-ERR DB index is out of range");
    assert_eq!(
        t.run("select x"),
        "-ERR value is not an integer or out of range"
    );
    assert_eq!(
        t.run("select 99999999999"),
        "-ERR value is out of range, value must between -2147483648 and 2147483647"
    );
    assert_eq!(t.run("select 0"), "+OK");
    assert_eq!(t.run("get k"), "$-1");
}

#[test]
fn a_password_keeps_strangers_out() {
    let mut t = TestEngine::new();
    let loaded = t.engine.server.config.load(b"requirepass", &[b"Sid@123"]);
    loaded.expect("a directive and its value");
    // Who was let in before the password was set stays in.
    assert_eq!(t.run("get k"), "$-1");
    t.id = t.connect();
    assert_eq!(t.run("get k"), "-NOAUTH Authentication required.");
    assert_eq!(
        t.run("auth wrong"),
        "-WRONGPASS invalid username-password pair or user is disabled."
    );
    assert_eq!(t.run("auth default Sid@123"), "+OK");
    assert_eq!(t.run("get k"), "$-1");
    let other = t.connect();
    assert!(t.run_as(other, "hello 3").starts_with("-NOAUTH HELLO must"));
    let reply = t.run_as(other, "hello 3 auth default Sid@123 setname me");
    assert!(reply.starts_with("%7 $6 server"), "{reply}");
    assert_eq!(t.run_as(other, "client getname"), "$2 me");
}

#[test]
fn clients_are_listed_and_killed() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run_as(other, "client setname victim");
    let list = t.run("client list");
    assert!(list.contains("name=victim"), "{list}");
    assert_eq!(t.run("client kill type normal"), ":1");
    assert_eq!(t.engine.take_wakeups(), [other]);
    assert_eq!(t.engine.take_output(other, &mut Vec::new()), Flow::Close);
    assert_eq!(t.run("client kill 1.2.3.4:5"), "-ERR No such client");
    assert_eq!(
        t.run("client kill id 0"),
        "-ERR client-id should be greater than 0"
    );
    assert_eq!(t.run("client kill nonsense 1 2"), "-ERR syntax error");
}

#[test]
fn a_killed_client_is_gone_at_once() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run_as(other, "subscribe news");
    assert_eq!(t.run("client kill type pubsub"), ":1");
    assert_eq!(t.run("publish news x"), ":0");
    assert_eq!(t.run("client kill id 2"), ":0");
    assert_eq!(t.run("client list id 2"), "$0");
    t.run_as(other, "set k 1");
    assert_eq!(t.run("get k"), "$-1", "what it had sent does not run");
}

#[test]
fn a_clients_line_has_the_fields_of_redis_in_their_order() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run_as(other, "multi");
    t.run_as(other, "set key value");
    t.run("client setname me");
    t.run("client setinfo lib-name lib");
    t.now_ms += 2500;
    let line = t.run("client info");
    let line = line.split_once(' ').expect("a length, then the line").1;
    let fields = line.split_whitespace().filter_map(|f| f.split_once('='));
    let names: Vec<&str> = fields.map(|(name, _)| name).collect();
    assert_eq!(
        names.join(" "),
        "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem \
         multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver"
    );
    for part in [
        "name=me age=2 idle=0 flags=N db=0",
        "multi=-1 qbuf=0 qbuf-free=0 argv-mem=10 multi-mem=0",
        "cmd=client|info user=default redir=-1 resp=2 lib-name=lib lib-ver=",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let lines = t.run("client list id 2 7 1 2");
    assert!(
        lines.contains("flags=x") && lines.contains("multi=1 "),
        "{lines}"
    );
    assert!(lines.contains("multi-mem=11 "), "{lines}");
    let ids = lines.match_indices("id=").map(|(at, _)| &lines[at..at + 4]);
    let ids: Vec<&str> = ids.filter(|id| *id == "id=1" || *id == "id=2").collect();
    assert_eq!(ids, ["id=2", "id=1", "id=2"], "in the order asked for");
}

#[test]
fn reads_of_an_untouching_client_leave_access_times_alone() {
    let mut t = TestEngine::new();
    t.run("set k 1");
    assert_eq!(t.run("client no-touch on"), "+OK");
    t.now_ms += 5000;
    t.run("get k");
    assert_eq!(t.run("object idletime k"), ":5");
    t.run("touch k");
    assert_eq!(t.run("object idletime k"), ":0", "TOUCH means it");
    t.run("client no-touch off");
    t.now_ms += 5000;
    t.run("exists k");
    t.run("ttl k");
    t.run("type k");
    assert_eq!(t.run("object idletime k"), ":5", "asking is no use");
    t.run("get k");
    assert_eq!(t.run("object idletime k"), ":0");
}

#[test]
fn replies_can_be_turned_off() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("client reply skip"), "");
    assert_eq!(t.run("ping"), "");
    assert_eq!(t.run("ping"), "+PONG");
    assert_eq!(t.run("client reply off"), "");
    assert_eq!(t.run("ping"), "");
    assert_eq!(t.run("client reply on"), "+OK");
}

#[test]
fn reset_makes_the_connection_new() {
    let mut t = TestEngine::new();
    t.run("hello 3");
    t.run("select 2");
    t.run("multi");
    assert_eq!(t.run("reset"), "+RESET");
    assert_eq!(t.run("get k"), "$-1");
    assert!(t.run("client list").contains(" db=0 "));
}

/// How many clients a LIST with these filters shows.
fn listed(t: &mut TestEngine, filters: &str) -> usize {
    let reply = t.run(&format!("client list {filters}"));
    assert!(reply.starts_with('$'), "{filters}: {reply}");
    reply.matches("laddr=").count()
}

#[test]
fn lists_are_filtered_by_what_clients_are_and_are_not() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run_as(other, "client setname tug");
    t.run_as(other, "select 3");
    t.run_as(other, "client setinfo lib-name line");
    t.now_ms += 9_000;
    t.run("client setname me");
    for (filters, count) in [
        ("name tug", 1),
        ("not-name tug", 1),
        ("name ''", 0),
        ("db 3", 1),
        ("not-db 3 name me", 1),
        ("lib-name line skipme yes", 1),
        ("flags N", 2),
        ("not-flags N", 0),
        ("flags NP", 0),
        ("idle 9", 1),
        ("maxage 9", 2),
        ("maxage 10", 0),
        ("skipme yes", 1),
        ("user default", 2),
        ("not-user default", 0),
        ("capa r", 0),
        ("not-capa r", 2),
        ("type normal not-type pubsub", 2),
        ("id 1 2 not-id 1", 1),
        ("name tug name me", 1),
    ] {
        assert_eq!(listed(&mut t, filters), count, "{filters}");
    }
    for (filters, error) in [
        ("foo bar", "ERR syntax error"),
        ("not-maxage 1", "ERR syntax error"),
        ("id", "ERR syntax error"),
        ("id 0", "ERR client-id should be greater than 0"),
        ("maxage 0", "ERR maxage should be greater than 0"),
        ("idle x", "ERR idle is not an integer or out of range"),
        ("db 16", "ERR DB number should be between 0 and 15"),
        ("not-db x", "ERR NOT-DB is not an integer or out of range"),
        (
            "flags ?",
            "ERR Unknown flags found in the provided filter: ?",
        ),
        (
            "not-capa q",
            "ERR Unknown capa found in the NOT-CAPA filter: q",
        ),
    ] {
        assert_eq!(
            t.run(&format!("client list {filters}")),
            format!("-{error}")
        );
    }
    assert_eq!(t.run("client kill name tug not-db 0"), ":1");
    assert_eq!(listed(&mut t, ""), 1);
}
