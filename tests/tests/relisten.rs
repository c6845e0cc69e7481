//! CONFIG SET port and bind: where clients come in while the server runs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server, Setup, free_port};

fn at(host: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(host), port))
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const ALSO_HERE: [u8; 4] = [127, 0, 0, 2];

fn answers(address: SocketAddr) -> bool {
    Client::connect(address).is_ok_and(|mut client| client.cmd("PING").text() == "PONG")
}

#[test]
fn a_new_port_takes_the_place_of_the_old_one() {
    let server = Server::new(Kind::Towline);
    let (mut client, old) = (server.client(), server.address());
    let new = at(HERE, free_port());
    client.ok(&format!("CONFIG SET port {}", new.port()));
    assert!(answers(new));
    assert!(!answers(old));
    assert_eq!(client.cmd("PING").text(), "PONG", "who is there stays");
    let info = server_info(&mut client);
    assert!(info.contains(&format!("port={}\r\n", new.port())), "{info}");
    client.ok(&format!("CONFIG SET port {}", old.port()));
    assert!(answers(old));
}

fn server_info(client: &mut Client) -> String {
    client.cmd("INFO server").text()
}

#[test]
fn what_cannot_be_had_leaves_all_as_it_was() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    let taken = TcpListener::bind(at(HERE, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let refused = client.cmd(&format!("CONFIG SET maxclients 77 port {port}"));
    assert_eq!(
        refused.to_string(),
        "-ERR CONFIG SET failed (possibly related to argument 'port') - \
         Unable to listen on this port. Check server logs."
    );
    let unknown = ["no-such-host.invalid", "-no-such-host.invalid"];
    for bind in ["192.0.2.1", "999.999.999.999"].into_iter().chain(unknown) {
        let refused = client.cmd(&format!("CONFIG SET bind {bind}"));
        assert_eq!(
            refused.to_string(),
            "-ERR CONFIG SET failed (possibly related to argument 'bind') - \
             Failed to bind to specified addresses."
        );
        assert!(answers(server.address()));
    }
    let kept = client.cmd("CONFIG GET port maxclients bind").texts();
    let port = server.port().to_string();
    for (name, value) in [
        ("port", port.as_str()),
        ("maxclients", "10000"),
        ("bind", "127.0.0.1"),
    ] {
        let place = kept
            .iter()
            .position(|text| text == name)
            .expect("asked for");
        assert_eq!(kept[place + 1], value);
    }
}

#[test]
fn addresses_of_the_same_port_come_and_go() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    let (one, other) = (server.address(), at(ALSO_HERE, server.port()));
    // Each excludes or contains those before it.
    for (bind, expected) in [
        ("127.0.0.2", [false, true]),
        ("*", [true, true]),
        ("127.0.0.1 127.0.0.2", [true, true]),
        ("127.0.0.1 -192.0.2.1", [true, false]),
    ] {
        let reply = client.call(&["CONFIG", "SET", "bind", bind]);
        assert_eq!(reply.text(), "OK", "{bind}");
        assert_eq!([one, other].map(answers), expected, "{bind}");
    }
    assert_eq!(client.call(&["CONFIG", "SET", "bind", ""]).text(), "OK");
    assert_eq!([one, other].map(answers), [false, false]);
}

#[test]
fn a_host_name_is_as_good_as_its_address() {
    let server = Setup::new(Kind::Towline).line("bind localhost").start();
    let (one, other) = (server.address(), at(ALSO_HERE, server.port()));
    assert!(answers(one));
    let mut client = server.client();
    for (bind, expected) in [
        ("127.0.0.2", [false, true]),
        ("localhost 127.0.0.2", [true, true]),
        ("-localhost", [true, false]),
    ] {
        let reply = client.call(&["CONFIG", "SET", "bind", bind]);
        assert_eq!(reply.text(), "OK", "{bind}");
        assert_eq!([one, other].map(answers), expected, "{bind}");
    }
}

#[test]
fn who_saw_its_connection_end_at_a_shutdown_is_not_accepted_again() {
    let mut server = Server::new(Kind::Towline);
    for _ in 0..20 {
        let mut client = server.client();
        client.send(&["SHUTDOWN", "NOSAVE"]).expect("it is served");
        assert!(client.read().is_err());
        let again = Client::connect(server.address());
        assert!(again.is_err(), "a process that ends has accepted");
        server.wait_exit();
        server.start_again();
    }
}
