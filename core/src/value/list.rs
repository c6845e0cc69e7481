//! The list value.

/// A list.
#[derive(Clone, Debug, Default)]
pub struct List;

impl List {
    /// True without elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        true
    }
}
