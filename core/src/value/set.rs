//! The set value.

/// A set.
#[derive(Clone, Debug, Default)]
pub struct Set;

impl Set {
    /// True without elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        true
    }
}
