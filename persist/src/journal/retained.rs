//! The journal as what replicas are served from, and as what takes the snapshot
//! that this node itself gets from its primary.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{Storage, StorageError, StreamArchive, StreamReader};

use super::base_note::FileSum;
use super::log_reader::LogReader;
use super::naming;
use super::rewrite::{BaseFile, CutId};
use super::{Journal, Origin};

impl Journal {
    /// Serves replicas so much of the stream, counted from its end:
    /// `repl-backlog-disk-size`. With zero nobody new is served.
    pub fn retain(&self, bytes: u64) {
        self.shared.state().archive.retain(bytes);
    }

    /// Whether what is [retained](Self::retain) stays where the log itself no longer
    /// needs it. A file goes as a whole, once all of it lies further back, nobody
    /// reads it, and the log begins behind it. A log in which an earlier run has
    /// kept something begins with that.
    pub fn keep_history(&self, keeps: bool) {
        self.shared.state().archive.keep_history(keeps);
    }

    /// How long older bases and increments stay, so that a moment of the past can be
    /// restored: `aof-history-retention`. With zero they go as soon as nobody else needs
    /// them.
    pub fn keep_past(&self, ms: u64) {
        let changed = std::mem::replace(&mut self.shared.state().past_ms, ms) != ms;
        if changed {
            self.shared.wake();
        }
    }

    /// The stream has another dataset from here on: the log begins anew with the
    /// base that was [offered](StreamArchive::offer_base) for it, or without one.
    /// Answers whether there was one; see [`replace`](Self::replace) and
    /// [`begin_anew`](Self::begin_anew).
    pub fn restart(&self, origin: Origin) -> (CutId, bool) {
        let offered = self.shared.state().offered.take();
        match offered {
            Some(base) => (self.replace(base, origin), true),
            None => (self.begin_anew(origin), false),
        }
    }
}

#[async_trait]
impl StreamArchive for Journal {
    fn start(&self) -> Option<Offset> {
        self.shared.state().archive.start()
    }

    fn reader(&self, at: Offset, replid: ReplicationId) -> Option<Box<dyn StreamReader>> {
        let (id, generation) = self.shared.state().archive.admit(at)?;
        Some(Box::new(LogReader {
            storage: Arc::clone(&self.storage),
            shared: Arc::clone(&self.shared),
            id,
            generation,
            replid,
            at,
            cursor: None,
        }))
    }

    async fn new_base(&self) -> Result<(Arc<dyn Storage>, String), StorageError> {
        let number = self.bases.fetch_add(1, Ordering::Relaxed);
        let name = naming::temporary_base(&self.name, number, "received");
        self.storage.create(&name).await?;
        Ok((Arc::clone(&self.storage), name))
    }

    fn offer_base(&self, name: &str, format: &str) {
        self.shared.state().offered = Some(BaseFile {
            temporary: name.to_owned(),
            extension: format.to_owned(),
            sum: FileSum::default(),
        });
    }

    fn withdraw_base(&self) -> bool {
        self.shared.state().offered.take().is_some()
    }
}
