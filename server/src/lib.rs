//! The Towline server: the engine with files, sockets and signals around it.
//!
//! | read in this order | what it is |
//! |---|---|
//! | [`conf`] | redis.conf and the command line |
//! | [`daemon`], [`supervisor`] | the process on its own, or under a service manager |
//! | [`run`] | starting, serving, stopping |
//! | [`listen`], [`relisten`] | listeners, what comes from them, and their change |
//! | [`net`] | client connections and their threads |
//! | [`engine_lock`] | the engine behind its lock |
//! | [`host`] | what the engine asks of the process |
//! | [`disposal`] | who drops what is dear to drop |
//! | [`jobs`] | what commands start and the main task does |
//! | [`loading`], [`saving`] | the dataset from its file, and into it; `snapshot_storage` says where that is |
//! | [`appendonly`] | the log on disk |
//! | [`formats`] | which snapshot format is written and read where |
//! | [`transport`], [`smol_runtime`] | what replication needs of sockets and of the runtime |
//! | [`memory`] | the counting allocator |
//! | [`log`] | the log |
//! | [`tool`] | the `towline` binary: check, convert, dump |
//!
//! Beside them, and not for others: `admin` (what commands do to the process),
//! `attach` (a client that becomes a replica), `reload` (DEBUG RELOAD), `process`
//! (facts for INFO), `title` (what `ps` shows), `crash` (the report of a panic), `random`,
//! `syslog`, `calendar`, `banner` and `unix_socket` (its group and its mode).

mod admin;
pub mod appendonly;
mod attach;
mod background;
mod banner;
mod calendar;
pub mod conf;
mod crash;
pub mod daemon;
pub mod disposal;
pub mod engine_lock;
pub mod formats;
pub mod host;
pub mod jobs;
pub mod listen;
pub mod loading;
pub mod log;
pub mod memory;
mod migrate;
pub mod net;
mod oom_score;
mod process;
mod progress;
mod random;
pub mod relisten;
mod reload;
pub mod run;
pub mod saving;
pub mod smol_runtime;
mod snapshot_storage;
pub mod supervisor;
mod syslog;
mod title;
pub mod tool;
pub mod transport;
mod unix_socket;
