//! Changes of files. The manifest's rename is what commits each of them.
//!
//! ```text
//! cut      side file, increment: created, synced │ manifest names the increment │ appends go on there
//! commit   base renamed to its name, side file   │ manifest names base and increments from the cut on
//!                                                │ what it replaced is removed, then forgotten
//! replace  increment made, base renamed          │ manifest names these two and nothing else
//! ```
//! Where there is nothing to go on from (a new log, or one that is poisoned) a
//! cut leaves the manifest alone: the old log stays as it was until the commit.

use towline_core::seams::StorageError;

use super::JournalError;
use super::archive::Segment;
use super::base_note::BaseNote;
use super::naming;
use super::open_file::OpenFile;
use super::progress::LogState;
use super::rewrite::{BaseFile, CutId};
use super::shared::{Cut, FsyncPolicy};
use super::writer::{Failure, JournalWriter, Opened};
use crate::aof::{FileKind, Manifest, ManifestFile};

impl JournalWriter {
    /// Goes on in a new increment.
    pub(super) async fn change_files(&mut self, cut: &Cut) -> Result<(), Failure> {
        self.close_file().await?;
        let sequence = self.next_sequence();
        let (file, entry) = match self.create_increment(cut, sequence).await {
            Ok(made) => made,
            Err(error) => return self.cut_failed(cut, error),
        };
        let opened = Opened {
            id: cut.id,
            sequence,
            origin: cut.origin.clone(),
            unix_ms: self.now_ms,
        };
        if let Some(base) = &cut.base {
            self.replace_all(base, &opened, entry).await?;
        } else if !cut.anew && self.goes_on_from_disk() {
            let mut manifest = self.manifest.clone();
            manifest.increments.push(entry);
            match self.write_manifest(manifest).await {
                Err(Failure::Retry(error)) => return self.cut_failed(cut, error),
                other => other?,
            }
        } else {
            self.detach(entry, cut.anew);
        }
        if cut.anew {
            self.epoch += 1;
            self.cuts.clear();
        }
        let closed = self.open.take().map_or(0, |old| old.length);
        self.closed_bytes = match cut.anew {
            true => 0,
            false => self.closed_bytes + closed,
        };
        self.cuts.push(opened);
        self.opened(file);
        if cut.base.is_some() {
            self.replaced();
            self.forget_history().await;
        }
        Ok(())
    }

    /// Leaves the present file complete and durable.
    async fn close_file(&mut self) -> Result<(), Failure> {
        let Some(target) = self.sync_target() else {
            return Ok(());
        };
        if let Err(error) = self.sync_now(target).await {
            return Err(Failure::Poison(error));
        }
        self.checkpoint().await;
        Ok(())
    }

    /// Whether the log on disk leads up to the present moment.
    fn goes_on_from_disk(&self) -> bool {
        let whole = self.open.as_ref().is_some_and(|file| !file.poisoned);
        self.detached.is_none() && whole
    }

    fn detach(&mut self, entry: ManifestFile, anew: bool) {
        if anew || self.open.as_ref().is_none_or(|file| file.poisoned) {
            // What was detached before leads up to a poisoned file.
            self.detached = None;
        }
        self.detached.get_or_insert_default().push(entry);
        self.shared.publish(|state| {
            state.progress.attached = false;
            state.progress.durable = None;
        });
    }

    async fn create_increment(
        &self,
        cut: &Cut,
        sequence: i64,
    ) -> Result<(OpenFile, ManifestFile), StorageError> {
        let name = naming::increment(&self.name, sequence);
        let storage = &*self.storage;
        let origin = cut.origin.clone();
        let file = OpenFile::create(storage, name, sequence, origin, self.now_ms).await?;
        let entry = entry(&file.name, sequence, FileKind::Increment);
        Ok((file, entry))
    }

    /// A cut for a rewrite that fails costs the rewrite; one that the stream
    /// needs is tried until it succeeds.
    fn cut_failed(&mut self, cut: &Cut, error: StorageError) -> Result<(), Failure> {
        let same_history = self
            .open
            .as_ref()
            .is_some_and(|file| !file.poisoned && file.origin.lineage == cut.origin.lineage);
        if cut.anew || !same_history {
            return Err(Failure::Retry(error));
        }
        self.failed_cuts.push((cut.id, error));
        Ok(())
    }

    pub(super) fn opened(&mut self, file: OpenFile) {
        let (sequence, length, closed) = (file.sequence, file.length, self.closed_bytes);
        self.annotated_s = 0;
        let (segment, epoch) = (Segment::of(&file), self.epoch);
        self.open = Some(file);
        self.shared.publish(|state| {
            if state.epoch() == epoch {
                state.archive.push(segment);
            }
            state.synced_position = (sequence, length);
            state.unsynced = None;
            state.progress.file_bytes = length;
            state.progress.increments_bytes = closed + length;
            state.progress.side_file_error = None;
        });
    }

