//! The log on disk: what it promises is there after the process was killed, other
//! servers read it, and replication goes on from it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use towline_tests::content::{self, Content, differences};
use towline_tests::paths;
use towline_tests::resp::{Client, Value};
use towline_tests::rng::Rng;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{self, offset, wait_in_sync, wait_link_up, wait_same_data};
use towline_tests::wait;
use towline_tests::workload::Workload;

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

fn logging(kind: Kind) -> Setup {
    Setup::new(kind).line("appendonly yes")
}

/// No differences.
const NONE: [String; 0] = [];

/// What a workload gives a time to live is soon over, or not before the test is.
const SOON: Duration = Duration::from_millis(400);

fn digest(server: &Server) -> String {
    thread::sleep(SOON);
    sync::digest(server)
}

fn content(server: &Server) -> Content {
    thread::sleep(SOON);
    content::read(server)
}

/// A server with a log of all that the workload does.
fn filled(kind: Kind, seed: u64) -> Server {
    filled_like(&logging(kind), seed)
}

fn filled_like(setup: &Setup, seed: u64) -> Server {
    let server = setup.clone().start();
    Workload::new(seed).run(&mut server.client(), 2000);
    server
}

fn rewrite(server: &Server) {
    server.ok("BGREWRITEAOF");
    wait::until("the rewrite is over", || {
        let info = server.info("persistence");
        info.number("aof_rewrite_in_progress") + info.number("aof_rewrite_scheduled") == 0
    });
    let info = server.info("persistence");
    assert_eq!(info.get("aof_last_bgrewrite_status"), "ok");
}

/// The last increment, by the manifest.
fn last_increment(server: &Server) -> std::path::PathBuf {
    let manifest = fs::read_to_string(server.dir().join(MANIFEST)).expect("there is one");
    let line = manifest.lines().rfind(|line| line.ends_with("type i"));
    let name = line.and_then(|line| line.split(' ').nth(1));
    server
        .dir()
        .join("appendonlydir")
        .join(name.expect("there is an increment"))
}

fn copy_log(from: &Path, to: &Path) {
    let target = to.join("appendonlydir");
    let _ = fs::remove_dir_all(&target);
    fs::create_dir(&target).expect("the directory is ours");
    for entry in fs::read_dir(from.join("appendonlydir")).expect("there is a log") {
        let file = entry.expect("it can be listed").path();
        let name = file.file_name().expect("a file has a name");
        fs::copy(&file, target.join(name)).expect("there is room");
    }
}

#[test]
fn a_killed_server_has_what_it_had() {
    let mut server = filled(Kind::Towline, 1);
    let before = digest(&server);
    server.crash_and_restart();
    assert_eq!(digest(&server), before);
    Workload::new(2).run(&mut server.client(), 500);
    rewrite(&server);
    Workload::new(3).run(&mut server.client(), 500);
    let before = digest(&server);
    server.crash_and_restart();
    assert_eq!(digest(&server), before);
    server.restart();
    assert_eq!(digest(&server), before);
}

#[test]
fn logs_go_from_server_to_server() {
    for (from, to) in [
        (Kind::Towline, Kind::Redis),
        (Kind::Towline, Kind::Valkey),
        (Kind::Redis, Kind::Towline),
        (Kind::Valkey, Kind::Towline),
    ] {
        for base in [None, Some("yes"), Some("no")] {
            let preamble = format!("aof-use-rdb-preamble {}", base.unwrap_or("yes"));
            let mut source = filled_like(&logging(from).line(&preamble), 7);
            if base.is_some() {
                rewrite(&source);
                Workload::new(8).run(&mut source.client(), 300);
            }
            let before = content(&source);
            source.signal(Signal::TERM);
            source.wait_exit();
            let mut target = logging(to).start();
            target.kill();
            copy_log(source.dir(), target.dir());
            target.start_again();
            let what = format!("{from} to {to}, rewritten: {base:?}");
            assert_eq!(differences(&content(&target), &before), NONE, "{what}");
            // And it goes on there.
            target.ok("SET its own");
            let before = content(&target);
            target.restart();
            assert_eq!(differences(&content(&target), &before), NONE, "{what}");
        }
    }
}

#[test]
fn the_checker_of_redis_passes_the_log() {
    for preamble in ["yes", "no"] {
        let mut server = filled(Kind::Towline, 4);
        server.ok(&format!("CONFIG SET aof-use-rdb-preamble {preamble}"));
        rewrite(&server);
        Workload::new(5).run(&mut server.client(), 300);
        server.restart();
        check(&server);
    }
}

