//! The work of the Rust crate `redis`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use redis::streams::{StreamAutoClaimOptions, StreamAutoClaimReply, StreamId};
use redis::streams::{StreamPendingReply, StreamReadOptions, StreamReadReply};
use redis::{Commands, Connection, Direction, ErrorKind, PushKind, RedisResult, Value};

use towline_tests::server::{Kind, Server};
use towline_tests::wait;

/// Far above what any wait needs, in seconds.
const PATIENCE_S: f64 = 60.0;

/// A server that one piece of work is done on.
struct Place {
    server: Server,
    protocol: u32,
}

impl Place {
    fn connect(&self) -> Connection {
        let url = format!(
            "redis://127.0.0.1:{}/?protocol=resp{}",
            self.server.port(),
            self.protocol
        );
        let client = redis::Client::open(url).expect("the address is one");
        client.get_connection().expect("the server is there")
    }
}

/// The work on Towline, and on Redis to show that it is right, with both protocols.
fn everywhere(work: impl Fn(&Place)) {
    for kind in [Kind::Redis, Kind::Towline] {
        for protocol in [2, 3] {
            let server = Server::new(kind);
            work(&Place { server, protocol });
        }
    }
}

/// Moves jobs to a list of its own while it works on them.
fn work_on_queue(mut c: Connection, number: usize) -> RedisResult<()> {
    let mine = format!("queue:{number}");
    loop {
        let (from, to) = (Direction::Right, Direction::Left);
        let job: Option<String> = c.blmove("queue", &mine, from, to, PATIENCE_S)?;
        let job = job.expect("a worker waits for less than a minute");
        if job != "stop" {
            let _: i64 = c.hincr("done", &job, 1)?;
        }
        assert_eq!(c.lrem::<_, _, i64>(&mine, 1, &job)?, 1);
        if job == "stop" {
            return Ok(());
        }
    }
}

#[test]
fn a_queue_on_blocking_lists() {
    everywhere(|place| {
        let mut c = place.connect();
        thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || work_on_queue(place.connect(), number).expect("it works"));
            }
            wait::until("the workers wait", || {
                place.server.info("clients").get("blocked_clients") == "4"
            });
            for number in 0..300 {
                let _: i64 = c.lpush("queue", format!("job:{number}")).expect("a length");
            }
            let _: i64 = c.lpush("queue", &["stop"; 4]).expect("a length");
        });
        let done: BTreeMap<String, i64> = c.hgetall("done").expect("a hash");
        let expected = (0..300).map(|number| (format!("job:{number}"), 1));
        assert_eq!(done, expected.collect());
        assert!(c.keys::<_, Vec<String>>("queue*").expect("keys").is_empty());
    });
}

fn take(c: &mut Connection, consumer: &str) -> Vec<StreamId> {
    let options = StreamReadOptions::default()
        .group("readers", consumer)
        .count(5)
        .block(100);
    let reply: Option<StreamReadReply> = c
        .xread_options(&["log"], &[">"], &options)
        .expect("the group is there");
    let keys = reply.map_or_else(Vec::new, |reply| reply.keys);
    keys.into_iter().flat_map(|key| key.ids).collect()
}

fn number_of(entry: &StreamId) -> u32 {
    entry.get("n").expect("every entry has a number")
}

/// Reads and acknowledges until nothing comes any more.
fn consume(mut c: Connection, consumer: &str, written: &AtomicBool, read: &Mutex<Vec<u32>>) {
    loop {
        let nothing_comes = written.load(Ordering::SeqCst);
        let entries = take(&mut c, consumer);
        if entries.is_empty() && nothing_comes {
            return;
        }
        for entry in entries {
            read.lock().expect("no panic").push(number_of(&entry));
            let acknowledged: usize = c.xack("log", "readers", &[&entry.id]).expect("a count");
            assert_eq!(acknowledged, 1);
        }
    }
}

#[test]
fn a_stream_with_a_group_one_of_whose_consumers_dies() {
    everywhere(|place| {
        let mut c = place.connect();
        let (written, read) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let _: () = c
            .xgroup_create_mkstream("log", "readers", "$")
            .expect("a new group");
        for number in 0..20 {
            let _: String = c.xadd("log", "*", &[("n", number)]).expect("an id");
        }
        assert_eq!(take(&mut place.connect(), "dies").len(), 5);
        thread::scope(|scope| {
            for consumer in ["anna", "bert", "cora"] {
                let (written, read) = (&written, &read);
                scope.spawn(move || consume(place.connect(), consumer, written, read));
            }
            let mut pipe = redis::pipe();
            for number in 20..200 {
                pipe.xadd("log", "*", &[("n", number)]);
            }
            let ids: Vec<String> = pipe.query(&mut c).expect("ids");
            assert_eq!(ids.len(), 180);
            written.store(true, Ordering::SeqCst);
        });
        let pending = |c: &mut Connection| -> usize {
            let reply: StreamPendingReply = c.xpending("log", "readers").expect("a summary");
            reply.count()
        };
        assert_eq!(pending(&mut c), 5);
        let options = StreamAutoClaimOptions::default().count(10);
        let claimed: StreamAutoClaimReply = c
            .xautoclaim_options("log", "readers", "heir", 0, "0", options)
            .expect("entries");
        let ids: Vec<&String> = claimed.claimed.iter().map(|entry| &entry.id).collect();
        assert_eq!(c.xack::<_, _, _, usize>("log", "readers", &ids), Ok(5));
        let mut read = read.into_inner().expect("no panic");
        read.extend(claimed.claimed.iter().map(number_of));
        read.sort_unstable();
        assert_eq!(read, (0..200).collect::<Vec<_>>());
        assert_eq!(pending(&mut c), 0);
    });
}

