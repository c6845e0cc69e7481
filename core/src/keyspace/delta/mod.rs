//! What two nodes have to exchange to be equal again, where each has gone on alone
//! since an offset that they have in common.
//!
//! ```text
//!   replica                                        primary
//!   versions above the common offset ─ ranges ──► Selection: those, and its own
//!                                                     │ freeze, SnapshotWalk::begin_delta
//!   Delta ◄── entries, then the ranges they fill ◄────┘
//!     └─► WholeDelta::apply: what is in a range and not among the entries is removed
//! ```
//! A home group's version is above the start of the last unit that changed it, so that
//! whoever has one above an offset may differ from what it was there, and nobody else
//! does. A table's *floor* says the same of all of its groups: FLUSHALL and SWAPDB raise
//! it, and one that was loaded has it where its snapshot stands.

pub mod arrived;
pub mod coding;
pub mod newer;
pub mod ranges;
pub(super) mod selection;

pub use arrived::{Delta, DeltaFault, Leftover, WholeDelta};
pub use coding::DbRanges;
pub use newer::NewerRanges;
pub use ranges::HashRanges;
pub use selection::Selection;
