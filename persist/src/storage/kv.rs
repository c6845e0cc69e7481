//! Files in an embedded key-value store (redb): one file on disk that a crash leaves
//! whole, for those who already keep their data in one.
//!
//! ```text
//! names   name            -> number of the file, length
//! pieces  number, offset  -> the bytes that one append put there
//! ```
//! An append is one row, so that a log grows without writing anything again. Every call
//! is a transaction; those that nobody asked to be durable are seen at once and are on
//! disk with the next that is. A sync makes all files durable, and not just its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};
use towline_core::seams::storage::check_name;
use towline_core::seams::{Storage, StorageError, StorageOp};

const NAMES: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("names");
const PIECES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("pieces");

type Names<'t> = Table<'t, &'static str, (u64, u64)>;
type Pieces<'t> = Table<'t, (u64, u64), &'static [u8]>;

/// Files in a redb database. Clones share it.
///
/// After an input or output error redb takes nothing more before it is opened again:
/// all files are poisoned then.
#[derive(Clone, Debug)]
pub struct RedbStorage {
    store: Arc<Store>,
}

impl RedbStorage {
    /// The database at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// Where it is none, is in use, or cannot be made.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        let path = path.as_ref();
        let opened = Database::create(path);
        let name = path.display().to_string();
        Self::new(opened.map_err(|error| failure(StorageOp::Create, &name, error))?)
    }

    /// A database that was opened elsewhere. Its tables `names` and `pieces` are ours.
    ///
    /// # Errors
    /// Where these tables are not what they have to be, or cannot be made.
    pub fn new(database: Database) -> Result<Self, StorageError> {
        let store = Store {
            database,
            next_file: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
        };
        let next = store.write(StorageOp::Create, "", Durability::Immediate, |files| {
            let mut next = 0;
            for row in files.names.iter().map_err(redb::Error::from)? {
                next = next.max(row.map_err(redb::Error::from)?.1.value().0 + 1);
            }
            Ok(next)
        })?;
        store.next_file.store(next, Ordering::Relaxed);
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// Runs `work` on the pool, away from the thread that polls.
    async fn run<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Store, &str) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        check_name(name)?;
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        blocking::unblock(move || work(&store, &name)).await
    }
}

#[async_trait]
impl Storage for RedbStorage {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Store::create).await
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        self.run(name, move |store, name| store.append(name, &data))
            .await
    }

    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.run(name, move |store, name| store.read(name, offset, max_bytes))
            .await
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        self.run(name, |store, name| Ok(store.find(name)?.1)).await
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        self.run(name, move |store, name| store.truncate(name, length))
            .await
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Store::sync).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        check_name(to)?;
        let to = to.to_owned();
        self.run(from, move |store, from| store.rename(from, &to))
            .await
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Store::remove).await
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        let store = Arc::clone(&self.store);
        blocking::unblock(move || store.list()).await
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        let store = Arc::clone(&self.store);
        blocking::unblock(move || {
            store.write(StorageOp::SyncDir, "", Durability::Immediate, |_| Ok(()))
        })
        .await
    }
}

/// The tables within a transaction that writes.
struct Files<'t> {
    names: Names<'t>,
    pieces: Pieces<'t>,
}

/// Why a transaction came to nothing.
enum Refusal {
    /// What was asked cannot be.
    Asked(StorageError),
    /// The database failed.
    Database(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

impl Files<'_> {
    /// The number and the length of a file.
    fn find(&self, name: &str) -> Result<(u64, u64), Refusal> {
        let found = self.names.get(name)?.map(|row| row.value());
        found.ok_or_else(|| Refusal::Asked(not_found(name)))
    }

    /// Takes a file away, but for its name.
    fn clear(&mut self, number: u64) -> Result<(), Refusal> {
        Ok(self
            .pieces
            .retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?)
    }

    /// Takes away what stands behind `length`. What begins before it and ends behind it
    /// is cut.
    fn cut(&mut self, number: u64, length: u64) -> Result<(), Refusal> {
        let last = self
            .pieces
            .range((number, 0)..(number, length))?
            .next_back();
        let crossing = match last.transpose()? {
            Some((key, bytes)) => {
                let (offset, bytes) = (key.value().1, bytes.value());
                let kept = usize::try_from(length - offset).unwrap_or(usize::MAX);
                bytes.get(..kept).map(|kept| (offset, kept.to_vec()))
            }
            None => None,
        };
        if let Some((offset, kept)) = crossing {
            self.pieces.insert((number, offset), kept.as_slice())?;
        }
        Ok(self
            .pieces
            .retain_in((number, length)..=(number, u64::MAX), |_, _| false)?)
    }
}

/// The synchronous half: one method per operation, run on the pool.
#[derive(Debug)]
struct Store {
    database: Database,
    /// The number that the next file gets.
    next_file: AtomicU64,
    /// The database has failed, and takes nothing more.
    poisoned: AtomicBool,
}

impl Store {
    /// Runs a transaction. Nothing of it is done where it fails.
    fn write<T>(
        &self,
        op: StorageOp,
        name: &str,
        durability: Durability,
        work: impl FnOnce(&mut Files<'_>) -> Result<T, Refusal>,
    ) -> Result<T, StorageError> {
        if self.poisoned.load(Ordering::Acquire) {
            let name = name.to_owned();
            return Err(StorageError::Poisoned { name });
        }
        self.transaction(durability, work)
            .map_err(|refusal| match refusal {
                Refusal::Asked(error) => error,
                Refusal::Database(error) => {
                    self.poisoned.store(true, Ordering::Release);
                    failure(op, name, error)
                }
            })
    }

    fn transaction<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Files<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut transaction: WriteTransaction = self.database.begin_write()?;
        transaction.set_durability(durability)?;
        let mut files = Files {
            names: transaction.open_table(NAMES)?,
            pieces: transaction.open_table(PIECES)?,
        };
        let done = work(&mut files)?;
        drop(files);
        transaction.commit()?;
        Ok(done)
    }

