//! Directories that go away with the test that made them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::paths;

/// A directory below cargo's target directory, removed at the end of a test that
/// passes and kept by one that fails.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// An empty directory.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{}-{number}", process::id());
        let path = paths::target().join("test-data").join(name);
        // Left by an earlier process that had the same id.
        if path.exists() {
            fs::remove_dir_all(&path).expect("an old test directory can be removed");
        }
        fs::create_dir_all(&path).expect("a test directory can be made");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if !thread::panicking() {
            // A directory left behind costs space and nothing else.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
