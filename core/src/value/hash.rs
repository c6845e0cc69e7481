//! The hash value.

/// A hash.
#[derive(Clone, Debug, Default)]
pub struct Hash;