fn check(server: &Server) {
    let output = Command::new(paths::peer("redis-check-aof"))
        .arg(server.dir().join(MANIFEST))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("All AOF files and manifest are valid"),
        "{text}"
    );
}

/// What a stream keeps beside its entries is in the commands of a base as well, also
/// where an entry was deleted that is still pending.
#[test]
fn a_base_of_commands_keeps_what_groups_know() {
    let mut server = logging(Kind::Towline)
        .line("aof-use-rdb-preamble no")
        .start();
    for line in [
        "XADD s 1-1 a b",
        "XADD s 2-1 a b",
        "XADD s 3-1 a b",
        "XADD s 4-1 a b",
        "XGROUP CREATE s g 0",
        "XGROUP CREATECONSUMER s g idle",
        "XREADGROUP GROUP g anna COUNT 3 STREAMS s >",
        "XTRIM s MINID 2-1",
        "XDEL s 3-1",
        "XADD gone 7-7 a b",
        "XGROUP CREATE gone g 0",
        "XREADGROUP GROUP g anna STREAMS gone >",
        "XTRIM gone MAXLEN 0",
        "XGROUP CREATE empty g $ MKSTREAM",
        "HSET h kept 1 soon 2",
        "HPEXPIREAT h 99999999999999 FIELDS 1 soon",
    ] {
        server.ok(line);
    }
    let before = (group_facts(&server), digest(&server));
    rewrite(&server);
    check(&server);
    server.crash_and_restart();
    assert_eq!((group_facts(&server), digest(&server)), before);
}

/// What the streams of the test above have beside their entries.
fn group_facts(server: &Server) -> String {
    let mut facts = format!("{:?}", server.ok("HPEXPIRETIME h FIELDS 2 kept soon"));
    for key in ["s", "gone", "empty"] {
        let info = server.ok(&format!("XINFO STREAM {key}"));
        for pair in info.items().chunks(2) {
            if !pair[0].text().starts_with("radix-tree") {
                facts += &format!("\n{pair:?}");
            }
        }
        facts += &format!("\n{:?}", server.ok(&format!("XINFO GROUPS {key}")));
        for pending in server.ok(&format!("XPENDING {key} g - + 9")).items() {
            // How long ago that was is not the same twice.
            let [id, consumer, _, deliveries] = pending.items() else {
                panic!("{pending}");
            };
            facts += &format!("\n{id} {consumer} {deliveries}");
        }
    }
    facts
}

/// DEBUG LOADAOF puts what the log says in the place of the same dataset: replicas and
/// offsets go on.
#[test]
fn the_log_is_loaded_anew_while_the_server_runs() {
    let primary = filled(Kind::Towline, 21);
    let replica = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    for preamble in ["yes", "no"] {
        primary.ok(&format!("CONFIG SET aof-use-rdb-preamble {preamble}"));
        rewrite(&primary);
        Workload::new(22).run(&mut primary.client(), 300);
        wait_in_sync(&[&primary, &replica]);
        let (before, syncs) = (digest(&primary), full_syncs(&primary));
        let history = primary.info("replication").get("master_replid").to_owned();
        primary.ok("DEBUG LOADAOF");
        assert_eq!(digest(&primary), before);
        assert_eq!(primary.info("replication").get("master_replid"), history);
        primary.ok("SET after the-load");
        wait_in_sync(&[&primary, &replica]);
        assert_eq!(digest(&replica), digest(&primary));
        assert_eq!(full_syncs(&primary), syncs);
    }
}

fn full_syncs(primary: &Server) -> i64 {
    primary.info("stats").number("sync_full")
}

/// Counts up in one key after the other until the server is gone; answers what was
/// sent and what of it was acknowledged.
fn count_up(mut client: Client, from: i64) -> (i64, i64) {
    let (mut sent, mut acknowledged) = (from, from);
    loop {
        let batch: Vec<Vec<Vec<u8>>> = (0..4)
            .map(|at| {
                let number = (sent + 1 + at).to_string();
                [&b"SET"[..], number.as_bytes(), number.as_bytes()]
                    .map(<[u8]>::to_vec)
                    .to_vec()
            })
            .collect();
        sent += 4;
        match client.pipeline(&batch) {
            Ok(replies) if replies.iter().all(|reply| !reply.is_error()) => acknowledged = sent,
            _ => return (sent, acknowledged),
        }
    }
}

