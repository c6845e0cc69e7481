//! A connection that sends commands and waits for their replies.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use super::{Value, read_value};
use crate::wait::PATIENCE;

/// One connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `address`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let reader = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
        Ok(Self { stream, reader })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a command without waiting for its reply.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, args: &[impl AsRef<[u8]>]) -> io::Result<()> {
        self.send_raw(&encode(args))
    }

    /// Reads the next reply or push.
    ///
    /// # Errors
    /// When the connection is gone or sends what is no reply.
    pub fn read(&mut self) -> io::Result<Value> {
        read_value(&mut self.reader)
    }

    /// The buffered stream, for tests that read raw bytes.
    pub fn reader(&mut self) -> &mut BufReader<TcpStream> {
        &mut self.reader
    }

    /// Sends a command and reads its reply, which may be an error reply.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn try_call(&mut self, args: &[impl AsRef<[u8]>]) -> io::Result<Value> {
        self.send(args)?;
        self.read()
    }

    /// Sends a command and reads its reply, which may be an error reply.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn call(&mut self, args: &[impl AsRef<[u8]>]) -> Value {
        self.try_call(args).unwrap_or_else(|error| {
            panic!(
                "no reply to {}: {error}",
                String::from_utf8_lossy(&encode(args))
            )
        })
    }

    /// [`Self::call`] of words separated by spaces.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn cmd(&mut self, words: &str) -> Value {
        self.call(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// [`Self::cmd`] whose reply must not be an error.
    ///
    /// # Panics
    /// When it is, or the connection is gone.
    pub fn ok(&mut self, words: &str) -> Value {
        let reply = self.cmd(words);
        assert!(!reply.is_error(), "{words}: {reply}");
        reply
    }

    /// Sends many commands at once and reads all their replies.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Value>> {
        let bytes: Vec<u8> = commands.iter().flat_map(|args| encode(args)).collect();
        self.send_raw(&bytes)?;
        commands.iter().map(|_| self.read()).collect()
    }
}

/// A command as RESP writes it.
pub fn encode(args: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
