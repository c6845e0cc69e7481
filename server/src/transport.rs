//! TCP to a primary.

use std::io;

use async_trait::async_trait;
use smol::net::TcpStream;
use towline_core::seams::{Link, ReplicationTransport};

/// Dials over TCP; names are resolved anew each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpTransport;

#[async_trait]
impl ReplicationTransport for TcpTransport {
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Link>> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
