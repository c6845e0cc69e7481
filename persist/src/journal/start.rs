//! How a journal begins.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};

use super::change::entry;
use super::found::{Found, FoundIncrement};
use super::lineage::Origin;
use super::naming;
use super::open_file::{OpenFile, Side};
use super::replay::{LastFile, Recovered};
use super::retention::Retention;
use super::shared::Shared;
use super::side_file::Mark;
use super::tasks::JournalSyncer;
use super::writer::{Failure, JournalWriter};
use super::{Journal, JournalError, JournalOptions};
use crate::aof::{FileKind, Manifest};

/// The longest manifest that is read.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// A journal: the handle, and what is to be spawned with
/// [`run`](super::run) and [`run_syncer`](super::run_syncer).
pub struct Parts {
    /// The handle.
    pub journal: Journal,
    /// The task that writes.
    pub writer: JournalWriter,
    /// The task that syncs.
    pub syncer: JournalSyncer,
}

impl Journal {
    /// A journal whose log does not go on from what the directory holds. It
    /// begins with a [`cut`](Self::cut) at `start` and the commit of a base;
    /// until then the directory's log stays as it is.
    ///
    /// # Errors
    /// Where the manifest cannot be read. One that is none counts as empty.
    pub async fn fresh(
        storage: Arc<dyn Storage>,
        options: JournalOptions,
        start: Offset,
    ) -> Result<Parts, JournalError> {
        let manifest = match read_manifest(&*storage, &options.name).await {
            Ok(manifest) => manifest.unwrap_or_default(),
            Err(JournalError::Manifest { .. }) => Manifest::default(),
            Err(error) => return Err(error),
        };
        remove_leftovers(&*storage, &options.name).await?;
        let mut parts = parts(storage, options, start, manifest);
        parts.writer.learn_of_bases(0).await?;
        Ok(parts)
    }
}

impl Journal {
    /// A journal that goes on from what [`Found::replay`] recovered, with the
    /// stream at `origin`. What a crash tore is cut off, and everything there is
    /// becomes durable before this returns. Where `origin` names another history
    /// than was recovered, the record of that is durable as well.
    ///
    /// # Errors
    /// Where the storage fails. The log is then as it was, or cut.
    ///
    /// # Panics
    /// Where the log's own history is to go on from another offset than its end.
    pub async fn resume(
        storage: Arc<dyn Storage>,
        options: JournalOptions,
        found: Found,
        recovered: &Recovered,
        origin: Origin,
        unix_ms: u64,
    ) -> Result<Parts, JournalError> {
        remove_leftovers(&*storage, &options.name).await?;
        let start = origin.offset;
        let mut parts = parts(storage, options, start, found.manifest.clone());
        parts.writer.now_ms = unix_ms;
        parts.writer.go_on(&found, recovered, origin).await?;
        Ok(parts)
    }
}

impl JournalWriter {
    async fn go_on(
        &mut self,
        found: &Found,
        recovered: &Recovered,
        origin: Origin,
    ) -> Result<(), JournalError> {
        let last = found.increments.last().zip(recovered.last.as_ref());
        let mut file = match last {
            Some((increment, last)) => Some(self.reopen(increment, last, &origin).await?),
            None => None,
        };
        self.learn_of_segments(found, recovered).await?;
        self.learn_of_bases(found.last_ms()).await?;
        let others = found.increments.iter().rev().skip(1);
        self.closed_bytes = others.map(|file| file.bytes).sum();
        let continued = recovered.lineage.as_ref() == Some(&origin.lineage);
        match &mut file {
            Some(file) if continued => self.mark_resumed(file, recovered, &origin).await?,
            // Files of others, and those that hold nothing, need no successor.
            Some(file) if recovered.foreign || file.is_empty() => {
                file.restart(&*self.storage, origin, self.now_ms).await?;
            }
            _ => {
                if let Some(closed) = &mut file {
                    self.closed_bytes += closed.length;
                    self.mark(closed, &[end_mark(closed)]).await?;
                }
                file = Some(self.add_increment(origin).await?);
            }
        }
        let file = file.expect("every arm leaves one");
        self.adopt(file);
        self.forget_history().await;
        Ok(())
    }

    /// What the past can be restored from.
    async fn learn_of_bases(&mut self, last_ms: u64) -> Result<(), JournalError> {
        let (storage, name) = (&*self.storage, &self.name);
        self.retention = Retention::learn(storage, name, &self.manifest, last_ms).await?;
        Ok(())
    }

    /// What replicas can be served from before anything is written.
    async fn learn_of_segments(
        &self,
        found: &Found,
        recovered: &Recovered,
    ) -> Result<(), JournalError> {
        let retained = found.retained(&*self.storage, &self.name).await?;
        let mut state = self.shared.state();
        state.archive.keep_history(!retained.is_empty());
        for segment in retained.iter().chain(&recovered.segments) {
            state.archive.push(segment.clone());
        }
        Ok(())
    }

