//! A snapshot of the served dataset into a file of a [`Storage`], or into any
//! other [`SnapshotWriter`].

use std::time::Duration;

use futures::future::BoxFuture;
use towline_core::engine::Engine;
pub use towline_core::engine::snapshot::SnapshotError as SaveError;
use towline_core::engine::snapshot::{Pace, write_walk};
use towline_core::keyspace::SnapshotWalk;
use towline_core::seams::runtime::yield_now;
use towline_core::seams::snapshot::SnapshotMeta;
use towline_core::seams::{Host, SnapshotCodec, SnapshotEncoder, SnapshotWriter, Storage, Store};

use crate::storage::FileWriter;

/// What to write, and where.
pub struct SaveJob<'a> {
    /// The engine.
    pub store: &'a dyn Store,
    /// The directory.
    pub storage: &'a dyn Storage,
    /// The format.
    pub codec: &'a dyn SnapshotCodec,
    /// The file's name.
    pub name: &'a str,
    /// The name while it is being written.
    pub temporary: &'a str,
}

/// Tells how far a save is, and whether it is still wanted.
pub trait Watcher: Send {
    /// Called under the lock at the instant of the freeze; answers what the
    /// snapshot says of itself.
    fn frozen(&mut self, engine: &mut Engine, keys_total: u64) -> SnapshotMeta;

    /// Called under the lock after each slice of the walk; false gives up.
    fn progress(&mut self, engine: &mut Engine, keys: u64) -> bool;

    /// Waits for so long: between two slices while clients are busy, and where saves are
    /// slowed down. One without a timer lets other tasks run.
    fn rest(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(yield_now())
    }

    /// Encodes a part on another thread while nobody else wants the processor. One
    /// without threads does it before it returns.
    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// A watcher as the walk sees it.
struct Watched<'a>(&'a mut dyn Watcher);

impl Pace for Watched<'_> {
    fn progress(&mut self, engine: &mut Engine, _host: &mut dyn Host, keys: u64) -> bool {
        self.0.progress(engine, keys)
    }

    fn rest(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.rest(duration)
    }

    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.beside(work);
    }
}

impl SaveJob<'_> {
    /// Writes the snapshot beside the present one and puts it in its place.
    ///
    /// # Errors
    /// See [`SaveError`]; what was written of the new file is removed.
    pub async fn run(&self, watcher: &mut dyn Watcher) -> Result<(), SaveError> {
        let mut file = FileWriter::create(self.storage, self.temporary, self.name).await?;
        let encoder = |meta: &SnapshotMeta| self.codec.encoder(meta);
        write_snapshot(self.store, &encoder, &mut file, watcher).await
    }
}

/// Makes the encoder of a snapshot that says this of itself.
pub type MakeEncoder<'a> = &'a (dyn Fn(&SnapshotMeta) -> Box<dyn SnapshotEncoder> + Sync);

/// Writes a snapshot of the dataset as it is now.
///
/// # Errors
/// See [`SaveError`]; the writer was then told to give up.
pub async fn write_snapshot(
    store: &dyn Store,
    encoder: MakeEncoder<'_>,
    writer: &mut dyn SnapshotWriter,
    watcher: &mut dyn Watcher,
) -> Result<(), SaveError> {
    let walk = store.with(|engine, _| {
        let keys_total = engine.keyspace.len() as u64;
        let meta = watcher.frozen(engine, keys_total);
        SnapshotWalk::begin(&mut engine.keyspace, encoder(&meta), &meta)
    });
    let written = write_walk(store, walk, writer, &mut Watched(watcher)).await;
    let finished = match written {
        Ok(()) => writer.finish().await.map_err(SaveError::from),
        Err(error) => Err(error),
    };
    if finished.is_err() {
        // The error that made it useless is the one to tell.
        let _ = writer.abort().await;
    }
    finished
}
