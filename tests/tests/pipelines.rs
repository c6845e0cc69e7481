//! Commands that arrive together: one client's batch is neither lost, repeated nor
//! reordered, wherever it is interrupted.

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};

fn replies(client: &mut Client, count: usize) -> Vec<Value> {
    let one = |_| client.read().expect("a reply");
    (0..count).map(one).collect()
}

/// A command that blocks in the middle of a batch whose last command has not
/// arrived yet: what stands between the two was parsed before.
#[test]
fn what_follows_a_command_that_blocks_waits_its_turn() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    client
        .send_raw(b"SET a 1\r\nWAIT 1 50\r\nSET q \"two words\"\r\nGET q\r\n*2\r\n$3\r\nGET\r\n$1")
        .expect("the server reads");
    let first = replies(&mut client, 4);
    assert_eq!(first[1].int(), 0);
    assert_eq!(first[3].text(), "two words");
    client.send_raw(b"\r\na\r\n").expect("the server reads");
    assert_eq!(client.read().expect("a reply").text(), "1");
}

/// Each of these commands takes longer than a batch may.
#[test]
fn a_batch_that_takes_long_is_interrupted_and_goes_on() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    let mut bytes = Vec::new();
    for at in 0..20 {
        bytes.extend_from_slice(b"DEBUG SLEEP 0.002\r\n");
        bytes.extend_from_slice(format!("ECHO \"reply {at}\"\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"ECHO \"not closed\r\nECHO never\r\n");
    client.send_raw(&bytes).expect("the server reads");
    let all = replies(&mut client, 41);
    for at in 0..20 {
        assert_eq!(all[at * 2].text(), "OK");
        assert_eq!(all[at * 2 + 1].text(), format!("reply {at}"));
    }
    assert!(all[40].is_error(), "the last line is no command");
    assert!(client.read().is_err(), "the connection ends there");
    let most = server.info("debug").number("eventloop_cmd_per_cycle_max");
    assert!(most <= 2, "{most} commands in one batch");
}
