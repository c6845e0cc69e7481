//! The log on disk: opened when the server starts or `appendonly` is set, fed from
//! the engine's stream, rewritten, and closed.
//!
//! ```text
//! batches ─► StreamLog ─► Tap ─► Journal ─► files
//!                                   │ progress
//!                                LogKeeper ─► engine (WAITAOF, INFO, the gate of writes)
//!                                          ─► DurableGate (replies under `always`)
//!                                          ─► Node (replicas get what is written)
//! ```

pub(crate) mod apply;
pub mod gate;
pub mod keeper;
mod recovery;
mod reload;
mod rewrite;
mod tap;
pub mod usable;
