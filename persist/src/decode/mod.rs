//! What both codecs' decoders are made of.
//!
//! A snapshot's grammar is nested (a file of databases of keys of groups of
//! pending entries), and its bytes arrive in chunks that may end anywhere. The
//! decoders are therefore written top-down, as `async` functions that read
//! from a [`Source`], and a [`Coroutine`] polls them once per chunk. Nothing
//! here is asynchronous in any other way: there is no waker, no executor and
//! no thread, and a decoder advances only inside `feed`.
//!
//! What is restarted when a chunk ends early is one string or one number, never
//! an element, a value or more.

mod coroutine;
mod found;
mod source;

pub(crate) use coroutine::Coroutine;
pub(crate) use found::Found;
pub(crate) use source::{Event, Source};
