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
    /// Valkey 9.1.
    Valkey,
}

impl Kind {
    /// The program's file.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Towline => paths::towline_server(),
            Self::Redis => paths::peer("redis-server"),
            Self::Valkey => paths::peer("valkey-server"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Towline => "towline",
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        })
    }
}
