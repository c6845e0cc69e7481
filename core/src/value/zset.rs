//! The zset value.

/// A zset.
#[derive(Clone, Debug, Default)]
pub struct ZSet;

impl ZSet {
    /// True without elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        true
    }
}
