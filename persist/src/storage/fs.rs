//! A directory of the file system.
//!
//! Calls run on the `blocking` crate's thread pool: it belongs to no runtime,
//! so the same backend works under smol, tokio and a plain thread. Whoever has threads
//! for it names them with [`FsStorage::on`].

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::channel::oneshot;
use towline_core::seams::storage::check_name;
use towline_core::seams::{Storage, StorageError, StorageOp};

/// Has work done on another thread.
pub type Threads = fn(Box<dyn FnOnce() + Send>);

/// Files of one directory. Clones share it.
#[derive(Clone, Debug)]
pub struct FsStorage {
    dir: Arc<Directory>,
    threads: Threads,
}

impl FsStorage {
    /// The files of the existing directory `root`. Nothing is touched yet.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let root = root.into();
        if !root.is_dir() {
            return Err(StorageError::NotFound {
                name: root.display().to_string(),
            });
        }
        let dir = Directory {
            root,
            writers: Mutex::default(),
        };
        Ok(Self {
            dir: Arc::new(dir),
            threads: |work| blocking::unblock(work).detach(),
        })
    }

    /// The same files, whose calls run on other threads.
    #[must_use]
    pub fn on(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.dir.root
    }

    /// Runs `work` on the threads, away from the one that polls.
    async fn run<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Directory, &str) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        check_name(name)?;
        let name = name.to_owned();
        self.run_whole(move |dir| work(dir, &name)).await
    }

    async fn run_whole<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let dir = Arc::clone(&self.dir);
        let (tell, told) = oneshot::channel();
        (self.threads)(Box::new(move || {
            // Whoever gave up waiting does not want to know.
            let _ = tell.send(work(&dir));
        }));
        told.await.expect("work that is begun is done")
    }
}

#[async_trait]
impl Storage for FsStorage {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Directory::create).await
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        self.run(name, move |dir, name| dir.append(name, &data))
            .await
    }

    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.run(name, move |dir, name| dir.read(name, offset, max_bytes))
            .await
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        self.run(name, |dir, name| {
            let meta = fs::metadata(dir.path(name));
            Ok(meta.map_err(|e| failure(StorageOp::Read, name, &e))?.len())
        })
        .await
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        self.run(name, move |dir, name| dir.truncate(name, length))
            .await
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Directory::sync).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        check_name(to)?;
        let to = to.to_owned();
        self.run(from, move |dir, from| dir.rename(from, &to)).await
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Directory::remove).await
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        self.run_whole(Directory::list).await
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        self.run_whole(Directory::sync_dir).await
    }
}

/// The synchronous half: one method per operation, run on the pool.
#[derive(Debug)]
struct Directory {
    root: PathBuf,
    /// Files that were written through this handle stay open, so that an
    /// append is one system call and poison is remembered.
    writers: Mutex<HashMap<String, Arc<Writer>>>,
}

/// A file open for appending.
#[derive(Debug)]
struct Writer {
    file: File,
    poisoned: AtomicBool,
}

impl Writer {
    fn new(file: File) -> Arc<Self> {
        let poisoned = AtomicBool::new(false);
        Arc::new(Self { file, poisoned })
    }

    fn check(&self, name: &str) -> Result<(), StorageError> {
        if !self.poisoned.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(StorageError::Poisoned {
            name: name.to_owned(),
        })
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }
}

impl Directory {
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn writers(&self) -> MutexGuard<'_, HashMap<String, Arc<Writer>>> {
        // The map is whole between any two statements, so a panic elsewhere
        // while it was held does no harm.
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open writer of an existing file.
    fn writer(&self, op: StorageOp, name: &str) -> Result<Arc<Writer>, StorageError> {
        if let Some(writer) = self.writers().get(name) {
            return Ok(Arc::clone(writer));
        }
        let file = OpenOptions::new().append(true).open(self.path(name));
        let writer = Writer::new(file.map_err(|e| failure(op, name, &e))?);
        let mut writers = self.writers();
        Ok(Arc::clone(writers.entry(name.to_owned()).or_insert(writer)))
    }

    fn create(&self, name: &str) -> Result<(), StorageError> {
        let path = self.path(name);
        let emptied = File::create(&path)
            .and_then(|_| OpenOptions::new().append(true).open(&path))
            .map_err(|e| failure(StorageOp::Create, name, &e))?;
        self.writers().insert(name.to_owned(), Writer::new(emptied));
        Ok(())
    }

