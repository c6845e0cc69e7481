//! Saving and loading through a storage: whole or not at all, whatever fails.

#[path = "support/node.rs"]
mod node;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use node::{Meddler, Node};
use towline_core::engine::Engine;
use towline_core::keyspace::dataset::Dataset;
use towline_core::keyspace::{HashSeed, Keyspace};
use towline_core::seams::snapshot::{DecodeFault, DecodeOptions};
use towline_core::seams::{SnapshotCodec, Storage, StorageError, StorageOp};
use towline_core::value::item::Item;
use towline_core::value::{EncodingLimits, Hash, Value};
use towline_persist::load::{LoadError, load};
use towline_persist::rdb::RdbCodec;
use towline_persist::save::{SaveError, SaveJob};
use towline_persist::storage::MemoryStorage;
use towline_persist::storage::conformance::CrashStorage;
use towline_persist::towline::TowlineCodec;

const NAME: &str = "dump.rdb";
const TEMPORARY: &str = "temp-1.rdb";

fn codecs() -> Vec<Arc<dyn SnapshotCodec>> {
    vec![Arc::new(RdbCodec::default()), Arc::new(TowlineCodec)]
}

/// Many small keys in two databases, and a hash that is not small.
fn filled(marker: i64) -> Node {
    let node = Node::new();
    let mut engine = node.lock();
    let seed = *engine.keyspace.seed();
    for i in 0..3000_i64 {
        let key = format!("key:{i}");
        let expire_ms = (i % 7 == 0).then_some(4_102_444_800_000 + i);
        let value = Value::Int(marker * 10_000 + i);
        engine.keyspace.set(0, key.as_bytes(), value, expire_ms);
    }
    let items = (0..20_000).map(|i| Item::pair(format!("f{i}").as_bytes(), b"value"));
    let hash = Hash::from_items(items.collect(), seed, &EncodingLimits::default());
    let hash = Value::Hash(Box::new(hash.expect("the fields differ")));
    engine.keyspace.set(5, b"hash", hash, None);
    drop(engine);
    node
}

/// Every key with a word about its value.
fn contents(space: &Keyspace) -> BTreeMap<(usize, Vec<u8>), String> {
    let mut all = BTreeMap::new();
    let keys = (0..3000).map(|i| (0, format!("key:{i}").into_bytes()));
    for (db, key) in keys.chain([(5, b"hash".to_vec())]) {
        if let Some(entry) = space.find(db, &key) {
            let value = match entry.value_to_owned() {
                Value::Hash(hash) => format!("hash of {}", hash.len()),
                other => format!("{other:?}"),
            };
            all.insert((db, key), format!("{value}, {:?}", entry.expire_ms()));
        }
    }
    assert_eq!(all.len(), space.len());
    all
}

async fn save(
    node: &Node,
    storage: &MemoryStorage,
    codec: &dyn SnapshotCodec,
) -> Result<(), SaveError> {
    save_while(node, storage, codec, usize::MAX, |_| {}).await
}

async fn save_while(
    node: &Node,
    storage: &MemoryStorage,
    codec: &dyn SnapshotCodec,
    slices_left: usize,
    meddle: impl FnMut(&mut Engine) + Send,
) -> Result<(), SaveError> {
    let job = SaveJob {
        store: node,
        storage,
        codec,
        name: NAME,
        temporary: TEMPORARY,
    };
    job.run(&mut Meddler {
        slices_left,
        meddle,
    })
    .await
}

async fn load_contents(
    storage: &MemoryStorage,
) -> Result<BTreeMap<(usize, Vec<u8>), String>, LoadError> {
    let seed = HashSeed::new(7, 7);
    let mut dataset = Dataset::new(16, seed);
    let mut seen = 0;
    let options = DecodeOptions::new(seed);
    let told = &mut |at, total| {
        assert!(seen < at && at <= total, "progress goes forward");
        seen = at;
    };
    load(storage, NAME, &codecs(), options, &mut dataset, told).await?;
    Ok(contents(&dataset.into_keyspace()))
}

#[test]
fn what_was_saved_is_loaded_in_either_format() {
    let node = filled(1);
    let expected = contents(&node.lock().keyspace);
    assert_eq!(expected.len(), 3001);
    for codec in codecs() {
        let storage = MemoryStorage::new();
        block_on(async {
            save(&node, &storage, codec.as_ref())
                .await
                .expect("there is room");
            let loaded = load_contents(&storage).await.expect("it was just saved");
            assert_eq!(loaded, expected, "{}", codec.name());
            assert_eq!(storage.list().await, Ok(vec![NAME.to_owned()]));
        });
    }
}

