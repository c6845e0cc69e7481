//! A plain connection loop for programs that have no server of their own:
//! commands in, replies out, and the link handed over when a replica asks for
//! the stream.

use super::link::Arrival;
use crate::node::Node;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io;
use towline_core::engine::{ClientId, Flow, Peer};
use towline_core::resp::{Parsed, RequestLimits, RequestParser};
use towline_core::seams::Link;

/// How much is read at once.
const READ_BYTES: usize = 16 << 10;
/// The most that a client may leave unfinished.
const INPUT_MAX_BYTES: usize = 1 << 30;

/// What a client has sent and not been served yet.
struct Input {
    bytes: Vec<u8>,
    parser: RequestParser,
}

impl Node {
    /// Serves one client, which may be a replica, until its link ends. The
    /// server crate's own connections do the same with more attention to speed;
    /// commands and replies that wait (WAIT, blocking pops, `durability`) are theirs
    /// alone.
    ///
    /// # Errors
    /// If the link fails.
    pub async fn accept(&self, mut link: Box<dyn Link>, peer: Peer) -> io::Result<()> {
        let now_ms = self.inner().unix_ms();
        let store = &self.inner().parts.store;
        let client = store.with(|engine, _| engine.connect(peer, now_ms));
        match self.converse(&mut link, client).await {
            Ok(Some(unread)) => {
                let arrival = Arrival {
                    client,
                    link,
                    unread,
                };
                self.attach(arrival);
                Ok(())
            }
            ended => {
                store.with(|engine, _| engine.disconnect(client));
                ended.map(|_| ())
            }
        }
    }

    /// Answers commands until the client goes, or becomes a replica; then what
    /// it sent beyond that.
    async fn converse(
        &self,
        link: &mut Box<dyn Link>,
        client: ClientId,
    ) -> io::Result<Option<Vec<u8>>> {
        let mut input = Input {
            bytes: Vec::new(),
            parser: RequestParser::new(),
        };
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let len = link.read(&mut buffer).await?;
            if len == 0 || input.bytes.len() > INPUT_MAX_BYTES {
                return Ok(None);
            }
            input.bytes.extend_from_slice(&buffer[..len]);
            let (flow, output) = self.run_batch(client, &mut input);
            link.write_all(&output).await?;
            match flow {
                Flow::Attach => return Ok(Some(input.bytes)),
                Flow::Close => return Ok(None),
                Flow::Continue | Flow::Blocked => {}
            }
        }
    }

    fn run_batch(&self, client: ClientId, input: &mut Input) -> (Flow, Vec<u8>) {
        let now_ms = self.inner().unix_ms();
        self.inner().parts.store.with(|engine, host| {
            let mut output = Vec::new();
            let mut at = 0;
            let mut flow = Flow::Continue;
            while flow == Flow::Continue {
                let parsed = input
                    .parser
                    .parse(&mut input.bytes[at..], RequestLimits::default());
                match parsed {
                    Ok(Parsed::Complete { consumed }) => {
                        let command = &input.bytes[at..at + consumed];
                        let args = input.parser.args().iter();
                        let args: Vec<&[u8]> = args.map(|arg| arg.of(command)).collect();
                        if !args.is_empty() {
                            flow = engine.execute(client, &args, now_ms, host);
                        }
                        at += consumed;
                    }
                    Ok(Parsed::Incomplete { .. }) => break,
                    Err(error) => {
                        engine.answer(client, |reply| reply.error(error.message()));
                        flow = Flow::Close;
                    }
                }
            }
            engine.take_output(client, &mut output);
            input.bytes.drain(..at);
            (flow, output)
        })
    }
}
