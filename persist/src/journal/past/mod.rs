//! The past, as far as a directory still holds it: which files lead to a moment.
//!
//! ```text
//! bases        1 ──────────┐      2 ─────┐            3
//!              │           │      │      │            │
//! increments   1     2     3      4      5     ╳      6     7 ──►
//!              └── run of 1 ───────────────────┘      └ run of 3
//!                                 └── run of 2 ┘
//! ```
//! A base and the increments that follow it without a gap are a run; a run ends where
//! the dataset became another (╳, a full sync) or bytes of the stream are missing. A
//! moment is reached from the latest base before it that has it in its run.
//!
//! # What a time means
//!
//! The side files tell at which times the log was how long, to within a second. A
//! moment given as a time is the *last* position that the log was at, at that time or
//! an earlier one. So a later time never means an earlier position, whatever the
//! clock did: where it was set back, and the same time came twice, the second is meant,
//! and what only the first could name has to be named by its offset.

mod ends;
mod error;
mod foreign;
mod times;

use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{Storage, StorageError};

pub use error::{Known, MomentError};

use super::JournalError;
use super::base_note::BaseNote;
use super::found::{Found, FoundIncrement, file_name, read_side_file};
use super::naming;
use super::scan::has_its_length;
use super::side_file::{Mark, SideFile};
use super::start::read_manifest;
use crate::aof::{Manifest, ManifestFile};
use crate::crc::Crc64;
use ends::{End, end_of, last_before};

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// A moment of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What the log was at this time, in unix milliseconds.
    Time {
        /// The time.
        unix_ms: u64,
    },
    /// Everything before this position of the stream, whole units only.
    Offset(Offset),
}

/// Everything that a directory holds, of the log and of its past.
#[derive(Debug)]
pub struct Past {
    /// In the order in which they were written.
    increments: Vec<Piece>,
    /// In the order of their bases.
    runs: Vec<Run>,
    manifest: Manifest,
}

/// An increment, and where it ends.
#[derive(Debug)]
struct Piece {
    file: FoundIncrement,
    end: End,
}

/// A base and what follows it.
#[derive(Debug)]
struct Run {
    base: Option<String>,
    note: Option<BaseNote>,
    /// Its first increment and the one behind its last, among all of them.
    from: usize,
    to: usize,
}

/// A place in the increments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    piece: usize,
    position: u64,
    /// Where that is in the stream, if that is known.
    offset: Option<Offset>,
}

/// The files that lead to a moment.
#[derive(Debug)]
pub struct Way {
    /// What is to be loaded and replayed: its last increment ends at the moment.
    pub found: Found,
    /// Where that is in the stream, where that is known.
    pub offset: Option<Offset>,
    /// The history there.
    pub replid: Option<ReplicationId>,
    note: Option<BaseNote>,
}

impl Past {
    /// Looks at the log `name`; `None` where there is no manifest. Nothing is changed,
    /// and a server may be writing to the directory.
    ///
    /// # Errors
    /// Where the manifest is none, or a file that the log needs is missing.
    pub async fn look(storage: &dyn Storage, name: &str) -> Result<Option<Self>, JournalError> {
        let Some(manifest) = read_manifest(storage, name).await? else {
            return Ok(None);
        };
        let is_increment = |file: &&ManifestFile| naming::is_increment(name, file);
        let (mut old, mut bases): (Vec<_>, Vec<_>) =
            manifest.history.iter().partition(is_increment);
        old.sort_by_key(|file| file.sequence);
        bases.sort_by_key(|file| file.sequence);
        let mut increments = Vec::new();
        for file in old {
            // What is being removed is no part of the past any more.
            match piece(storage, file).await {
                Err(JournalError::Storage(StorageError::NotFound { .. })) => {}
                piece => increments.push(piece?),
            }
        }
        let current = increments.len();
        for file in &manifest.increments {
            increments.push(piece(storage, file).await?);
        }
        let mut past = Self {
            increments,
            runs: Vec::new(),
            manifest: manifest.clone(),
        };
        for base in bases {
            past.learn_of_base(storage, base).await?;
        }
        past.add_current(storage, current).await?;
        Ok(Some(past))
    }

