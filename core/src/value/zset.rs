//! The zset value.

/// A zset.
#[derive(Clone, Debug, Default)]
pub struct ZSet;
