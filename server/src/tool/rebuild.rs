//! The dataset of a moment, made from a base and what was logged behind it.
//!
//! An engine of its own runs the commands as a replica runs those of its primary: a key
//! goes when the log says so, never because its time has come meanwhile.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use towline_core::config::Config;
use towline_core::engine::{Engine, EngineOptions};
use towline_core::keyspace::HashSeed;
use towline_core::keyspace::dataset::Dataset;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::SnapshotMeta;
use towline_core::seams::{Host, NoHost, SnapshotCodec, Store};
use towline_core::version::REDIS_VERSION;
use towline_persist::journal::{Recovered, ReplaySink, Way, replay_file};
use towline_persist::rdb::RdbPayload;
use towline_persist::save::{SaveError, Watcher, write_snapshot};
use towline_persist::storage::{FileWriter, FsStorage};

use super::source::{ReadError, read_preamble, show};
use super::{ShowProgress, ToolError};
use crate::appendonly::apply::{Applied, LogClient};
use crate::host::unix_ms;

/// No log is expected to select a database beyond these. One costs nothing while it is
/// empty.
const DATABASES: usize = 1 << 14;
/// So often what the commands threw away is dropped.
const GARBAGE_EVERY: u64 = 1024;

/// An engine that serves nobody.
pub(super) struct Rebuilt(Mutex<Engine>);

impl Store for Rebuilt {
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host)) {
        let mut engine = self.engine();
        let mut host = NoHost::default();
        engine.begin_batch(&host);
        work(&mut engine, &mut host);
        engine.end_batch();
        drop(engine.take_garbage());
    }
}

impl Rebuilt {
    fn engine(&self) -> MutexGuard<'_, Engine> {
        // One thread uses it, and a panic of that one ends the program.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.engine().keyspace.len()
    }
}

fn new_engine() -> Engine {
    let mut config = Config::new();
    config.follow("databases", DATABASES.to_string().as_bytes());
    let mut engine = Engine::new(EngineOptions {
        // Nobody outside chooses the keys after the fact, and the base brings its own.
        hash_seed: HashSeed::new(0, 0),
        rng_seed: 0,
        run_id: ReplicationId::NONE,
        replid: ReplicationId::NONE,
        now_ms: unix_ms(),
        config,
    });
    engine.server.value_codec = Some(Arc::new(RdbPayload));
    engine
}

/// Loads the base of `way` and runs what follows it.
pub(super) async fn rebuild(
    storage: &FsStorage,
    way: &Way,
    progress: &mut ShowProgress<'_>,
) -> Result<(Rebuilt, Recovered), ToolError> {
    let store = Rebuilt(Mutex::new(new_engine()));
    let client = LogClient::connect(&mut store.engine());
    let mut runner = Runner {
        store: &store,
        client,
        progress,
        commands: 0,
    };
    if let Some(base) = &way.found.base {
        runner.load_base(storage, base).await?;
    }
    let replayed = way.found.replay(storage, &mut runner).await;
    let recovered = replayed.map_err(|error| ToolError::Log(error.to_string()))?;
    client.close(&mut store.engine());
    Ok((store, recovered))
}

struct Runner<'a, 'b> {
    store: &'a Rebuilt,
    client: LogClient,
    progress: &'a mut ShowProgress<'b>,
    commands: u64,
}

impl Runner<'_, '_> {
    /// A snapshot, perhaps with commands behind it, or commands alone.
    async fn load_base(&mut self, storage: &FsStorage, base: &str) -> Result<(), ToolError> {
        let path = storage.root().join(base);
        let mut dataset = Dataset::new(DATABASES, HashSeed::new(0, 0));
        let (end, total) = match read_preamble(&path, &mut dataset, self.progress) {
            Ok((whole, total)) => {
                let keyspace = dataset.into_keyspace();
                self.store.engine().install_dataset(keyspace);
                (whole.bytes, total)
            }
            Err(ReadError::UnknownFormat) => (0, u64::MAX),
            Err(error) => return Err(ToolError::of_source(&path, error)),
        };
        if end == total {
            return Ok(());
        }
        let replayed = replay_file(storage, base, end, self).await;
        let replayed = replayed.map_err(|error| ToolError::Log(error.to_string()))?;
        match replayed.torn {
            None => Ok(()),
            Some(torn) => Err(ToolError::Log(format!(
                "{base}: it ends inside of a command at offset {}",
                torn.whole_bytes
            ))),
        }
    }
}

impl ReplaySink for Runner<'_, '_> {
    fn command(&mut self, _offset: Offset, args: &[&[u8]]) -> Result<(), String> {
        let mut engine = self.store.engine();
        let applied = self
            .client
            .apply(&mut engine, &mut NoHost::default(), args)?;
        self.commands += 1;
        if self.commands.is_multiple_of(GARBAGE_EVERY) {
            drop(engine.take_garbage());
        }
        match applied {
            Applied::Well => Ok(()),
            Applied::Failed => Err(format!("the command '{}' failed", args[0].escape_ascii())),
        }
    }

    fn progress(&mut self, read_bytes: u64, total_bytes: u64) {
        show(self.progress, read_bytes, total_bytes);
    }
}

/// Writes the dataset into `to`, which appears once it is whole.
pub(super) async fn save(
    store: &Rebuilt,
    to: &Path,
    codec: &dyn SnapshotCodec,
    progress: &mut ShowProgress<'_>,
) -> Result<(), SaveError> {
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let storage = FsStorage::open(parent.unwrap_or(Path::new(".")))?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let temporary = format!("temp-{}-{name}", std::process::id());
    let mut file = FileWriter::create(&storage, &temporary, &name).await?;
    let mut shown = Shown {
        keys: store.keys() as u64,
        progress,
    };
    let encoder = |meta: &SnapshotMeta| codec.encoder(meta);
    write_snapshot(store, &encoder, &mut file, &mut shown).await?;
    show(progress, 1, 1);
    Ok(())
}

/// Shows how far the snapshot is.
struct Shown<'a, 'b> {
    keys: u64,
    progress: &'a mut ShowProgress<'b>,
}

impl Watcher for Shown<'_, '_> {
    /// What a server makes of the file is another history: it has no place in the one
    /// that the log went on in.
    fn frozen(&mut self, engine: &mut Engine, _keys_total: u64) -> SnapshotMeta {
        SnapshotMeta {
            redis_version: REDIS_VERSION.to_owned(),
            created_ms: u64::try_from(unix_ms()).unwrap_or(0),
            hash_seed: Some(*engine.keyspace.seed()),
            ..SnapshotMeta::default()
        }
    }

    fn progress(&mut self, _engine: &mut Engine, keys: u64) -> bool {
        // The end is shown once the file is in its place.
        show(
            self.progress,
            keys.min(self.keys.saturating_sub(1)),
            self.keys,
        );
        true
    }
}
