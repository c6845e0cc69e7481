//! The replica's side of replication.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`handshake`] | what a replica says before it asks for the stream |
//! | [`session`] | the whole link, without a socket or a clock |
//! | [`mark`] | the end of a transfer of unknown size |
//! | [`loader`] | a snapshot on its way into a dataset |
//! | `incoming` | where a snapshot goes while it arrives |
//! | `delta` | what has changed in the place of everything |
//! | [`applier`] | the stream on its way into the engine |
//! | `guard` | what is not put in the place of a dataset that is there |
//! | `driver` | the session with bytes moved around it |

pub mod applier;
mod delta;
pub(crate) mod driver;
mod guard;
pub mod handshake;
mod incoming;
pub mod loader;
pub mod mark;
pub mod session;

pub use applier::StreamApplier;
pub use handshake::HandshakeConfig;
pub use loader::Loader;
pub use session::{LinkError, ReplicaEvent, ReplicaSession, ReplicaTimeouts};