    /// The number of the next increment, whose name no file of the log has.
    pub(super) fn next_sequence(&self) -> i64 {
        let known = self.manifest.increments.iter();
        let known = known.chain(self.detached.iter().flatten());
        // Numbers tell the order of what is kept of the past as well.
        let known = known.chain(self.past(true));
        let last = known.map(|file| file.sequence).max().unwrap_or(0);
        let open = self.open.as_ref().map_or(0, |file| file.sequence);
        self.unused(last.max(open) + 1, |sequence| {
            naming::increment(&self.name, sequence)
        })
    }

    fn next_base(&self, extension: &str) -> (String, i64) {
        let known = self.manifest.base.iter().chain(self.past(false));
        let last = known.map(|file| file.sequence).max().unwrap_or(0);
        let name = |sequence| naming::base(&self.name, sequence, extension);
        let sequence = self.unused(last + 1, name);
        (name(sequence), sequence)
    }

    /// The increments or the bases that the log no longer needs.
    fn past(&self, increments: bool) -> impl Iterator<Item = &ManifestFile> {
        let files = self.manifest.history.iter();
        files.filter(move |file| naming::is_increment(&self.name, file) == increments)
    }

    /// The first number from `sequence` on whose name is not that of a file
    /// that is about to be removed.
    fn unused(&self, mut sequence: i64, name: impl Fn(i64) -> String) -> i64 {
        let taken = |sequence| {
            let name = name(sequence);
            let history = &self.manifest.history;
            history.iter().any(|file| file.name == name.as_bytes())
        };
        while taken(sequence) {
            sequence += 1;
        }
        sequence
    }

    /// The base of the rewrite that began with `cut` is whole: it replaces what
    /// lies before the cut.
    pub(super) async fn commit(&mut self, cut: CutId, base: &BaseFile) -> Result<(), JournalError> {
        if let Some(at) = self.failed_cuts.iter().position(|(id, _)| *id == cut) {
            return Err(self.failed_cuts.swap_remove(at).1.into());
        }
        let opened = self.cuts.iter().find(|opened| opened.id == cut);
        let opened = opened.ok_or(JournalError::Superseded)?.clone();
        if self.open.as_ref().is_none_or(|file| file.poisoned) {
            let message = "the log failed while its base was written".to_owned();
            return Err(JournalError::Poisoned(message));
        }
        self.sync_for_commit().await?;
        let known = self.manifest.increments.clone();
        let all = known
            .into_iter()
            .chain(self.detached.clone().unwrap_or_default());
        let (kept, old): (Vec<_>, Vec<_>) = all.partition(|file| file.sequence >= opened.sequence);
        self.put_base(base, &opened, kept, old)
            .await
            .map_err(|failure| self.told(failure))?;
        self.cuts.retain(|opened| opened.id > cut);
        self.failed_cuts.retain(|(id, _)| *id > cut);
        self.committed();
        self.forget_history().await;
        Ok(())
    }

    /// A log that is not on disk yet becomes durable as a whole.
    fn syncs_commits(&self) -> bool {
        self.detached.is_some() || self.shared.state().policy != FsyncPolicy::No
    }

    async fn sync_for_commit(&mut self) -> Result<(), JournalError> {
        let Some(target) = self.sync_target().filter(|_| self.syncs_commits()) else {
            return Ok(());
        };
        let synced = self.sync_now(target).await;
        synced.map_err(|error| self.told(Failure::Poison(error)))
    }

    fn told(&mut self, failure: Failure) -> JournalError {
        match failure {
            Failure::Retry(error) => error.into(),
            Failure::Poison(error) => {
                self.poison(&error.to_string());
                error.into()
            }
        }
    }

    fn committed(&mut self) {
        self.detached = None;
        let target = self.sync_target();
        self.shared.publish(|state| {
            state.progress.attached = true;
            state.progress.state = LogState::Good;
            if let Some(target) = target.filter(|_| state.policy != FsyncPolicy::No) {
                state.synced(&target);
            }
        });
    }

    /// The dataset is another: the log is `base` and what follows it.
    async fn replace_all(
        &mut self,
        base: &BaseFile,
        opened: &Opened,
        entry: ManifestFile,
    ) -> Result<(), Failure> {
        let mut old = self.manifest.increments.clone();
        old.extend(self.detached.clone().unwrap_or_default());
        self.put_base(base, opened, vec![entry], old).await?;
        self.detached = None;
        self.shared.publish(|state| {
            state.progress.attached = true;
            state.progress.state = LogState::Good;
        });
        Ok(())
    }

    /// The new dataset is durable, before anything is written behind it.
    fn replaced(&self) {
        let target = self.sync_target();
        self.shared.publish(|state| {
            if let Some(target) = target {
                state.synced(&target);
            }
        });
    }

