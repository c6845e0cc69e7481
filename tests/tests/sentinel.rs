//! Three Sentinels that manage a primary and two replicas: whatever happens to the
//! primary, one of the others takes over, all agree on it, the old one comes back as a
//! replica, and no write that WAIT has confirmed is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;

use rustix::process::Signal;
use towline_tests::info::Info;
use towline_tests::resp::{Client, Value};
use towline_tests::sentinel::{IMPATIENCE, Sentinels};
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::wait_same_data;
use towline_tests::wait::{until, until_some};

/// What happens to the primary.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Kill,
    Stop,
    /// SENTINEL FAILOVER: nothing, it is asked to step down.
    Manual,
}

struct Group {
    servers: Vec<Server>,
    sentinels: Arc<Sentinels>,
}

impl Group {
    fn start(kinds: [Kind; 3]) -> Self {
        let primary = Setup::new(kinds[0]).start();
        let replicas = kinds[1..].iter();
        let replicas = replicas.map(|kind| Setup::new(*kind).replica_of(&primary).start());
        let replicas: Vec<Server> = replicas.collect();
        let sentinels = Arc::new(Sentinels::start(3, &primary));
        let mut servers = vec![primary];
        servers.extend(replicas);
        let group = Self { servers, sentinels };
        group.wait_whole();
        group
    }

    fn at(&self, port: u16) -> usize {
        let mut ports = self.servers.iter().map(Server::port);
        ports.position(|own| own == port).expect("one of ours")
    }

    /// The primary, where the Sentinels agree on it and the servers behave so.
    fn primary(&self) -> Option<usize> {
        let port = self.sentinels.agreed()?;
        let at = self.at(port);
        let is_primary = info(&self.servers[at])?.get("role") == "master";
        let mut others = self.servers.iter().filter(|server| server.port() != port);
        (is_primary && others.all(|server| follows(server, port))).then_some(at)
    }

    /// Waits until there is one primary in everybody's view, and two replicas.
    fn wait_whole(&self) -> usize {
        until_some("there is one primary and the others follow it", || {
            self.primary().filter(|_| self.sentinels.see_all(2))
        })
    }

    /// Lets the blow fall, waits for the next primary, and brings the old one back.
    fn survive(&mut self, blow: Blow) {
        let old = self.wait_whole();
        let old_port = self.servers[old].port();
        match blow {
            Blow::Kill => self.servers[old].kill(),
            Blow::Stop => self.servers[old].signal(Signal::STOP),
            Blow::Manual => self.sentinels.fail_over(),
        }
        until("all agree on another primary", || {
            let agreed = self.sentinels.agreed();
            agreed.is_some_and(|port| port != old_port)
        });
        match blow {
            Blow::Kill => self.servers[old].start_again_with_own_file(),
            Blow::Stop => self.servers[old].signal(Signal::CONT),
            Blow::Manual => {}
        }
        let new = self.wait_whole();
        assert_ne!(old, new);
        self.assert_rewritten(new);
    }

    /// The files say what the servers are, so that a restart changes nothing.
    fn assert_rewritten(&self, primary: usize) {
        let named = format!("127.0.0.1 {}", self.servers[primary].port());
        for (at, server) in self.servers.iter().enumerate() {
            let wanted = if at == primary {
                None
            } else {
                Some(named.as_str())
            };
            until(&format!("the file of server {at} has its role"), || {
                let file = std::fs::read_to_string(server.config_file());
                let file = file.expect("it is there");
                let mut lines = file.lines();
                lines.find_map(|line| {
                    line.strip_prefix("replicaof ")
                        .or_else(|| line.strip_prefix("slaveof "))
                }) == wanted
            });
        }
    }
}

/// What a server tells of its role; none where Sentinel closes the connection, as it
/// does with all clients of a server that it gives another role.
fn info(server: &Server) -> Option<Info> {
    let mut client = Client::connect(server.address()).ok()?;
    let reply = client.try_call(&["INFO", "replication"]).ok()?;
    Some(Info::parse(&reply.text()))
}

fn follows(server: &Server, primary: u16) -> bool {
    info(server).is_some_and(|info| {
        info.find("master_port") == Some(&primary.to_string())
            && info.find("master_link_status") == Some("up")
    })
}

/// Adds numbers to a set on the server at `port` until `stop`, and gives those back
/// that both replicas had confirmed.
fn write(port: &AtomicU16, stop: &AtomicBool) -> BTreeSet<String> {
    let mut confirmed = BTreeSet::new();
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        let address = ([127, 0, 0, 1], port.load(Ordering::SeqCst)).into();
        let Ok(mut client) = Client::connect(address) else {
            thread::sleep(IMPATIENCE / 10);
            continue;
        };
        let patience = Some(IMPATIENCE);
        let stream = client.reader().get_mut();
        stream.set_read_timeout(patience).expect("a timeout is set");
        while !stop.load(Ordering::SeqCst) && add(&mut client, number) {
            confirmed.insert(number.to_string());
            number += 1;
        }
        // Whether this one was written is not known; the next try is another number.
        number += 1;
    }
    confirmed
}

fn add(client: &mut Client, number: u64) -> bool {
    let added = client.try_call(&["SADD", "confirmed", &number.to_string()]);
    matches!(added, Ok(Value::Int(1)))
        && matches!(client.try_call(&["WAIT", "2", "300"]), Ok(Value::Int(2)))
}

/// Tells the writer where the primary is, as clients ask Sentinel.
fn point(sentinels: &Sentinels, port: &AtomicU16, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        port.store(sentinels.views()[0], Ordering::SeqCst);
        thread::sleep(IMPATIENCE / 5);
    }
}

fn rounds(ordinarily: &[Blow]) -> Vec<Blow> {
    if std::env::var_os("TOWLINE_LONG").is_none() {
        return ordinarily.to_vec();
    }
    let pair = [Blow::Kill, Blow::Stop];
    let mut all: Vec<Blow> = pair.into_iter().cycle().take(100).collect();
    all.extend([Blow::Manual; 5]);
    all
}

fn survives(kinds: [Kind; 3], blows: &[Blow]) {
    let mut group = Group::start(kinds);
    let port = AtomicU16::new(group.servers[0].port());
    let stop = AtomicBool::new(false);
    let watched = Arc::clone(&group.sentinels);
    let confirmed = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&port, &stop));
        let pointer = scope.spawn(|| point(&watched, &port, &stop));
        for blow in rounds(blows) {
            group.survive(blow);
        }
        stop.store(true, Ordering::SeqCst);
        pointer.join().expect("it does not fail");
        writer.join().expect("the writer does not fail")
    });
    assert!(confirmed.len() > 10, "{} writes", confirmed.len());
    let primary = group.wait_whole();
    let mut order: Vec<&Server> = group.servers.iter().collect();
    order.swap(0, primary);
    wait_same_data(&order);
    let kept: BTreeSet<String> = order[0]
        .ok("SMEMBERS confirmed")
        .texts()
        .into_iter()
        .collect();
    let lost: Vec<&String> = confirmed.difference(&kept).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
}

#[test]
fn three_towlines_are_managed() {
    let kinds = [Kind::Towline; 3];
    survives(kinds, &[Blow::Kill, Blow::Stop, Blow::Kill, Blow::Manual]);
}

#[test]
fn towline_and_redis_are_managed() {
    let kinds = [Kind::Towline, Kind::Redis, Kind::Towline];
    survives(kinds, &[Blow::Stop, Blow::Kill, Blow::Stop, Blow::Manual]);
}
