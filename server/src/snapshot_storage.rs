//! `snapshot-storage`: where SAVE and BGSAVE write, and what is loaded at the start.
//! The log and the spool of full syncs stay in `dir`.

use std::sync::Arc;

use towline_core::seams::Storage;

/// The storage at `place`: `s3://BUCKET/PREFIX`, `redb:PATH`, or none where it is empty.
///
/// # Errors
/// A text for the operator.
pub(crate) async fn open(place: &str) -> Result<Option<Arc<dyn Storage>>, String> {
    if place.is_empty() {
        return Ok(None);
    }
    let opened = match place.strip_prefix("redb:") {
        Some(path) => key_value_store(path),
        None => object_store(place).await,
    };
    opened.map(Some)
}

#[cfg(feature = "redb")]
fn key_value_store(path: &str) -> Result<Arc<dyn Storage>, String> {
    let opened = towline_persist::storage::RedbStorage::open(path);
    Ok(Arc::new(opened.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "redb"))]
fn key_value_store(_path: &str) -> Result<Arc<dyn Storage>, String> {
    Err(not_built("redb"))
}

#[cfg(feature = "object-store")]
async fn object_store(url: &str) -> Result<Arc<dyn Storage>, String> {
    let opened = towline_persist::storage::ObjectStorage::open_url(url, []).await;
    Ok(Arc::new(opened.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "object-store"))]
async fn object_store(_url: &str) -> Result<Arc<dyn Storage>, String> {
    Err(not_built("object-store"))
}

#[cfg(not(all(feature = "redb", feature = "object-store")))]
fn not_built(feature: &str) -> String {
    format!("this server was built without the feature '{feature}' of towline-server")
}
