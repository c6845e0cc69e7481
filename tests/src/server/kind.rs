//! Which program a server is.

use std::fmt;
use std::path::PathBuf;

use crate::paths;

/// A program that speaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `towline-server`, the one under test.
    Towline,
    /// Debian's redis-server 7.0.15.
    Redis,
    /// Redis 8.6.
    Redis8,
    /// Valkey 9.1.
    Valkey,
}

impl Kind {
    /// The program's file.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Towline => paths::towline_server(),
            Self::Redis => paths::peer("redis-server"),
            Self::Redis8 => paths::redis_server_8(),
            Self::Valkey => paths::peer("valkey-server"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Towline => "towline",
            Self::Redis => "redis",
            Self::Redis8 => "redis8",
            Self::Valkey => "valkey",
        })
    }
}
