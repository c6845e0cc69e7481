//! Storage backends, one file each, and the suite that holds them to the
//! obligations of [`towline_core::seams::Storage`].

pub mod conformance;
mod crash;
mod fs;
#[cfg(feature = "redb")]
mod kv;
mod memory;
#[cfg(feature = "object-store")]
mod object;
mod writer;

pub use crash::CrashDisk;
pub use fs::{FsStorage, Threads};
#[cfg(feature = "redb")]
pub use kv::RedbStorage;
pub use memory::MemoryStorage;
#[cfg(feature = "object-store")]
pub use object::ObjectStorage;
pub use writer::FileWriter;