    /// As `write`, where nobody asked for it to be durable.
    fn change<T>(
        &self,
        op: StorageOp,
        name: &str,
        work: impl FnOnce(&mut Files<'_>) -> Result<T, Refusal>,
    ) -> Result<T, StorageError> {
        self.write(op, name, Durability::None, work)
    }

    fn create(&self, name: &str) -> Result<(), StorageError> {
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        self.change(StorageOp::Create, name, |files| {
            let replaced = files.names.insert(name, (number, 0))?;
            match replaced.map(|row| row.value().0) {
                Some(old) => files.clear(old),
                None => Ok(()),
            }
        })
    }

    fn append(&self, name: &str, data: &[u8]) -> Result<u64, StorageError> {
        self.change(StorageOp::Append, name, |files| {
            let (number, length) = files.find(name)?;
            if data.is_empty() {
                return Ok(length);
            }
            let grown = length + data.len() as u64;
            files.pieces.insert((number, length), data)?;
            files.names.insert(name, (number, grown))?;
            Ok(grown)
        })
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        self.change(StorageOp::Truncate, name, |files| {
            let (number, present) = files.find(name)?;
            if length > present {
                let name = name.to_owned();
                return Err(Refusal::Asked(StorageError::OutOfRange { name, length }));
            }
            files.cut(number, length)?;
            files.names.insert(name, (number, length))?;
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        self.change(StorageOp::Rename, from, |files| {
            let file = files.find(from)?;
            if from == to {
                return Ok(());
            }
            files.names.remove(from)?;
            let replaced = files.names.insert(to, file)?;
            match replaced.map(|row| row.value().0) {
                Some(old) => files.clear(old),
                None => Ok(()),
            }
        })
    }

    fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.change(StorageOp::Remove, name, |files| {
            let (number, _) = files.find(name)?;
            files.names.remove(name)?;
            files.clear(number)
        })
    }

    fn sync(&self, name: &str) -> Result<(), StorageError> {
        self.write(StorageOp::Sync, name, Durability::Immediate, |files| {
            files.find(name).map(drop)
        })
    }

    fn find(&self, name: &str) -> Result<(u64, u64), StorageError> {
        let fail = |error: redb::Error| failure(StorageOp::Read, name, error);
        let view = self.database.begin_read().map_err(|e| fail(e.into()))?;
        let names = view.open_table(NAMES).map_err(|e| fail(e.into()))?;
        let row = names.get(name).map_err(|e| fail(e.into()))?;
        row.map(|row| row.value()).ok_or_else(|| not_found(name))
    }

    fn read(&self, name: &str, offset: u64, max_bytes: usize) -> Result<Vec<u8>, StorageError> {
        self.pieces_of(name, offset, max_bytes)
            .map_err(|refusal| match refusal {
                Refusal::Asked(error) => error,
                Refusal::Database(error) => failure(StorageOp::Read, name, error),
            })
    }

    fn pieces_of(&self, name: &str, offset: u64, max_bytes: usize) -> Result<Vec<u8>, Refusal> {
        let view = self.database.begin_read()?;
        let row = view.open_table(NAMES)?.get(name)?.map(|row| row.value());
        let (number, length) = row.ok_or_else(|| Refusal::Asked(not_found(name)))?;
        let pieces = view.open_table(PIECES)?;
        let first = pieces.range((number, 0)..=(number, offset))?.next_back();
        let first = first.transpose()?.map_or(0, |(key, _)| key.value().1);
        let wanted = (length.saturating_sub(offset)).min(max_bytes as u64) as usize;
        let mut out = Vec::with_capacity(wanted);
        for piece in pieces.range((number, first)..=(number, u64::MAX))? {
            if out.len() == wanted {
                break;
            }
            let (key, bytes) = piece?;
            let skipped = offset.saturating_sub(key.value().1);
            let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
            let rest = bytes.value().get(skipped..).unwrap_or_default();
            out.extend_from_slice(&rest[..rest.len().min(wanted - out.len())]);
        }
        Ok(out)
    }

    fn list(&self) -> Result<Vec<String>, StorageError> {
        let names = || -> Result<Vec<String>, redb::Error> {
            let names = self.database.begin_read()?.open_table(NAMES)?;
            let rows = names.iter()?;
            rows.map(|row| Ok(row?.0.value().to_owned())).collect()
        };
        names().map_err(|error| failure(StorageOp::List, "", error))
    }
}

fn not_found(name: &str) -> StorageError {
    let name = name.to_owned();
    StorageError::NotFound { name }
}

fn failure(op: StorageOp, name: &str, error: impl Into<redb::Error>) -> StorageError {
    let name = name.to_owned();
    match error.into() {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            StorageError::Full { name }
        }
        redb::Error::PreviousIo => StorageError::Poisoned { name },
        error => StorageError::Backend {
            op,
            name,
            message: error.to_string(),
        },
    }
}

#[cfg(test)]
#[path = "kv_tests.rs"]
mod tests;
