//! The keyspace: hash-ordered tables of entries that can be frozen.
//!
//! Read `entry` (one key), `segment` and `table` (many keys), `db` (with their
//! expiries), `freeze` (an instant of them), then `space`, which is what the
//! rest of the engine sees, and `delta`, for two of them that were equal once.

mod copies;
pub mod dataset;
pub mod db;
pub mod delta;
pub mod entry;
pub mod freeze;
pub mod hash;
#[cfg(test)]
mod model;
pub mod own_expiries;
mod segment;
mod slice;
pub mod snapshot_walk;
pub mod space;
pub mod table;
pub mod usage;

pub use dataset::Dataset;
pub use db::Db;
pub use entry::{Entry, INLINE_MAX_BYTES};
pub use freeze::{FreezeId, FrozenDb, FrozenEntry, Walk};
pub use hash::HashSeed;
pub use snapshot_walk::SnapshotWalk;
pub use space::{Garbage, Keyspace};
pub use table::Table;
