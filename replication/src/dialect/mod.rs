//! The stream in the words of a peer that does not know all that is said in it.
//!
//! ```text
//!   main history   ──SET──HSETEX──MULTI──MSETEX──EXEC──►  offsets of the primary
//!                     │     │       └──────┬───────┘
//!   own history    ──SET──HSET─────MULTI─SET─SET─EXEC──►  offsets of its own
//! ```
//! | read in this order | what it is |
//! |---|---|
//! | [`say`] | one command, in commands that the peer knows |
//! | [`translator`] | the stream, a unit at a time |
//! | [`map`] | where a place in one history is in the other |
//!
//! Rewritten commands are longer or shorter than those they stand for, so that what
//! the peer gets is a history of its own, with an id and offsets of its own.
//! Which peer needs one is told by `towline_core::engine::dialect`.

pub mod map;
pub mod say;
pub mod translator;

pub use map::OffsetMap;
pub use translator::{Refused, Translator};
