//! Client libraries do a day's work on Towline: a queue on blocking lists, streams with a
//! group of consumers, publish/subscribe, pipelines, counters behind WATCH, and what
//! client-side caching needs. The jobs of redis-py and ioredis are the scripts in
//! `tests/clients`; a real Redis does the same work, to show that the jobs are right.

mod rust_redis;

use std::process::Command;
use std::thread;

use towline_tests::paths;
use towline_tests::server::{Kind, Server};

/// What the job prints after it has done everything.
fn printed(launcher: &str, script: &str, arguments: &[&str], server: &Server) -> String {
    let output = Command::new(paths::client(launcher))
        .arg(paths::repository().join("tests/clients").join(script))
        .arg(server.port().to_string())
        .args(arguments)
        .output()
        .expect("the launcher starts");
    assert!(
        output.status.success(),
        "{script} {arguments:?} on {}: {}{}",
        server.kind(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the jobs print plain text")
}

/// The job on Towline and on Redis, which prints a line for each of `pieces` of work.
fn works(launcher: &str, script: &str, arguments: &[&str], pieces: usize) {
    let on = |kind| printed(launcher, script, arguments, &Server::new(kind));
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| on(Kind::Redis));
        let ours = on(Kind::Towline);
        (ours, theirs.join().expect("Redis does the job"))
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.lines().count(), pieces, "{ours}");
}

#[test]
fn redis_py_works_with_resp2() {
    works("python", "job.py", &["2"], 5);
}

#[test]
fn redis_py_works_with_resp3_and_its_cache() {
    works("python", "job.py", &["3"], 6);
}

#[test]
fn ioredis_works() {
    works("node", "job.js", &[], 6);
}
