//! A snapshot's file, read through from start to end.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use towline_core::keyspace::HashSeed;
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{DecodeError, DecodeOptions, Progress, SnapshotSink};
use towline_persist::load::format_of;
use towline_persist::rdb::RdbCodec;
use towline_persist::towline::{Salvage, Salvaged, TowlineCodec};

use super::ShowProgress;

/// How much is read at once.
pub(super) const READ_BYTES: usize = 1 << 20;
/// How much of a file tells its format.
const HEAD_BYTES: usize = 16;

/// Why a file is no whole snapshot.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It could not be read.
    Io(io::Error),
    /// It starts as none.
    UnknownFormat,
    /// It is damaged, or was refused.
    Decode(DecodeError),
    /// Bytes follow its end, from this offset on.
    TrailingBytes(u64),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::UnknownFormat => f.write_str("not a snapshot of a known format"),
            Self::Decode(error) => error.fmt(f),
            Self::TrailingBytes(at) => write!(f, "there are bytes behind its end at offset {at}"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<DecodeError> for ReadError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// What was read.
pub(super) struct Whole {
    /// The format, as its first bytes say it.
    pub format: String,
    /// How many bytes the snapshot takes from the file's start.
    pub bytes: u64,
}

/// Reads the snapshot in `path` into `sink`. Nothing that the sink was handed is
/// proven before this succeeds.
pub(super) fn read_snapshot(
    path: &Path,
    sink: &mut dyn SnapshotSink,
    progress: &mut ShowProgress<'_>,
) -> Result<Whole, ReadError> {
    let (whole, total) = read_preamble(path, sink, progress)?;
    match whole.bytes == total {
        true => Ok(whole),
        false => Err(ReadError::TrailingBytes(whole.bytes)),
    }
}

/// Reads the snapshot that `path` starts with, and answers the file's length too.
pub(super) fn read_preamble(
    path: &Path,
    sink: &mut dyn SnapshotSink,
    progress: &mut ShowProgress<'_>,
) -> Result<(Whole, u64), ReadError> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    let mut chunk = vec![0; READ_BYTES];
    let mut got = read_full(&mut file, &mut chunk)?;
    let head = &chunk[..got.min(HEAD_BYTES)];
    let codecs: [Arc<dyn SnapshotCodec>; 2] =
        [Arc::new(RdbCodec::default()), Arc::new(TowlineCodec)];
    let codec = format_of(head, &codecs).ok_or(ReadError::UnknownFormat)?;
    let format = format_name(codec, head);
    // Keys are not looked up in what is read here, so any seed does.
    let mut decoder = codec.decoder(DecodeOptions::new(HashSeed::new(0, 0)));
    let mut bytes = 0;
    while got > 0 {
        if let Progress::Complete { consumed } = decoder.feed(&chunk[..got], sink)? {
            bytes += consumed as u64;
            show(progress, total, total);
            return Ok((Whole { format, bytes }, total));
        }
        bytes += got as u64;
        show(progress, bytes, total);
        got = read_full(&mut file, &mut chunk)?;
    }
    decoder.finish()?;
    Ok((Whole { format, bytes }, total))
}

/// Reads what is whole in the native snapshot in `path` into `sink`.
pub(super) fn salvage_snapshot(
    path: &Path,
    sink: &mut dyn SnapshotSink,
    progress: &mut ShowProgress<'_>,
) -> Result<Salvaged, ReadError> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    let mut chunk = vec![0; READ_BYTES];
    let mut salvage = Salvage::new(DecodeOptions::new(HashSeed::new(0, 0)));
    let mut bytes = 0;
    loop {
        let got = read_full(&mut file, &mut chunk)?;
        if got == 0 {
            return Ok(salvage.finish(sink)?);
        }
        salvage.feed(&chunk[..got], sink)?;
        bytes += got as u64;
        show(progress, bytes, total);
    }
}

/// Whether `path` is a native snapshot, by its first bytes or, where these are
/// damaged, by its name.
pub(super) fn is_native(path: &Path) -> Result<bool, ReadError> {
    let mut head = [0; HEAD_BYTES];
    let got = read_full(&mut File::open(path)?, &mut head)?;
    let named = path.extension() == Some(OsStr::new("towline"));
    Ok(named || TowlineCodec.recognises(&head[..got]) == Some(true))
}

pub(super) fn show(progress: &mut ShowProgress<'_>, done: u64, total: u64) {
    if let Some(show) = progress {
        show(done, total);
    }
}

/// Fills `chunk` as far as there are bytes.
pub(super) fn read_full(file: &mut File, chunk: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match file.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// RDB says its family and version in its first nine bytes.
fn format_name(codec: &dyn SnapshotCodec, head: &[u8]) -> String {
    match codec.name() {
        "rdb" => head[..head.len().min(9)].escape_ascii().to_string(),
        name => name.to_owned(),
    }
}