#[test]
fn publish_and_subscribe() {
    everywhere(|place| {
        let (mut c, mut ear) = (place.connect(), place.connect());
        let mut ear = ear.as_pubsub();
        ear.subscribe("news").expect("it subscribes");
        ear.psubscribe("weather.*").expect("it subscribes");
        for number in 0..100 {
            assert_eq!(c.publish("news", number), Ok(1));
            assert_eq!(c.publish("weather.north", -number), Ok(1));
        }
        for number in 0..100 {
            let message = ear.get_message().expect("a message");
            assert_eq!(message.get_channel_name(), "news");
            assert_eq!(message.get_payload(), Ok(number));
            let message = ear.get_message().expect("a message");
            assert_eq!(message.get_channel_name(), "weather.north");
            assert_eq!(message.get_pattern(), Ok("weather.*".to_owned()));
            assert_eq!(message.get_payload(), Ok(-number));
        }
        ear.unsubscribe("news").expect("it unsubscribes");
        assert_eq!(c.publish("news", "late"), Ok(0));
    });
}

#[test]
fn pipelines() {
    everywhere(|place| {
        let mut c = place.connect();
        let mut pipe = redis::pipe();
        for number in 0..1000 {
            pipe.set(format!("p:{number}"), number).ignore();
            pipe.incr(format!("p:{number}"), 1);
        }
        let replies: Vec<i64> = pipe.query(&mut c).expect("a thousand numbers");
        assert_eq!(replies, (1..=1000).collect::<Vec<_>>());
        let mut failing = redis::pipe();
        failing
            .atomic()
            .set("text", "x")
            .incr("text", 1)
            .set("after", "y");
        let failure = failing.query::<Value>(&mut c).expect_err("a text");
        assert!(failure.to_string().contains("value is not an integer"));
        assert_eq!(c.get("after"), Ok("y".to_owned()));
        let found: BTreeSet<String> = c
            .scan_match("p:*")
            .expect("a scan")
            .collect::<RedisResult<_>>()
            .expect("keys");
        assert_eq!(found.len(), 1000);
    });
}

#[test]
fn counters_behind_watch() {
    everywhere(|place| {
        let raise = |c: &mut Connection| {
            redis::transaction(c, &["counter"], |c, pipe| {
                let value: Option<i64> = c.get("counter")?;
                pipe.set("counter", value.unwrap_or(0) + 1).query(c)
            })
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut c = place.connect();
                    for _ in 0..50 {
                        let _: Value = raise(&mut c).expect("it goes on until it has raised it");
                    }
                });
            }
        });
        let mut c = place.connect();
        assert_eq!(c.get("counter"), Ok(200));
        let () = redis::cmd("WATCH")
            .arg("counter")
            .query(&mut c)
            .expect("OK");
        let _: i64 = place.connect().incr("counter", 1).expect("a number");
        let mut lost = redis::pipe();
        lost.atomic().set("counter", "lost");
        assert_eq!(lost.query(&mut c), Ok(Value::Nil));
        assert_eq!(c.get("counter"), Ok(201));
    });
}

#[test]
fn a_client_that_caches_is_told_what_changed() {
    for kind in [Kind::Redis, Kind::Towline] {
        let place = Place {
            server: Server::new(kind),
            protocol: 3,
        };
        let (mut c, mut other) = (place.connect(), place.connect());
        let (sender, pushed) = mpsc::channel();
        c.set_push_sender(sender);
        let () = redis::cmd("CLIENT")
            .arg(&["TRACKING", "ON"])
            .query(&mut c)
            .expect("OK");
        let () = other.set("cached", "old").expect("OK");
        assert_eq!(c.get("cached"), Ok("old".to_owned()));
        let () = other.set("unread", "x").expect("OK");
        let () = other.set("cached", "new").expect("OK");
        wait::until("it is told", || {
            let () = redis::cmd("PING").query(&mut c).expect("PONG");
            pushed.try_iter().any(|push| {
                assert_eq!(push.kind, PushKind::Invalidate);
                let key = Value::BulkString(b"cached".to_vec());
                assert_eq!(push.data, [Value::Array(vec![key])]);
                true
            })
        });
        assert_eq!(c.get("cached"), Ok("new".to_owned()));
    }
}

#[test]
fn an_error_is_known_by_its_code() {
    everywhere(|place| {
        let mut c = place.connect();
        let () = c.set("text", "x").expect("OK");
        let failure = c.lpush::<_, _, i64>("text", "y").expect_err("a text");
        assert_eq!(failure.code(), Some("WRONGTYPE"));
        let failure = c.get::<_, i64>("text").expect_err("a text");
        assert_eq!(failure.kind(), ErrorKind::Parse);
    });
}
