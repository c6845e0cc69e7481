//! The hash value.

/// A hash.
#[derive(Clone, Debug, Default)]
pub struct Hash;

impl Hash {
    /// True without elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        true
    }
}
