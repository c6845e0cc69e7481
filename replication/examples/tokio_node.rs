//! The same node on tokio: a primary and a replica over TCP on this machine.
//!
//! [`TokioRuntime`] and [`TokioTransport`] are all that changes from one runtime
//! to another; the engine, the sessions and the drivers are the same.
//!
//! Run it with `cargo run -p towline-replication --example tokio_node`.

#[path = "../tests/support/mod.rs"]
mod support;

use async_trait::async_trait;
use futures::future::BoxFuture;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::TestNode;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;
use towline_core::engine::Peer;
use towline_core::keyspace::HashSeed;
use towline_core::seams::{Link, ReplicationTransport, Runtime};
use towline_replication::Node;

/// Tasks and timers of tokio.
struct TokioRuntime {
    started: Instant,
    tasks: tokio::runtime::Handle,
    seed: u64,
}

#[async_trait]
impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.spawn(task);
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn monotonic_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn unix_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("it is after 1970").as_millis() as u64
    }

    /// Enough for two nodes of one example; a server asks its kernel.
    fn fill_random(&self, out: &mut [u8]) {
        let drawn = self.started.elapsed().as_nanos() as u64;
        let seed = HashSeed::new(self.seed, drawn);
        for (place, byte) in out.iter_mut().enumerate() {
            *byte = seed.hash(&place.to_le_bytes()) as u8;
        }
    }
}

/// TCP through tokio.
struct TokioTransport;

#[async_trait]
impl ReplicationTransport for TokioTransport {
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Link>> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream.compat()))
    }
}

fn node(seed: u64, config: &[(&str, &str)]) -> TestNode {
    let runtime = TokioRuntime {
        started: Instant::now(),
        tasks: tokio::runtime::Handle::current(),
        seed,
    };
    TestNode::on(Arc::new(runtime), seed, Arc::new(TokioTransport), config)
}

/// Takes connections for a node, as a server does.
async fn listen(listener: TcpListener, node: Node) -> io::Result<()> {
    loop {
        let (stream, address) = listener.accept().await?;
        let (node, addr) = (node.clone(), address.to_string());
        tokio::spawn(async move {
            let peer = Peer {
                addr,
                ..Peer::default()
            };
            node.accept(Box::new(stream.compat()), peer).await
        });
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let primary = node(1, &[("repl-diskless-sync-delay", "0")]);
    tokio::spawn(listen(listener, primary.node.clone()));
    for at in 0..10_000 {
        primary.run(&format!("SET before:{at} value:{at}"));
    }

    let replica = node(2, &[]);
    assert_eq!(
        replica.run(&format!("REPLICAOF 127.0.0.1 {port}")),
        "+OK\r\n"
    );
    for at in 0..1_000 {
        primary.run(&format!("RPUSH during:{} element:{at}", at % 10));
    }

    let equal = || primary.content() == replica.content() && primary.offset() == replica.offset();
    let until = Instant::now() + Duration::from_secs(60);
    while !equal() {
        assert!(
            Instant::now() < until,
            "the replica is equal to its primary"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(primary.content().len(), 10_010);
    Ok(())
}
