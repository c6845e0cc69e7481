//! Towline: tests.