    fn append(&self, name: &str, data: &[u8]) -> Result<u64, StorageError> {
        let writer = self.writer(StorageOp::Append, name)?;
        writer.check(name)?;
        let fail = |e: &io::Error| failure(StorageOp::Append, name, e);
        let before = writer.file.metadata().map_err(|e| fail(&e))?.len();
        if let Err(error) = (&writer.file).write_all(data) {
            // Half an append would be taken for damage by whoever reads the
            // file next.
            if writer.file.set_len(before).is_err() {
                writer.poison();
            }
            return Err(fail(&error));
        }
        Ok(before + data.len() as u64)
    }

    fn read(&self, name: &str, offset: u64, max_bytes: usize) -> Result<Vec<u8>, StorageError> {
        let fail = |e: &io::Error| failure(StorageOp::Read, name, e);
        let file = File::open(self.path(name)).map_err(|e| fail(&e))?;
        let length = file.metadata().map_err(|e| fail(&e))?.len();
        let available = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; max_bytes.min(available)];
        let mut filled = 0;
        while filled < bytes.len() {
            let got = file.read_at(&mut bytes[filled..], offset + filled as u64);
            match got {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(fail(&e)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        let writer = self.writer(StorageOp::Truncate, name)?;
        writer.check(name)?;
        let fail = |e: &io::Error| failure(StorageOp::Truncate, name, e);
        if length > writer.file.metadata().map_err(|e| fail(&e))?.len() {
            return Err(StorageError::OutOfRange {
                name: name.to_owned(),
                length,
            });
        }
        writer.file.set_len(length).map_err(|e| fail(&e))
    }

    fn sync(&self, name: &str) -> Result<(), StorageError> {
        let writer = self.writer(StorageOp::Sync, name)?;
        writer.check(name)?;
        writer.file.sync_data().map_err(|e| {
            writer.poison();
            failure(StorageOp::Sync, name, &e)
        })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let mut writers = self.writers();
        fs::rename(self.path(from), self.path(to))
            .map_err(|e| failure(StorageOp::Rename, from, &e))?;
        // A handle kept under `to` would write to the file that was replaced.
        match writers.remove(from) {
            Some(writer) => writers.insert(to.to_owned(), writer),
            None => writers.remove(to),
        };
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), StorageError> {
        let mut writers = self.writers();
        fs::remove_file(self.path(name)).map_err(|e| failure(StorageOp::Remove, name, &e))?;
        writers.remove(name);
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>, StorageError> {
        let fail = |e: &io::Error| failure(StorageOp::List, &self.root.display().to_string(), e);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(|e| fail(&e))? {
            let entry = entry.map_err(|e| fail(&e))?;
            if !entry.file_type().map_err(|e| fail(&e))?.is_file() {
                continue;
            }
            // A name that is not UTF-8 cannot be one that this trait made.
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self) -> Result<(), StorageError> {
        File::open(&self.root)
            .and_then(|dir| dir.sync_all())
            .map_err(|e| failure(StorageOp::SyncDir, &self.root.display().to_string(), &e))
    }
}

fn failure(op: StorageOp, name: &str, error: &io::Error) -> StorageError {
    let name = name.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => StorageError::NotFound { name },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::Full { name },
        _ => StorageError::Backend {
            op,
            name,
            message: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance;
    use crate::testing::TempDir;

    #[test]
    fn a_directory_keeps_the_obligations() {
        let dir = TempDir::new("fs-conformance");
        let storage = FsStorage::open(dir.path()).expect("the directory was just made");
        futures::executor::block_on(conformance::run(&storage));
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = TempDir::new("fs-missing");
        let error = FsStorage::open(dir.path().join("nowhere")).expect_err("it does not exist");
        assert!(error.to_string().contains("nowhere"), "{error}");
    }

    #[test]
    fn what_is_written_is_a_plain_file() {
        let dir = TempDir::new("fs-plain");
        let storage = FsStorage::open(dir.path()).expect("the directory was just made");
        futures::executor::block_on(async {
            storage.create("a").await.expect("created");
            storage.append("a", b"hello".to_vec()).await.expect("room");
            storage.rename("a", "b").await.expect("renamed");
            storage.append("b", b" world".to_vec()).await.expect("room");
        });
        let text = fs::read(dir.path().join("b")).expect("it exists");
        assert_eq!(text, b"hello world");
    }
}
