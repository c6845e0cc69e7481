//! Towline: server.

pub mod conf;
