//! Towline: persist.
