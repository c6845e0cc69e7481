//! The keyspace: hash-ordered tables of entries that can be frozen.

pub mod entry;
pub mod hash;
mod segment;
pub mod table;

pub use entry::Entry;
pub use hash::HashSeed;
pub use table::Table;
