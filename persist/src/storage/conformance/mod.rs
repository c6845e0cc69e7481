//! What every [`Storage`] must do, as one call.
//!
//! ```
//! use towline_persist::storage::{conformance, MemoryStorage};
//!
//! futures::executor::block_on(conformance::run(&MemoryStorage::new()));
//! ```
//!
//! One whose medium can be made to fail is held to all of it, in a line as well:
//!
//! ```
//! use towline_persist::storage::{conformance, CrashDisk};
//!
//! futures::executor::block_on(conformance::run_with_faults(CrashDisk::new));
//! ```
//!
//! | the fault | how it is played |
//! |---|---|
//! | a crash between any two calls | [`CrashStorage::crash`], after random calls |
//! | unsynced writes lost, torn and reordered | whatever that leaves and the obligations allow |
//! | a torn block, a short write, a full disk, EIO on fsync and on names | [`Fault`] |
//!
//! [`Reopened`] plays crashes for a storage that is opened again on its medium.
//!
//! A broken obligation panics with the property that does not hold. The
//! storage handed in must be empty; it is left with the suite's files.

mod crashes;
mod faults;
mod reopened;

use towline_core::seams::{Storage, StorageError};

pub use crashes::crash_between_calls;
pub use faults::{Fault, FaultStorage};
pub use reopened::Reopened;

/// A storage that can play a crash, which the durability properties need.
pub trait CrashStorage: Storage {
    /// Forgets whatever is not durable, as a power cut would.
    fn crash(&self);
}

/// So many runs of random calls and crashes.
const CRASH_SEEDS: u64 = 24;

/// Checks everything: what can be seen, what survives a crash between any two calls,
/// and what is left where the medium fails. `make` makes an empty storage; what its
/// crashes leave may follow from the number that it is handed.
pub async fn run_with_faults<S: FaultStorage>(make: impl Fn(u64) -> S) {
    run(&make(0)).await;
    for seed in 0..CRASH_SEEDS {
        run_with_crashes(&make(seed)).await;
        crash_between_calls(&make(seed), seed).await;
        faults::run(&|| make(seed), seed).await;
    }
}

/// Checks everything that can be seen without a crash.
pub async fn run(storage: &dyn Storage) {
    assert_eq!(
        storage.list().await,
        Ok(vec![]),
        "the suite wants an empty storage"
    );
    appends_are_seen_at_once(storage).await;
    reads_end_with_the_file(storage).await;
    creating_again_empties(storage).await;
    truncating_cuts_the_end(storage).await;
    renaming_replaces(storage).await;
    removing_and_listing(storage).await;
    missing_files_are_named(storage).await;
    names_are_no_paths(storage).await;
    large_appends_are_whole(storage).await;
}

/// Checks what survives a crash, and what must not come up after one.
pub async fn run_with_crashes(storage: &dyn CrashStorage) {
    synced_bytes_survive(storage).await;
    unsynced_bytes_are_a_prefix(storage).await;
    a_rename_is_whole(storage).await;
    a_synced_removal_stays(storage).await;
}

async fn write(storage: &dyn Storage, name: &str, data: &[u8]) {
    storage.create(name).await.expect("create works");
    let length = storage.append(name, data.to_vec()).await;
    assert_eq!(
        length,
        Ok(data.len() as u64),
        "append returns the new length"
    );
}

async fn whole(storage: &dyn Storage, name: &str) -> Vec<u8> {
    storage
        .read(name, 0, 1 << 30)
        .await
        .expect("the file is there")
}

async fn appends_are_seen_at_once(storage: &dyn Storage) {
    write(storage, "seen", b"one").await;
    assert_eq!(storage.append("seen", b" two".to_vec()).await, Ok(7));
    assert_eq!(storage.append("seen", vec![]).await, Ok(7));
    assert_eq!(storage.len("seen").await, Ok(7));
    assert_eq!(whole(storage, "seen").await, b"one two");
    storage.sync("seen").await.expect("sync works");
    storage.sync_dir().await.expect("sync_dir works");
    assert_eq!(whole(storage, "seen").await, b"one two");
}

async fn reads_end_with_the_file(storage: &dyn Storage) {
    write(storage, "reads", b"0123456789").await;
    assert_eq!(storage.read("reads", 3, 4).await, Ok(b"3456".to_vec()));
    assert_eq!(storage.read("reads", 8, 100).await, Ok(b"89".to_vec()));
    assert_eq!(storage.read("reads", 10, 1).await, Ok(vec![]));
    assert_eq!(storage.read("reads", u64::MAX, 1).await, Ok(vec![]));
    assert_eq!(storage.read("reads", 0, 0).await, Ok(vec![]));
}

async fn creating_again_empties(storage: &dyn Storage) {
    write(storage, "again", b"old").await;
    storage.create("again").await.expect("create works");
    assert_eq!(storage.len("again").await, Ok(0));
    assert_eq!(storage.append("again", b"new".to_vec()).await, Ok(3));
    assert_eq!(whole(storage, "again").await, b"new");
}

async fn truncating_cuts_the_end(storage: &dyn Storage) {
    write(storage, "cut", b"keep this, not that").await;
    storage.truncate("cut", 9).await.expect("truncate works");
    assert_eq!(whole(storage, "cut").await, b"keep this");
    let longer = storage.truncate("cut", 10).await;
    assert!(
        matches!(longer, Err(StorageError::OutOfRange { length: 10, .. })),
        "truncate never lengthens: {longer:?}"
    );
    assert_eq!(storage.append("cut", b"!".to_vec()).await, Ok(10));
    assert_eq!(whole(storage, "cut").await, b"keep this!");
}