#[test]
fn a_save_under_writes_is_the_instant_of_its_freeze() {
    let node = filled(1);
    let expected = contents(&node.lock().keyspace);
    let storage = MemoryStorage::new();
    let mut at = 0;
    let meddle = |engine: &mut Engine| {
        for _ in 0..50 {
            at = (at * 31 + 17) % 3000;
            let key = format!("key:{at}");
            engine.keyspace.set(0, key.as_bytes(), Value::Int(-1), None);
        }
        engine.keyspace.remove(5, b"hash");
    };
    block_on(async {
        let codec = RdbCodec::default();
        let saved = save_while(&node, &storage, &codec, usize::MAX, meddle).await;
        saved.expect("there is room");
        let loaded = load_contents(&storage).await.expect("it was just saved");
        assert_eq!(loaded, expected);
    });
    assert_ne!(contents(&node.lock().keyspace), expected);
}

#[test]
fn whatever_fails_the_old_snapshot_stays() {
    let (old, new) = (filled(1), filled(2));
    let expected = contents(&old.lock().keyspace);
    let codec = RdbCodec::default();
    for op in [
        StorageOp::Create,
        StorageOp::Append,
        StorageOp::Sync,
        StorageOp::Rename,
    ] {
        let storage = MemoryStorage::new();
        block_on(async {
            save(&old, &storage, &codec).await.expect("there is room");
            storage.fail_next(op);
            let error = save(&new, &storage, &codec).await;
            let error = error.expect_err("an operation fails");
            assert!(error.to_string().contains("Input/output error"), "{error}");
            assert_eq!(
                load_contents(&storage).await.expect("it is whole"),
                expected
            );
            let names = storage.list().await;
            assert_eq!(names, Ok(vec![NAME.to_owned()]), "after {op} failed");
            save(&new, &storage, &codec).await.expect("it works again");
        });
    }
}

#[test]
fn a_cancelled_save_leaves_nothing_behind() {
    let node = filled(1);
    let storage = MemoryStorage::new();
    block_on(async {
        let codec = RdbCodec::default();
        let cancelled = save_while(&node, &storage, &codec, 2, |_| {}).await;
        assert!(matches!(cancelled, Err(SaveError::Cancelled)));
        assert_eq!(storage.list().await, Ok(vec![]));
        save(&node, &storage, &codec)
            .await
            .expect("the freeze was ended");
    });
}

#[test]
fn a_crash_finds_the_old_snapshot_or_the_new_one() {
    let (old, new) = (filled(1), filled(2));
    let codec = TowlineCodec;
    let storage = MemoryStorage::new();
    block_on(async {
        save(&old, &storage, &codec).await.expect("there is room");
        storage.crash();
        let expected = contents(&old.lock().keyspace);
        assert_eq!(
            load_contents(&storage).await.expect("it was durable"),
            expected
        );
        storage.fail_next(StorageOp::SyncDir);
        assert!(save(&new, &storage, &codec).await.is_err());
        storage.crash();
        assert_eq!(
            load_contents(&storage).await.expect("it was durable"),
            expected
        );
        save(&new, &storage, &codec).await.expect("there is room");
        storage.crash();
        let expected = contents(&new.lock().keyspace);
        assert_eq!(
            load_contents(&storage).await.expect("it was durable"),
            expected
        );
    });
}

#[test]
fn what_is_no_whole_snapshot_is_refused() {
    let storage = MemoryStorage::new();
    block_on(async {
        let missing = load_contents(&storage).await;
        let not_found = StorageError::NotFound {
            name: NAME.to_owned(),
        };
        assert!(matches!(missing, Err(LoadError::Storage(error)) if error == not_found));
        storage.create(NAME).await.expect("there is room");
        for (text, formats) in [(&b""[..], 0), (b"hello world", 0), (b"REDIS0011\xfa", 1)] {
            storage.create(NAME).await.expect("there is room");
            storage
                .append(NAME, text.to_vec())
                .await
                .expect("there is room");
            let error = load_contents(&storage)
                .await
                .expect_err("it is no snapshot");
            match error {
                LoadError::UnknownFormat => assert_eq!(formats, 0, "{text:?}"),
                LoadError::Decode(error) => assert_eq!(error.fault, DecodeFault::Truncated),
                other => panic!("{other}"),
            }
        }
        let codec = RdbCodec::default();
        save(&filled(1), &storage, &codec)
            .await
            .expect("there is room");
        storage.append(NAME, vec![0]).await.expect("there is room");
        let trailing = load_contents(&storage).await;
        assert!(matches!(trailing, Err(LoadError::TrailingBytes)));
    });
}
