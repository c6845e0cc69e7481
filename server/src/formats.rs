//! Which snapshot format is written and read where.

use std::sync::Arc;

use towline_core::config::Settings;
use towline_core::engine::client::ReplicaOptions;
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
    everyone: Arc<dyn SnapshotCodec>,
    valkey: Arc<dyn SnapshotCodec>,
    readable: Vec<Arc<dyn SnapshotCodec>>,
}

impl Default for Formats {
    fn default() -> Self {
        // A link is faster than LZF, and the receiver would pay for it once more.
        let rdb = |version| -> Arc<dyn SnapshotCodec> {
            Arc::new(RdbCodec::new(RdbOptions {
                version,
                compress: false,
                checksum: true,
            }))
        };
        let everyone = rdb(RdbVersion::V10);
        Self {
            readable: vec![Arc::clone(&everyone), Arc::new(TowlineCodec)],
            valkey: rdb(RdbVersion::Valkey80),
            everyone,
        }
    }
}

impl SnapshotFormats for Formats {
    fn for_replica(&self, replica: &ReplicaOptions) -> Arc<dyn SnapshotCodec> {
        if replica.knows_expiring_fields() {
            Arc::clone(&self.valkey)
        } else {
            Arc::clone(&self.everyone)
        }
    }

    fn readable(&self) -> &[Arc<dyn SnapshotCodec>] {
        &self.readable
    }
}
