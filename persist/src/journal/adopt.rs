//! A log in a single file, as servers before Redis 7 keep it, becomes the base of a log
//! in parts.

use towline_core::seams::{Storage, StorageError};

use super::JournalError;
use super::change::entry;
use super::naming;
use super::start::read_manifest;
use crate::aof::{FileKind, Manifest};

/// Names a file of the log's own name as its base, where there is no manifest. Answers
/// whether it did. The manifest's rename is the commit: before it the next start finds
/// the file as this one did.
///
/// # Errors
/// Where the storage fails, or the manifest is none.
pub async fn adopt_single_file(storage: &dyn Storage, name: &str) -> Result<bool, JournalError> {
    if read_manifest(storage, name).await?.is_some() {
        return Ok(false);
    }
    match storage.sync(name).await {
        Err(StorageError::NotFound { .. }) => return Ok(false),
        synced => synced?,
    }
    let manifest = Manifest {
        base: Some(entry(name, 1, FileKind::Base)),
        ..Manifest::default()
    };
    let temporary = naming::temporary_manifest(name);
    storage.create(&temporary).await?;
    storage.append(&temporary, manifest.to_text()).await?;
    storage.sync(&temporary).await?;
    storage.sync_dir().await?;
    storage.rename(&temporary, &naming::manifest(name)).await?;
    storage.sync_dir().await?;
    Ok(true)
}
