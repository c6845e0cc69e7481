//! Files in memory, with a disk's failures on request.
//!
//! The simulator and the tests use it: what was not synced is lost in a
//! [`crash`](MemoryStorage::crash), and any operation can be made to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use towline_core::seams::storage::check_name;
use towline_core::seams::{Storage, StorageError, StorageOp};

use super::conformance::{CrashStorage, Fault, FaultStorage};

/// Files in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    state: Arc<Mutex<State>>,
}

type Names = BTreeMap<String, Arc<Mutex<Content>>>;

#[derive(Debug, Default)]
struct State {
    /// What calls see.
    live: Names,
    /// What a crash leaves: the names as of the last directory sync.
    durable: Names,
    /// No file may grow once all together hold this many bytes.
    capacity_bytes: Option<u64>,
    /// Operations that fail once, each when it is next asked for.
    failures: Vec<StorageOp>,
    /// How all of them fail.
    fault: Option<Fault>,
}

/// One file, whatever names it has.
#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// How many of `bytes` a crash is sure to leave.
    durable_bytes: usize,
    poisoned: bool,
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many bytes all files together may hold.
    pub fn set_capacity(&self, capacity_bytes: u64) {
        self.state().capacity_bytes = Some(capacity_bytes);
    }

    /// Makes the next `op` fail, as a disk would.
    pub fn fail_next(&self, op: StorageOp) {
        self.state().failures.push(op);
    }

    /// Forgets what was not synced. `keep` is asked, file by file, how many of
    /// its unsynced bytes survive after all; a real disk may keep any prefix.
    pub fn crash_keeping(&self, mut keep: impl FnMut(usize) -> usize) {
        let mut state = self.state();
        state.live = state.durable.clone();
        state.failures.clear();
        for content in state.live.values() {
            let mut content = lock(content);
            let unsynced = content.bytes.len() - content.durable_bytes;
            let kept = content.durable_bytes + keep(unsynced).min(unsynced);
            content.bytes.truncate(kept);
            content.durable_bytes = kept;
            content.poisoned = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl CrashStorage for MemoryStorage {
    fn crash(&self) {
        self.crash_keeping(|_| 0);
    }
}

impl FaultStorage for MemoryStorage {
    /// What a crash leaves is bytes that were written, so no block is torn.
    fn fail(&self, fault: Option<Fault>) -> bool {
        self.state().fault = fault;
        fault != Some(Fault::TornBlock)
    }
}

impl State {
    /// Consumes a failure planned for `op`.
    fn fail(&mut self, op: StorageOp, name: &str) -> Result<(), StorageError> {
        if self.fault.is_some_and(|fault| fault.hits(op)) {
            if self.fault == Some(Fault::Full) {
                let name = name.to_owned();
                return Err(StorageError::Full { name });
            }
        } else {
            let planned = self.failures.iter().position(|planned| *planned == op);
            let Some(at) = planned else {
                return Ok(());
            };
            self.failures.swap_remove(at);
        }
        Err(StorageError::Backend {
            op,
            name: name.to_owned(),
            message: "Input/output error".to_owned(),
        })
    }

    fn find(&self, name: &str) -> Result<Arc<Mutex<Content>>, StorageError> {
        check_name(name)?;
        self.live
            .get(name)
            .cloned()
            .ok_or_else(|| StorageError::NotFound {
                name: name.to_owned(),
            })
    }

    /// The file, if it takes writes.
    fn find_writable(&self, name: &str) -> Result<Arc<Mutex<Content>>, StorageError> {
        let content = self.find(name)?;
        if lock(&content).poisoned {
            return Err(StorageError::Poisoned {
                name: name.to_owned(),
            });
        }
        Ok(content)
    }

    fn has_room(&self, growth: usize) -> bool {
        let held: usize = self.live.values().map(|c| lock(c).bytes.len()).sum();
        self.capacity_bytes
            .is_none_or(|capacity| (held + growth) as u64 <= capacity)
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        check_name(name)?;
        let mut state = self.state();
        state.fail(StorageOp::Create, name)?;
        // A file that is there stays the same file, which other syncs are about.
        let content = state.live.entry(name.to_owned()).or_default();
        *lock(content) = Content::default();
        Ok(())
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        let mut state = self.state();
        let content = state.find_writable(name)?;
        state.fail(StorageOp::Append, name)?;
        if !state.has_room(data.len()) {
            return Err(StorageError::Full {
                name: name.to_owned(),
            });
        }
        let mut content = lock(&content);
        content.bytes.extend_from_slice(&data);
        Ok(content.bytes.len() as u64)
    }

    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let mut state = self.state();
        let content = state.find(name)?;
        state.fail(StorageOp::Read, name)?;
        let content = lock(&content);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = content.bytes.get(from..).unwrap_or_default();
        Ok(rest[..rest.len().min(max_bytes)].to_vec())
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        let content = self.state().find(name)?;
        let length = lock(&content).bytes.len();
        Ok(length as u64)
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        let mut state = self.state();
        let content = state.find_writable(name)?;
        state.fail(StorageOp::Truncate, name)?;
        let mut content = lock(&content);
        match usize::try_from(length) {
            Ok(kept) if kept <= content.bytes.len() => {
                content.bytes.truncate(kept);
                content.durable_bytes = content.durable_bytes.min(kept);
                Ok(())
            }
            _ => Err(StorageError::OutOfRange {
                name: name.to_owned(),
                length,
            }),
        }
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        let mut state = self.state();
        let content = state.find_writable(name)?;
        let failed = state.fail(StorageOp::Sync, name);
        let mut content = lock(&content);
        match failed {
            Ok(()) => content.durable_bytes = content.bytes.len(),
            Err(_) => content.poisoned = true,
        }
        failed
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        check_name(to)?;
        let mut state = self.state();
        let content = state.find(from)?;
        state.fail(StorageOp::Rename, from)?;
        state.live.remove(from);
        state.live.insert(to.to_owned(), content);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        let mut state = self.state();
        state.find(name)?;
        state.fail(StorageOp::Remove, name)?;
        state.live.remove(name);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        let mut state = self.state();
        state.fail(StorageOp::List, "memory")?;
        Ok(state.live.keys().cloned().collect())
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        let mut state = self.state();
        state.fail(StorageOp::SyncDir, "memory")?;
        state.durable = state.live.clone();
        Ok(())
    }
}

/// Locks; every critical section here leaves its data whole, so a panic in
/// another test thread is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance;
    use futures::executor::block_on;

    #[test]
    fn memory_keeps_the_obligations() {
        block_on(conformance::run_with_faults(|_| MemoryStorage::new()));
    }

    #[test]
    fn a_failed_sync_poisons_until_the_file_is_made_anew() {
        let storage = MemoryStorage::new();
        block_on(async {
            storage.create("log").await.expect("created");
            storage.fail_next(StorageOp::Sync);
            assert!(storage.sync("log").await.is_err());
            let poisoned = StorageError::Poisoned {
                name: "log".to_owned(),
            };
            assert_eq!(storage.sync("log").await, Err(poisoned.clone()));
            assert_eq!(storage.append("log", vec![1]).await, Err(poisoned));
            assert_eq!(storage.read("log", 0, 9).await, Ok(vec![]));
            storage.create("log").await.expect("created");
            assert_eq!(storage.append("log", vec![1]).await, Ok(1));
        });
    }

    #[test]
    fn a_full_disk_costs_the_write_and_not_the_file() {
        let storage = MemoryStorage::new();
        storage.set_capacity(4);
        block_on(async {
            storage.create("log").await.expect("created");
            assert_eq!(storage.append("log", vec![7; 3]).await, Ok(3));
            let full = storage.append("log", vec![7; 2]).await;
            assert!(matches!(full, Err(StorageError::Full { .. })), "{full:?}");
            assert_eq!(storage.len("log").await, Ok(3));
        });
    }
}
