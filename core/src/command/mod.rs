//! The command table: one row per command, beside its handler, in one file per
//! family.

mod args;
pub mod bitmap;
pub mod connection;
pub mod ctx;
pub mod error;
mod flags;
pub mod generic;
pub mod geo;
pub mod hash;
pub(crate) mod help;
pub mod hyperloglog;
pub mod integer;
pub mod introspection;
pub mod keys;
#[cfg(test)]
mod keys_tests;
mod legacy;
pub mod list;
pub mod memory;
pub mod observation;
pub mod persistence;
pub mod pubsub;
pub mod replication;
pub mod sample;
pub mod scan_args;
pub mod server;
pub mod set;
pub mod sort;
pub mod spec;
pub mod stream;
pub mod string;
pub mod table;
pub mod transactions;
pub mod transfer;
pub(crate) mod waits;
pub mod zset;

pub use args::{ARG_FLAG_NAMES, ArgFlags, ArgSpec, ArgType};
pub use ctx::Ctx;
pub use error::{CommandError, CommandResult};
pub use flags::{ACL_NAMES, Acl, FLAG_NAMES, Flags, KEY_FLAG_NAMES, KeyFlags};
pub use spec::{Begin, CommandSpec, Deprecation, Find, Group, Handler, KeySpec, LegacyRange};