    /// Opens the last increment: cut to what is whole of it, and durable.
    async fn reopen(
        &self,
        found: &FoundIncrement,
        last: &LastFile,
        origin: &Origin,
    ) -> Result<OpenFile, JournalError> {
        let storage = &*self.storage;
        let mut side_bytes = 0;
        if let Some(side) = &found.side {
            // The side file first: it never vouches for what is not there.
            side_bytes = side.bytes_up_to(last.length);
            let name = naming::side_file(&last.name);
            storage.truncate(&name, side_bytes).await?;
            storage.sync(&name).await?;
        }
        if last.length < found.bytes {
            storage.truncate(&last.name, last.length).await?;
        }
        storage.sync(&last.name).await?;
        let start = found.side.as_ref().map(|side| side.start.origin.clone());
        let files = self.manifest.increments.last();
        Ok(OpenFile {
            name: last.name.clone(),
            sequence: files.map_or(0, |file| file.sequence),
            length: last.length,
            crc: last.crc,
            offset: origin.offset,
            origin: start.unwrap_or_else(|| origin.clone()),
            written_ms: found.last_ms().unwrap_or(self.now_ms),
            poisoned: false,
            side: Side::new(side_bytes, last.length, self.now_ms),
        })
    }

    /// From here on nothing proves a clean stop any more.
    async fn mark_resumed(
        &self,
        file: &mut OpenFile,
        recovered: &Recovered,
        origin: &Origin,
    ) -> Result<(), JournalError> {
        assert_eq!(
            recovered.end, origin.offset,
            "a history goes on where its log ends"
        );
        let unix_ms = self.now_ms;
        let marks = [end_mark(file), Mark::Resumed { unix_ms }];
        self.mark(file, &marks).await
    }

    /// Adds marks to the side file of a file that an earlier run wrote.
    async fn mark(&self, file: &mut OpenFile, marks: &[Mark]) -> Result<(), JournalError> {
        let mut frames = Vec::new();
        for mark in marks {
            mark.write(&mut frames);
        }
        let side = naming::side_file(&file.name);
        file.side.bytes = self.storage.append(&side, frames).await?;
        self.storage.sync(&side).await?;
        Ok(())
    }

    async fn add_increment(&mut self, origin: Origin) -> Result<OpenFile, JournalError> {
        let sequence = self.next_sequence();
        let name = naming::increment(&self.name, sequence);
        let file = OpenFile::create(&*self.storage, name, sequence, origin, self.now_ms).await?;
        let mut manifest = self.manifest.clone();
        let line = entry(&file.name, sequence, FileKind::Increment);
        manifest.increments.push(line);
        let written = self.write_manifest(manifest).await;
        written.map_err(Failure::into_error)?;
        Ok(file)
    }

    fn adopt(&mut self, file: OpenFile) {
        let offset = file.offset;
        self.opened(file);
        self.shared.publish(|state| {
            state.progress.attached = true;
            state.progress.durable = Some(offset);
        });
    }
}

/// What a crash left was written within a second of what came before it.
const fn end_mark(file: &OpenFile) -> Mark {
    Mark::Checkpoint(file.checkpoint(file.length))
}

/// The parts of a journal that has no file open.
pub(super) fn parts(
    storage: Arc<dyn Storage>,
    options: JournalOptions,
    start: Offset,
    manifest: Manifest,
) -> Parts {
    let shared = Shared::new(start, options.policy, options.timestamps);
    shared.state().archive.retain(options.retained_bytes);
    shared.state().past_ms = options.past_ms;
    let journal = Journal {
        shared: Arc::clone(&shared),
        storage: Arc::clone(&storage),
        name: options.name.as_str().into(),
        bases: Arc::new(AtomicU64::new(1)),
    };
    let syncer = JournalSyncer::new(Arc::clone(&storage), Arc::clone(&shared));
    let writer = JournalWriter {
        storage,
        shared,
        name: options.name,
        manifest,
        detached: None,
        open: None,
        outgrown_s: 0,
        cuts: Vec::new(),
        failed_cuts: Vec::new(),
        retention: Retention::default(),
        closed_bytes: 0,
        held: None,
        epoch: 0,
        annotated_s: 0,
        now_ms: 0,
    };
    Parts {
        journal,
        writer,
        syncer,
    }
}

/// The manifest of the log `name`; `None` where there is none.
pub(super) async fn read_manifest(
    storage: &dyn Storage,
    name: &str,
) -> Result<Option<Manifest>, JournalError> {
    let file = naming::manifest(name);
    let text = match storage.read(&file, 0, MAX_MANIFEST_BYTES).await {
        Err(StorageError::NotFound { .. }) => return Ok(None),
        other => other?,
    };
    let wrong = |what: String| JournalError::Manifest { file, what };
    let manifest = Manifest::parse(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(manifest))
}

/// Removes what earlier runs did not complete.
pub(super) async fn remove_leftovers(
    storage: &dyn Storage,
    name: &str,
) -> Result<(), StorageError> {
    for file in storage.list().await? {
        if naming::is_leftover(name, &file) {
            storage.remove(&file).await?;
        }
    }
    Ok(())
}
