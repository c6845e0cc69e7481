//! The operator's tool: `towline check`, `convert`, `dump` and `restore`.
//!
//! * `source`: a snapshot's file, read through into any sink.
//! * `tally`: what a snapshot holds, in numbers.
//! * `check`: whether snapshots and logs are whole.
//! * `convert`: a snapshot in another format.
//! * `dump`, `json`: a snapshot's keys as JSON lines, or a summary.
//! * `restore`, `rebuild`: a snapshot of a moment of the past, from a log.

mod check;
mod convert;
mod dump;
mod json;
mod rebuild;
mod restore;
mod source;
mod tally;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use towline_persist::rdb::RdbVersion;

use restore::RestoreArgs;
use source::ReadError;

/// How the tool is called.
pub const USAGE: &str = "\
usage: towline check FILE…
       towline convert [--rdb-version 10|11|12|13|80] [--salvage] IN OUT
       towline dump [--summary] FILE
       towline restore --dir D --to-time T | --to-offset N [--out FILE]

check     verifies snapshots (.rdb, .towline), logs (.aof), and directories of a
          multi-part log or their manifests; the exit status is 1 if one is damaged;
          of a .towline it names the damaged blocks and how many keys they held
convert   writes a snapshot in the format that OUT's name ends in, .rdb or .towline;
          RDB in the oldest version that holds everything, unless one is named;
          with --salvage the whole blocks of a damaged .towline, with a list of what
          is lost and the exit status 1
dump      prints a snapshot's keys, a JSON object in each line, or what takes how much
restore   writes a snapshot of a moment of the past, from the log in the directory D and
          what aof-history-retention kept of it: to restored.rdb, or FILE (.rdb, .towline);
          T is in seconds or milliseconds since 1970, or 2026-01-31T12:00:00Z, and N a
          position of the stream, as INFO's master_repl_offset tells it";

/// How a run ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is in order.
    Good,
    /// A file that was to be verified is damaged.
    Damaged,
}

/// Why a run could not be carried out.
#[derive(Debug)]
pub enum ToolError {
    /// It was called in a way that it does not know.
    Usage(String),
    /// A file could not be read or written.
    Io(PathBuf, io::Error),
    /// A snapshot was needed whole, and is not.
    Snapshot(PathBuf, String),
    /// A log does not lead to what was wanted.
    Log(String),
    /// Standard output could not be written.
    Output(io::Error),
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "{what}\n{USAGE}"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Log(what) => f.write_str(what),
            Self::Snapshot(path, what) => write!(f, "{}: {what}", path.display()),
            Self::Output(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ToolError {}

impl ToolError {
    fn of_source(path: &Path, error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::Io(path.to_owned(), error),
            other => Self::Snapshot(path.to_owned(), other.to_string()),
        }
    }
}

/// Where a run prints to. A snapshot's sink holds it, and must be [`Send`].
pub type Out<'a> = &'a mut (dyn Write + Send);

/// Is told how many bytes of how many have been read.
pub type ShowProgress<'a> = Option<&'a mut (dyn FnMut(u64, u64) + Send)>;

/// Carries out what `args` ask for, and prints to `out`.
///
/// # Errors
/// Where it cannot be carried out. A damaged file that is to be checked is none.
pub fn run(
    args: &[OsString],
    out: Out<'_>,
    progress: ShowProgress<'_>,
) -> Result<Outcome, ToolError> {
    let (command, rest) = match args.split_first() {
        None => return Err(ToolError::Usage("what is to be done?".to_owned())),
        Some((command, rest)) => (command.to_string_lossy(), rest),
    };
    match &*command {
        "check" if !rest.is_empty() => check::run(rest, out, progress),
        "convert" => convert::run(&ConvertArgs::parse(rest)?, out, progress),
        "dump" => dump::run(&DumpArgs::parse(rest)?, out, progress),
        "restore" => restore::run(&RestoreArgs::parse(rest)?, out, progress),
        "--help" | "-h" | "help" => {
            writeln!(out, "{USAGE}").map_err(ToolError::Output)?;
            Ok(Outcome::Good)
        }
        "check" => Err(ToolError::Usage("check: which files?".to_owned())),
        other => Err(ToolError::Usage(format!("unknown command '{other}'"))),
    }
}

/// What `convert` is asked for.
struct ConvertArgs {
    version: Option<RdbVersion>,
    salvage: bool,
    from: PathBuf,
    to: PathBuf,
}

impl ConvertArgs {
    fn parse(args: &[OsString]) -> Result<Self, ToolError> {
        let (mut version, mut salvage, mut left) = (None, false, args);
        loop {
            left = match left {
                [flag, number, rest @ ..] if flag == "--rdb-version" => {
                    version = Some(rdb_version(number)?);
                    rest
                }
                [flag, rest @ ..] if flag == "--salvage" => {
                    salvage = true;
                    rest
                }
                [from, to] => {
                    return Ok(Self {
                        version,
                        salvage,
                        from: from.into(),
                        to: to.into(),
                    });
                }
                _ => {
                    let what = "convert: IN and OUT are needed";
                    return Err(ToolError::Usage(what.to_owned()));
                }
            };
        }
    }
}

fn rdb_version(text: &OsStr) -> Result<RdbVersion, ToolError> {
    let wanted = text.to_string_lossy();
    let versions = convert::OLDEST_FIRST.into_iter();
    let mut found = versions.filter(|version| version.number().to_string() == wanted);
    found
        .next()
        .ok_or_else(|| ToolError::Usage(format!("RDB {wanted} cannot be written")))
}

/// What `dump` is asked for.
struct DumpArgs {
    summary: bool,
    file: PathBuf,
}

impl DumpArgs {
    fn parse(args: &[OsString]) -> Result<Self, ToolError> {
        match args {
            [file] if file != "--summary" => Ok(Self {
                summary: false,
                file: file.into(),
            }),
            [flag, file] if flag == "--summary" => Ok(Self {
                summary: true,
                file: file.into(),
            }),
            _ => Err(ToolError::Usage("dump: one FILE is needed".to_owned())),
        }
    }
}

/// A bar of 30 characters and a percentage, for a terminal.
#[must_use]
pub fn progress_bar(done: u64, total: u64) -> String {
    const WIDTH: u64 = 30;
    let share = |whole: u64| {
        (u128::from(done.min(total)) * u128::from(whole) / u128::from(total.max(1))) as usize
    };
    let filled = share(WIDTH);
    let end = if done >= total { "\n" } else { "" };
    format!(
        "[{}{}] {:3}%{end}",
        "#".repeat(filled),
        " ".repeat(WIDTH as usize - filled),
        share(100)
    )
}
