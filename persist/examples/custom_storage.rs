//! A storage of one's own: snapshots in a map, with a word about each call.
//!
//! An object store, a database or an encrypting layer takes the same ten
//! methods. The conformance suite says whether they keep their word; after that
//! saving and loading work as they do on a disk.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::executor::block_on;
use towline_core::config::Config;
use towline_core::engine::{Engine, EngineOptions};
use towline_core::keyspace::HashSeed;
use towline_core::keyspace::dataset::Dataset;
use towline_core::offset::ReplicationId;
use towline_core::seams::snapshot::{DecodeOptions, SnapshotMeta};
use towline_core::seams::storage::check_name;
use towline_core::seams::{Host, NoHost, SnapshotCodec, Storage, StorageError, Store};
use towline_core::value::{Value, ValueRef};
use towline_persist::load::load;
use towline_persist::rdb::RdbCodec;
use towline_persist::save::{SaveJob, Watcher};
use towline_persist::storage::conformance;
use towline_persist::towline::TowlineCodec;

/// Files in a map. What is in it is as durable as it gets, so a sync has
/// nothing to do.
#[derive(Default)]
struct LoggingStorage {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    calls: Mutex<Vec<String>>,
}

impl LoggingStorage {
    fn note(&self, call: String) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.calls.lock().expect("no thread panicked").push(call);
        self.files.lock().expect("no thread panicked")
    }
}

fn missing(name: &str) -> StorageError {
    StorageError::NotFound {
        name: name.to_owned(),
    }
}

#[async_trait]
impl Storage for LoggingStorage {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        check_name(name)?;
        self.note(format!("create {name}"))
            .insert(name.to_owned(), Vec::new());
        Ok(())
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        let mut files = self.note(format!("append {name}, {} bytes", data.len()));
        let file = files.get_mut(name).ok_or_else(|| missing(name))?;
        file.extend(data);
        Ok(file.len() as u64)
    }

    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let files = self.note(format!("read {name} from {offset}"));
        let file = files.get(name).ok_or_else(|| missing(name))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = file.get(from..).unwrap_or_default();
        Ok(rest[..rest.len().min(max_bytes)].to_vec())
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        let files = self.note(format!("len {name}"));
        let file = files.get(name).ok_or_else(|| missing(name))?;
        Ok(file.len() as u64)
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        let mut files = self.note(format!("truncate {name} to {length}"));
        let file = files.get_mut(name).ok_or_else(|| missing(name))?;
        match usize::try_from(length) {
            Ok(kept) if kept <= file.len() => {
                file.truncate(kept);
                Ok(())
            }
            _ => Err(StorageError::OutOfRange {
                name: name.to_owned(),
                length,
            }),
        }
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        let files = self.note(format!("sync {name}"));
        files
            .contains_key(name)
            .then_some(())
            .ok_or_else(|| missing(name))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        check_name(to)?;
        let mut files = self.note(format!("rename {from} to {to}"));
        let file = files.remove(from).ok_or_else(|| missing(from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        let mut files = self.note(format!("remove {name}"));
        files.remove(name).map(drop).ok_or_else(|| missing(name))
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.note("list".to_owned()).keys().cloned().collect())
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        drop(self.note("sync_dir".to_owned()));
        Ok(())
    }
}

/// An engine behind a lock: all that saving needs of a server.
struct Node(Mutex<Engine>);

impl Store for Node {
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host)) {
        let mut engine = self.0.lock().expect("no thread panicked");
        let mut host = NoHost::default();
        engine.begin_batch(&host);
        work(&mut engine, &mut host);
        engine.end_batch();
    }
}

/// Says what the snapshot is of, and never gives up.
struct Patient;

impl Watcher for Patient {
    fn frozen(&mut self, engine: &mut Engine, keys_total: u64) -> SnapshotMeta {
        println!("frozen with {keys_total} keys");
        SnapshotMeta {
            redis_version: "7.2.4".to_owned(),
            hash_seed: Some(*engine.keyspace.seed()),
            ..SnapshotMeta::default()
        }
    }

    fn progress(&mut self, _engine: &mut Engine, _keys: u64) -> bool {
        true
    }
}

fn node() -> Node {
    let mut engine = Engine::new(EngineOptions {
        hash_seed: HashSeed::new(1, 2),
        rng_seed: 3,
        run_id: ReplicationId::from_random([1; 20]),
        replid: ReplicationId::from_random([2; 20]),
        now_ms: 1_700_000_000_000,
        config: Config::new(),
    });
    for i in 0..100_i64 {
        let key = format!("counter:{i}");
        engine.keyspace.set(0, key.as_bytes(), Value::Int(i), None);
    }
    let greeting = Value::Str(b"hello from a map".to_vec());
    engine.keyspace.set(9, b"greeting", greeting, None);
    Node(Mutex::new(engine))
}

async fn save_and_load(codec: Arc<dyn SnapshotCodec>) {
    let storage = LoggingStorage::default();
    let job = SaveJob {
        store: &node(),
        storage: &storage,
        codec: codec.as_ref(),
        name: "dump",
        temporary: "dump.tmp",
    };
    job.run(&mut Patient).await.expect("a map has room");

    let seed = HashSeed::new(8, 9);
    let mut dataset = Dataset::new(16, seed);
    let codecs = [codec];
    let options = DecodeOptions::new(seed);
    let told = &mut |at, total| println!("loaded {at} of {total} bytes");
    let loaded = load(&storage, "dump", &codecs, options, &mut dataset, told).await;
    loaded.expect("it was just saved");

    let space = dataset.into_keyspace();
    assert_eq!(space.len(), 101);
    let greeting = space.find(9, b"greeting").expect("it was saved");
    assert!(matches!(
        greeting.value(),
        ValueRef::Str(b"hello from a map")
    ));
    for call in storage.calls.lock().expect("no thread panicked").iter() {
        println!("  {call}");
    }
}

fn main() {
    block_on(async {
        conformance::run(&LoggingStorage::default()).await;
        println!("the storage keeps the obligations");
        save_and_load(Arc::new(RdbCodec::default())).await;
        save_and_load(Arc::new(TowlineCodec)).await;
    });
}
