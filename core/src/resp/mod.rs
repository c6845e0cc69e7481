//! RESP2 and RESP3, the protocol that clients and the replication stream speak.

mod inline;
pub mod limits;
pub mod parser;
pub mod reply;

pub use limits::RequestLimits;
pub use parser::{ArgRange, Parsed, ProtocolError, RequestParser};
pub use reply::{Protocol, Reply};
