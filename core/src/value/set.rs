//! The set value.

/// A set.
#[derive(Clone, Debug, Default)]
pub struct Set;
