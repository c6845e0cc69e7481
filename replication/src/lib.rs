//! Towline: replication.
