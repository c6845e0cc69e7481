//! Client-side caching: who is told of what, and when.

use super::ClientId;
use crate::testing::TestEngine;

/// A client that tracks, in RESP3.
fn reader(t: &mut TestEngine, options: &str) -> ClientId {
    let id = t.connect();
    t.run_as(id, "hello 3");
    assert_eq!(
        t.run_as(id, &format!("client tracking on {options}")),
        "+OK"
    );
    id
}

#[test]
fn a_reader_is_told_once() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run("mset a 1 b 2");
    t.run_as(id, "mget a b");
    assert!(t.run("info stats").contains("tracking_total_items:2"));
    t.run("set a 2");
    assert_eq!(t.output(id), ">2 $10 invalidate *1 $1 a");
    t.run("set a 3");
    assert_eq!(t.output(id), "", "it did not read it again");
    t.run("del nothing b");
    assert_eq!(t.output(id), ">2 $10 invalidate *1 $1 b");
    t.run("get a");
    t.run("set a 4");
    assert_eq!(t.output(id), "", "others read what they like");
}

#[test]
fn what_changed_nothing_is_no_news() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run("sadd s a");
    t.run_as(id, "smembers s");
    t.run("sadd s a");
    assert_eq!(t.output(id), "");
}

#[test]
fn its_own_changes_follow_the_reply_unless_it_wants_none() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run_as(id, "get a");
    assert_eq!(t.run_as(id, "set a 1"), "+OK >2 $10 invalidate *1 $1 a");
    let quiet = reader(&mut t, "noloop");
    t.run_as(quiet, "get a");
    assert_eq!(t.run_as(quiet, "set a 1"), "+OK");
    t.run_as(quiet, "get a");
    t.run("set a 2");
    assert_eq!(t.output(quiet), ">2 $10 invalidate *1 $1 a");
}

#[test]
fn a_transaction_reads_and_writes_in_its_order() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    for line in ["multi", "set a 1", "get a"] {
        t.run_as(id, line);
    }
    assert_eq!(t.run_as(id, "exec"), "*2 +OK $1 1", "it read what it wrote");
    t.run("set a 2");
    assert_eq!(t.output(id), ">2 $10 invalidate *1 $1 a");
}

#[test]
fn expiry_and_flushes_are_changes() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run("set a 1 px 10");
    t.run_as(id, "get a");
    t.now_ms += 10;
    t.tick();
    assert_eq!(t.output(id), ">2 $10 invalidate *1 $1 a");
    t.run("flushall");
    assert_eq!(t.output(id), ">2 $10 invalidate _");
}

#[test]
fn only_what_was_asked_for_is_remembered() {
    let mut t = TestEngine::new();
    let opted_in = reader(&mut t, "optin");
    let opted_out = reader(&mut t, "optout");
    assert_eq!(t.run_as(opted_in, "client caching yes"), "+OK");
    assert_eq!(t.run_as(opted_out, "client caching no"), "+OK");
    for id in [opted_in, opted_out] {
        t.run_as(id, "get a");
        t.run_as(id, "get b");
    }
    t.run("mset a 1 b 1");
    assert_eq!(t.output(opted_in), ">2 $10 invalidate *1 $1 a");
    assert_eq!(t.output(opted_out), ">2 $10 invalidate *1 $1 b");
    for line in ["client caching yes", "multi", "get a", "get b", "exec"] {
        t.run_as(opted_in, line);
    }
    t.run("mset a 1 b 1");
    let both = ">2 $10 invalidate *1 $1 a >2 $10 invalidate *1 $1 b";
    assert_eq!(t.output(opted_in), both, "it holds for a transaction");
}

#[test]
fn prefixes_are_told_of_once_a_batch() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "bcast prefix user: prefix item: noloop");
    let all = reader(&mut t, "bcast");
    t.run("mset user:2 x other x user:1 x");
    assert_eq!(t.output(id), ">2 $10 invalidate *2 $6 user:1 $6 user:2");
    let every = ">2 $10 invalidate *3 $5 other $6 user:1 $6 user:2";
    assert_eq!(t.output(all), every);
    assert_eq!(t.run_as(id, "set item:1 x"), "+OK");
    assert_eq!(t.output(all), ">2 $10 invalidate *1 $6 item:1");
    assert!(t.run("info stats").contains("tracking_total_prefixes:3"));
    t.engine.disconnect(id);
    assert!(t.run("info stats").contains("tracking_total_prefixes:1"));
}

