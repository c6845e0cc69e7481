//! The keyspace: hash-ordered tables of entries that can be frozen.

pub mod hash;

pub use hash::HashSeed;
