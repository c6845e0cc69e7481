//! RDB, the snapshot format of Redis and Valkey.
//!
//! * `opcode`: the file's layout and its constants.
//! * `dialect`: which family and version wrote a file.
//! * `version`: which are written, and what each can hold.
//! * `length`, `lzf`: lengths and strings.
//! * `decode`, `encode`: files.
//! * `foreign`: what modules of other servers keep in them.
//! * `object`: values.
//! * `payload`: one value, as DUMP answers it.
//! * `ziplist`: the packed encodings of Redis up to 6.2.

mod decode;
mod dialect;
mod encode;
mod foreign;
pub(crate) mod length;
pub mod lzf;
pub(crate) mod object;
pub mod opcode;
pub mod payload;
mod version;
mod ziplist;

pub(crate) use decode::read_entry;
pub(crate) use dialect::{Dialect, Family};
pub(crate) use encode::{kind_of, put_entry, write_entry};
pub use payload::RdbPayload;
use towline_core::seams::snapshot::{
    DecodeOptions, SnapshotCodec, SnapshotDecoder, SnapshotEncoder, SnapshotMeta,
};
pub use version::RdbVersion;

use crate::decode::Coroutine;
use encode::RdbEncoder;

/// How files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RdbOptions {
    /// In which version.
    pub version: RdbVersion,
    /// Whether strings are compressed with LZF (`rdbcompression`).
    pub compress: bool,
    /// Whether a checksum is computed (`rdbchecksum`).
    pub checksum: bool,
}

impl Default for RdbOptions {
    fn default() -> Self {
        Self {
            version: RdbVersion::default(),
            compress: true,
            checksum: true,
        }
    }
}

/// RDB as a snapshot format. Every version is read; options say which is
/// written.
#[derive(Clone, Copy, Debug, Default)]
pub struct RdbCodec {
    options: RdbOptions,
    /// Expiries of fields are left out where the version does not hold them.
    lossy: bool,
}

impl RdbCodec {
    /// RDB written like this.
    #[must_use]
    pub const fn new(options: RdbOptions) -> Self {
        Self {
            options,
            lossy: false,
        }
    }

    /// The same, for a reader that is to get hashes without the expiries of their fields
    /// where the version does not hold them.
    #[must_use]
    pub const fn lossy(self) -> Self {
        Self {
            lossy: true,
            ..self
        }
    }
}

impl SnapshotCodec for RdbCodec {
    fn name(&self) -> &'static str {
        "rdb"
    }

    fn recognises(&self, head: &[u8]) -> Option<bool> {
        Dialect::recognises(head)
    }

    fn encoder(&self, meta: &SnapshotMeta) -> Box<dyn SnapshotEncoder> {
        Box::new(RdbEncoder::new(self.options, self.lossy, meta.clone()))
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn SnapshotDecoder> {
        Box::new(Coroutine::new(options, decode::file))
    }
}
