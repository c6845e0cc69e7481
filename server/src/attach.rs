//! From a client's connection to a replica's link.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use futures::AsyncWriteExt;
use smol::Async;
use towline_core::seams::Link;
use towline_replication::node::Node;
use towline_replication::primary::link::Arrival;

use crate::engine_lock::EngineLock;
use crate::net::connection::{Attached, Socket};

/// Hands connections that asked for the stream to the node. From here on their
/// sockets belong to smol, like every other link.
pub(crate) fn attacher(store: EngineLock, node: Node) -> Box<dyn Fn(Attached) + Send + Sync> {
    Box::new(move |attached| {
        let (store, node) = (store.clone(), node.clone());
        smol::spawn(async move {
            let client = attached.id;
            match into_link(attached.socket, &attached.unsent).await {
                Ok(link) => node.attach(Arrival {
                    client,
                    link,
                    unread: attached.unread,
                }),
                // It went away between its request and now.
                Err(_) => store.batch(|engine, _| engine.disconnect(client)),
            }
        })
        .detach();
    })
}

/// A link, once what the client was still owed is written.
async fn into_link(socket: Socket, unsent: &[u8]) -> io::Result<Box<dyn Link>> {
    let mut link: Box<dyn Link> = match socket {
        Socket::Tcp(stream) => Box::new(Async::<TcpStream>::new(stream)?),
        Socket::Unix(stream) => Box::new(Async::<UnixStream>::new(stream)?),
    };
    link.write_all(unsent).await?;
    Ok(link)
}
