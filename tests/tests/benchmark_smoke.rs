//! redis-benchmark runs to its end against Towline, with no error in any reply.
//! Figures are for `tests/bench/run`.

use std::process::Command;

use towline_tests::paths;
use towline_tests::server::{Kind, Server};

const TESTS: &str =
    "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset";

/// The names of the benchmarks that ran, from the first column of the CSV.
fn run(server: &Server, pipeline: u32) -> Vec<String> {
    let port = server.port().to_string();
    let pipeline = pipeline.to_string();
    let output = Command::new(paths::peer("redis-benchmark"))
        .args(["-p", &port, "-P", &pipeline, "-t", TESTS])
        .args(["-n", "5000", "-r", "1000", "--csv"])
        .output()
        .expect("redis-benchmark starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !printed.contains("Error"),
        "{output:?}"
    );
    let rows = printed
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.split('"').next());
    rows.map(str::to_owned).collect()
}

fn completes(pipeline: u32) {
    let (redis, towline) = (Server::new(Kind::Redis), Server::new(Kind::Towline));
    let names = run(&towline, pipeline);
    assert_eq!(names, run(&redis, pipeline));
    assert!(names.len() > 15, "{names:?}");
    assert_eq!(towline.info("stats").number("total_error_replies"), 0);
}

#[test]
fn one_request_at_a_time() {
    completes(1);
}

#[test]
fn sixteen_requests_at_a_time() {
    completes(16);
}
