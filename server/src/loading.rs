//! Reading the dataset when the server starts.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use towline_core::engine::Engine;
use towline_core::engine::pacing::delay_load;
use towline_core::engine::persistence::Loading;
use towline_core::keyspace::dataset::{Dataset, LeftOut, Skips};
use towline_core::seams::snapshot::{DecodeError, DecodeFault, DecodeOptions};
use towline_core::seams::{SnapshotCodec, Storage, StorageError};
use towline_persist::load::{LoadError, LoadPace, load_beside};
use towline_persist::rdb::RdbCodec;
use towline_persist::towline::TowlineCodec;
use towline_replication::node::Node;

use crate::engine_lock::EngineLock;
use crate::host::unix_ms;
use crate::progress::ProgressLines;
use crate::smol_runtime::rest;

/// The formats that files are read in.
#[must_use]
pub fn file_formats() -> Vec<Arc<dyn SnapshotCodec>> {
    vec![Arc::new(RdbCodec::default()), Arc::new(TowlineCodec)]
}

/// How to read a snapshot into this engine.
#[must_use]
pub fn decode_options(engine: &Engine) -> DecodeOptions {
    DecodeOptions {
        verify_checksum: engine.server.config.rdbchecksum,
        skip_unknown: engine.server.config.rdb_skip_unknown,
        encoding: engine.server.config.encodings,
        ..DecodeOptions::new(*engine.keyspace.seed())
    }
}

/// Lets clients know that the dataset is not there yet. It comes before the first of
/// them: what one wrote into a dataset that is about to be replaced would be lost.
pub fn expect_dataset(store: &EngineLock) {
    note_progress(store, unix_ms() / 1000, 0, 0);
}

pub(crate) fn note_progress(store: &EngineLock, start_s: i64, loaded_bytes: u64, total_bytes: u64) {
    store.lock().server.persistence.loading = Some(Loading {
        start_s,
        total_bytes,
        loaded_bytes,
        beside: false,
    });
}

/// Loads the snapshot, if there is one, and goes on with its history. Clients are let
/// in when the caller says so.
///
/// # Errors
/// A text for the operator; the file is untouched and the server must not start.
pub async fn load_at_start(
    store: &EngineLock,
    node: &Node,
    storage: &dyn Storage,
    as_replica: bool,
) -> Result<(), String> {
    let (name, options, databases) = {
        let engine = store.lock();
        let name = String::from_utf8_lossy(&engine.server.config.dbfilename).into_owned();
        (name, decode_options(&engine), engine.keyspace.databases())
    };
    if let Err(StorageError::NotFound { .. }) = storage.len(&name).await {
        return Ok(());
    }
    let began = Instant::now();
    let mut dataset = Dataset::new(databases, options.hash_seed);
    let read = read(store, storage, &name, options, &mut dataset).await;
    read.map_err(|error| fatal(&name, &error))?;
    let (meta, read_keys) = (dataset.meta().clone(), dataset.keys());
    let left_out = dataset.left_out().clone();
    note_left_out(store, &left_out);
    note_skips(store, dataset.skips());
    store.batch(|engine, _| engine.install_dataset(dataset.into_keyspace()));
    if let Some(position) = meta.position {
        node.restore(position, as_replica);
    }
    // A replica leaves it to its primary, and a replica of ours learns of it from the
    // stream, which is why the history comes first.
    let expired = match as_replica {
        true => 0,
        false => expire_all(store),
    };
    let keys = read_keys - expired;
    store.batch(|engine, _| {
        let persistence = &mut engine.server.persistence;
        persistence.changes = 0;
        persistence.loaded_keys = keys;
        persistence.loaded_expired = expired;
    });
    let seconds = began.elapsed().as_secs_f64();
    let logger = store.host.logger();
    logger.notice(&format!(
        "Done loading RDB, keys loaded: {keys}, keys expired: {expired}, empty keys skipped: {}.",
        left_out.keys
    ));
    logger.notice(&format!("DB loaded from disk: {seconds:.3} seconds"));
    Ok(())
}

/// Names keys that were left out because their collections have no elements: old
/// servers with a bug wrote some.
pub(crate) fn note_left_out(store: &EngineLock, left_out: &LeftOut) {
    for name in &left_out.names {
        let line = format!("Loading: skipping empty key: {}", name.escape_ascii());
        store.host.logger().notice(&line);
    }
}

/// Tells the log and INFO what was left out of a snapshot.
pub(crate) fn note_skips(store: &EngineLock, skips: &Skips) {
    store.lock().server.persistence.loaded_skipped = skips.count;
    if let Some(line) = skips.line() {
        store.host.logger().warning(&line);
    }
}

/// Removes what had expired before it was read; answers how many keys.
fn expire_all(store: &EngineLock) -> u64 {
    let now_ms = unix_ms();
    let mut expired = 0;
    loop {
        match store.batch(|engine, _| engine.expire_loaded(now_ms)) {
            0 => return expired,
            more => expired += more,
        }
    }
}

async fn read(
    store: &EngineLock,
    storage: &dyn Storage,
    name: &str,
    options: DecodeOptions,
    dataset: &mut Dataset,
) -> Result<(), LoadError> {
    let mut pace = AtStart {
        store,
        interval_bytes: store.lock().server.config.pacing.load_interval_bytes,
        start_s: unix_ms() / 1000,
        lines: ProgressLines::begin("Loading DB in memory", &store.host),
    };
    load_beside(
        storage,
        name,
        &file_formats(),
        options,
        dataset,
        &mut pace,
        &|work| smol::unblock(work).detach(),
    )
    .await
}

/// Shows INFO and the log how far a load is, and takes the time that it is to take.
struct AtStart<'a> {
    store: &'a EngineLock,
    interval_bytes: u64,
    start_s: i64,
    lines: ProgressLines,
}

impl LoadPace for AtStart<'_> {
    fn progress(&mut self, read_bytes: u64, total_bytes: u64) {
        note_progress(self.store, self.start_s, read_bytes, total_bytes);
        self.lines.tell(read_bytes, total_bytes);
    }

    fn interval_bytes(&self) -> u64 {
        self.interval_bytes
    }

    fn keys_loaded(&mut self, keys: u64) -> BoxFuture<'_, ()> {
        Box::pin(delay_load(self.store, keys, &rest))
    }
}

fn fatal(name: &str, error: &LoadError) -> String {
    let fault = match error {
        LoadError::Decode(DecodeError { fault, .. }) => Some(fault),
        _ => None,
    };
    let advice = match fault {
        Some(DecodeFault::DamagedBlock { .. }) => {
            " 'towline convert --salvage' writes what is whole of it to another file."
        }
        Some(DecodeFault::Foreign(_)) => " 'rdb-skip-unknown yes' loads the rest of it.",
        _ => "",
    };
    format!(
        "Fatal error loading the DB from {name}: {error}. The file was not touched.{advice} Terminating server after rdb file reading failure."
    )
}
