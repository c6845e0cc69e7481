//! `towline restore`: a snapshot of a moment of the past, from the log and what it kept.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use towline_core::offset::Offset;
use towline_core::text::date::{Rfc3339, parse_rfc3339};
use towline_core::text::number::parse_u64;
use towline_persist::journal::{Moment, Past, Way};
use towline_persist::save::SaveError;
use towline_persist::storage::FsStorage;

use super::convert::codecs_for;
use super::rebuild::{Rebuilt, rebuild, save};
use super::{Out, Outcome, ShowProgress, ToolError};

/// Where the snapshot goes unless that is said.
const DEFAULT_OUT: &str = "restored.rdb";
/// A number of this size or above counts milliseconds, not seconds: it is the year 5138
/// in these, and 1973 in those.
const LEAST_MS: u64 = 100_000_000_000;

/// What `restore` is asked for.
pub(super) struct RestoreArgs {
    directory: PathBuf,
    moment: Moment,
    out: PathBuf,
}

impl RestoreArgs {
    pub(super) fn parse(args: &[OsString]) -> Result<Self, ToolError> {
        let usage = |what: String| ToolError::Usage(format!("restore: {what}"));
        let (mut directory, mut moment, mut out) = (None, None, None);
        let mut rest = args;
        while let [flag, value, more @ ..] = rest {
            match flag.to_string_lossy().as_ref() {
                "--dir" => directory = Some(PathBuf::from(value)),
                "--out" => out = Some(PathBuf::from(value)),
                "--to-time" | "--to-offset" if moment.is_some() => {
                    return Err(usage("one moment is enough".to_owned()));
                }
                "--to-time" => moment = Some(time(value)?),
                "--to-offset" => moment = Some(offset(value)?),
                other => return Err(usage(format!("unknown option '{other}'"))),
            }
            rest = more;
        }
        match (directory, moment, rest) {
            (Some(directory), Some(moment), []) => Ok(Self {
                directory,
                moment,
                out: out.unwrap_or_else(|| DEFAULT_OUT.into()),
            }),
            _ => Err(usage(
                "--dir D and --to-time T or --to-offset N are needed".to_owned(),
            )),
        }
    }
}

fn time(text: &OsStr) -> Result<Moment, ToolError> {
    let text = text.to_string_lossy();
    let number = parse_u64(text.as_bytes()).map(|number| match number < LEAST_MS {
        true => number * 1000,
        false => number,
    });
    let unix_ms = number.or_else(|| parse_rfc3339(text.as_bytes()));
    let unix_ms = unix_ms.ok_or_else(|| {
        let what = "is no time: seconds or milliseconds since 1970, or 2026-01-31T12:00:00Z";
        ToolError::Usage(format!("restore: '{text}' {what}"))
    })?;
    Ok(Moment::Time { unix_ms })
}

fn offset(text: &OsStr) -> Result<Moment, ToolError> {
    let text = text.to_string_lossy();
    let offset = parse_u64(text.as_bytes());
    let offset =
        offset.ok_or_else(|| ToolError::Usage(format!("restore: '{text}' is no offset")))?;
    Ok(Moment::Offset(Offset(offset)))
}

pub(super) fn run(
    args: &RestoreArgs,
    out: Out<'_>,
    mut progress: ShowProgress<'_>,
) -> Result<Outcome, ToolError> {
    let codecs = codecs_for("restore", &args.out, None)?;
    if args.out.exists() {
        let error = io::ErrorKind::AlreadyExists.into();
        return Err(ToolError::Io(args.out.clone(), error));
    }
    let (directory, name) = log_in(&args.directory)?;
    let (way, store) = smol::block_on(dataset(&directory, &name, args.moment, &mut progress))?;
    let mut refused = String::new();
    for (format, codec) in codecs {
        match smol::block_on(save(&store, &args.out, &*codec, &mut progress)) {
            Ok(()) => {
                let (path, keys) = (args.out.display(), store.keys());
                let at = place(&way, args.moment);
                writeln!(out, "{path}: {format}, {keys} keys, {at}").map_err(ToolError::Output)?;
                return Ok(Outcome::Good);
            }
            Err(SaveError::Encode(what)) => refused = what.to_string(),
            Err(error) => return Err(ToolError::Snapshot(args.out.clone(), error.to_string())),
        }
    }
    Err(ToolError::Snapshot(args.out.clone(), refused))
}

async fn dataset(
    directory: &Path,
    name: &str,
    moment: Moment,
    progress: &mut ShowProgress<'_>,
) -> Result<(Way, Rebuilt), ToolError> {
    let told = |error: &dyn std::fmt::Display| ToolError::Log(error.to_string());
    let storage = FsStorage::open(directory).map_err(|error| told(&error))?;
    let past = Past::look(&storage, name)
        .await
        .map_err(|error| told(&error))?;
    let past = past.ok_or_else(|| {
        told(&format_args!(
            "{}: there is no log in it",
            directory.display()
        ))
    })?;
    let way = past
        .way_to(&storage, moment)
        .await
        .map_err(|error| told(&error))?;
    way.check_base(&storage)
        .await
        .map_err(|error| told(&error))?;
    let (store, recovered) = rebuild(&storage, &way, progress).await?;
    match way.offset {
        Some(offset) if offset != recovered.end => Err(told(&format_args!(
            "the log ends at offset {} where its side files say {offset}",
            recovered.end
        ))),
        _ => Ok((way, store)),
    }
}

/// Which moment the snapshot is of.
fn place(way: &Way, moment: Moment) -> String {
    let mut text = match (way.offset, way.replid) {
        (Some(offset), Some(replid)) => format!("offset {offset} of history {replid}"),
        _ => "no offset is known".to_owned(),
    };
    match moment {
        Moment::Time { unix_ms } => text += &format!(", as it was at {}", Rfc3339(unix_ms)),
        Moment::Offset(wanted) if way.offset != Some(wanted) => {
            text += &format!(" ({wanted} lies inside of what was written at once)");
        }
        Moment::Offset(_) => {}
    }
    text
}

/// The directory of the log and its name: `path` is that directory, a server's own,
/// which has it within, or the manifest.
fn log_in(path: &Path) -> Result<(PathBuf, String), ToolError> {
    let io = |error| ToolError::Io(path.to_owned(), error);
    let mut found = Vec::new();
    if path.is_file() {
        found.push(path.to_owned());
    } else {
        manifests(path, &mut found).map_err(io)?;
    }
    if found.is_empty() {
        for entry in fs::read_dir(path).map_err(io)? {
            let within = entry.map_err(io)?.path();
            if within.is_dir() {
                manifests(&within, &mut found).map_err(io)?;
            }
        }
    }
    let manifest = match &found[..] {
        [one] => one,
        [] => {
            return Err(ToolError::Log(format!(
                "{}: there is no manifest in it",
                path.display()
            )));
        }
        _ => {
            let what = "there are several logs in it; name the manifest of one";
            return Err(ToolError::Log(format!("{}: {what}", path.display())));
        }
    };
    let parent = manifest
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let name = manifest.file_stem().unwrap_or_default().to_string_lossy();
    Ok((
        parent.unwrap_or(Path::new(".")).to_owned(),
        name.into_owned(),
    ))
}

fn manifests(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_temporary = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("temp-"));
        if path.extension() == Some(OsStr::new("manifest")) && !is_temporary {
            found.push(path);
        }
    }
    Ok(())
}
