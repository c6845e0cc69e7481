//! `towline convert`: a snapshot in another format.
//!
//! The file is read twice: once to verify it and to count, then to write. A damaged
//! native snapshot can be salvaged, which writes what of it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{Refused, SnapshotEncoder, SnapshotEntry, SnapshotSink};
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::{Salvaged, TowlineCodec};

use super::source::{ReadError, is_native, read_snapshot, salvage_snapshot};
use super::tally::{Tally, database};
use super::{ConvertArgs, Out, Outcome, ShowProgress, ToolError};

/// The versions of RDB in the order in which they are tried.
pub(super) const OLDEST_FIRST: [RdbVersion; 5] = [
    RdbVersion::V10,
    RdbVersion::V11,
    RdbVersion::Valkey80,
    RdbVersion::V12,
    RdbVersion::V13,
];

/// Output is written in blocks of about this size.
const BLOCK_BYTES: usize = 1 << 20;

pub(super) fn run(
    args: &ConvertArgs,
    out: Out<'_>,
    mut progress: ShowProgress<'_>,
) -> Result<Outcome, ToolError> {
    let (from, to) = (&args.from, &args.to);
    let io = |error| ToolError::Io(to.clone(), error);
    if to.exists() {
        return Err(io(io::ErrorKind::AlreadyExists.into()));
    }
    let codecs = codecs_for("convert", to, args.version)?;
    let mut tally = Tally::default();
    let source = Source::of(args).map_err(|error| ToolError::of_source(from, error))?;
    let lost = (source.read(&mut tally, &mut progress))
        .map_err(|error| ToolError::of_source(from, error))?;
    let part = PartFile::new(to);
    let mut refused = String::new();
    for (name, codec) in codecs {
        let mut file = File::create(&part.path).map_err(io)?;
        match write(&source, &tally, &*codec, &mut file, &mut progress) {
            Ok(()) => {
                file.sync_all().map_err(io)?;
                fs::rename(&part.path, to).map_err(io)?;
                sync_directory(to).map_err(io)?;
                let text = format!("{}: {name}, {}", to.display(), tally.tell());
                writeln!(out, "{text}").map_err(ToolError::Output)?;
                let Some(lost) = lost else {
                    return Ok(Outcome::Good);
                };
                writeln!(out, "{}: DAMAGED: {lost}", from.display()).map_err(ToolError::Output)?;
                return Ok(Outcome::Damaged);
            }
            Err(WriteError::NoPlace(what)) => refused = what,
            Err(WriteError::Io(error)) => return Err(io(error)),
            Err(WriteError::Source(error)) => return Err(ToolError::of_source(from, error)),
        }
    }
    Err(ToolError::Snapshot(to.clone(), refused))
}

/// The file that is converted, and whether what is lost of it is left out.
struct Source<'a> {
    path: &'a Path,
    salvage: bool,
}

impl<'a> Source<'a> {
    fn of(args: &'a ConvertArgs) -> Result<Self, ReadError> {
        // Other formats have no blocks that could be told whole from damaged.
        let salvage = args.salvage && is_native(&args.from)?;
        let path = &args.from;
        Ok(Self { path, salvage })
    }

    /// Reads it into `sink`, and answers what of it is lost, if anything is.
    fn read(
        &self,
        sink: &mut dyn SnapshotSink,
        progress: &mut ShowProgress<'_>,
    ) -> Result<Option<Salvaged>, ReadError> {
        if !self.salvage {
            return read_snapshot(self.path, sink, progress).map(|_| None);
        }
        let found = salvage_snapshot(self.path, sink, progress)?;
        Ok(Some(found).filter(|found| !found.is_whole()))
    }
}

/// A format and its name.
pub(super) type Named = (&'static str, Box<dyn SnapshotCodec>);

/// What is tried for a file of this name, in order.
pub(super) fn codecs_for(
    command: &str,
    to: &Path,
    version: Option<RdbVersion>,
) -> Result<Vec<Named>, ToolError> {
    let rdb = |version: RdbVersion| -> Named {
        let options = RdbOptions {
            version,
            ..RdbOptions::default()
        };
        (version.name(), Box::new(RdbCodec::new(options)))
    };
    match to.extension().and_then(|extension| extension.to_str()) {
        Some("towline") if version.is_none() => Ok(vec![("towline", Box::new(TowlineCodec))]),
        Some("towline") => Err(ToolError::Usage(format!(
            "{command}: --rdb-version is for .rdb"
        ))),
        Some("rdb") => Ok(match version {
            Some(version) => vec![rdb(version)],
            None => OLDEST_FIRST.map(rdb).into(),
        }),
        _ => Err(ToolError::Usage(format!(
            "{command}: OUT must end in .rdb or .towline"
        ))),
    }
}

/// The file while it is written, removed where it does not become the real one.
struct PartFile {
    path: PathBuf,
}

impl PartFile {
    fn new(to: &Path) -> Self {
        let mut name = to.as_os_str().to_owned();
        name.push(".part");
        Self { path: name.into() }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // It is gone where it was renamed.
        let _ = fs::remove_file(&self.path);
    }
}

fn sync_directory(file: &Path) -> io::Result<()> {
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

enum WriteError {
    /// The format does not hold everything.
    NoPlace(String),
    Io(io::Error),
    Source(ReadError),
}

fn write(
    source: &Source<'_>,
    tally: &Tally,
    codec: &dyn SnapshotCodec,
    file: &mut File,
    progress: &mut ShowProgress<'_>,
) -> Result<(), WriteError> {
    let mut rewriter = Rewriter {
        tally,
        encoder: codec.encoder(&tally.meta),
        block: Vec::new(),
        file,
        error: None,
    };
    rewriter.encoder.begin(&mut rewriter.block);
    let read = source.read(&mut rewriter, progress);
    match (rewriter.error.take(), read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(WriteError::Source(error)),
        (None, Ok(_)) => {
            rewriter.encoder.finish(&mut rewriter.block);
            rewriter
                .file
                .write_all(&rewriter.block)
                .map_err(WriteError::Io)
        }
    }
}

/// Writes again what it is handed.
struct Rewriter<'a> {
    tally: &'a Tally,
    encoder: Box<dyn SnapshotEncoder>,
    block: Vec<u8>,
    file: &'a mut File,
    /// Why it refused the last entry.
    error: Option<WriteError>,
}

impl Rewriter<'_> {
    fn flush(&mut self) -> Result<(), Refused> {
        if self.block.len() < BLOCK_BYTES {
            return Ok(());
        }
        let result = self.file.write_all(&self.block);
        self.block.clear();
        result.map_err(|error| self.refuse(WriteError::Io(error)))
    }

    fn refuse(&mut self, error: WriteError) -> Refused {
        self.error = Some(error);
        Refused("it could not be written".to_owned())
    }
}

impl SnapshotSink for Rewriter<'_> {
    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        let db = database(db)?;
        // A database without keys is named by no snapshot of ours.
        if let Some(keys) = self.tally.databases.get(&db) {
            self.encoder
                .select_db(db, keys.total, keys.expiring, &mut self.block);
        }
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        match self.encoder.entry(&entry.view(), &mut self.block) {
            Ok(()) => self.flush(),
            Err(error) => Err(self.refuse(WriteError::NoPlace(error.to_string()))),
        }
    }

    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused> {
        self.encoder.function(&source, &mut self.block);
        self.flush()
    }
}
