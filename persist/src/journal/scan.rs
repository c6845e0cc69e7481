//! One file of the log on its way into a [`ReplaySink`].

use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};
use towline_core::text::number::parse_u64;

use super::archive::Segment;
use super::found::FoundIncrement;
use super::replay::{Damage, LastFile, Recovered, ReplayError, ReplaySink, TornTail};
use super::side_file::{Checkpoint, Mark, SideFile};
use crate::aof::{AofError, AofReader, Record};
use crate::crc::Crc64;

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;
/// How much of a command's name is kept for a message.
const NAME_MAX_BYTES: usize = 64;

/// See the module.
pub(super) struct Scan<'a> {
    file: &'a FoundIncrement,
    reader: AofReader,
    /// How much of the file was read.
    pub(super) at: u64,
    crc: Crc64,
    points: Vec<Checkpoint>,
    /// How many of the points were reached.
    passed: usize,
    /// The side file speaks of another file than this one.
    replaced: bool,
    start: Offset,
    prefix_bytes: u64,
    seen: Seen,
    /// What is no record; nothing behind it was read.
    fault: Option<AofError>,
}

/// What the records of a file have told so far.
#[derive(Default)]
struct Seen {
    /// Annotations behind the prefix.
    skipped_bytes: u64,
    /// Where an annotation starts whose end the next record tells.
    annotation: Option<u64>,
    commands: u64,
    last_command: Vec<u8>,
    db: Option<u32>,
    /// The database before the transaction that has not ended.
    db_before: Option<Option<u32>>,
}

impl Seen {
    fn end_annotation(&mut self, at: u64) {
        if let Some(start) = self.annotation.take() {
            self.skipped_bytes += at - start;
        }
    }

    fn note(&mut self, args: &[&[u8]]) {
        self.commands += 1;
        self.last_command.clear();
        self.last_command
            .extend(args[0].iter().take(NAME_MAX_BYTES));
        match args {
            [name] if name.eq_ignore_ascii_case(b"multi") => {
                self.db_before.get_or_insert(self.db);
            }
            [name] if name.eq_ignore_ascii_case(b"exec") => self.db_before = None,
            [name, db] if name.eq_ignore_ascii_case(b"select") => {
                let db = parse_u64(db).and_then(|db| u32::try_from(db).ok());
                self.db = db.or(self.db);
            }
            _ => {}
        }
    }
}

impl<'a> Scan<'a> {
    /// A scan of `file`; without a side file its offsets go on from `follows`.
    pub(super) fn new(file: &'a FoundIncrement, follows: Offset) -> Self {
        let side = file.side.as_ref();
        let start = side.map(|side| &side.start);
        Self {
            file,
            reader: AofReader::default(),
            at: 0,
            crc: Crc64::default(),
            points: side.map_or(Vec::new(), |side| checkpoints(side, file.bytes)),
            passed: 0,
            replaced: side.is_some_and(|side| file.bytes < side.start.prefix_bytes),
            start: start.map_or(follows, |start| start.origin.offset),
            prefix_bytes: start.map_or(0, |start| start.prefix_bytes),
            seen: Seen::default(),
            fault: None,
        }
    }

    /// Skips what is no command: a snapshot in front of them.
    pub(super) fn begin_at(&mut self, start: u64) {
        self.reader = AofReader::new(start);
        self.at = start;
        self.prefix_bytes = start;
    }

    /// Where both this file and the one before it know their place in the stream, no
    /// file may be missing between them.
    pub(super) fn expect_after(&self, before: &Recovered) -> Result<(), Damage> {
        let known = before.lineage.is_some() && self.file.side.is_some() && !self.replaced;
        if !known || before.end == self.start {
            return Ok(());
        }
        let (end, start) = (before.end, self.start);
        let what = format!(
            "it begins at offset {start} of the stream, and what stands before it ends at {end}: a file is missing"
        );
        Err(self.damage(0, what))
    }

