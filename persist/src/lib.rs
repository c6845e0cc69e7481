//! Snapshots and storage of Towline: the RDB codec, the native snapshot codec
//! and the storage backends. Nothing here knows the replication protocol.

pub mod storage;

#[cfg(test)]
mod testing;
