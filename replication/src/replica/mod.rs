//! The replica's side of replication.

pub mod handshake;
pub mod mark;
pub mod session;

pub use handshake::HandshakeConfig;
pub use session::{LinkError, ReplicaEvent, ReplicaSession, ReplicaTimeouts};
