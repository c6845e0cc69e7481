//! `towline check`: whether snapshots and logs are whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use towline_core::offset::Offset;
use towline_persist::aof::{AofReader, Manifest, Record};
use towline_persist::journal::{ReplaySink, inspect};
use towline_persist::storage::FsStorage;

use super::source::{
    READ_BYTES, ReadError, is_native, read_full, read_preamble, read_snapshot, salvage_snapshot,
    show,
};
use super::tally::Tally;
use super::{Out, Outcome, ShowProgress, ToolError};

/// A file's verdict: what it holds, or what is wrong with it.
type Verdict = Result<String, String>;

/// Checks each of `files`, and prints a line for every file it looked into.
pub(super) fn run(
    files: &[OsString],
    out: Out<'_>,
    mut progress: ShowProgress<'_>,
) -> Result<Outcome, ToolError> {
    let mut outcome = Outcome::Good;
    for name in files {
        for (path, verdict) in check(Path::new(name), &mut progress) {
            let (state, text) = match &verdict {
                Ok(text) => ("ok", text),
                Err(text) => ("DAMAGED", text),
            };
            writeln!(out, "{}: {state}: {text}", path.display()).map_err(ToolError::Output)?;
            if verdict.is_err() {
                outcome = Outcome::Damaged;
            }
        }
    }
    Ok(outcome)
}

fn check(path: &Path, progress: &mut ShowProgress<'_>) -> Vec<(PathBuf, Verdict)> {
    if path.is_dir() {
        return match manifests(path) {
            Ok(found) if found.is_empty() => {
                vec![(
                    path.to_owned(),
                    Err("there is no manifest in it".to_owned()),
                )]
            }
            Ok(found) => found
                .iter()
                .flat_map(|manifest| multi_part(manifest, progress))
                .collect(),
            Err(error) => vec![(path.to_owned(), Err(error.to_string()))],
        };
    }
    match path.extension().map(OsStr::as_bytes) {
        Some(b"manifest") => multi_part(path, progress),
        Some(b"aof") => vec![(path.to_owned(), log(path, progress))],
        _ => vec![(path.to_owned(), snapshot(path, progress))],
    }
}

fn manifests(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("manifest")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The manifest, and every file that it names.
fn multi_part(path: &Path, progress: &mut ShowProgress<'_>) -> Vec<(PathBuf, Verdict)> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => return vec![(path.to_owned(), Err(error.to_string()))],
    };
    let manifest = match Manifest::parse(&text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![(path.to_owned(), Err(error.to_string()))],
    };
    let (bases, increments) = (manifest.base.iter().count(), manifest.increments.len());
    let text = format!("{bases} base, {increments} increments");
    let mut verdicts = vec![(path.to_owned(), Ok(text))];
    for file in manifest.base.iter().chain(&manifest.increments) {
        let file = path.with_file_name(OsStr::from_bytes(&file.name));
        let verdict = log(&file, progress);
        verdicts.push((file, verdict));
    }
    verdicts.extend(side_files(path));
    verdicts
}

/// Whether the log is what its side files say, where it has any.
fn side_files(manifest: &Path) -> Option<(PathBuf, Verdict)> {
    let directory = manifest.parent()?;
    let name = manifest.file_stem()?.to_str()?;
    let verdict = smol::block_on(compare(directory, name)).transpose()?;
    Some((manifest.with_file_name(format!("{name}.*.idx")), verdict))
}

/// Reads the increments beside their side files; `None` where the last one has
/// none, as in the directory of another server.
async fn compare(directory: &Path, name: &str) -> Result<Option<String>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    // An empty path is the present directory.
    let directory = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let storage = FsStorage::open(directory).map_err(|error| told(&error))?;
    let found = inspect(&storage, name)
        .await
        .map_err(|error| told(&error))?;
    let Some(found) = found.filter(|found| {
        let last = found.increments.last();
        last.is_some_and(|file| file.side.is_some())
    }) else {
        return Ok(None);
    };
    let replayed = found.replay(&storage, &mut Unread).await;
    let recovered = replayed.map_err(|error| told(&error))?;
    let end = recovered.end;
    Ok(Some(match recovered.lineage {
        Some(lineage) => format!("they fit; history {}, up to offset {end}", lineage.replid),
        None => "another server wrote to the log since".to_owned(),
    }))
}

/// Takes commands whose places are all that matters.
struct Unread;

impl ReplaySink for Unread {
    fn command(&mut self, _offset: Offset, _args: &[&[u8]]) -> Result<(), String> {
        Ok(())
    }
}

fn snapshot(path: &Path, progress: &mut ShowProgress<'_>) -> Verdict {
    let mut tally = Tally::default();
    match read_snapshot(path, &mut tally, progress) {
        Ok(whole) => Ok(format!("{}, {}", whole.format, tally.tell())),
        Err(error) => Err(match blocks(path, progress) {
            Some(blocks) => format!("{error}\n{blocks}"),
            None => format!("{error}; {} keys before that were whole", tally.all().total),
        }),
    }
}

/// Where the file is one of blocks, which of them are damaged.
fn blocks(path: &Path, progress: &mut ShowProgress<'_>) -> Option<String> {
    let native = is_native(path).is_ok_and(|native| native);
    let found = native.then(|| salvage_snapshot(path, &mut Tally::default(), progress));
    // What keeps it from being read at all has been told already.
    found?.ok().map(|found| found.to_string())
}

/// A file of a log: a snapshot, commands, or a snapshot with commands behind it.
fn log(path: &Path, progress: &mut ShowProgress<'_>) -> Verdict {
    let mut tally = Tally::default();
    let (start, preamble) = match read_preamble(path, &mut tally, progress) {
        Ok((whole, total)) if whole.bytes == total => {
            return Ok(format!("{}, {}", whole.format, tally.tell()));
        }
        Ok((whole, _)) => (whole.bytes, format!("{}, {}; ", whole.format, tally.tell())),
        Err(ReadError::UnknownFormat) => (0, String::new()),
        Err(error) => return Err(error.to_string()),
    };
    match commands(path, start, progress) {
        Ok(Ok(text)) => Ok(format!("{preamble}{text}")),
        Ok(Err(text)) => Err(text),
        Err(error) => Err(error.to_string()),
    }
}

/// The commands from `start` on.
fn commands(path: &Path, start: u64, progress: &mut ShowProgress<'_>) -> io::Result<Verdict> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    file.seek(SeekFrom::Start(start))?;
    let mut reader = AofReader::new(start);
    let (mut count, mut at) = (0_u64, start);
    let mut take = |_, record: Record<'_>| {
        count += u64::from(matches!(record, Record::Command(_)));
        Ok(())
    };
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let got = read_full(&mut file, &mut chunk)?;
        if got == 0 {
            break;
        }
        at += got as u64;
        if let Err(error) = reader.feed(&chunk[..got], &mut take) {
            return Ok(Err(format!(
                "{error}; {count} commands before that are whole"
            )));
        }
        show(progress, at, total);
    }
    Ok(match reader.finish() {
        Ok(_) => Ok(format!("{count} commands")),
        Err(torn) => Err(format!("{torn} of {total} bytes")),
    })
}