/// Under `always`, what was acknowledged is there, and nothing that was never sent.
#[test]
fn a_server_killed_at_any_instant_keeps_what_it_acknowledged() {
    let rounds = match std::env::var_os("TOWLINE_LONG") {
        Some(_) => 1000,
        None => 20,
    };
    let mut server = logging(Kind::Towline).line("appendfsync always").start();
    let mut rng = Rng::new(11);
    let mut next = 0;
    for round in 0..rounds {
        let client = server.client();
        let writer = thread::spawn(move || count_up(client, next));
        thread::sleep(Duration::from_micros(rng.below(60_000)));
        if round % 5 == 0 {
            // It may be running already, and is killed in either case.
            let _ = server.client().cmd("BGREWRITEAOF");
            thread::sleep(Duration::from_micros(rng.below(20_000)));
        }
        server.crash_and_restart();
        let (sent, acknowledged) = writer.join().expect("the writer sees the end");
        let size = server.ok("DBSIZE").int();
        assert!(
            (acknowledged..=sent).contains(&size),
            "round {round}: {size} of {sent} sent, {acknowledged} acknowledged"
        );
        assert_eq!(
            server.ok(&format!("EXISTS {size}")),
            Value::Int(size.min(1))
        );
        assert_eq!(server.ok(&format!("EXISTS {}", size + 1)), Value::Int(0));
        next = size;
    }
    assert!(next > 0, "nothing was ever written");
}

#[test]
fn a_torn_tail_is_cut_where_that_is_allowed() {
    let mut server = filled(Kind::Towline, 9);
    server.ok("SET last one");
    let before = digest(&server);
    server.kill();
    let file = last_increment(&server);
    let whole = fs::read(&file).expect("it is there");
    let torn = [&whole[..], b"*3\r\n$3\r\nSET\r\n$4\r\nlas"].concat();
    fs::write(&file, &torn).expect("there is room");
    assert!(refuses(&server, &["--aof-load-truncated", "no"]).contains("Unexpected end of file"));
    assert_eq!(
        fs::read(&file).expect("it is there"),
        torn,
        "it was touched"
    );
    server.start_again();
    assert_eq!(digest(&server), before);
    assert!(server.log().contains("aof-load-truncated is enabled"));
    assert_eq!(server.log().matches("Truncating").count(), 1);
    assert!(fs::read(&file).expect("it is there").starts_with(&whole));
}

#[test]
fn damage_in_the_middle_is_named_and_never_served() {
    let mut server = filled(Kind::Towline, 10);
    server.kill();
    let file = last_increment(&server);
    let mut bytes = fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    let at = middle
        + bytes[middle..]
            .iter()
            .position(|byte| *byte == b'*')
            .expect("commands");
    bytes[at] = b'?';
    fs::write(&file, &bytes).expect("there is room");
    let text = refuses(&server, &[]);
    let name = file
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert!(
        text.contains("Bad file format reading the append only file"),
        "{text}"
    );
    assert!(text.contains(&name), "{text}");
    assert_eq!(
        fs::read(&file).expect("it is there"),
        bytes,
        "it was touched"
    );
}

#[test]
fn a_replica_whose_log_is_damaged_fetches_its_dataset_again() {
    let primary = filled(Kind::Towline, 21);
    primary.ok("CONFIG SET repl-diskless-sync-delay 0");
    let mut replica = logging(Kind::Towline).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    primary.ok("SET one more");
    wait_in_sync(&[&primary, &replica]);
    let file = wait::until_some("the log has it", || {
        let file = last_increment(&replica);
        (fs::metadata(&file).ok()?.len() > 0).then_some(file)
    });
    replica.kill();
    let mut bytes = fs::read(&file).expect("it is there");
    bytes[0] = b'?';
    fs::write(&file, &bytes).expect("there is room");
    // Its primary refuses it for now, so that it has nothing to serve.
    primary.ok("CONFIG SET requirepass secret");
    replica.start_again();
    let refused = replica.client().cmd("GET one");
    assert!(refused.to_string().contains("MASTERDOWN"), "{refused}");
    let log = replica.log();
    assert!(log.contains("put aside"), "{log}");
    let name = file.file_name().expect("a name").to_string_lossy();
    assert!(log.contains(&*name), "{log}");
    let mut admitted = primary.client();
    admitted.ok("AUTH secret");
    admitted.call(&["CONFIG", "SET", "requirepass", ""]);
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(digest(&replica), digest(&primary));
    let aside = fs::read_dir(replica.dir()).expect("it is there");
    let aside = aside
        .map(|entry| entry.expect("it is readable").path())
        .find(|path| path.to_string_lossy().contains(".damaged-"))
        .expect("the damaged log was kept");
    assert_eq!(
        fs::read(aside.join(&*name)).expect("it is there"),
        bytes,
        "it was touched"
    );
}

