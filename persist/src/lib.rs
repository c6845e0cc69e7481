//! Snapshots and storage of Towline: the RDB codec, the native snapshot codec
//! and the storage backends. Nothing here knows the replication protocol.

pub mod contents;
pub mod crc;
mod decode;
pub mod load;
mod pen;
pub mod rdb;
pub mod save;
pub mod storage;
pub mod towline;

#[cfg(test)]
mod testing;
