//! The `towline-server` binary.

fn main() {}
