//! How the server ends where it must not go on, what its log then says, and the title
//! that `ps` shows of it meanwhile.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;
use towline_tests::server::{Kind, Server, Setup};

const REPORT: &str = "=== TOWLINE BUG REPORT START";

/// Sends a command that has no reply.
fn ended_by(server: &mut Server, words: &[&str]) -> ExitStatus {
    let mut client = server.client();
    client.send(words).expect("it listens");
    server.wait_exit()
}

#[test]
fn a_panic_is_reported_and_ends_the_server() {
    for (word, lines) in [
        ("ASSERT", "=== ASSERTION FAILED ==="),
        ("PANIC", "DEBUG PANIC was asked for"),
    ] {
        let mut server = Server::new(Kind::Towline);
        let status = ended_by(&mut server, &["DEBUG", word]);
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
        let log = server.log();
        for part in [REPORT, lines, "STACK TRACE", "process_id:", "thread:"] {
            assert!(log.contains(part), "{part}: {log}");
        }
    }
}

#[test]
fn the_directives_say_how_a_panic_ends() {
    let setup = Setup::new(Kind::Towline).line("use-exit-on-panic yes");
    let mut server = setup.start();
    server.ok("CONFIG SET crash-log-enabled no");
    let status = ended_by(&mut server, &["DEBUG", "ASSERT"]);
    assert_eq!(status.code(), Some(1));
    assert!(!server.log().contains(REPORT));
}

#[test]
fn signals_that_end_the_server_are_reported() {
    let mut server = Server::new(Kind::Towline);
    let status = ended_by(&mut server, &["DEBUG", "SEGFAULT"]);
    assert_eq!(status.signal(), Some(Signal::SEGV.as_raw()));
    assert!(server.log().contains("crashed by signal: 11"));
    let mut server = Server::new(Kind::Towline);
    server.signal(Signal::ABORT);
    let status = server.wait_exit();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(server.log().contains("crashed by signal: 6"));
}

/// What `ps` shows of a process.
fn shown(server: &Server) -> String {
    let path = format!("/proc/{}/cmdline", server.pid());
    let bytes = fs::read(path).expect("a process that runs has one");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.trim_end_matches('\0').to_owned()
}

#[test]
fn the_title_follows_the_template_in_the_room_of_the_arguments() {
    let server = Setup::new(Kind::Towline).line("bind 127.0.0.1").start();
    let address = format!("127.0.0.1:{}", server.port());
    let title = shown(&server);
    assert!(title.ends_with(&address), "{title}");
    server.ok("CONFIG SET proc-title-template {port}:{tls-port}");
    assert_eq!(shown(&server), format!("{}:0", server.port()));
    let long = "x".repeat(100_000);
    server.ok(&format!("CONFIG SET proc-title-template {long}"));
    let cut = shown(&server);
    assert!(cut.len() < long.len() && long.starts_with(&cut));
    let refused = server
        .client()
        .call(&["CONFIG", "SET", "proc-title-template", "{no}"]);
    let refused = refused.to_string();
    assert!(refused.contains("template format is invalid"), "{refused}");
    assert_eq!(shown(&server), cut);
}

#[test]
fn without_a_title_the_arguments_are_shown() {
    let setup = Setup::new(Kind::Towline).line("set-proc-title no");
    let server = setup.start();
    let title = shown(&server);
    server.ok("CONFIG SET proc-title-template x");
    assert_eq!(shown(&server), title);
    assert!(title.contains('\0'), "{title}");
}
