//! One connection to a target: commands out, lines of reply in, each with a timeout.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use smol::future;
use smol::net::{TcpStream, resolve};

/// What is sent at once, and what small commands are gathered to.
const CHUNK_BYTES: usize = 64 << 10;

/// What is kept of a line of reply; the rest of it is skipped.
const LINE_MAX_BYTES: usize = 1024;

const READ_BYTES: usize = 4 << 10;

/// A connection. After an error it is good for nothing.
pub(super) struct Link {
    stream: TcpStream,
    timeout: Duration,
    out: Vec<u8>,
    input: Vec<u8>,
    /// How much of the input was consumed.
    taken: usize,
    /// The database that the target has selected for it, if that is known.
    pub(super) selected_db: Option<i64>,
}

async fn within<T>(timeout: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        smol::Timer::after(timeout).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    future::or(work, late).await
}

/// The addresses of a name.
///
/// # Errors
/// Where it has none, or the resolver took too long.
pub(super) async fn addresses(
    host: &str,
    port: u16,
    timeout: Duration,
) -> io::Result<Vec<SocketAddr>> {
    let found = within(timeout, resolve((host, port))).await?;
    if found.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(found)
}

impl Link {
    /// Connects to the first of the addresses that takes it.
    ///
    /// # Errors
    /// Where none does, or not in time.
    pub(super) async fn connect(addresses: &[SocketAddr], timeout: Duration) -> io::Result<Self> {
        let stream = within(timeout, TcpStream::connect(addresses)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            timeout,
            out: Vec::new(),
            input: Vec::new(),
            taken: 0,
            selected_db: Some(0),
        })
    }

    /// From now on each write and each reply may take so long.
    pub(super) const fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Queues a command, and sends what has become a chunk.
    ///
    /// # Errors
    /// Where the target does not take it.
    pub(super) async fn send(&mut self, args: &[&[u8]]) -> io::Result<()> {
        self.put(format!("*{}\r\n", args.len()).as_bytes()).await?;
        for arg in args {
            self.put(format!("${}\r\n", arg.len()).as_bytes()).await?;
            self.put(arg).await?;
            self.put(b"\r\n").await?;
        }
        Ok(())
    }

    /// Large pieces are sent from where they are.
    async fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < CHUNK_BYTES {
            self.out.extend_from_slice(bytes);
            if self.out.len() < CHUNK_BYTES {
                return Ok(());
            }
            return self.flush().await;
        }
        self.flush().await?;
        self.write(bytes).await
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// Where the target does not take it.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let mut out = std::mem::take(&mut self.out);
        let written = self.write(&out).await;
        out.clear();
        self.out = out;
        written
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            within(self.timeout, self.stream.write_all(chunk)).await?;
        }
        Ok(())
    }

    /// The next line of reply without its end, at most a kilobyte of it.
    ///
    /// # Errors
    /// Where none comes in time.
    pub(super) async fn line(&mut self) -> io::Result<Vec<u8>> {
        let timeout = self.timeout;
        within(timeout, self.read_line()).await
    }

    async fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let rest = &self.input[self.taken..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let part = &rest[..end.unwrap_or(rest.len())];
            let room = LINE_MAX_BYTES - line.len();
            line.extend_from_slice(&part[..part.len().min(room)]);
            self.taken += part.len() + usize::from(end.is_some());
            if end.is_some() {
                line.truncate(line.strip_suffix(b"\r").unwrap_or(&line).len());
                return Ok(line);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.input.resize(READ_BYTES, 0);
        let read = self.stream.read(&mut self.input).await;
        self.input.truncate(*read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
