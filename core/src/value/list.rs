//! The list value.

/// A list.
#[derive(Clone, Debug, Default)]
pub struct List;