    /// Gives the base its name and writes a manifest of it and `kept`, which begins with
    /// what was `opened` at the base's moment.
    async fn put_base(
        &mut self,
        base: &BaseFile,
        opened: &Opened,
        kept: Vec<ManifestFile>,
        old: Vec<ManifestFile>,
    ) -> Result<(), Failure> {
        let (name, sequence) = self.next_base(&base.extension);
        match self.storage.rename(&base.temporary, &name).await {
            Ok(()) => {}
            // An earlier attempt got as far as this.
            Err(StorageError::NotFound { .. }) if self.storage.len(&name).await.is_ok() => {}
            Err(error) => return Err(Failure::Retry(error)),
        }
        let note = BaseNote::new(
            opened.origin.clone(),
            opened.unix_ms,
            base.sum,
            opened.sequence,
        );
        let noted = note.write(&*self.storage, &name).await;
        noted.map_err(Failure::Retry)?;
        let mut history = self.manifest.history.clone();
        history.extend(self.manifest.base.clone());
        history.extend(old);
        for file in &mut history {
            file.kind = FileKind::History;
        }
        let closed_kept = kept.iter().map(|file| file.sequence).collect::<Vec<_>>();
        let manifest = Manifest {
            base: Some(entry(&name, sequence, FileKind::Base)),
            increments: kept,
            history,
        };
        match self.write_manifest(manifest).await {
            Err(Failure::Retry(error)) => return Err(Failure::Retry(error)),
            written => {
                self.retention.add(sequence, opened.sequence);
                written?;
            }
        }
        self.count_closed(&closed_kept).await;
        Ok(())
    }

    /// Sums up the increments that are kept, but for the one that is open.
    async fn count_closed(&mut self, sequences: &[i64]) {
        let open = self.open.as_ref().map(|file| file.sequence);
        let mut bytes = 0;
        for sequence in sequences.iter().filter(|sequence| Some(**sequence) != open) {
            let name = naming::increment(&self.name, *sequence);
            // The figure steers rewrites and nothing else.
            bytes += self.storage.len(&name).await.unwrap_or(0);
        }
        self.closed_bytes = bytes;
        let file_bytes = self.open.as_ref().map_or(0, |file| file.length);
        self.shared
            .publish(|state| state.progress.increments_bytes = bytes + file_bytes);
    }

    /// Puts a manifest in place. The files that it names are durable but for
    /// their names, which come before its own.
    pub(super) async fn write_manifest(&mut self, manifest: Manifest) -> Result<(), Failure> {
        let temporary = naming::temporary_manifest(&self.name);
        let target = naming::manifest(&self.name);
        let storage = &*self.storage;
        let prepared = async {
            storage.create(&temporary).await?;
            storage.append(&temporary, manifest.to_text()).await?;
            storage.sync(&temporary).await?;
            storage.sync_dir().await?;
            storage.rename(&temporary, &target).await
        };
        prepared.await.map_err(Failure::Retry)?;
        // Whether a crash finds the old manifest or this one is unknown where
        // this fails, and nothing may be written that only one of them knows.
        let durable = storage.sync_dir().await;
        self.manifest = manifest;
        durable.map_err(Failure::Poison)
    }

    /// Removes what the log does not need any more, no replica may ask for, and leads to
    /// no moment that is to be restored, then says so in the manifest. What cannot be removed now is tried again with the
    /// next change.
    pub(super) async fn forget_history(&mut self) {
        let history = self.manifest.history.clone();
        let mut left = Vec::new();
        for file in &history {
            if self.is_kept(file) || !self.remove_log(file).await {
                left.push(file.clone());
            }
        }
        if left == history {
            return;
        }
        let mut manifest = self.manifest.clone();
        manifest.history = left;
        if let Err(Failure::Poison(error)) = self.write_manifest(manifest).await {
            self.poison(&error.to_string());
        }
    }

    /// Whether replicas may still be served from this file, or the past be restored.
    fn is_kept(&self, file: &ManifestFile) -> bool {
        let state = self.shared.state();
        let (retention, past_ms) = (&self.retention, state.past_ms);
        if naming::is_increment(&self.name, file) {
            let read = state.archive.keeps(file.sequence);
            return read || retention.keeps_increment(file.sequence, past_ms);
        }
        retention.keeps_base(file.sequence, past_ms)
    }

    /// Each second, lets go of files that the stream has left behind, or that are too old.
    pub(super) async fn forget_outgrown(&mut self) {
        let now_s = self.now_ms / 1000;
        if now_s == self.outgrown_s || self.manifest.history.is_empty() {
            return;
        }
        self.outgrown_s = now_s;
        self.forget_history().await;
    }

    async fn remove_log(&mut self, file: &ManifestFile) -> bool {
        match naming::is_increment(&self.name, file) {
            true => self.shared.state().archive.drop_up_to(file.sequence),
            false => self.retention.forget(file.sequence),
        }
        let Ok(name) = std::str::from_utf8(&file.name) else {
            return true;
        };
        let mut gone = true;
        for name in [naming::side_file(name), name.to_owned()] {
            let removed = self.storage.remove(&name).await;
            gone &= matches!(removed, Ok(()) | Err(StorageError::NotFound { .. }));
        }
        gone
    }
}

pub(super) fn entry(name: &str, sequence: i64, kind: FileKind) -> ManifestFile {
    ManifestFile {
        name: name.as_bytes().to_vec(),
        sequence,
        kind,
        more: Vec::new(),
    }
}
