//! What a storage leaves where its medium fails.

use towline_core::seams::{StorageError, StorageOp};

use super::{CrashStorage, crashes, whole, write};

/// How a medium fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing more fits (ENOSPC).
    Full,
    /// A write ends, with an error, when a part of it is done.
    ShortWrite,
    /// What was written cannot be made durable (EIO on fsync).
    Sync,
    /// Names can be neither changed nor made durable.
    Names,
    /// Of an unsynced block that a crash hits, only a part is written. The file may have
    /// its new length all the same: zeros stand for the rest.
    TornBlock,
}

const ALL: [Fault; 4] = [Fault::Full, Fault::ShortWrite, Fault::Sync, Fault::Names];

impl Fault {
    /// Whether `op` fails by it on a medium that does at once what it is told.
    #[must_use]
    pub const fn hits(self, op: StorageOp) -> bool {
        match self {
            Self::Full | Self::ShortWrite => matches!(op, StorageOp::Append),
            Self::Sync => matches!(op, StorageOp::Sync),
            Self::Names => matches!(
                op,
                StorageOp::Rename | StorageOp::Remove | StorageOp::SyncDir
            ),
            Self::TornBlock => false,
        }
    }
}

/// A storage on a medium that fails when it is told to.
pub trait FaultStorage: CrashStorage {
    /// The medium fails like this from now on, or works again. False where it cannot
    /// fail like this, and there is nothing to check.
    fn fail(&self, fault: Option<Fault>) -> bool;
}

/// Checks all of it, each time on a new storage.
pub(super) async fn run<S: FaultStorage>(make: &dyn Fn() -> S, seed: u64) {
    for fault in ALL {
        let storage = make();
        if storage.fail(Some(fault)) {
            storage.fail(None);
            appended_data_is_whole_or_refused(&storage, fault).await;
            let storage = make();
            a_rename_is_whole_or_refused(&storage, fault).await;
        }
    }
    a_failed_sync_poisons(&make()).await;
    let torn = make();
    if torn.fail(Some(Fault::TornBlock)) {
        crashes::run(&torn, seed, true).await;
    }
}

/// What was synced survives; what was refused is not there, or the file takes no more.
async fn appended_data_is_whole_or_refused(storage: &dyn FaultStorage, fault: Fault) {
    write(storage, "log", b"synced ").await;
    storage.sync("log").await.expect("sync works");
    storage.sync_dir().await.expect("sync_dir works");
    storage.fail(Some(fault));
    let more = vec![b'm'; 100_000];
    let appended = storage.append("log", more.clone()).await;
    let mut seen = b"synced ".to_vec();
    if appended.is_ok() {
        seen.extend_from_slice(&more);
    }
    assert_eq!(
        whole(storage, "log").await,
        seen,
        "{fault:?}: an append is done or refused, and reads go on"
    );
    let synced = storage.sync("log").await;
    storage.fail(None);
    let after = storage.append("log", b" end".to_vec()).await;
    match &after {
        Ok(length) => {
            seen.extend_from_slice(b" end");
            assert_eq!(*length, seen.len() as u64, "{fault:?}: it goes on");
        }
        Err(error) => assert_poisoned(error, fault),
    }
    let may_be: Vec<u8> = [&b"synced "[..], &more, b" end"].concat();
    let must_be = if synced.is_ok() && appended.is_ok() {
        b"synced ".len() + more.len()
    } else {
        b"synced ".len()
    };
    if after.is_ok() {
        storage
            .sync("log")
            .await
            .expect("the medium is whole again");
        storage.crash();
        assert_eq!(whole(storage, "log").await, seen, "{fault:?}");
        return;
    }
    storage.crash();
    let left = whole(storage, "log").await;
    assert!(may_be.starts_with(&left), "{fault:?}: never written");
    assert!(left.len() >= must_be, "{fault:?}: synced data is lost");
}

fn assert_poisoned(error: &StorageError, fault: Fault) {
    let poisoned = matches!(error, StorageError::Poisoned { .. });
    assert!(poisoned, "{fault:?}: refused by a whole medium: {error}");
}

/// A snapshot that replaces another where something fails on the way.
async fn a_rename_is_whole_or_refused(storage: &dyn FaultStorage, fault: Fault) {
    write(storage, "dump", b"old").await;
    write(storage, "other", b"other").await;
    for name in ["dump", "other"] {
        storage.sync(name).await.expect("sync works");
    }
    storage.sync_dir().await.expect("sync_dir works");
    storage.fail(Some(fault));
    let mut done = storage.create("temp").await;
    if done.is_ok() {
        done = storage.append("temp", b"new".to_vec()).await.map(drop);
    }
    if done.is_ok() {
        done = storage.sync("temp").await;
    }
    if done.is_ok() {
        done = storage.rename("temp", "dump").await;
    }
    if done.is_ok() {
        done = storage.sync_dir().await;
    }
    storage.fail(None);
    storage.crash();
    let left = whole(storage, "dump").await;
    match done {
        Ok(()) => assert_eq!(left, b"new", "{fault:?}: it was durable"),
        Err(_) => assert!(left == b"old" || left == b"new", "{fault:?}: {left:?}"),
    }
    assert_eq!(whole(storage, "other").await, b"other", "{fault:?}");
    write(storage, "temp", b"newest").await;
    storage
        .sync("temp")
        .await
        .expect("the medium is whole again");
    storage.rename("temp", "dump").await.expect("as above");
    storage.sync_dir().await.expect("as above");
    storage.crash();
    assert_eq!(whole(storage, "dump").await, b"newest", "{fault:?}");
}

/// Nobody knows what is on disk after a failed sync: the file takes no more until it is
/// made anew, and its bytes are there to read.
async fn a_failed_sync_poisons(storage: &dyn FaultStorage) {
    write(storage, "log", b"synced").await;
    storage.sync("log").await.expect("sync works");
    storage.sync_dir().await.expect("sync_dir works");
    storage
        .append("log", b" or not".to_vec())
        .await
        .expect("append works");
    if !storage.fail(Some(Fault::Sync)) {
        return;
    }
    storage.sync("log").await.expect_err("the medium fails");
    storage.fail(None);
    let poisoned = StorageError::Poisoned {
        name: "log".to_owned(),
    };
    assert_eq!(storage.sync("log").await, Err(poisoned.clone()));
    assert_eq!(storage.truncate("log", 0).await, Err(poisoned.clone()));
    let appended = storage.append("log", b"!".to_vec()).await;
    assert_eq!(appended, Err(poisoned));
    assert_eq!(whole(storage, "log").await, b"synced or not", "reads go on");
    if let Err(error) = storage.create("log").await {
        // Where the medium is one file, all files are poisoned until it is opened again.
        assert_poisoned(&error, Fault::Sync);
        storage.crash();
        let left = whole(storage, "log").await;
        assert!(left.starts_with(b"synced"), "{left:?}");
        storage.create("log").await.expect("it was opened again");
    }
    let appended = storage.append("log", b"new".to_vec()).await;
    assert_eq!(appended, Ok(3), "made anew it takes writes");
    storage
        .sync("log")
        .await
        .expect("the medium is whole again");
    storage.crash();
    assert_eq!(whole(storage, "log").await, b"new");
}
