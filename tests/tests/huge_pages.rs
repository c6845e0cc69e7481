//! `disable-thp`: a huge page that is filled with zeros in the middle of a command
//! stops everybody for milliseconds.

use std::fs;

use towline_tests::server::{Kind, Server, Setup};

/// Whether the kernel may back the server's memory with huge pages.
fn allowed(server: &Server) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the server runs");
    let field = status
        .lines()
        .find_map(|line| line.strip_prefix("THP_enabled:"));
    field.expect("Linux 5.0 and later say so").trim() == "1"
}

#[test]
fn the_server_takes_no_huge_pages_unless_it_is_told_to() {
    let by_default = Server::new(Kind::Towline);
    let told_to = Setup::new(Kind::Towline).line("disable-thp no").start();
    assert_eq!([&by_default, &told_to].map(allowed), [false, true]);
}
