//! The side file of a base: which moment it holds, and its checksum.
//!
//! ```text
//! file         = "TOWIDX01"  start  followed         (frames as in an increment's side file)
//!
//! start 1        the moment of the base: history, offset, stream db, unix ms;
//!                its prefix is the whole base, or no bytes where nobody summed them up
//! followed 5     number i64 of the increment that begins at the moment
//! ```
//! The log itself needs none of this: its base is the manifest's, and what follows it
//! are the manifest's increments. It tells a moment of the past which base leads to it.
//! Like an increment's it is durable before the manifest names the base.

use towline_core::seams::{Storage, StorageError};

use super::lineage::Origin;
use super::naming;
use super::side_file::{Frames, MAGIC, MAX_FRAME_BYTES, Start, put_followed};

/// No side file of a base is longer.
const MAX_BYTES: usize = MAGIC.len() + 2 * MAX_FRAME_BYTES;

/// How long a base is and what its bytes sum up to. An empty one is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileSum {
    pub(super) bytes: u64,
    pub(super) crc: u64,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseNote {
    pub(super) start: Start,
    /// The number of the increment that begins at the base's moment.
    pub(super) first: i64,
}

impl BaseNote {
    /// The note of a base that was frozen at `origin`.
    pub(super) const fn new(origin: Origin, unix_ms: u64, sum: FileSum, first: i64) -> Self {
        let start = Start {
            origin,
            prefix_bytes: sum.bytes,
            prefix_crc: sum.crc,
            created_ms: unix_ms,
        };
        Self { start, first }
    }

    /// What the base is to be, if that is known.
    pub(super) fn sum(&self) -> Option<FileSum> {
        let sum = FileSum {
            bytes: self.start.prefix_bytes,
            crc: self.start.prefix_crc,
        };
        Some(sum).filter(|sum| sum.bytes > 0)
    }

    /// Leaves it beside the file `base`, durable but for its name.
    pub(super) async fn write(
        &self,
        storage: &dyn Storage,
        base: &str,
    ) -> Result<(), StorageError> {
        let name = naming::side_file(base);
        let mut bytes = self.start.to_bytes();
        put_followed(&mut bytes, self.first);
        storage.create(&name).await?;
        storage.append(&name, bytes).await?;
        storage.sync(&name).await
    }

    /// That of the file `base`; `None` where there is none that can be read, as beside
    /// the bases of other servers.
    pub(super) async fn read(
        storage: &dyn Storage,
        base: &str,
    ) -> Result<Option<Self>, StorageError> {
        match storage.read(&naming::side_file(base), 0, MAX_BYTES).await {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let start = Frames(&mut rest).start()?;
        let first = Frames(&mut rest).followed()?;
        Some(Self { start, first })
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use towline_core::offset::{Offset, ReplicationId};

    use super::*;
    use crate::journal::Lineage;
    use crate::storage::MemoryStorage;

    #[test]
    fn a_note_reads_back_and_a_torn_one_is_none() {
        let storage = MemoryStorage::new();
        let origin = Origin {
            lineage: Lineage::new(ReplicationId::from_random([3; 20])),
            offset: Offset(77),
            stream_db: Some(2),
        };
        let sum = FileSum { bytes: 9, crc: 4 };
        let note = BaseNote::new(origin, 1_700_000_000_123, sum, 12);
        block_on(note.write(&storage, "base")).expect("room");
        let read = || block_on(BaseNote::read(&storage, "base")).expect("no error");
        assert_eq!(read(), Some(note));
        let whole = block_on(storage.read("base.idx", 0, 1 << 16)).expect("it is there");
        for length in 0..whole.len() as u64 {
            block_on(storage.truncate("base.idx", length)).expect("it is there");
            assert_eq!(read(), None, "{length}");
            block_on(storage.create("base.idx")).expect("room");
            block_on(storage.append("base.idx", whole.clone())).expect("room");
        }
        assert_eq!(block_on(BaseNote::read(&storage, "other")), Ok(None));
    }
}
