//! Reading the files that a configuration names.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

use towline_core::text::glob::{Case, matches};

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path.
    pub path: Vec<u8>,
    /// What it holds.
    pub text: Vec<u8>,
}

/// The largest configuration file that is read.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Reads the file `path`, or, if it has wildcards, all files that match, in the
/// order of their names.
pub fn read(path: &[u8]) -> io::Result<Vec<SourceFile>> {
    if !has_wildcards(path) {
        return Ok(vec![read_one(Path::new(OsStr::from_bytes(path)))?]);
    }
    let found = expand(Path::new(OsStr::from_bytes(path)))?;
    found.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> io::Result<SourceFile> {
    if fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(io::Error::other(
            "the file is too large for a configuration",
        ));
    }
    let text = fs::read(path)?;
    Ok(SourceFile {
        path: path.as_os_str().as_bytes().to_vec(),
        text,
    })
}

fn has_wildcards(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The paths that match, component by component. What cannot be listed has no
/// files that match.
fn expand(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = component.as_os_str().as_bytes();
        paths = if has_wildcards(name) {
            let mut next = Vec::new();
            for path in &paths {
                next.extend(list(path, name)?);
            }
            next
        } else {
            paths
                .into_iter()
                .map(|path| path.join(component))
                .filter(|path| path.exists())
                .collect()
        };
    }
    Ok(paths)
}

/// The entries of a directory that match, without hidden ones unless the
/// pattern begins with their dot.
fn list(directory: &Path, pattern: &[u8]) -> io::Result<Vec<PathBuf>> {
    let here = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    if !here.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(here)? {
        let name = entry?.file_name().into_vec();
        let hidden = name.starts_with(b".") && !pattern.starts_with(b".");
        if !hidden && matches(pattern, &name, Case::Sensitive) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names
        .iter()
        .map(|name| directory.join(OsStr::from_bytes(name)))
        .collect())
}
