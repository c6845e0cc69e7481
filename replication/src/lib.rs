//! Towline's replication: what a primary and its replicas say to each other.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`decision`] | what a primary answers to PSYNC, and why |
//! | [`backlog`] | the latest part of the stream, shared by all replicas |
//! | [`backoff`] | the pause between attempts to reach a primary |
//!
//! The sessions are sans-IO: bytes and the time go in, bytes and events come
//! out. Nothing in them reads a clock, owns a socket or draws a random number.

pub mod backlog;
pub mod backoff;
pub mod decision;
