//! TCP to a primary.

use std::io;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use smol::Async;
use smol::net::{TcpStream, resolve};
use towline_core::seams::{Link, ReplicationTransport};

use crate::engine_lock::EngineLock;

/// Dials over TCP, from `bind-source-addr`; names are resolved anew each time.
#[derive(Clone)]
pub struct TcpTransport(pub EngineLock);

#[async_trait]
impl ReplicationTransport for TcpTransport {
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Link>> {
        let source = self.0.lock().server.config.bind_source_addr.clone();
        let stream = if source.is_empty() {
            TcpStream::connect((host, port)).await?
        } else {
            let source = String::from_utf8_lossy(&source).into_owned();
            dial_from(&source, host, port).await?
        };
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// Tries the addresses of `host` that are of the source's family.
async fn dial_from(source: &str, host: &str, port: u16) -> io::Result<TcpStream> {
    let no_address = |_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "bind-source-addr is no address",
        )
    };
    let source = SocketAddr::new(source.parse::<IpAddr>().map_err(no_address)?, 0);
    let mut outcome = Err(io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "the host has no address that bind-source-addr could reach",
    ));
    for address in resolve((host, port)).await? {
        if address.is_ipv4() == source.is_ipv4() {
            outcome = connect_from(source, address).await;
            if outcome.is_ok() {
                break;
            }
        }
    }
    outcome
}

async fn connect_from(source: SocketAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    bind(&socket, &source)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = Async::new(std::net::TcpStream::from(socket))?;
    stream.writable().await?;
    match stream.get_ref().take_error()? {
        None => Ok(stream.into()),
        Some(error) => Err(error),
    }
}
