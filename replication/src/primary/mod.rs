//! The primary's side of replication.

pub mod session;

pub use session::{CloseReason, PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent};
