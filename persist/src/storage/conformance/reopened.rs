//! Crashes of a storage whose medium outlives it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use towline_core::seams::{Storage, StorageError};

use super::{CrashStorage, Fault, FaultStorage};

type Open<S> = Box<dyn Fn() -> S + Send + Sync>;
type Fail = Box<dyn Fn(Option<Fault>) -> bool + Send + Sync>;

/// A storage that is dropped in a crash, and opened again on what its medium has then.
pub struct Reopened<S> {
    current: Mutex<Arc<S>>,
    open: Open<S>,
    fail: Fail,
}

impl<S: Storage> Reopened<S> {
    /// A storage that `open` opens now, and after each crash: the medium has then to
    /// forget what was not durable. `fail` is [`FaultStorage::fail`].
    pub fn new(
        open: impl Fn() -> S + Send + Sync + 'static,
        fail: impl Fn(Option<Fault>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            current: Mutex::new(Arc::new(open())),
            open: Box::new(open),
            fail: Box::new(fail),
        }
    }

    /// The storage as it was opened last.
    #[must_use]
    pub fn current(&self) -> Arc<S> {
        let current = self.current.lock();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Storage> CrashStorage for Reopened<S> {
    fn crash(&self) {
        let opened = Arc::new((self.open)());
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = opened;
    }
}

impl<S: Storage> FaultStorage for Reopened<S> {
    fn fail(&self, fault: Option<Fault>) -> bool {
        (self.fail)(fault)
    }
}

#[async_trait]
impl<S: Storage> Storage for Reopened<S> {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        self.current().create(name).await
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        self.current().append(name, data).await
    }

    async fn read(&self, name: &str, from: u64, max_bytes: usize) -> Result<Vec<u8>, StorageError> {
        self.current().read(name, from, max_bytes).await
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        self.current().len(name).await
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        self.current().truncate(name, length).await
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        self.current().sync(name).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        self.current().rename(from, to).await
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.current().remove(name).await
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        self.current().list().await
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        self.current().sync_dir().await
    }
}
