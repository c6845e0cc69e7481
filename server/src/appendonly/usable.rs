//! Whether a directory can hold a log.

use std::fs;
use std::path::Path;

/// What is made in the directory, and removed at once.
const PROBE: &str = "temp-probe.aof";

/// Makes the directory where it is not there, and a file in it.
///
/// # Errors
/// A text for the operator.
pub fn try_directory(path: &Path) -> Result<(), String> {
    let shown = path.display();
    fs::create_dir_all(path)
        .map_err(|error| format!("Can't open or create append-only dir {shown}: {error}"))?;
    let probe = path.join(PROBE);
    fs::write(&probe, b"")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|error| format!("Can't write to the append-only dir {shown}: {error}"))
}
