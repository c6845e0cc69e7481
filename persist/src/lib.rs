//! Snapshots, logs and storage of Towline: the RDB codec, the native snapshot codec, the
//! append-only file and the storage backends. Nothing here knows the replication protocol.

pub mod aof;
pub mod contents;
pub mod crc;
mod decode;
pub mod journal;
pub mod load;
mod pen;
pub mod rdb;
pub mod save;
pub mod storage;
pub mod towline;

#[cfg(test)]
mod testing;
