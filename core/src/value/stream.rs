//! The stream value.

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream;