    pub(super) async fn next_chunk(
        &self,
        storage: &dyn Storage,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        if self.at >= self.file.bytes || self.fault.is_some() {
            return Ok(None);
        }
        // What may have been written since is not what was looked at.
        let most = usize::try_from(self.file.bytes - self.at).unwrap_or(usize::MAX);
        let chunk = storage.read(&self.file.name, self.at, most.min(READ_BYTES));
        let chunk = chunk.await?;
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    pub(super) fn take(
        &mut self,
        mut chunk: &[u8],
        sink: &mut dyn ReplaySink,
    ) -> Result<(), Damage> {
        while let Some(point) = self.points.get(self.passed).copied() {
            let upto = usize::try_from(point.position - self.at).unwrap_or(usize::MAX);
            let Some((piece, rest)) = chunk.split_at_checked(upto) else {
                break;
            };
            self.feed(piece, sink);
            if self.fault.is_some() {
                return Ok(());
            }
            self.compare(&point)?;
            chunk = rest;
            if !self.replaced {
                self.passed += 1;
            }
        }
        self.feed(chunk, sink);
        Ok(())
    }

    /// Reads bytes between two checkpoints.
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn ReplaySink) {
        self.crc.update(bytes);
        self.at += bytes.len() as u64;
        let (start, prefix) = (self.start, self.prefix_bytes);
        let seen = &mut self.seen;
        let mut take = |at: u64, record: Record<'_>| {
            seen.end_annotation(at);
            let Record::Command(args) = record else {
                seen.annotation = Some(at).filter(|at| *at >= prefix);
                return Ok(());
            };
            let stream = at.saturating_sub(prefix + seen.skipped_bytes);
            sink.command(Offset(start.0 + stream), args)?;
            seen.note(args);
            Ok(())
        };
        self.fault = self.reader.feed(bytes, &mut take).err();
    }

    /// Bytes that decay keep their number. A file of another length than the one that
    /// was left was written by somebody (an editor, `redis-check-aof --fix`), and is
    /// judged by its syntax alone.
    fn compare(&mut self, point: &Checkpoint) -> Result<(), Damage> {
        if self.crc.value() == point.crc {
            return Ok(());
        }
        let side = self.file.side.as_ref();
        if side.is_some_and(|side| !has_its_length(side, self.file.bytes)) {
            self.replaced = true;
            self.points.clear();
            self.passed = 0;
            return Ok(());
        }
        let from = match self.passed {
            0 => 0,
            n => self.points[n - 1].position,
        };
        let upto = point.position;
        let what = format!("wrong checksum of what was written from offset {from} to {upto}");
        Err(self.damage(from, what))
    }

    fn damage(&self, offset: u64, what: String) -> Damage {
        Damage {
            file: self.file.name.clone(),
            offset,
            commands: self.seen.commands,
            last_command: self.seen.last_command.escape_ascii().to_string(),
            what,
        }
    }

    /// Judges how the file ends. Only the `last` one may be torn.
    pub(super) async fn finish(
        mut self,
        storage: &dyn Storage,
        last: bool,
    ) -> Result<Recovered, ReplayError> {
        if let Some(error) = self.fault.take() {
            let refused = matches!(error.fault, crate::aof::AofFault::Refused(_));
            if refused || !self.ends_in_zeros(storage).await? {
                return Err(self.damage(error.offset, error.to_string()).into());
            }
        }
        if self.replaced && !last {
            let what = "from offset 0 on it is not the file that was left, and others follow it"
                .to_owned();
            return Err(self.damage(0, what).into());
        }
        let whole = self.reader.whole_bytes();
        let torn = (whole < self.file.bytes).then(|| TornTail {
            file: self.file.name.clone(),
            whole_bytes: whole,
            torn_bytes: self.file.bytes - whole,
        });
        let synced = self.file.side.as_ref().map_or(0, SideFile::synced);
        let lost = whole < synced && !self.replaced;
        if torn.is_some() && (!last || lost) {
            let what = format!("it ends inside of a command at offset {whole}");
            return Err(self.damage(whole, what).into());
        }
        if lost && !last {
            let what = format!("it ends at offset {whole}, and {synced} bytes of it were synced");
            return Err(self.damage(whole, what).into());
        }
        self.seen.end_annotation(self.reader.position());
        let crc = match &torn {
            Some(_) => self.crc_up_to(storage, whole).await?,
            None => self.crc,
        };
        Ok(self.recovered(whole, crc, torn))
    }

    /// Whether everything behind what is whole is the start of a record and
    /// then zeros: blocks that the file system gave the file, and that were
    /// never written.
    async fn ends_in_zeros(&self, storage: &dyn Storage) -> Result<bool, StorageError> {
        let whole = self.reader.whole_bytes();
        let mut used = whole;
        let mut at = whole;
        while at < self.file.bytes {
            let chunk = storage.read(&self.file.name, at, READ_BYTES).await?;
            if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
                used = at + last as u64 + 1;
            }
            if chunk.is_empty() {
                break;
            }
            at += chunk.len() as u64;
        }
        let mut reader = AofReader::new(whole);
        let mut at = whole;
        while at < used {
            let most = usize::try_from(used - at).unwrap_or(usize::MAX);
            let chunk = storage
                .read(&self.file.name, at, most.min(READ_BYTES))
                .await?;
            if chunk.is_empty() || reader.feed(&chunk, &mut |_, _| Ok(())).is_err() {
                return Ok(false);
            }
            at += chunk.len() as u64;
        }
        Ok(used < self.file.bytes)
    }

    /// The checksum of the file's first `whole` bytes.
    async fn crc_up_to(&self, storage: &dyn Storage, whole: u64) -> Result<Crc64, StorageError> {
        let points = self.points[..self.passed].iter().rev();
        let from = points.clone().find(|point| point.position <= whole);
        let mut crc = from.map_or(Crc64::default(), |point| Crc64::resume(point.crc));
        let mut at = from.map_or(0, |point| point.position);
        while at < whole {
            let most = usize::try_from(whole - at).unwrap_or(usize::MAX);
            let chunk = storage
                .read(&self.file.name, at, most.min(READ_BYTES))
                .await?;
            crc.update(&chunk);
            at += chunk.len().max(1) as u64;
        }
        Ok(crc)
    }

    fn recovered(self, whole: u64, crc: Crc64, torn: Option<TornTail>) -> Recovered {
        let stream = whole.saturating_sub(self.prefix_bytes + self.seen.skipped_bytes);
        let side = self.file.side.as_ref();
        let ours = side.filter(|side| !self.replaced && is_ours(side, whole));
        let origin = ours.map(|side| &side.start.origin);
        let db = self.seen.db_before.unwrap_or(self.seen.db);
        let end = Offset(self.start.0 + stream);
        let segment = origin.map(|origin| Segment {
            name: self.file.name.clone(),
            sequence: self.file.sequence,
            lineage: origin.lineage.clone(),
            start: origin.offset,
            end,
            length: whole,
        });
        Recovered {
            lineage: origin.map(|origin| origin.lineage.clone()),
            end,
            stream_db: db.or(origin.and_then(|origin| origin.stream_db)),
            clean: ours.is_some_and(|side| is_clean(side, whole)),
            foreign: ours.is_none(),
            torn,
            commands: self.seen.commands,
            segments: segment.into_iter().collect(),
            last: Some(LastFile {
                name: self.file.name.clone(),
                length: whole,
                crc,
            }),
        }
    }
}