/// What a server says that does not start on the files of one that has ended.
fn refuses(server: &Server, options: &[&str]) -> String {
    let output = Command::new(paths::towline_server())
        .args(["--port", &server.port().to_string()])
        .args(["--appendonly", "yes", "--dir"])
        .arg(server.dir())
        .args(options)
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn a_log_is_switched_on_and_off() {
    let mut server = Setup::new(Kind::Towline).start();
    Workload::new(12).run(&mut server.client(), 500);
    let mut client = server.client();
    assert!(client.cmd("WAITAOF 1 0 0").is_error());
    client.ok("CONFIG SET appendonly yes");
    client.ok("SET after it");
    assert_eq!(
        client.ok("WAITAOF 1 0 10000").items(),
        [Value::Int(1), Value::Int(0)]
    );
    let before = digest(&server);
    server.ok("CONFIG REWRITE");
    server.kill();
    server.start_again_with_own_file();
    assert_eq!(digest(&server), before);
    server.ok("CONFIG SET appendonly no");
    assert_eq!(server.info("persistence").number("aof_enabled"), 0);
    server.ok("SET not logged");
    server.kill();
    server.start_again_with_own_file();
    assert_eq!(digest(&server), before);
}

#[test]
fn a_killed_replica_and_a_killed_primary_go_on_where_they_were() {
    let mut primary = logging(Kind::Towline)
        .line("repl-diskless-sync-delay 0")
        .start();
    let mut replica = logging(Kind::Towline).replica_of(&primary).start();
    wait_link_up(&replica);
    Workload::new(13).run(&mut primary.client(), 500);
    // Only a log that has its base says how much of it is durable.
    let mut client = primary.client();
    client.ok("SET last one");
    wait::until("the replica's log is durable", || {
        client.ok("WAITAOF 0 1 1000").items()[1].int() == 1
    });
    wait_in_sync(&[&primary, &replica]);
    let full = primary.info("stats").number("sync_full");
    replica.kill();
    Workload::new(14).run(&mut primary.client(), 100);
    replica.start_again();
    wait_link_up(&replica);
    wait_same_data(&[&primary, &replica]);
    let stats = primary.info("stats");
    assert_eq!(
        (stats.number("sync_full"), stats.number("sync_partial_ok")),
        (full, 1)
    );

    let at = offset(&primary);
    primary.crash_and_restart();
    assert!(offset(&primary) >= at);
    wait::until("the replica is back", || {
        primary.info("replication").number("connected_slaves") == 1
    });
    wait_link_up(&replica);
    Workload::new(15).run(&mut primary.client(), 100);
    wait_same_data(&[&primary, &replica]);
    let stats = primary.info("stats");
    assert_eq!(
        (stats.number("sync_full"), stats.number("sync_partial_ok")),
        (0, 1)
    );
    let primary = primary.info("replication");
    assert_eq!(
        primary.get("master_replid"),
        replica.info("replication").get("master_replid")
    );
}

/// As servers before Redis 7 kept it, and killed ones left it.
#[test]
fn a_log_in_a_single_file_is_taken_over() {
    let mut server = Setup::new(Kind::Towline).start();
    let dir = server.dir().to_owned();
    let whole = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    let torn = format!("{whole}*3\r\n$3\r\nSE");
    fs::write(dir.join("appendonly.aof"), torn).expect("written");
    server.restart_with(|setup| setup.line("appendonly yes"));
    assert_eq!(server.ok("GET k").text(), "v");
    server.ok("SET after it");
    assert!(!dir.join("appendonly.aof").exists());
    let kept = fs::read(dir.join("appendonlydir/appendonly.aof")).expect("it was moved");
    assert_eq!(kept, whole.as_bytes());
    server.restart();
    assert_eq!(server.ok("MGET k after").texts(), ["v", "it"]);
}
