//! Towline: fuzz.
