//! Commands that wait, over sockets: with Towline, and with Redis beside it.

use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server};
use towline_tests::wait;

fn send(client: &mut Client, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    client.send(&words).expect("a server that listens");
}

fn blocked(server: &Server, clients: i64) {
    wait::until("the clients wait", || {
        server.info("clients").number("blocked_clients") == clients
    });
}

/// What two poppers, a mover and one who gives up are told, in their order.
fn replies(kind: Kind) -> Vec<String> {
    let server = Server::new(kind);
    let mut clients: Vec<Client> = Vec::new();
    let lines = [
        "BLPOP queue 0",
        "BLMOVE queue done LEFT RIGHT 0",
        "BRPOP done 0",
        "BZPOPMIN scores 0",
        "BLPOP nothing 0.01",
    ];
    for (before, line) in lines.iter().enumerate() {
        let mut client = server.client();
        send(&mut client, line);
        // The commands behind it wait for it.
        send(&mut client, "PING");
        if before < lines.len() - 1 {
            blocked(&server, i64::try_from(before).expect("a few") + 1);
        }
        clients.push(client);
    }
    let mut other = server.client();
    other.ok("RPUSH queue a b c");
    other.ok("ZADD scores 2 two 1 one");
    let told = clients
        .iter_mut()
        .flat_map(|client| [(); 2].map(|()| format!("{:?}", client.read().expect("a reply"))));
    told.collect()
}

#[test]
fn those_who_wait_are_told_what_redis_tells_them() {
    assert_eq!(replies(Kind::Towline), replies(Kind::Redis));
}

#[test]
fn a_client_that_leaves_takes_nothing() {
    let server = Server::new(Kind::Towline);
    let mut leaving = server.client();
    send(&mut leaving, "BLPOP queue 0");
    blocked(&server, 1);
    drop(leaving);
    blocked(&server, 0);
    let mut other = server.client();
    other.ok("RPUSH queue a");
    assert_eq!(other.ok("LLEN queue").int(), 1);
}
