//! Towline's replication: what a primary and its replicas say to each other.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`decision`] | what a primary answers to PSYNC, and why |
//! | [`backlog`] | the latest part of the stream, shared by all replicas |
//! | [`primary`] | the primary's side of a link |
//! | [`replica`] | the replica's side of a link |
//! | [`wire`] | the small commands that both sides say outside of the stream |
//! | [`backoff`] | the pause between attempts to reach a primary |
//!
//! The sessions are sans-IO: bytes and the time go in, bytes and events come
//! out. Nothing in them reads a clock, owns a socket or draws a random number.

pub mod backlog;
pub mod backoff;
pub mod decision;
pub mod primary;
pub mod replica;
pub mod wire;