/// Whether the file is as this project left it, crashes aside: nobody cut off
/// what was synced, and nobody wrote on after it was closed. A server that
/// wrote on after a crash, before we looked, is not told from ourselves.
fn is_ours(side: &SideFile, whole: u64) -> bool {
    let appended = match side.marks.last() {
        Some(Mark::Stop(point)) => whole > point.position,
        _ => false,
    };
    whole >= side.synced() && !appended
}

/// Whether a file can have this length though nobody but us wrote to it: after a stop
/// that of then, after a crash at least what was synced.
pub(super) fn has_its_length(side: &SideFile, bytes: u64) -> bool {
    match side.marks.last() {
        Some(Mark::Stop(point)) => bytes == point.position,
        _ => bytes >= side.synced(),
    }
}

fn is_clean(side: &SideFile, whole: u64) -> bool {
    matches!(side.marks.last(), Some(Mark::Stop(point)) if point.position == whole)
}

/// The checkpoints within a file of this length, the prefix's among them.
fn checkpoints(side: &SideFile, bytes: u64) -> Vec<Checkpoint> {
    let prefix = side.start.checkpoint();
    let marks = side.marks.iter().filter_map(Mark::checkpoint).copied();
    let all = std::iter::once(prefix).chain(marks);
    all.filter(|point| point.position <= bytes).collect()
}