async fn renaming_replaces(storage: &dyn Storage) {
    write(storage, "target", b"old").await;
    write(storage, "temp", b"new").await;
    storage
        .rename("temp", "target")
        .await
        .expect("rename works");
    assert_eq!(whole(storage, "target").await, b"new");
    let gone = storage.len("temp").await;
    assert!(
        matches!(gone, Err(StorageError::NotFound { .. })),
        "{gone:?}"
    );
    assert_eq!(storage.append("target", b"er".to_vec()).await, Ok(5));
    assert_eq!(whole(storage, "target").await, b"newer");
}

async fn removing_and_listing(storage: &dyn Storage) {
    write(storage, "z-last", b"").await;
    write(storage, "a-first", b"").await;
    let names = storage.list().await.expect("list works");
    assert!(names.is_sorted(), "{names:?}");
    for name in ["a-first", "z-last"] {
        assert!(names.contains(&name.to_owned()), "{name} in {names:?}");
    }
    storage.remove("z-last").await.expect("remove works");
    let names = storage.list().await.expect("list works");
    assert!(!names.contains(&"z-last".to_owned()), "{names:?}");
}

async fn missing_files_are_named(storage: &dyn Storage) {
    let name = "nowhere";
    let missing = StorageError::NotFound {
        name: name.to_owned(),
    };
    assert_eq!(
        storage.append(name, vec![1]).await,
        Err(missing.clone()),
        "append makes no file"
    );
    assert_eq!(storage.read(name, 0, 1).await, Err(missing.clone()));
    assert_eq!(storage.len(name).await, Err(missing.clone()));
    assert_eq!(storage.truncate(name, 0).await, Err(missing.clone()));
    assert_eq!(storage.sync(name).await, Err(missing.clone()));
    assert_eq!(storage.rename(name, "x").await, Err(missing.clone()));
    assert_eq!(storage.remove(name).await, Err(missing));
}

async fn names_are_no_paths(storage: &dyn Storage) {
    for name in ["", ".", "..", "a/b", "../up", "nul\0"] {
        let made = storage.create(name).await;
        let refused = matches!(made, Err(StorageError::InvalidName { .. }));
        assert!(refused, "{name:?}: {made:?}");
    }
    write(storage, "plain", b"").await;
    let renamed = storage.rename("plain", "a/b").await;
    assert!(
        matches!(renamed, Err(StorageError::InvalidName { .. })),
        "{renamed:?}"
    );
}

async fn large_appends_are_whole(storage: &dyn Storage) {
    let block: Vec<u8> = (0..1_000_003_u32).map(|i| (i % 251) as u8).collect();
    write(storage, "large", &block).await;
    storage
        .append("large", block.clone())
        .await
        .expect("append works");
    let middle = storage.read("large", 1_000_000, 7).await;
    let expected: Vec<u8> = [&block[1_000_000..], &block[..4]].concat();
    assert_eq!(middle, Ok(expected), "appends are seamless");
}

async fn synced_bytes_survive(storage: &dyn CrashStorage) {
    write(storage, "log", b"synced").await;
    storage.sync("log").await.expect("sync works");
    storage.sync_dir().await.expect("sync_dir works");
    storage
        .append("log", b" lost".to_vec())
        .await
        .expect("append works");
    storage.crash();
    let left = whole(storage, "log").await;
    assert!(left.starts_with(b"synced"), "{left:?}");
}

async fn unsynced_bytes_are_a_prefix(storage: &dyn CrashStorage) {
    write(storage, "prefix", b"").await;
    storage.sync_dir().await.expect("sync_dir works");
    storage
        .append("prefix", b"abc".to_vec())
        .await
        .expect("append works");
    storage.crash();
    let left = whole(storage, "prefix").await;
    assert!(b"abc".starts_with(&left), "{left:?} was never written");
}

/// The way snapshots are put in place: write beside, sync, rename.
async fn a_rename_is_whole(storage: &dyn CrashStorage) {
    write(storage, "dump", b"old").await;
    storage.sync("dump").await.expect("sync works");
    storage.sync_dir().await.expect("sync_dir works");
    write(storage, "dump.tmp", b"new").await;
    storage.sync("dump.tmp").await.expect("sync works");
    storage
        .rename("dump.tmp", "dump")
        .await
        .expect("rename works");
    storage.crash();
    let left = whole(storage, "dump").await;
    assert!(left == b"old" || left == b"new", "{left:?} is neither");
    write(storage, "dump.tmp", b"newest").await;
    storage.sync("dump.tmp").await.expect("sync works");
    storage
        .rename("dump.tmp", "dump")
        .await
        .expect("rename works");
    storage.sync_dir().await.expect("sync_dir works");
    storage.crash();
    assert_eq!(whole(storage, "dump").await, b"newest");
}

async fn a_synced_removal_stays(storage: &dyn CrashStorage) {
    write(storage, "gone", b"x").await;
    storage.sync_dir().await.expect("sync_dir works");
    storage.remove("gone").await.expect("remove works");
    storage.sync_dir().await.expect("sync_dir works");
    storage.crash();
    let found = storage.len("gone").await;
    assert!(
        matches!(found, Err(StorageError::NotFound { .. })),
        "{found:?}"
    );
}
