//! Where files are kept: one flat namespace of named, append-only files.
//!
//! Snapshots, the log, its manifest and spool files all go through
//! [`Storage`]. The crate `towline-persist` ships a backend for a directory and
//! one in memory, and a conformance suite that holds any other to the
//! obligations written here, on a medium that fails as well.

use std::fmt;

use async_trait::async_trait;

/// The longest name of a file, in bytes: what every common file system takes.
pub const MAX_NAME_BYTES: usize = 255;

/// One flat namespace of named files that grow only at their end.
///
/// # What an implementer owes
///
/// *Visible at once.* Whatever a method changed is seen by every later call
/// through the same handle or a clone of it, synced or not.
///
/// *Durable when asked.* Contents survive a crash once [`sync`](Storage::sync)
/// of that file has returned `Ok`; names (a file created, renamed or removed)
/// survive once [`sync_dir`](Storage::sync_dir) has returned `Ok` after the
/// change. Before that a crash may keep any prefix of the bytes appended since
/// the last sync and any of the renames and removals, but it never brings up
/// bytes that were not written, and never loses bytes that were synced.
///
/// *Atomic rename.* A rename replaces the target in one step: a crash finds
/// the old target or the new one, whole.
///
/// *All or nothing append.* An append that fails leaves the file as long as it
/// was, so that a full disk costs a write and not the file. Where that cannot
/// be kept, the file is poisoned.
///
/// *Poison.* After a failed `sync` nobody knows what is on disk, and asking
/// again may lie. From then on `append`, `truncate` and `sync` of that file
/// fail with [`StorageError::Poisoned`] until it is created anew; reads go on.
///
/// *Order.* Two appends to one file that are awaited one after the other land
/// in that order. The caller never runs two at once on one file.
///
/// *No thread held.* A method must not block the thread that polls it for
/// longer than memory work takes; disk and network work goes elsewhere.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Makes `name` an empty file, discarding what it held before. A file that is there
    /// stays the same file: what is synced in it from then on is found under the name
    /// that it has, without another [`sync_dir`](Storage::sync_dir).
    async fn create(&self, name: &str) -> Result<(), StorageError>;

    /// Adds `data` at the end of `name`, which must exist, and returns its new
    /// length.
    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError>;

    /// Up to `max_bytes` bytes of `name` from `offset`. Fewer come back only
    /// where the file ends; at or past its end the answer is empty.
    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError>;

    /// The length of `name` in bytes.
    async fn len(&self, name: &str) -> Result<u64, StorageError>;

    /// Cuts `name` down to `length` bytes. A length beyond its end is an error.
    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError>;

    /// Makes the present contents of `name` durable.
    async fn sync(&self, name: &str) -> Result<(), StorageError>;

    /// Gives the file `from` the name `to`, replacing what `to` was.
    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError>;

    /// Removes `name`.
    async fn remove(&self, name: &str) -> Result<(), StorageError>;

    /// The names of all files, sorted.
    async fn list(&self) -> Result<Vec<String>, StorageError>;

    /// Makes the present set of names durable.
    async fn sync_dir(&self) -> Result<(), StorageError>;
}

/// Which operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageOp {
    /// [`Storage::create`].
    Create,
    /// [`Storage::append`].
    Append,
    /// [`Storage::read`] or [`Storage::len`].
    Read,
    /// [`Storage::truncate`].
    Truncate,
    /// [`Storage::sync`].
    Sync,
    /// [`Storage::rename`].
    Rename,
    /// [`Storage::remove`].
    Remove,
    /// [`Storage::list`].
    List,
    /// [`Storage::sync_dir`].
    SyncDir,
}

impl fmt::Display for StorageOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "creating",
            Self::Append => "writing",
            Self::Read => "reading",
            Self::Truncate => "truncating",
            Self::Sync => "syncing",
            Self::Rename => "renaming",
            Self::Remove => "removing",
            Self::List => "listing",
            Self::SyncDir => "syncing the directory of",
        })
    }
}

/// Why a storage operation failed. Each variant names the file, so that an
/// operator knows where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// No file has this name.
    NotFound {
        /// The name asked for.
        name: String,
    },
    /// The name is empty, too long, `.` or `..`, or holds `/` or NUL.
    InvalidName {
        /// The name asked for.
        name: String,
    },
    /// There is no room; the file is as it was before.
    Full {
        /// The file that was to grow.
        name: String,
    },
    /// A truncation would have made the file longer.
    OutOfRange {
        /// The file.
        name: String,
        /// The length asked for.
        length: u64,
    },
    /// An earlier sync failed, so the file takes no more writes.
    Poisoned {
        /// The file.
        name: String,
    },
    /// Anything else the backend ran into.
    Backend {
        /// What was being done.
        op: StorageOp,
        /// The file, or the directory for operations on the whole namespace.
        name: String,
        /// The backend's own words.
        message: String,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name } => write!(f, "{name}: No such file or directory"),
            Self::InvalidName { name } => write!(f, "{name:?} is not a valid file name"),
            Self::Full { name } => write!(f, "{name}: No space left on device"),
            Self::OutOfRange { name, length } => {
                write!(f, "{name}: is shorter than {length} bytes")
            }
            Self::Poisoned { name } => {
                write!(f, "{name}: an earlier fsync failed, no more is written")
            }
            Self::Backend { op, name, message } => write!(f, "{op} {name}: {message}"),
        }
    }
}

impl std::error::Error for StorageError {}

/// Refuses a name that some backend could take for a path.
///
/// Every backend calls this first, so that a name from a configuration file
/// behaves alike on all of them.
pub fn check_name(name: &str) -> Result<(), StorageError> {
    let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES;
    let plain = name != "." && name != ".." && !name.contains(['/', '\0']);
    if fits && plain {
        return Ok(());
    }
    Err(StorageError::InvalidName {
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\0", &long] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["dump.rdb", ".hidden", "a b", &long[1..]] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
    }
}
