//! What a directory holds, before anything of it is read.

use towline_core::seams::{Storage, StorageError};

use super::JournalError;
use super::archive::Segment;
use super::naming;
use super::side_file::{MAX_SIDE_FILE_BYTES, Mark, SideFile};
use super::start::read_manifest;
use crate::aof::{Manifest, ManifestFile};

/// A log as its manifest and side files tell of it.
#[derive(Clone, Debug)]
pub struct Found {
    pub(super) manifest: Manifest,
    /// The base's file, to be loaded first. Its content tells what it is: a
    /// snapshot, commands, or a snapshot with commands behind it.
    pub base: Option<String>,
    /// What follows, in order.
    pub increments: Vec<FoundIncrement>,
    /// The length of all files together.
    pub total_bytes: u64,
}

/// An increment that the manifest names.
#[derive(Clone, Debug)]
pub struct FoundIncrement {
    /// Its file.
    pub name: String,
    /// Its number.
    pub sequence: i64,
    /// Its length.
    pub bytes: u64,
    /// What its side file says; `None` where there is none that can be read,
    /// as beside the files of other servers.
    pub side: Option<SideFile>,
}

/// Looks at the log `name`; `None` where there is no manifest.
///
/// # Errors
/// Where the manifest is none, or a file that it names is missing.
pub async fn inspect(storage: &dyn Storage, name: &str) -> Result<Option<Found>, JournalError> {
    let Some(manifest) = read_manifest(storage, name).await? else {
        return Ok(None);
    };
    let mut found = Found {
        base: None,
        increments: Vec::new(),
        total_bytes: 0,
        manifest,
    };
    if let Some(file) = &found.manifest.base {
        let base = file_name(file)?;
        found.total_bytes += storage.len(&base).await?;
        found.base = Some(base);
    }
    for file in &found.manifest.increments {
        let (name, sequence) = (file_name(file)?, file.sequence);
        let bytes = storage.len(&name).await?;
        found.total_bytes += bytes;
        let side = read_side_file(storage, &name).await?;
        found.increments.push(FoundIncrement {
            name,
            sequence,
            bytes,
            side,
        });
    }
    Ok(Some(found))
}

impl FoundIncrement {
    /// The latest time that its side file tells.
    pub(super) fn last_ms(&self) -> Option<u64> {
        let side = self.side.as_ref()?;
        Some(
            side.marks
                .last()
                .map_or(side.start.created_ms, Mark::unix_ms),
        )
    }
}

impl Found {
    /// The time of the log's end, as far as it is known.
    pub(super) fn last_ms(&self) -> u64 {
        let last = self.increments.last().and_then(FoundIncrement::last_ms);
        last.unwrap_or(0)
    }

    /// What earlier runs kept for replicas of what the log no longer needs, in order.
    /// A file that is not whole is none of it.
    pub(super) async fn retained(
        &self,
        storage: &dyn Storage,
        name: &str,
    ) -> Result<Vec<Segment>, StorageError> {
        let files = self.manifest.history.iter();
        let mut segments = Vec::new();
        for file in files.filter(|file| naming::is_increment(name, file)) {
            let log = file_name(file)?;
            let length = match storage.len(&log).await {
                Err(StorageError::NotFound { .. }) => continue,
                length => length?,
            };
            let side = read_side_file(storage, &log).await?;
            segments.extend(side.and_then(|side| closed(log, file.sequence, length, &side)));
        }
        Ok(segments)
    }
}

/// A file that nothing is added to any more: its side file knows its end.
fn closed(name: String, sequence: i64, length: u64, side: &SideFile) -> Option<Segment> {
    let last = side.marks.iter().rev().find_map(Mark::checkpoint)?;
    (last.position == length).then(|| Segment {
        name,
        sequence,
        lineage: side.start.origin.lineage.clone(),
        start: side.start.origin.offset,
        end: last.offset,
        length,
    })
}

/// A name that a storage can hold.
pub(super) fn file_name(file: &ManifestFile) -> Result<String, StorageError> {
    let name = String::from_utf8(file.name.clone());
    name.map_err(|error| StorageError::InvalidName {
        name: error.into_bytes().escape_ascii().to_string(),
    })
}

pub(super) async fn read_side_file(
    storage: &dyn Storage,
    log: &str,
) -> Result<Option<SideFile>, StorageError> {
    let name = naming::side_file(log);
    match storage.read(&name, 0, MAX_SIDE_FILE_BYTES).await {
        Ok(bytes) => Ok(SideFile::parse(&bytes)),
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
