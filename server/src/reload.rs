//! DEBUG RELOAD: the dataset through a snapshot and back.

use std::path::Path;

use towline_core::config::PacingSettings;
use towline_core::engine::Engine;
use towline_core::engine::pacing::delay;
use towline_core::keyspace::dataset::Dataset;
use towline_core::keyspace::snapshot_walk::Step;
use towline_core::keyspace::{Keyspace, SnapshotWalk};
use towline_core::seams::SnapshotCodec;
use towline_core::seams::host::ReloadOptions;
use towline_core::seams::snapshot::{EncodeError, SnapshotMeta};
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::TowlineCodec;

use crate::loading::decode_options;

/// Writes the dataset as RDB into memory and reads it back in place of the old one;
/// the options have the file read instead, or its keys added to the present ones.
///
/// # Errors
/// The text of the error reply; the dataset is then as it was.
pub(crate) fn reload(engine: &mut Engine, options: ReloadOptions) -> Result<(), String> {
    let PacingSettings {
        key_save_delay_us,
        key_load_delay_us,
        ..
    } = engine.server.config.pacing;
    let dataset = if options.save {
        // The newest version holds everything.
        let codec = rdb(RdbVersion::V13);
        let bytes = dump(engine, &codec).map_err(|error| failed(&error))?;
        // It is the one save, and below the one load, for which everything waits.
        std::thread::sleep(delay(engine.keyspace.len() as u64, key_save_delay_us));
        read(engine, &codec, &bytes)?
    } else {
        read_file(engine)?
    };
    std::thread::sleep(delay(dataset.len() as u64, key_load_delay_us));
    let changes = engine.server.persistence.changes;
    if options.flush {
        engine.install_dataset(dataset);
    } else {
        let merged = engine.merge_dataset(&dataset, options.merge);
        merged.map_err(|key| failed(&format!("duplicated key '{}'", key.escape_ascii())))?;
    }
    engine.server.persistence.changes = changes;
    Ok(())
}

fn failed(error: &dyn std::fmt::Display) -> String {
    format!("ERR Error trying to reload the DB: {error}")
}

fn rdb(version: RdbVersion) -> RdbCodec {
    RdbCodec::new(RdbOptions {
        version,
        ..RdbOptions::default()
    })
}

/// Reads the snapshot that was saved last.
fn read_file(engine: &Engine) -> Result<Keyspace, String> {
    let config = &engine.server.config;
    if !config.snapshot_storage.is_empty() {
        return Err(failed(
            &"snapshots are not kept in files (snapshot-storage)",
        ));
    }
    let name = String::from_utf8_lossy(&config.dbfilename).into_owned();
    let directory = String::from_utf8_lossy(&config.dir).into_owned();
    let bytes = std::fs::read(Path::new(&directory).join(&name)).map_err(|error| failed(&error))?;
    let native = TowlineCodec;
    if native.recognises(&bytes) == Some(true) {
        read(engine, &native, &bytes)
    } else {
        read(engine, &rdb(RdbVersion::V13), &bytes)
    }
}

fn read(engine: &Engine, codec: &dyn SnapshotCodec, bytes: &[u8]) -> Result<Keyspace, String> {
    let options = decode_options(engine);
    let mut dataset = Dataset::new(engine.keyspace.databases(), options.hash_seed);
    let mut decoder = codec.decoder(options);
    decoder
        .feed(bytes, &mut dataset)
        .and_then(|_| decoder.finish())
        .map_err(|error| failed(&error))?;
    Ok(dataset.into_keyspace())
}

fn dump(engine: &mut Engine, codec: &dyn SnapshotCodec) -> Result<Vec<u8>, EncodeError> {
    let meta = SnapshotMeta {
        hash_seed: Some(*engine.keyspace.seed()),
        ..SnapshotMeta::default()
    };
    let mut walk = SnapshotWalk::begin(&mut engine.keyspace, codec.encoder(&meta), &meta);
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
