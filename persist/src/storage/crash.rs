//! A disk that loses what it may lose, for tests of what must survive.
//!
//! It keeps the obligations of [`Storage`] and not a bit more. In a crash, of
//! each file the changes since its last sync survive up to any point, the last
//! one perhaps in part; of the changes of names since the last
//! [`sync_dir`](Storage::sync_dir), any survive. With
//! [`torn_blocks`](CrashDisk::torn_blocks) a file may also keep its length
//! where its bytes are lost: it then ends in zeros.
//!
//! [`FaultStorage`] makes it fail until it is told otherwise, and
//! [`fail_next`](CrashDisk::fail_next) once. Everything follows from the seed, and [`crash_after`](CrashDisk::crash_after)
//! ends the power at any call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use towline_core::seams::storage::check_name;
use towline_core::seams::{Storage, StorageError, StorageOp};

use super::conformance::{CrashStorage, Fault, FaultStorage};

/// See the module. Clones share the disk.
#[derive(Clone, Debug)]
pub struct CrashDisk {
    state: Arc<Mutex<Disk>>,
}

#[derive(Debug)]
struct Disk {
    random: u64,
    files: Vec<File>,
    /// What calls see.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    torn_blocks: bool,
    calls: u64,
    /// The call in which the power goes.
    crash_at: Option<u64>,
    off: bool,
    failures: Vec<StorageOp>,
    fault: Option<Fault>,
}

/// What a file was and how it changed since it was synced.
#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
    poisoned: bool,
}

#[derive(Debug)]
enum Change {
    Append(Vec<u8>),
    Truncate(usize),
}

#[derive(Debug)]
enum NameChange {
    Create {
        name: String,
        file: usize,
    },
    Rename {
        from: String,
        to: String,
        file: usize,
    },
    Remove {
        name: String,
        file: usize,
    },
}

impl CrashDisk {
    /// An empty disk; `seed` decides what its crashes leave.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let disk = Disk {
            random: seed,
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            torn_blocks: false,
            calls: 0,
            crash_at: None,
            off: false,
            failures: Vec::new(),
            fault: None,
        };
        Self {
            state: Arc::new(Mutex::new(disk)),
        }
    }

    /// Lets files that lose their last bytes keep their length.
    #[must_use]
    pub fn torn_blocks(self) -> Self {
        self.disk().torn_blocks = true;
        self
    }

    /// Ends the power in the call after `calls` more; that call may still have
    /// had its effect. All calls fail until [`crash`](CrashStorage::crash) has
    /// put the disk back to what survived.
    pub fn crash_after(&self, calls: u64) {
        let mut disk = self.disk();
        disk.crash_at = Some(disk.calls + calls);
    }

    /// Whether the power has gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.disk().off
    }

    /// Makes the next `op` fail, as a disk would.
    pub fn fail_next(&self, op: StorageOp) {
        self.disk().failures.push(op);
    }

    /// Takes back what [`fail_next`](Self::fail_next) asked for and was not met.
    pub fn fail_no_more(&self) {
        self.disk().failures.clear();
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Runs one call, which may be the one in which the power goes.
    fn call<T>(
        &self,
        op: StorageOp,
        name: &str,
        work: impl FnOnce(&mut Disk) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut disk = self.disk();
        disk.calls += 1;
        if disk.crash_at.is_some_and(|at| disk.calls > at) && !disk.off {
            disk.off = true;
            if disk.draw(2) == 0 {
                // It took effect, and nobody is told.
                drop(work(&mut disk));
            }
            return Err(gone(op, name));
        }
        if disk.off {
            return Err(gone(op, name));
        }
        if let Some(at) = disk.failures.iter().position(|planned| *planned == op) {
            disk.failures.swap_remove(at);
            return Err(disk.failed(op, name));
        }
        match disk.fault {
            Some(fault) if fault.hits(op) => Err(disk.failed(op, name)),
            _ => work(&mut disk),
        }
    }
}

fn failure(op: StorageOp, name: &str, message: &str) -> StorageError {
    StorageError::Backend {
        op,
        name: name.to_owned(),
        message: message.to_owned(),
    }
}

fn gone(op: StorageOp, name: &str) -> StorageError {
    failure(op, name, "the power is gone")
}