    /// A base of the past, where what follows it is there.
    async fn learn_of_base(
        &mut self,
        storage: &dyn Storage,
        file: &ManifestFile,
    ) -> Result<(), JournalError> {
        let base = file_name(file)?;
        let note = BaseNote::read(storage, &base).await?;
        let there = storage.len(&base).await.is_ok();
        let Some(note) = note.filter(|_| there) else {
            return Ok(());
        };
        if let Some(from) = self.follower(&note) {
            let to = self.end_of_run(from);
            self.runs.push(Run {
                base: Some(base),
                note: Some(note),
                from,
                to,
            });
        }
        Ok(())
    }

    /// The log itself is a run whatever its side files say, since a server starts from it.
    async fn add_current(
        &mut self,
        storage: &dyn Storage,
        current: usize,
    ) -> Result<(), JournalError> {
        let base = self.manifest.base.as_ref().map(file_name).transpose()?;
        let note = match &base {
            Some(base) => {
                storage.len(base).await?;
                BaseNote::read(storage, base).await?
            }
            None => None,
        };
        let note = note.filter(|note| self.follower(note) == Some(current));
        self.runs.push(Run {
            base,
            note,
            from: current,
            to: self.increments.len(),
        });
        Ok(())
    }

    /// The increment that begins at the moment of a base.
    fn follower(&self, note: &BaseNote) -> Option<usize> {
        let origin = &note.start.origin;
        let follows = |piece: &Piece| {
            piece.file.sequence == note.first
                && piece.start().is_some_and(|start| {
                    start.offset == origin.offset && start.lineage.replid == origin.lineage.replid
                })
        };
        self.increments.iter().position(follows)
    }

    fn end_of_run(&self, from: usize) -> usize {
        let mut to = from + 1;
        while to < self.increments.len() && self.increments[to - 1].leads_to(&self.increments[to]) {
            to += 1;
        }
        to
    }

    /// The files that lead to `moment`.
    ///
    /// # Errors
    /// Where it lies outside of what is kept, or nobody noted when or where that was.
    pub async fn way_to(&self, storage: &dyn Storage, moment: Moment) -> Result<Way, MomentError> {
        let (run, place) = match moment {
            Moment::Offset(offset) => self.at_offset(storage, offset).await?,
            Moment::Time { unix_ms } => self.at_time(storage, unix_ms).await?,
        };
        Ok(self.way(run, place))
    }

    async fn at_offset(
        &self,
        storage: &dyn Storage,
        offset: Offset,
    ) -> Result<(&Run, Place), MomentError> {
        let holds = |run: &&Run| {
            let known = self.offsets_of(run);
            known.is_some_and(|(from, to)| from <= offset && offset <= to)
        };
        let run = self.runs.iter().rev().find(holds);
        let run = run.ok_or_else(|| self.no_such_offset(offset))?;
        let pieces = run.from..run.to;
        let begins = |at: &usize| {
            self.increments[*at]
                .start()
                .is_some_and(|it| it.offset < offset)
        };
        let first = |at: &usize| self.increments[*at].start().is_some();
        let piece = pieces.clone().rev().find(begins);
        let piece = piece.or_else(|| pieces.clone().find(first));
        let piece = piece.expect("a run with offsets has an increment with one");
        let last = last_before(storage, &self.increments[piece], offset).await?;
        let place = Place {
            piece,
            position: last.position,
            offset: Some(last.offset),
        };
        Ok((run, place))
    }

    /// The positions that a run can restore, where they are known.
    fn offsets_of(&self, run: &Run) -> Option<(Offset, Offset)> {
        let pieces = &self.increments[run.from..run.to];
        let first = pieces.iter().find_map(|piece| piece.start())?;
        let last = pieces.last()?.end.offset?;
        Some((first.offset, last))
    }

