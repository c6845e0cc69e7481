//! The Towline engine: RESP, commands, keyspace, value types and the seams
//! through which everything else is plugged in. Nothing here opens a file,
//! owns a socket, reads a clock or draws a random number that was not handed in.

pub mod command;
pub mod config;
pub mod engine;
pub mod keyspace;
pub mod offset;
pub mod packed;
mod prefetch;
pub mod resp;
pub mod seams;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod tree;
pub mod value;
pub mod version;