impl CrashStorage for CrashDisk {
    fn crash(&self) {
        let mut disk = self.disk();
        let changes = std::mem::take(&mut disk.name_changes);
        let mut names = disk.durable_names.clone();
        for change in changes {
            if disk.draw(2) == 0 {
                change.apply(&mut names);
            }
        }
        disk.names = names.clone();
        disk.durable_names = names;
        for at in 0..disk.files.len() {
            disk.lose(at);
        }
        (disk.crash_at, disk.off, disk.fault) = (None, false, None);
        disk.failures.clear();
    }
}

impl FaultStorage for CrashDisk {
    fn fail(&self, fault: Option<Fault>) -> bool {
        let mut disk = self.disk();
        disk.torn_blocks |= fault == Some(Fault::TornBlock);
        disk.fault = fault;
        true
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        let mut drop_name = |name: &String, file: usize| {
            let is_it = names.get(name) == Some(&file);
            if is_it {
                names.remove(name);
            }
            is_it
        };
        match self {
            Self::Create { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                // Where what gave the file that name was lost, so is this: otherwise
                // one file would have two names.
                if drop_name(from, *file) {
                    names.insert(to.clone(), *file);
                }
            }
            Self::Remove { name, file } => {
                drop_name(name, *file);
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Append(data) => bytes.extend_from_slice(data),
            Self::Truncate(length) => bytes.truncate(*length),
        }
    }
}

impl Disk {
    /// A number below `bound`, by SplitMix64.
    fn draw(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    /// Why a call fails that the disk does not take, or takes in part.
    fn failed(&mut self, op: StorageOp, name: &str) -> StorageError {
        let file = match op {
            StorageOp::Append | StorageOp::Sync => self.find_writable(name),
            _ => Ok(usize::MAX),
        };
        match (file, op, self.fault) {
            (Err(error), ..) => return error,
            (_, StorageOp::Append, Some(Fault::Full)) => {
                let name = name.to_owned();
                return StorageError::Full { name };
            }
            (Ok(file), StorageOp::Append, Some(Fault::ShortWrite)) => {
                // What was written is cut off again, and neither is durable.
                let length = self.files[file].bytes.len();
                self.change(file, Change::Append(b"a part".to_vec()));
                self.change(file, Change::Truncate(length));
            }
            (Ok(file), StorageOp::Sync, _) => self.files[file].poisoned = true,
            _ => {}
        }
        failure(op, name, "Input/output error")
    }

    /// Puts a file back to something that a crash may leave.
    fn lose(&mut self, at: usize) {
        let changes = std::mem::take(&mut self.files[at].changes);
        let mut bytes = std::mem::take(&mut self.files[at].durable);
        let kept = self.draw(changes.len() + 1);
        for change in &changes[..kept] {
            change.apply(&mut bytes);
        }
        if let Some(Change::Append(data)) = changes.get(kept) {
            let part = self.draw(data.len() + 1);
            bytes.extend_from_slice(&data[..part]);
            if self.torn_blocks && self.draw(3) == 0 {
                let zeros = self.draw(data.len() - part + 1);
                bytes.resize(bytes.len() + zeros, 0);
            }
        }
        self.files[at] = File {
            durable: bytes.clone(),
            bytes,
            ..File::default()
        };
    }

    fn find(&self, name: &str) -> Result<usize, StorageError> {
        check_name(name)?;
        let file = self.names.get(name).copied();
        file.ok_or_else(|| StorageError::NotFound {
            name: name.to_owned(),
        })
    }

    fn find_writable(&self, name: &str) -> Result<usize, StorageError> {
        let file = self.find(name)?;
        if self.files[file].poisoned {
            return Err(StorageError::Poisoned {
                name: name.to_owned(),
            });
        }
        Ok(file)
    }

    fn change(&mut self, file: usize, change: Change) {
        change.apply(&mut self.files[file].bytes);
        self.files[file].changes.push(change);
    }

    fn create(&mut self, name: &str) -> Result<(), StorageError> {
        check_name(name)?;
        if let Some(file) = self.names.get(name).copied() {
            self.files[file].poisoned = false;
            self.change(file, Change::Truncate(0));
            return Ok(());
        }
        let file = self.files.len();
        self.files.push(File::default());
        let name = name.to_owned();
        self.names.insert(name.clone(), file);
        self.name_changes.push(NameChange::Create { name, file });
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), StorageError> {
        let file = self.find_writable(name)?;
        let held = self.files[file].bytes.len();
        match usize::try_from(length)
            .ok()
            .filter(|length| *length <= held)
        {
            Some(length) => {
                self.change(file, Change::Truncate(length));
                Ok(())
            }
            None => Err(StorageError::OutOfRange {
                name: name.to_owned(),
                length,
            }),
        }
    }

    fn sync(&mut self, name: &str) -> Result<(), StorageError> {
        let at = self.find_writable(name)?;
        let file = &mut self.files[at];
        file.durable = file.bytes.clone();
        file.changes.clear();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        let file = self.find(from)?;
        let change = NameChange::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            file,
        };
        change.apply(&mut self.names);
        self.name_changes.push(change);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        let file = self.find(name)?;
        let name = name.to_owned();
        let change = NameChange::Remove { name, file };
        change.apply(&mut self.names);
        self.name_changes.push(change);
        Ok(())
    }
}

#[async_trait]
impl Storage for CrashDisk {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        self.call(StorageOp::Create, name, |disk| disk.create(name))
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        self.call(StorageOp::Append, name, |disk| {
            let file = disk.find_writable(name)?;
            disk.change(file, Change::Append(data));
            Ok(disk.files[file].bytes.len() as u64)
        })
    }

    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.call(StorageOp::Read, name, |disk| {
            let file = disk.find(name)?;
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = disk.files[file].bytes.get(from..).unwrap_or_default();
            Ok(rest[..rest.len().min(max_bytes)].to_vec())
        })
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        self.call(StorageOp::Read, name, |disk| {
            let file = disk.find(name)?;
            Ok(disk.files[file].bytes.len() as u64)
        })
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        self.call(StorageOp::Truncate, name, |disk| {
            disk.truncate(name, length)
        })
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        self.call(StorageOp::Sync, name, |disk| disk.sync(name))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        check_name(to)?;
        self.call(StorageOp::Rename, from, |disk| disk.rename(from, to))
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.call(StorageOp::Remove, name, |disk| disk.remove(name))
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        self.call(StorageOp::List, "disk", |disk| {
            Ok(disk.names.keys().cloned().collect())
        })
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        self.call(StorageOp::SyncDir, "disk", |disk| {
            disk.durable_names = disk.names.clone();
            disk.name_changes.clear();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance;
    use futures::executor::block_on;

    #[test]
    fn it_keeps_the_obligations_whatever_the_seed() {
        block_on(conformance::run_with_faults(CrashDisk::new));
        for seed in 0..200 {
            let disk = CrashDisk::new(seed);
            block_on(conformance::crash_between_calls(&disk, seed));
        }
    }

    #[test]
    fn it_loses_tears_and_reorders() {
        let mut left = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let disk = CrashDisk::new(seed).torn_blocks();
            block_on(async {
                for name in ["a", "b"] {
                    disk.create(name).await.expect("created");
                    disk.append(name, b"12".to_vec()).await.expect("room");
                }
                disk.crash();
                let a = disk.read("a", 0, 9).await.ok();
                left.insert((a, disk.len("b").await.ok()));
            });
        }
        let found = |a: Option<&[u8]>, b| left.contains(&(a.map(<[u8]>::to_vec), b));
        assert!(found(None, Some(2)), "the later without the earlier");
        assert!(found(Some(b"12"), Some(2)) && found(None, None));
        let torn = |bytes: &[u8]| left.iter().any(|(a, _)| a.as_deref() == Some(bytes));
        assert!(torn(b"1") && torn(b"1\0") && torn(b"\0") && torn(b""));
    }

    #[test]
    fn a_call_in_which_the_power_goes_may_have_its_effect() {
        let effects: Vec<bool> = (0..64)
            .map(|seed| {
                let disk = CrashDisk::new(seed);
                block_on(async {
                    disk.create("a").await.expect("created");
                    disk.sync_dir().await.expect("synced");
                    disk.crash_after(1);
                    disk.append("a", vec![1]).await.expect("still on");
                    assert!(disk.sync("a").await.is_err() && disk.is_off());
                    assert!(disk.list().await.is_err(), "it stays off");
                    disk.crash();
                    disk.len("a").await.expect("it was durable") == 1
                })
            })
            .collect();
        assert!(effects.contains(&true) && effects.contains(&false));
    }
}
