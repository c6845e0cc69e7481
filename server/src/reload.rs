//! DEBUG RELOAD: the dataset through a snapshot and back.

use towline_core::engine::Engine;
use towline_core::keyspace::SnapshotWalk;
use towline_core::keyspace::dataset::Dataset;
use towline_core::keyspace::snapshot_walk::Step;
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{EncodeError, SnapshotMeta};
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};

use crate::loading::decode_options;

/// Writes the dataset as RDB into memory and reads it back in place of the old one.
///
/// # Errors
/// The text of the error reply; the dataset is then as it was.
pub(crate) fn reload(engine: &mut Engine) -> Result<(), String> {
    let failed =
        |error: &dyn std::fmt::Display| format!("ERR Error trying to reload the DB: {error}");
    let codec = RdbCodec::new(RdbOptions {
        // The newest version holds everything.
        version: RdbVersion::V13,
        ..RdbOptions::default()
    });
    let bytes = dump(engine, &codec).map_err(|error| failed(&error))?;
    let options = decode_options(engine);
    let mut dataset = Dataset::new(engine.keyspace.databases(), options.hash_seed);
    let mut decoder = codec.decoder(options);
    decoder
        .feed(&bytes, &mut dataset)
        .and_then(|_| decoder.finish())
        .map_err(|error| failed(&error))?;
    let changes = engine.server.persistence.changes;
    engine.install_dataset(dataset.into_keyspace());
    engine.server.persistence.changes = changes;
    Ok(())
}

fn dump(engine: &mut Engine, codec: &dyn SnapshotCodec) -> Result<Vec<u8>, EncodeError> {
    let meta = SnapshotMeta {
        hash_seed: Some(*engine.keyspace.seed()),
        ..SnapshotMeta::default()
    };
    let mut walk = SnapshotWalk::begin(&mut engine.keyspace, codec, &meta);
    let walked = walk_whole(engine, &mut walk);
    let bytes = walk.take_block();
    walk.end(&mut engine.keyspace);
    walked.map(|()| bytes)
}

fn walk_whole(engine: &mut Engine, walk: &mut SnapshotWalk) -> Result<(), EncodeError> {
    loop {
        match walk.encode(usize::MAX)? {
            Step::Done => return Ok(()),
            Step::Encode => {}
            Step::Collect => walk.collect(&mut engine.keyspace, &mut || true),
        }
    }
}
