//! The primary's side of replication.

pub mod session;
pub mod spool;

pub use session::{CloseReason, PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent};
