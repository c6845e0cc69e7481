//! How a replica reaches its primary.

use async_trait::async_trait;
use futures::io::{AsyncRead, AsyncWrite};
use std::io;

/// A duplex byte stream between two nodes. Anything that implements the two
/// traits of `futures::io` is one: a socket of smol or async-io as it is, one
/// of tokio through its compatibility wrapper, a pipe in memory.
///
/// # Obligations of an implementation
///
/// * Bytes arrive in order, once each, and unchanged, or an error ends the link.
/// * A read of zero bytes means that the peer closed its side for good.
/// * Both directions make progress independently: a write that waits for the
///   peer must not keep a read from completing. Links are split into halves
///   that two tasks use at once.
/// * Dropping a link closes it; the peer then reads to its end or gets an error.
/// * Bytes that a write accepted are on their way without a further flush.
pub trait Link: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Link for T {}

/// Opens links to a primary.
///
/// # Obligations of an implementation
///
/// * [`dial`](Self::dial) resolves names itself, every time: a primary that
///   moved is found again under its name.
/// * It may take as long as it likes; the caller drops the future when its own
///   timeout (`repl-timeout`) has passed, and nothing of the attempt may stay behind.
/// * It does not retry. The caller does, with a growing pause.
#[async_trait]
pub trait ReplicationTransport: Send + Sync + 'static {
    /// Opens a link to the node at `host` and `port`.
    ///
    /// # Errors
    /// Whatever kept the link from being opened; the text is shown to the operator.
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Link>>;
}
