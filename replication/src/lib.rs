//! Towline's replication: what a primary and its replicas say to each other.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`decision`] | what a primary answers to PSYNC, and why |
//! | [`delta`] | what both say before a delta, for a replica that lacks too much |
//! | [`dialect`] | the stream in the words of a peer that does not know all of it |
//! | [`backlog`] | the latest part of the stream, shared by all replicas |
//! | [`primary`] | the primary's side of a link |
//! | [`replica`] | the replica's side of a link |
//! | [`wire`] | the small commands that both sides say outside of the stream |
//! | [`node`] | one node's replication: what the process around the engine holds |
//! | [`backoff`] | the pause between attempts to reach a primary |
//!
//! The sessions are sans-IO: bytes and the time go in, bytes and events come
//! out. Nothing in them reads a clock, owns a socket or draws a random number.

pub mod backlog;
pub mod backoff;
pub mod decision;
pub mod delta;
pub mod dialect;
pub mod node;
pub mod primary;
pub mod replica;
pub mod wire;

pub use node::{Node, NodeParts, SnapshotFormats};
pub use primary::Arrival;
