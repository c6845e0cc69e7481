//! The harness of Towline's end-to-end tests.
//!
//! It starts real servers (Towline, Redis 7.0, Valkey 9.1) on free ports of
//! 127.0.0.1, talks to them with a RESP client of its own that shares no code
//! with Towline, and waits for conditions instead of sleeping.
//!
//! | module | what it is for |
//! |---|---|
//! | [`paths`] | where the repository, the peers and the server binary are |
//! | [`server`] | start, restart, stop and read the log of a server |
//! | [`resp`] | a blocking RESP2/RESP3 client, the oracle |
//! | [`content`] | all keys of a server, to compare |
//! | [`differential`] | the same random commands to two servers |
//! | [`info`] | INFO as a list of sections and fields |
//! | [`wait`] | wait until something holds |
//! | [`chain`] | three servers in a row, over links that can be cut |
//! | [`sentinel`] | real Sentinels around servers |
//! | [`sync`] | wait until a chain of servers holds the same data |
//! | [`proxy`] | a TCP proxy whose connections can be cut |
//! | [`s3`] | a server that speaks S3 |
//! | [`source`] | a scanner for Rust sources |
//! | [`rng`] | the small generator behind it |
//! | [`tap`] | a connection that sees what is propagated |
//! | [`workload`] | a seeded mix of commands over all types |
//! | [`tables`] | the reference tables below `tests/reference` |

pub mod chain;
pub mod content;
pub mod differential;
pub mod info;
pub mod paths;
pub mod proxy;
pub mod resp;
pub mod rng;
pub mod s3;
pub mod sentinel;
pub mod server;
pub mod source;
pub mod sync;
pub mod tables;
pub mod tap;
pub mod wait;
pub mod workload;
