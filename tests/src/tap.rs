//! A replica made of a bare connection: it sees what a primary propagates.

use std::io::{self, BufRead, Read};

use crate::resp::Client;
use crate::server::Server;

/// The channel of the messages that mark a place in the stream.
const MARK: &str = "towline-tests:mark";

/// A connection that typed SYNC.
#[derive(Debug)]
pub struct Tap {
    client: Client,
    marks: u64,
}

impl Tap {
    /// Attaches to `server` and reads its snapshot.
    ///
    /// # Panics
    /// When no snapshot comes.
    pub fn new(server: &Server) -> Self {
        let mut client = server.client();
        client.send_raw(b"SYNC\r\n").expect("the server listens");
        read_snapshot(&mut client).expect("a snapshot arrives");
        Self { client, marks: 0 }
    }

    /// The next command of the stream that is no PING.
    ///
    /// # Panics
    /// When the stream ends.
    pub fn next_command(&mut self) -> Vec<String> {
        loop {
            let command = self.client.read().expect("the stream goes on").texts();
            if !command[0].eq_ignore_ascii_case("PING") {
                return command;
            }
        }
    }

    /// What was propagated since the last call. It sends a PUBLISH through `writer`
    /// and reads up to that; the writer's database stays selected.
    ///
    /// # Panics
    /// When the stream ends.
    pub fn drain(&mut self, writer: &mut Client) -> Vec<Vec<String>> {
        self.marks += 1;
        let mark = self.marks.to_string();
        writer.call(&["PUBLISH", MARK, &mark]);
        let mut commands = Vec::new();
        loop {
            let command = self.next_command();
            if command.get(1).is_some_and(|channel| channel == MARK) {
                assert_eq!(command[2], mark, "marks arrive in order");
                return commands;
            }
            commands.push(command);
        }
    }
}

/// The snapshot behind `$<length>`; newlines before it only keep the link alive.
///
/// # Errors
/// When the connection ends, or the transfer is of another form.
pub fn read_snapshot(client: &mut Client) -> io::Result<Vec<u8>> {
    let mut line = String::new();
    while line.trim_end().is_empty() {
        line.clear();
        if client.reader().read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = line
        .trim_end()
        .strip_prefix('$')
        .and_then(|text| text.parse().ok());
    let length: u64 = length.ok_or_else(|| io::Error::other(format!("no transfer: {line:?}")))?;
    let mut snapshot = Vec::new();
    client.reader().take(length).read_to_end(&mut snapshot)?;
    match snapshot.len() as u64 == length {
        true => Ok(snapshot),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
