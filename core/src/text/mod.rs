//! Numbers as Redis reads and writes them in text.

pub mod number;