    fn way(&self, run: &Run, place: Place) -> Way {
        let mut files: Vec<FoundIncrement> = self.increments[run.from..=place.piece]
            .iter()
            .map(|piece| piece.file.clone())
            .collect();
        let last = files.last_mut().expect("the place's own");
        cut(last, place.position);
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let piece = &self.increments[place.piece];
        Way {
            offset: place.offset,
            replid: piece.start().map(|origin| origin.lineage.replid),
            found: Found {
                manifest: self.manifest.clone(),
                base: run.base.clone(),
                increments: files,
                total_bytes: bytes,
            },
            note: run.note.clone(),
        }
    }
}

impl Way {
    /// Compares the base with its checksum, where that is known.
    ///
    /// # Errors
    /// A text with the file's name, where it is not what was written.
    pub async fn check_base(&self, storage: &dyn Storage) -> Result<(), String> {
        let sum = self.note.as_ref().and_then(BaseNote::sum);
        let (Some(base), Some(sum)) = (&self.found.base, sum) else {
            return Ok(());
        };
        let told = |what: &dyn std::fmt::Display| format!("{base}: {what}");
        let (mut crc, mut at) = (Crc64::default(), 0);
        while at < sum.bytes {
            let most = usize::try_from(sum.bytes - at).unwrap_or(usize::MAX);
            let chunk = storage.read(base, at, most.min(READ_BYTES)).await;
            let chunk = chunk.map_err(|error| error.to_string())?;
            if chunk.is_empty() {
                return Err(told(&format_args!("it is cut short, at offset {at}")));
            }
            crc.update(&chunk);
            at += chunk.len() as u64;
        }
        match crc.value() == sum.crc {
            true => Ok(()),
            false => Err(told(&"its checksum is wrong")),
        }
    }
}

impl Piece {
    /// Where its own bytes of stream begin, if anybody noted that.
    fn start(&self) -> Option<&super::Origin> {
        self.file.side.as_ref().map(|side| &side.start.origin)
    }

    /// Whether `next` goes on where this ends, in the same history or one that
    /// continues it.
    fn leads_to(&self, next: &Self) -> bool {
        let (Some(start), Some(origin)) = (self.start(), next.start()) else {
            return false;
        };
        let replid = start.lineage.replid;
        let same = origin.lineage.replid == replid;
        let continues =
            |older: &super::Ancestor| older.replid == replid && older.end >= origin.offset;
        self.end.offset == Some(origin.offset)
            && self.end.fault.is_none()
            && (same || origin.lineage.ancestors.iter().any(continues))
    }

    /// The offset at a position that is an end of a unit, where the side file tells it.
    fn offset_at(&self, position: u64) -> Option<Offset> {
        if position == self.end.position {
            return self.end.offset;
        }
        let side = self.file.side.as_ref()?;
        let start = side.start.checkpoint();
        let points = side.marks.iter().filter_map(Mark::checkpoint);
        let mut points = std::iter::once(&start).chain(points);
        let point = points.find(|point| point.position == position);
        point.map(|point| point.offset)
    }
}

async fn piece(storage: &dyn Storage, file: &ManifestFile) -> Result<Piece, JournalError> {
    let name = file_name(file)?;
    // The side file first: one that is being written speaks of no more than is there.
    let side = read_side_file(storage, &name).await?;
    let bytes = storage.len(&name).await?;
    // A file that was edited is not what its side file tells of.
    let side = side.filter(|side| has_its_length(side, bytes) && side.start.prefix_bytes <= bytes);
    let file = FoundIncrement {
        name,
        sequence: file.sequence,
        bytes,
        side,
    };
    let end = end_of(storage, &file).await?;
    Ok(Piece { file, end })
}

/// Leaves of an increment what lies before `position`.
fn cut(file: &mut FoundIncrement, position: u64) {
    file.bytes = position;
    if let Some(SideFile { marks, .. }) = &mut file.side {
        let is_beyond = |mark: &Mark| mark.checkpoint().is_some_and(|it| it.position > position);
        let kept = marks.iter().position(is_beyond).unwrap_or(marks.len());
        marks.truncate(kept);
    }
}
