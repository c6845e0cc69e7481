//! Which snapshot format is written and read where.

use std::sync::Arc;

use towline_core::config::Settings;
use towline_core::engine::client::ReplicaOptions;
use towline_core::engine::dialect::Dialect;
use towline_core::seams::SnapshotCodec;
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::TowlineCodec;
use towline_replication::node::SnapshotFormats;

/// The formats of files: a name that ends in `.towline` asks for the native one.
#[must_use]
pub fn codec_for_file(
    name: &str,
    settings: &Settings,
    version: RdbVersion,
) -> Arc<dyn SnapshotCodec> {
    if name.ends_with(".towline") {
        return Arc::new(TowlineCodec);
    }
    Arc::new(RdbCodec::new(RdbOptions {
        version,
        compress: settings.payload.compress,
        checksum: settings.rdbchecksum,
    }))
}

/// The formats of full syncs.
pub struct Formats {
    redis7: Arc<dyn SnapshotCodec>,
    redis8: Arc<dyn SnapshotCodec>,
    valkey9: Arc<dyn SnapshotCodec>,
    readable: Vec<Arc<dyn SnapshotCodec>>,
}

impl Default for Formats {
    fn default() -> Self {
        let redis7: Arc<dyn SnapshotCodec> = Arc::new(codec_of(Dialect::Redis7));
        Self {
            readable: vec![Arc::clone(&redis7), Arc::new(TowlineCodec)],
            redis8: Arc::new(codec_of(Dialect::Redis8)),
            valkey9: Arc::new(codec_of(Dialect::Valkey9)),
            redis7,
        }
    }
}

/// The RDB that peers of a dialect read.
fn codec_of(dialect: Dialect) -> RdbCodec {
    RdbCodec::new(RdbOptions {
        version: match dialect {
            Dialect::Redis7 => RdbVersion::V10,
            Dialect::Redis8 => RdbVersion::V12,
            Dialect::Valkey9 => RdbVersion::Valkey80,
        },
        // A link is faster than LZF, and the receiver would pay for it once more.
        compress: false,
        checksum: true,
    })
}

impl SnapshotFormats for Formats {
    fn for_replica(&self, replica: &ReplicaOptions) -> Arc<dyn SnapshotCodec> {
        Arc::clone(match replica.dialect() {
            Some(Dialect::Redis7) => &self.redis7,
            Some(Dialect::Redis8) => &self.redis8,
            Some(Dialect::Valkey9) | None => &self.valkey9,
        })
    }

    fn for_dialect(&self, dialect: Dialect, lossy: bool) -> Arc<dyn SnapshotCodec> {
        let codec = codec_of(dialect);
        Arc::new(if lossy { codec.lossy() } else { codec })
    }

    fn readable(&self) -> &[Arc<dyn SnapshotCodec>] {
        &self.readable
    }
}
