//! What commands ask of the process's own files: CONFIG REWRITE, DEBUG RELOAD.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use towline_core::config::RewriteEntry;

use crate::conf::rewrite;

/// Writes the current values into the configuration file, whose comments and
/// order stay. The file is replaced as a whole or not at all.
///
/// # Errors
/// The text of the error reply.
pub(crate) fn rewrite_config(file: &str, entries: &[RewriteEntry]) -> Result<(), String> {
    if file.is_empty() {
        return Err("ERR The server is running without a config file".to_owned());
    }
    replace(Path::new(file), entries).map_err(|error| format!("ERR Rewriting config file: {error}"))
}

fn replace(path: &Path, entries: &[RewriteEntry]) -> io::Result<()> {
    let old = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    write_whole(path, &rewrite(&old, entries))
}

/// Replaces a file so that a crash leaves the old one or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary: PathBuf = directory.join(format!("{name}.{}.tmp", std::process::id()));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // What was written of the new file is of no use; the error tells why.
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    File::open(directory)?.sync_all()
}
