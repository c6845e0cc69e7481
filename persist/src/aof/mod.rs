//! The append-only file in the layout of Redis 7: a directory with a base, the
//! increments that follow it, and a manifest that names them.
//!
//! ```text
//! <appenddirname>/
//!   <appendfilename>.manifest        which files, in which order
//!   <appendfilename>.1.base.rdb      a snapshot, or commands where it ends in .aof
//!   <appendfilename>.1.incr.aof      commands that came after it, as RESP
//! ```
//! Source: directories that real servers wrote.

mod commands;
pub mod manifest;
pub mod reader;

pub use commands::CommandEncoder;
pub use manifest::{FileKind, Manifest, ManifestError, ManifestFile};
pub use reader::{AofError, AofFault, AofReader, Record, Torn};
