//! redis.conf and the command line: from text to a [`Config`], and back.
//!
//! ```text
//! argv ─► cli ─► Invocation ─┐
//! redis.conf, stdin ─────────┴─► loader ─► Loaded { config, … } or ConfError
//! old text + changed values ─► rewrite ─► new text
//! ```
//! Nothing here touches the disk but [`files`], which is handed to the loader
//! as a closure.
//!
//! [`Config`]: towline_core::config::Config

pub mod cli;
mod error;
pub mod files;
mod grammar;
mod loader;
mod rewrite;
#[cfg(test)]
mod tests;

pub use error::{ConfError, Position};
pub use files::SourceFile;
pub use loader::{Loaded, ReadFiles, Sources, load};
pub use rewrite::rewrite;
