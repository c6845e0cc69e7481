//! Files in an object store, such as S3: for snapshots and closed segments of the log.
//!
//! ```text
//! <prefix>/pieces/<file, 16 hex digits>/<offset, 16 hex digits>    bytes of a file
//! <prefix>/names                                                  which name is which file
//! ```
//! An object is written whole or not at all, cannot grow, and has no second name. So a
//! file is a row of objects, each with the bytes from its offset on, and its name stands
//! in an object of its own. What each call comes to:
//!
//! | call | requests | durable |
//! |---|---|---|
//! | `create` | none; DELETEs where the file is there | with `sync_dir` |
//! | `append` | none, but a PUT for each [`PIECE_BYTES`] | those that were put |
//! | `sync` | a PUT of what is not in the store yet | all of the file |
//! | `rename`, `remove` | none | with `sync_dir` |
//! | `sync_dir` | a PUT of `names`, then DELETEs of what no name leads to any more | all names at once |
//! | `truncate` | DELETEs, a GET | with `sync` |
//! | `read` | a GET for each piece touched | |
//! | opening | a GET of `names`, a LIST of the pieces | |
//!
//! Appended bytes that were not put are in the memory of this process, and lost with it.
//! A rename costs nothing whatever the size of the file, and `names` is replaced in one
//! step, so a crash finds the old names or the new ones. Durable means that the store
//! has answered; how long it keeps what it was given is its own promise. A piece put by
//! a file that never got a name is taken away by the first `sync_dir` of a later process.
//!
//! Each `sync` of a file that grew leaves an object. That is right for what is written
//! and then closed; a log that is synced every second belongs on a disk.
//!
//! One process at a time owns a prefix. Where the store knows conditional writes (S3
//! does), `sync_dir` fails in a process that another one has overtaken.
//!
//! Every call runs on the `blocking` crate's thread pool, HTTP included, so the backend
//! belongs to no runtime. The `object_store` crate wants tokio's timers while it waits
//! to try again: it gets a runtime of tokio on the thread of the pool, for as long as
//! the call takes, and none of its own threads.

mod bucket;
mod http;
mod names;

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::path::Path;
use towline_core::seams::storage::check_name;
use towline_core::seams::{Storage, StorageError, StorageOp};

use bucket::Bucket;

/// So many appended bytes are put without being asked for, and so many may wait in
/// memory, twice where a part of them is on its way.
const PIECE_BYTES: usize = 8 << 20;

/// Files in an object store. Clones share it.
#[derive(Clone, Debug)]
pub struct ObjectStorage {
    bucket: Arc<Bucket>,
}

impl ObjectStorage {
    /// The files below `prefix` in `store`, which nobody else may use meanwhile.
    ///
    /// # Errors
    /// Where the store does not answer, or what is there was not left by this backend.
    pub async fn open(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, StorageError> {
        let prefix = Path::parse(prefix).map_err(|error| failed(prefix, &error.into()))?;
        let bucket = blocking::unblock(move || Bucket::open(store, prefix)).await?;
        Ok(Self {
            bucket: Arc::new(bucket),
        })
    }

    /// The files at `s3://BUCKET/PREFIX`. Keys, region and endpoint are those in the
    /// environment, by the names that AWS gave them (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`);
    /// `settings` add to them or replace them, by the same names in small letters.
    ///
    /// # Errors
    /// Where the address or a setting is none, or the store does not answer.
    pub async fn open_url<'a>(
        url: &str,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, StorageError> {
        let opened = http::s3(url, settings);
        let (store, prefix) = opened.map_err(|error| failed(url, &error))?;
        Self::open(store, &prefix).await
    }

    /// Runs `work` on the pool, away from the thread that polls.
    async fn run<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Bucket, &str) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        check_name(name)?;
        let (bucket, name) = (Arc::clone(&self.bucket), name.to_owned());
        blocking::unblock(move || work(&bucket, &name)).await
    }
}

#[async_trait]
impl Storage for ObjectStorage {
    async fn create(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Bucket::create).await
    }

    async fn append(&self, name: &str, data: Vec<u8>) -> Result<u64, StorageError> {
        check_name(name)?;
        match self.bucket.append_to_tail(name, data)? {
            Ok(length) => Ok(length),
            // A piece is full, and has to be put first.
            Err(data) => {
                self.run(name, move |bucket, name| bucket.append(name, &data))
                    .await
            }
        }
    }

    async fn read(
        &self,
        name: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.run(name, move |bucket, name| {
            bucket.read(name, offset, max_bytes)
        })
        .await
    }

    async fn len(&self, name: &str) -> Result<u64, StorageError> {
        check_name(name)?;
        self.bucket.len(name)
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StorageError> {
        self.run(name, move |bucket, name| bucket.truncate(name, length))
            .await
    }

    async fn sync(&self, name: &str) -> Result<(), StorageError> {
        self.run(name, Bucket::sync).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        check_name(from)?;
        check_name(to)?;
        self.bucket.rename(from, to)
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        check_name(name)?;
        self.bucket.remove(name)
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.bucket.list())
    }

    async fn sync_dir(&self) -> Result<(), StorageError> {
        let bucket = Arc::clone(&self.bucket);
        blocking::unblock(move || bucket.sync_dir()).await
    }
}

/// Waits for the store on this thread, which is one of the pool's.
fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("there are descriptors for a runtime");
    runtime.block_on(work)
}

/// What could not be opened, and why.
fn failed(name: &str, error: &object_store::Error) -> StorageError {
    failure(StorageOp::List, name, error)
}

fn failure(op: StorageOp, name: &str, error: &object_store::Error) -> StorageError {
    StorageError::Backend {
        op,
        name: name.to_owned(),
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
