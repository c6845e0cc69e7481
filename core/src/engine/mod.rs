//! The engine: one dataset, its clients, and the commands they run.
//!
//! ```text
//! arguments ─► dispatch (gates) ─► handler ─► reply    the client's output
//!                                     └─────► effects  stream_log ─► sinks
//!                                                      pubsub, watch ─► other clients
//! ```
//! The engine is a machine: it is given arguments, the time and a host, and
//! changes nothing outside itself but through them.

pub mod acknowledged;
pub mod append_only;
pub mod buffers;
pub mod client;
mod client_memory;
pub mod clients;
pub mod dialect;
pub(crate) mod dispatch;
pub mod effects;
mod expire;
pub mod failover;
pub mod full_syncs;
pub mod held;
#[cfg(test)]
mod held_tests;
pub mod histogram;
pub mod info;
pub mod key_view;
pub mod key_waits;
#[cfg(test)]
mod key_waits_tests;
pub mod latency;
pub mod machine;
pub mod migration;
#[cfg(test)]
mod migration_tests;
pub mod novelty;
mod observe;
pub mod pacing;
pub mod pause;
#[cfg(test)]
mod pause_tests;
pub mod persistence;
mod prefetch;
pub mod pubsub;
pub mod rates;
mod redirect;
pub mod replication;
pub mod rng;
mod role;
mod serve;
pub mod server;
pub mod shutdown;
pub mod slow_log;
pub mod snapshot;
pub mod stats;
pub mod stream_log;
pub mod stream_times;
pub mod tracking;
#[cfg(test)]
mod tracking_tests;
pub mod traffic;
pub mod watch;

pub use client::{Client, ClientId, Peer};
pub use machine::{Engine, EngineOptions, Flow};
pub use server::Server;
