//! oom-score-adj: the score by which the system chooses whom to end for want of memory.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use towline_tests::server::{Kind, Server, Setup};
use towline_tests::wait::until;

/// The score of a server's process as the system has it.
fn score(server: &Server) -> i32 {
    let path = format!("/proc/{}/oom_score_adj", server.pid());
    let text = fs::read_to_string(path).expect("a process has a score");
    text.trim().parse().expect("a number")
}

fn scores(server: &Server, primary: i32, replica: i32) {
    let values = format!("{primary} {replica} 0");
    let set = ["CONFIG", "SET", "oom-score-adj-values", &values];
    assert_eq!(server.client().call(&set).text(), "OK");
}

/// A process may raise its score without a privilege, and this one stays below 1000.
#[test]
fn the_score_follows_the_directives_and_the_role() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    let base = score(&server);
    scores(&server, 3, 5);
    assert_eq!(score(&server), base, "nobody asked for it yet");
    client.ok("CONFIG SET oom-score-adj yes");
    assert_eq!(score(&server), base + 3);
    scores(&server, 4, 5);
    assert_eq!(score(&server), base + 4);
    client.ok("REPLICAOF localhost 1");
    until("a replica has its own score", || score(&server) == base + 5);
    client.ok("REPLICAOF NO ONE");
    until("a primary as well", || score(&server) == base + 4);
    client.ok("CONFIG SET oom-score-adj absolute");
    scores(&server, 990, 0);
    assert_eq!(score(&server), 990);
    client.ok("CONFIG SET oom-score-adj no");
    assert_eq!(score(&server), base);
}

#[test]
fn a_server_starts_with_its_score_and_takes_back_what_fails() {
    let own = fs::read_to_string("/proc/self/oom_score_adj").expect("a process has a score");
    let own: i32 = own.trim().parse().expect("a number");
    let setup = Setup::new(Kind::Towline).line("oom-score-adj relative");
    let server = setup.line("oom-score-adj-values 7 8 9").start();
    assert_eq!(score(&server), own + 7);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let mut set = vec!["CONFIG", "SET", "oom-score-adj-values", "1 1 1"];
    set.extend(["port", &port]);
    let refused = server.client().call(&set).to_string();
    assert!(refused.contains("Unable to listen"), "{refused}");
    assert_eq!(score(&server), own + 7);
}
