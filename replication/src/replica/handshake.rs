//! What a replica says before it asks for the stream.
//!
//! | step | sent | a reply that ends the attempt |
//! |---|---|---|
//! | 1 | `PING`, alone | any but `+…`, `-NOAUTH`, `-NOPERM`, `-ERR operation not permitted` |
//! | 2 | `AUTH [user] password`, if set | `-…` |
//! | 3 | `REPLCONF listening-port <port>` | none |
//! | 4 | `REPLCONF ip-address <address>`, if announced | none |
//! | 5 | `REPLCONF capa eof capa psync2`, `capa towline`, and where wanted `capa towline-delta`, which others skip | none |
//! | 6 | `REPLCONF version <version>`, if set (Valkey 8 and later know it) | none |
//! | 7 | `INFO server`, where it is wanted whose commands will come | none |
//! | 8 | `PSYNC <replid> <offset>`, or `PSYNC ? -1`; `FAILOVER` behind it asks the peer to take over | see the session |
//!
//! Steps 2 to 7 go out together once PING was answered, step 8 once they were.
//! Facts: redis 7.2 `replication.c`, `syncWithMaster`.

use crate::delta;
use crate::wire::command;
use towline_core::offset::{Offset, ReplicationId};

/// What a replica tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeConfig {
    /// `masteruser`.
    pub username: Option<Vec<u8>>,
    /// `masterauth`; without it nothing is sent.
    pub password: Option<Vec<u8>>,
    /// The port that the primary shows and that other nodes find this one at.
    pub listening_port: u16,
    /// `replica-announce-ip`.
    pub announce_ip: Option<String>,
    /// The Valkey version to present. A Valkey primary chooses the snapshot's
    /// format by it; a Redis primary answers with an error that is ignored.
    pub version: Option<String>,
    /// A delta is taken in the place of a full sync.
    pub takes_delta: bool,
    /// The peer is asked which server it is.
    pub asks_voice: bool,
    /// The peer is a replica of this node and is asked to take over from it.
    pub asks_to_take_over: bool,
}

/// A step whose reply is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Auth,
    /// A REPLCONF that may be refused.
    Optional,
    /// INFO, which may be refused.
    Info,
    /// The text of INFO, of which so many bytes are still to come.
    InfoText(u64),
}

impl HandshakeConfig {
    /// Steps 2 to 7, and what is waited for after each.
    pub(super) fn setup(&self) -> (Vec<u8>, Vec<Step>) {
        let mut bytes = Vec::new();
        let mut steps = Vec::new();
        if let Some(password) = &self.password {
            let mut auth: Vec<&[u8]> = vec![b"AUTH"];
            auth.extend(self.username.as_deref());
            auth.push(password);
            bytes.extend(command(&auth));
            steps.push(Step::Auth);
        }
        let mut optional = |args: &[&[u8]]| {
            bytes.extend(command(args));
            steps.push(Step::Optional);
        };
        let port = self.listening_port.to_string();
        optional(&[b"REPLCONF", b"listening-port", port.as_bytes()]);
        if let Some(address) = &self.announce_ip {
            optional(&[b"REPLCONF", b"ip-address", address.as_bytes()]);
        }
        let mut capa: Vec<&[u8]> = vec![
            b"REPLCONF",
            b"capa",
            b"eof",
            b"capa",
            b"psync2",
            b"capa",
            b"towline",
        ];
        if self.takes_delta {
            capa.extend([b"capa", delta::CAPA]);
        }
        optional(&capa);
        if let Some(version) = &self.version {
            optional(&[b"REPLCONF", b"version", version.as_bytes()]);
        }
        if self.asks_voice {
            bytes.extend(command(&[b"INFO", b"server"]));
            steps.push(Step::Info);
        }
        (bytes, steps)
    }
}

/// Step 8.
pub(super) fn psync(from: Option<(ReplicationId, Offset)>, takes_over: bool) -> Vec<u8> {
    let (replid, wire) = match &from {
        Some((replid, offset)) => (replid.as_bytes(), offset.to_wire().to_string()),
        None => (&b"?"[..], "-1".to_owned()),
    };
    let mut args: Vec<&[u8]> = vec![b"PSYNC", replid, wire.as_bytes()];
    if takes_over {
        args.push(b"FAILOVER");
    }
    command(&args)
}

/// Whether the primary's answer to PING lets the handshake go on. One that
/// wants a password first, or allows nothing but that, is alive too.
pub(super) fn is_pong(reply: &[u8]) -> bool {
    let alive: [&[u8]; 4] = [
        b"+",
        b"-NOAUTH",
        b"-NOPERM",
        b"-ERR operation not permitted",
    ];
    alive.iter().any(|start| reply.starts_with(start))
}
