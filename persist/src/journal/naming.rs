//! The names of the log's files, which are Redis's where Redis reads them.
//!
//! ```text
//! <name>.<n>.base.<rdb|towline|aof>     <name>.<n>.incr.aof     <name>.manifest
//! <log file>.idx                        the side file, which Redis never looks at
//! temp-<name>…                          what is not complete; removed at the next start
//! ```

use crate::aof::ManifestFile;

/// The manifest of the log `name`.
pub(crate) fn manifest(name: &str) -> String {
    format!("{name}.manifest")
}

/// The manifest while it is being written.
pub(crate) fn temporary_manifest(name: &str) -> String {
    format!("temp-{name}.manifest")
}

/// The increment number `sequence`.
pub(crate) fn increment(name: &str, sequence: i64) -> String {
    format!("{name}.{sequence}.incr.aof")
}

/// Whether a line of the manifest, of whatever kind, is about an increment.
pub(crate) fn is_increment(name: &str, file: &ManifestFile) -> bool {
    increment(name, file.sequence).as_bytes() == file.name
}

/// The base number `sequence`, in the format that `extension` stands for.
pub(crate) fn base(name: &str, sequence: i64, extension: &str) -> String {
    format!("{name}.{sequence}.base.{extension}")
}

/// A base that is not complete.
pub(crate) fn temporary_base(name: &str, number: u64, extension: &str) -> String {
    format!("temp-{name}.{number}.base.{extension}")
}

/// The side file of a log file.
pub(crate) fn side_file(log: &str) -> String {
    format!("{log}.idx")
}

/// A side file while it is being written.
pub(crate) fn temporary_side_file(log: &str) -> String {
    format!("temp-{log}.idx")
}

/// Whether a file is left over from a run that did not complete it.
pub(crate) fn is_leftover(name: &str, file: &str) -> bool {
    let rest = file.strip_prefix("temp-");
    rest.is_some_and(|rest| {
        rest.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}
