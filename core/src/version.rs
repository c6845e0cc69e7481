//! The versions that the server gives itself.

/// The Redis version that clients and peers are told, as they choose what they
/// send by it.
pub const REDIS_VERSION: &str = "7.2.4";

/// Our own version.
pub const TOWLINE_VERSION: &str = env!("CARGO_PKG_VERSION");
