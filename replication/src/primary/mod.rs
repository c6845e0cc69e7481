//! The primary's side of replication.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`session`] | what is said to one replica, and when |
//! | [`spool`] | one snapshot, read by several replicas at their own pace |
//! | `sync` | one walk for all replicas that wait for a snapshot |
//! | `delta` | what has changed in the place of everything |
//! | `source` | memory and the log on disk, in turn |
//! | `figures` | what INFO and the log are told |
//! | `own` | histories of replicas that do not know all of the stream |
//! | `filter` | snapshots of a part of the dataset |
//! | `admission` | how a replica that asks for the stream is served |
//! | [`link`] | the session with bytes moved around it |
//! | [`accept`] | connections of a program that has no server |

pub mod accept;
mod admission;
mod delta;
mod figures;
mod filter;
pub mod link;
pub(crate) mod own;
pub mod session;
pub(crate) mod source;
pub mod spool;
pub(crate) mod sync;

pub use link::Arrival;
pub use session::{CloseReason, PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent};
