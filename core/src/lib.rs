//! Towline: core.
