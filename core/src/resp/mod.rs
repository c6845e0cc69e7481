//! RESP2 and RESP3, the protocol that clients and the replication stream speak.

pub mod reply;