#[test]
fn another_client_can_be_told_instead() {
    let mut t = TestEngine::new();
    let listener = t.connect();
    t.run_as(listener, "subscribe __redis__:invalidate");
    let id = reader(&mut t, &format!("redirect {}", listener.id));
    assert_eq!(t.run_as(id, "client getredir"), format!(":{}", listener.id));
    t.run_as(id, "get a");
    t.run("set a 1");
    assert_eq!(t.output(id), "");
    assert_eq!(
        t.output(listener),
        "*3 $7 message $20 __redis__:invalidate *1 $1 a"
    );
    t.run_as(id, "get a");
    t.engine.disconnect(listener);
    t.run("set a 2");
    let broken = format!(">2 $21 tracking-redir-broken :{}", listener.id);
    assert_eq!(t.output(id), broken);
    assert!(
        t.run_as(id, "client trackinginfo")
            .contains("broken_redirect")
    );
    assert!(t.run_as(id, "client info").contains("flags=tR"));
}

#[test]
fn the_table_is_bounded() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run("config set tracking-table-max-keys 2");
    for key in ["b", "c", "a"] {
        t.run_as(id, &format!("get {key}"));
    }
    assert!(t.run("info stats").contains("tracking_total_keys:2"));
    t.run_as(id, "client tracking off");
    assert!(t.run("info stats").contains("tracking_total_keys:0"));
    assert!(t.run("info clients").contains("tracking_clients:0"));
}

#[test]
fn a_bound_that_is_lowered_tells_the_readers() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run_as(id, "mget a b c");
    t.run("config set tracking-table-max-keys 1");
    assert_eq!(t.output(id), "");
    t.tick();
    let told = t.output(id);
    assert_eq!(told.matches("invalidate").count(), 2, "{told}");
    assert!(t.run("info stats").contains("tracking_total_keys:1"));
}

#[test]
fn a_bound_that_is_lowered_tells_them_at_the_next_command() {
    let mut t = TestEngine::new();
    let id = reader(&mut t, "");
    t.run_as(id, "mget a b");
    t.run_as(id, "multi");
    t.run("debug pause-cron 1");
    t.run("config set tracking-table-max-keys 1");
    t.tick();
    assert_eq!(t.output(id), "", "the cron is paused");
    let queued = t.run_as(id, "ping");
    assert_eq!(queued.matches("invalidate").count(), 1, "{queued}");
    assert!(queued.ends_with("+QUEUED"), "ahead of the reply: {queued}");
    t.run("debug pause-cron 0");
    t.run("config set tracking-table-max-keys 0");
}

#[test]
fn options_that_contradict_are_refused() {
    let mut t = TestEngine::new();
    let cases = [
        (
            "on prefix a",
            "PREFIX option requires BCAST mode to be enabled",
        ),
        (
            "on bcast optin",
            "OPTIN and OPTOUT are not compatible with BCAST",
        ),
        (
            "on optin optout",
            "You can't specify both OPTIN mode and OPTOUT mode",
        ),
        (
            "on redirect 99999",
            "The client ID you want redirect to does not exist",
        ),
        (
            "on bcast prefix foo prefix foobar",
            "Prefix 'foo' overlaps with another provided prefix 'foobar'. Prefixes for a single \
             client must not overlap.",
        ),
        ("on nonsense", "syntax error"),
        ("maybe", "syntax error"),
    ];
    for (options, error) in cases {
        assert_eq!(
            t.run(&format!("client tracking {options}")),
            format!("-ERR {error}")
        );
    }
    t.run("client tracking on bcast prefix foo");
    assert_eq!(
        t.run("client tracking on bcast prefix foobar"),
        "-ERR Prefix 'foobar' overlaps with an existing prefix 'foo'. Prefixes for a single \
         client must not overlap."
    );
    assert!(
        t.run("client tracking on")
            .starts_with("-ERR You can't switch BCAST mode")
    );
    t.run("client tracking off");
    assert_eq!(t.run("client getredir"), ":-1");
    assert!(
        t.run("client caching yes")
            .starts_with("-ERR CLIENT CACHING can be called only")
    );
    t.run("client tracking on optin");
    assert!(
        t.run("client tracking on optout")
            .starts_with("-ERR You can't switch OPTIN")
    );
    assert!(
        t.run("client caching no")
            .starts_with("-ERR CLIENT CACHING NO is only valid")
    );
    assert_eq!(
        t.run("client trackinginfo"),
        "*6 $5 flags *2 $2 on $5 optin $8 redirect :0 $8 prefixes *0"
    );
}
