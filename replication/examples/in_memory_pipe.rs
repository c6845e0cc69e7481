//! A primary and a replica in one process, over a pipe in memory.
//!
//! Nothing here opens a socket: [`PipeTransport`] is all that a program has to
//! bring to replicate over anything that carries bytes.
//!
//! Run it with `cargo run -p towline-replication --example in_memory_pipe`.

#[path = "../tests/support/mod.rs"]
mod support;

use async_trait::async_trait;
use std::io;
use std::sync::Arc;
use support::pipe::pipe;
use support::{TestNode, eventually};
use towline_core::engine::Peer;
use towline_core::seams::{Link, ReplicationTransport};
use towline_replication::Node;

/// Reaches one primary, whatever the address says.
struct PipeTransport {
    /// `None` for a node that follows nobody.
    primary: Option<Node>,
}

#[async_trait]
impl ReplicationTransport for PipeTransport {
    async fn dial(&self, _host: &str, _port: u16) -> io::Result<Box<dyn Link>> {
        let primary = self.primary.clone();
        let primary = primary.ok_or(io::ErrorKind::NotConnected)?;
        let (ours, theirs, _) = pipe(None);
        let peer = Peer {
            addr: "pipe:0".to_owned(),
            ..Peer::default()
        };
        // The primary takes its end as a server takes a connection.
        smol::spawn(async move { primary.accept(Box::new(theirs), peer).await }).detach();
        Ok(Box::new(ours))
    }
}

fn main() {
    smol::block_on(async {
        let config = [("repl-diskless-sync-delay", "0")];
        let primary = TestNode::new(1, Arc::new(PipeTransport { primary: None }), &config);
        for at in 0..10_000 {
            primary.run(&format!("SET before:{at} value:{at}"));
        }

        let transport = PipeTransport {
            primary: Some(primary.node.clone()),
        };
        let replica = TestNode::new(2, Arc::new(transport), &[]);
        assert_eq!(replica.run("REPLICAOF the-primary 1"), "+OK\r\n");
        for at in 0..1_000 {
            primary.run(&format!("RPUSH during:{} element:{at}", at % 10));
        }

        eventually(
            "the replica is equal to its primary",
            &[&primary, &replica],
            || primary.content() == replica.content() && primary.offset() == replica.offset(),
        )
        .await;
        assert_eq!(primary.content().len(), 10_010);
        assert_eq!(primary.replid(), replica.replid());
        let refused = replica.run("SET a b");
        assert!(refused.starts_with("-READONLY"), "{refused}");
    });
}
