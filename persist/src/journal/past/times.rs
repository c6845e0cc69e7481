//! Times to positions.

use towline_core::offset::Offset;
use towline_core::seams::Storage;

use super::super::side_file::SideFile;
use super::foreign::{self, Times};
use super::{Known, MomentError, Past, Piece, Place, Run};

/// A position of a file, and a time at which the file was so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    position: u64,
    unix_ms: u64,
}

/// The points of a side file, in the order in which they were noted. A later run tells
/// how long the file still was when it began.
fn points(side: &SideFile) -> impl Iterator<Item = Point> {
    let start = Point {
        position: side.start.prefix_bytes,
        unix_ms: side.start.created_ms,
    };
    let mut position = start.position;
    let marks = side.marks.iter().map(move |mark| {
        position = mark.checkpoint().map_or(position, |point| point.position);
        Point {
            position,
            unix_ms: mark.unix_ms(),
        }
    });
    std::iter::once(start).chain(marks)
}

impl Past {
    /// The last place that the log was at, at this time or an earlier one.
    pub(super) async fn at_time(
        &self,
        storage: &dyn Storage,
        unix_ms: u64,
    ) -> Result<(&Run, Place), MomentError> {
        let (mut latest_ms, mut found) = (None, None);
        for (at, piece) in self.increments.iter().enumerate() {
            let times = times_of(storage, piece, unix_ms).await?;
            latest_ms = latest_ms.max(times.latest_ms);
            let place = times.position.map(|position| Place {
                piece: at,
                position,
                offset: piece.offset_at(position),
            });
            found = place.or(found);
        }
        let latest_ms = latest_ms.ok_or(MomentError::NoTimes)?;
        if unix_ms > latest_ms {
            return Err(MomentError::After(self.end(latest_ms)));
        }
        let run = found.and_then(|place| {
            let holds = |run: &&Run| (run.from..run.to).contains(&place.piece);
            let run = self.runs.iter().rev().find(holds);
            run.map(|run| (run, place))
        });
        match run {
            Some(found) => Ok(found),
            None => match self.foreign_base(storage, unix_ms).await? {
                Some(found) => Ok(found),
                None => Err(MomentError::Before(self.beginning(storage).await?)),
            },
        }
    }

    /// The moment of a base that another server made, where nothing was written between
    /// it and the time.
    async fn foreign_base(
        &self,
        storage: &dyn Storage,
        unix_ms: u64,
    ) -> Result<Option<(&Run, Place)>, MomentError> {
        let run = self.runs.last().expect("the log itself is one");
        let Some(base) = run.base.as_ref().filter(|_| run.from < run.to) else {
            return Ok(None);
        };
        let made_ms = foreign::made_ms(storage, base).await?;
        let first = &self.increments[run.from];
        let begins = first.file.side.is_none() && foreign::begins_with_time(storage, first).await?;
        let place = Place {
            piece: run.from,
            position: 0,
            offset: None,
        };
        let reached = begins && made_ms.is_some_and(|made_ms| made_ms <= unix_ms);
        Ok(reached.then_some((run, place)))
    }

    /// The first moment that can be restored.
    pub(super) async fn beginning(&self, storage: &dyn Storage) -> Result<Known, MomentError> {
        let run = self.runs.first().expect("the log itself is a run");
        let first = self.increments[run.from..run.to].first();
        let side = first.and_then(|piece| piece.file.side.as_ref());
        if let Some(side) = side {
            return Ok(Known {
                offset: Some(side.start.origin.offset),
                unix_ms: Some(side.start.created_ms),
            });
        }
        let unix_ms = match first {
            Some(piece) => times_of(storage, piece, u64::MAX).await?.first_ms,
            None => None,
        };
        Ok(Known {
            offset: None,
            unix_ms,
        })
    }

    /// The last moment, whose time is known.
    fn end(&self, latest_ms: u64) -> Known {
        let last = self.increments.last();
        Known {
            offset: last.and_then(|piece| piece.end.offset),
            unix_ms: Some(latest_ms),
        }
    }

    /// Why nothing holds `offset`.
    pub(super) fn no_such_offset(&self, offset: Offset) -> MomentError {
        let known = |run: &Run| {
            let side = self.increments[run.from..run.to]
                .iter()
                .find_map(|piece| piece.file.side.as_ref());
            let from = Known {
                offset: None,
                unix_ms: side.map(|side| side.start.created_ms),
            };
            self.offsets_of(run)
                .map(|(first, last)| (first, last, from))
        };
        let ranges: Vec<_> = self.runs.iter().filter_map(known).collect();
        let behind = ranges.iter().filter(|(first, ..)| *first > offset);
        let before = ranges.iter().filter(|(_, last, _)| *last < offset);
        let behind = behind.min_by_key(|(first, ..)| *first);
        let before = before.max_by_key(|(_, last, _)| *last);
        match (before, behind) {
            (None, None) => MomentError::NoOffsets,
            (None, Some((first, _, from))) => MomentError::Before(Known {
                offset: Some(*first),
                ..*from
            }),
            (Some((_, last, _)), None) => MomentError::After(Known {
                offset: Some(*last),
                unix_ms: None,
            }),
            (Some((_, last, _)), Some((first, ..))) => MomentError::Missing(*last, *first),
        }
    }
}

async fn times_of(
    storage: &dyn Storage,
    piece: &Piece,
    unix_ms: u64,
) -> Result<Times, MomentError> {
    let Some(side) = &piece.file.side else {
        return Ok(foreign::times(storage, piece, unix_ms).await?);
    };
    let is_before = |point: &Point| point.unix_ms <= unix_ms;
    Ok(Times {
        position: points(side)
            .filter(is_before)
            .last()
            .map(|point| point.position),
        first_ms: Some(side.start.created_ms),
        latest_ms: points(side).map(|point| point.unix_ms).max(),
    })
}
