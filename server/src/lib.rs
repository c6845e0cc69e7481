//! Towline: server.
