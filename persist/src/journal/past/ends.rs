//! Where units end, in the part of a file that no checkpoint tells of.

use towline_core::offset::Offset;
use towline_core::seams::{Storage, StorageError};

use super::super::found::FoundIncrement;
use super::super::side_file::{Checkpoint, Mark, SideFile};
use super::{MomentError, Piece, READ_BYTES};
use crate::aof::{AofReader, Record};

/// Where an increment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Behind its last whole unit.
    pub(super) position: u64,
    /// Where that is in the stream; `None` without a side file.
    pub(super) offset: Option<Offset>,
    /// What is no command there, if that is not the end of the file.
    pub(super) fault: Option<String>,
}

/// An end of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnitEnd {
    pub(super) position: u64,
    pub(super) offset: Offset,
}

/// What a walk comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An end of a unit.
    Unit(UnitEnd),
    /// A time, in unix seconds, behind the last unit that ended.
    Time(i64, UnitEnd),
}

/// Follows the records of a file and tells where units end.
struct Walk {
    last: UnitEnd,
    /// Where the stream's bytes would be if there were no annotations.
    shift: u64,
    begin: Checkpoint,
    annotation: Option<u64>,
    in_transaction: bool,
}

impl Walk {
    const fn new(begin: Checkpoint) -> Self {
        Self {
            last: UnitEnd {
                position: begin.position,
                offset: begin.offset,
            },
            shift: 0,
            begin,
            annotation: None,
            in_transaction: false,
        }
    }

    /// What came before ends at `position`. Where that is the end of a unit, it is told.
    fn reach(&mut self, position: u64) -> Option<UnitEnd> {
        if let Some(start) = self.annotation.take() {
            self.shift += position - start;
        }
        if self.in_transaction {
            return None;
        }
        let stream = position - self.begin.position - self.shift;
        self.last = UnitEnd {
            position,
            offset: Offset(self.begin.offset.0 + stream),
        };
        Some(self.last)
    }

    fn note(&mut self, position: u64, record: Record<'_>) -> Option<i64> {
        match record {
            Record::Command([name]) if name.eq_ignore_ascii_case(b"multi") => {
                self.in_transaction = true;
                None
            }
            Record::Command([name]) if name.eq_ignore_ascii_case(b"exec") => {
                self.in_transaction = false;
                None
            }
            Record::Command(_) => None,
            Record::Timestamp(unix_s) => {
                self.annotation = Some(position);
                Some(unix_s)
            }
            Record::Annotation => {
                self.annotation = Some(position);
                None
            }
        }
    }
}

/// Goes through the records of a file from a place between two of them on, and answers
/// where the last whole unit ends.
pub(super) async fn walk(
    storage: &dyn Storage,
    file: &FoundIncrement,
    begin: Checkpoint,
    step: &mut (dyn FnMut(Step) + Send),
) -> Result<End, StorageError> {
    let mut reader = AofReader::new(begin.position);
    let mut walk = Walk::new(begin);
    let mut at = begin.position;
    let mut fault = None;
    while at < file.bytes && fault.is_none() {
        let most = usize::try_from(file.bytes - at).unwrap_or(usize::MAX);
        let chunk = storage.read(&file.name, at, most.min(READ_BYTES)).await?;
        if chunk.is_empty() {
            break;
        }
        at += chunk.len() as u64;
        let fed = reader.feed(&chunk, &mut |position, record: Record<'_>| {
            if let Some(end) = walk.reach(position) {
                step(Step::Unit(end));
            }
            if let Some(unix_s) = walk.note(position, record) {
                step(Step::Time(unix_s, walk.last));
            }
            Ok(())
        });
        fault = fed.err().map(|error| error.to_string());
    }
    if let Some(end) = walk.reach(reader.position()) {
        step(Step::Unit(end));
    }
    Ok(End {
        position: walk.last.position,
        offset: Some(walk.last.offset),
        fault,
    })
}

/// Where the file ends. What its side file knows is not read.
pub(super) async fn end_of(
    storage: &dyn Storage,
    file: &FoundIncrement,
) -> Result<End, StorageError> {
    let Some(side) = &file.side else {
        return Ok(End {
            position: file.bytes,
            offset: None,
            fault: None,
        });
    };
    let last = last_point(side);
    walk(storage, file, last, &mut |_| ()).await
}

fn last_point(side: &SideFile) -> Checkpoint {
    let points = side.marks.iter().rev().find_map(Mark::checkpoint);
    points.copied().unwrap_or_else(|| side.start.checkpoint())
}

/// The last unit that ends at `offset` or before it.
pub(super) async fn last_before(
    storage: &dyn Storage,
    piece: &Piece,
    offset: Offset,
) -> Result<UnitEnd, MomentError> {
    let side = piece.file.side.as_ref();
    let side = side.expect("a position is looked for where offsets are known");
    let mut points = side.marks.iter().filter_map(Mark::checkpoint);
    let before = points.rfind(|point| point.offset <= offset);
    let begin = before.copied().unwrap_or_else(|| side.start.checkpoint());
    let mut last = UnitEnd {
        position: begin.position,
        offset: begin.offset,
    };
    if begin.offset == offset {
        return Ok(last);
    }
    let next = next_point(side, &begin);
    let mut part = piece.file.clone();
    part.bytes = next.map_or(part.bytes, |point| point.position);
    let mut note = |step| {
        if let Step::Unit(end) = step
            && end.offset <= offset
        {
            last = end;
        }
    };
    let end = walk(storage, &part, begin, &mut note).await?;
    match end.fault {
        Some(fault) if end.offset < Some(offset) => Err(MomentError::Damaged {
            file: part.name,
            what: fault,
        }),
        _ => Ok(last),
    }
}

/// The point behind `begin`: what follows it is of no use.
fn next_point<'a>(side: &'a SideFile, begin: &Checkpoint) -> Option<&'a Checkpoint> {
    let mut points = side.marks.iter().filter_map(Mark::checkpoint);
    points.find(|point| point.position > begin.position)
}
