//! The side file of an increment: what its bytes mean, and their checksums.
//!
//! ```text
//! file    = "TOWIDX01"  start  { checkpoint | stop | resumed }
//! frame   = payload bytes u16 | kind u8 | payload | CRC-64 of kind and payload u64
//!
//! start 1        replid [40] | offset u64 | stream db i64, -1 for none
//!                prefix bytes u64 | CRC-64 of the prefix u64 | unix ms u64
//!                count u16 | count times: replid [40] | end u64
//! checkpoint 2   position u64 | offset u64 | unix ms u64
//!                CRC-64 of the log up to position u64 | position known to be synced u64
//!                written at this time or within a second before it
//! stop 3         as a checkpoint, at the end of the log: nothing was owed to anybody
//! resumed 4      unix ms u64: what follows belongs to a later run
//! ```
//! Numbers are little-endian. The prefix is what the log file holds before its
//! first byte of stream: a SELECT, or commands of another server.
//!
//! Why these facts are not in the manifest, whose lines may carry keys of
//! others: a server that rewrites the manifest drops them without a trace, and
//! Redis's own test suite compares manifests byte for byte. The side file is
//! durable before the manifest names its increment, so the manifest's rename
//! commits both.
//!
//! Frames behind the start need not be durable. A frame that is torn ends the
//! file; what the log holds beyond the last checkpoint is judged by its syntax.

use towline_core::offset::{Offset, REPLICATION_ID_LEN, ReplicationId};

use super::lineage::{Ancestor, Lineage, MAX_ANCESTORS, Origin};
use crate::crc::Crc64;

/// How a side file starts.
pub const MAGIC: &[u8; 8] = b"TOWIDX01";
/// Bytes of a frame around its payload.
const FRAME_BYTES: usize = 2 + 1 + 8;
/// No frame is longer.
pub(super) const MAX_FRAME_BYTES: usize = FRAME_BYTES + u16::MAX as usize;
/// The longest side file that is read: about 800,000 checkpoints.
pub const MAX_SIDE_FILE_BYTES: usize = 64 << 20;

mod kind {
    pub(super) const START: u8 = 1;
    pub(super) const CHECKPOINT: u8 = 2;
    pub(super) const STOP: u8 = 3;
    pub(super) const RESUMED: u8 = 4;
    /// Beside a base alone.
    pub(super) const FOLLOWED: u8 = 5;
}

/// What an increment starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Where its first byte of stream is.
    pub origin: Origin,
    /// How many bytes of the file come before that.
    pub prefix_bytes: u64,
    /// Their checksum.
    pub prefix_crc: u64,
    /// When it was made, in unix milliseconds.
    pub created_ms: u64,
}

/// What was written up to a position of the log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The position, which is between two units.
    pub position: u64,
    /// The offset of the stream there.
    pub offset: Offset,
    /// When it was written, in unix milliseconds.
    pub unix_ms: u64,
    /// The checksum of the file up to the position.
    pub crc: u64,
    /// Up to where the file was known to be synced.
    pub synced: u64,
}

/// A frame behind the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// What was written by then.
    Checkpoint(Checkpoint),
    /// The node stopped, and had nothing more to write or to send.
    Stop(Checkpoint),
    /// A later run goes on from here.
    Resumed {
        /// When, in unix milliseconds.
        unix_ms: u64,
    },
}

/// A side file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideFile {
    /// Its start.
    pub start: Start,
    /// What follows, in order.
    pub marks: Vec<Mark>,
    /// How many bytes of the file are whole frames.
    pub whole_bytes: u64,
}

impl Start {
    /// The side file that holds nothing else.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let lineage = &self.origin.lineage;
        let mut payload = lineage.replid.as_bytes().to_vec();
        put_u64(&mut payload, self.origin.offset.0);
        let db = self.origin.stream_db.map_or(-1, i64::from);
        payload.extend_from_slice(&db.to_le_bytes());
        for number in [self.prefix_bytes, self.prefix_crc, self.created_ms] {
            put_u64(&mut payload, number);
        }
        let count = lineage.ancestors.len().min(MAX_ANCESTORS);
        payload.extend_from_slice(&(count as u16).to_le_bytes());
        for ancestor in &lineage.ancestors[..count] {
            payload.extend_from_slice(ancestor.replid.as_bytes());
            put_u64(&mut payload, ancestor.end.0);
        }
        let mut out = MAGIC.to_vec();
        put_frame(&mut out, kind::START, &payload);
        out
    }

    /// The end of the prefix, as a checkpoint.
    pub(super) const fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            position: self.prefix_bytes,
            offset: self.origin.offset,
            unix_ms: self.created_ms,
            crc: self.prefix_crc,
            synced: self.prefix_bytes,
        }
    }

    fn read(payload: &mut Fields<'_>) -> Option<Self> {
        let replid = payload.replid()?;
        let offset = Offset(payload.place()?);
        let db = i64::from_le_bytes(payload.array()?);
        let stream_db = match db {
            -1 => None,
            db => Some(u32::try_from(db).ok()?),
        };
        let [prefix_bytes, prefix_crc, created_ms] =
            [payload.place()?, payload.u64()?, payload.u64()?];
        let count = usize::from(u16::from_le_bytes(payload.array()?));
        let mut ancestors = Vec::new();
        for _ in 0..count {
            ancestors.push(Ancestor {
                replid: payload.replid()?,
                end: Offset(payload.place()?),
            });
        }
        let fits = ancestors.len() <= MAX_ANCESTORS && payload.0.is_empty();
        fits.then_some(Self {
            origin: Origin {
                lineage: Lineage { replid, ancestors },
                offset,
                stream_db,
            },
            prefix_bytes,
            prefix_crc,
            created_ms,
        })
    }
}

impl Mark {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        let kind = match self {
            Self::Checkpoint(point) => {
                point.write(&mut payload);
                kind::CHECKPOINT
            }
            Self::Stop(point) => {
                point.write(&mut payload);
                kind::STOP
            }
            Self::Resumed { unix_ms } => {
                put_u64(&mut payload, *unix_ms);
                kind::RESUMED
            }
        };
        put_frame(out, kind, &payload);
    }

    fn read(kind: u8, payload: &mut Fields<'_>) -> Option<Self> {
        let mark = match kind {
            kind::CHECKPOINT => Self::Checkpoint(Checkpoint::read(payload)?),
            kind::STOP => Self::Stop(Checkpoint::read(payload)?),
            kind::RESUMED => Self::Resumed {
                unix_ms: payload.u64()?,
            },
            _ => return None,
        };
        payload.0.is_empty().then_some(mark)
    }

    /// When it was made, or what it vouches for was written.
    #[must_use]
    pub const fn unix_ms(&self) -> u64 {
        match self {
            Self::Checkpoint(point) | Self::Stop(point) => point.unix_ms,
            Self::Resumed { unix_ms } => *unix_ms,
        }
    }

    /// The position that it vouches for, if it does for one.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Checkpoint(point) | Self::Stop(point) => Some(point),
            Self::Resumed { .. } => None,
        }
    }
}

impl Checkpoint {
    fn write(&self, out: &mut Vec<u8>) {
        let fields = [
            self.position,
            self.offset.0,
            self.unix_ms,
            self.crc,
            self.synced,
        ];
        for field in fields {
            put_u64(out, field);
        }
    }

    fn read(payload: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            position: payload.place()?,
            offset: Offset(payload.place()?),
            unix_ms: payload.u64()?,
            crc: payload.u64()?,
            synced: payload.place()?,
        })
    }
}

impl SideFile {
    /// Reads a side file; `None` where it does not start as one. Frames are
    /// read up to the first that is torn or damaged.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let start = Frames(&mut rest).start()?;
        let (mut marks, mut whole) = (Vec::new(), rest.len());
        let mut last = (start.prefix_bytes, start.origin.offset);
        while let Some(mark) = Frames(&mut rest).mark() {
            if let Some(point) = mark.checkpoint() {
                if point.position < last.0 || point.offset < last.1 {
                    break;
                }
                last = (point.position, point.offset);
            }
            marks.push(mark);
            whole = rest.len();
        }
        Some(Self {
            start,
            marks,
            whole_bytes: (bytes.len() - whole) as u64,
        })
    }

    /// How many bytes of the side file speak of the log's first `position` bytes.
    #[must_use]
    pub fn bytes_up_to(&self, position: u64) -> u64 {
        let mut bytes = self.start.to_bytes();
        let within = |mark: &&Mark| {
            let point = mark.checkpoint();
            point.is_none_or(|point| point.position <= position)
        };
        for mark in self.marks.iter().take_while(within) {
            mark.write(&mut bytes);
        }
        bytes.len() as u64
    }

    /// Up to where the log file was surely synced.
    #[must_use]
    pub fn synced(&self) -> u64 {
        let points = self.marks.iter().filter_map(Mark::checkpoint);
        let synced = points.map(|point| point.synced).max();
        synced.unwrap_or(0).max(self.start.prefix_bytes)
    }
}

/// Frames one by one, off the front of what was read of a side file.
pub(super) struct Frames<'a, 'b>(pub(super) &'a mut &'b [u8]);

impl Frames<'_, '_> {
    /// The start.
    pub(super) fn start(self) -> Option<Start> {
        let (_, mut payload) = take_frame(self.0).filter(|(kind, _)| *kind == kind::START)?;
        Start::read(&mut payload)
    }

    /// The frame behind the start of a base's side file.
    pub(super) fn followed(self) -> Option<i64> {
        let (_, mut payload) = take_frame(self.0).filter(|(kind, _)| *kind == kind::FOLLOWED)?;
        let number = payload.array().map(i64::from_le_bytes)?;
        payload.0.is_empty().then_some(number)
    }

    /// A frame behind it. Where there is none, nothing was taken.
    pub(super) fn mark(self) -> Option<Mark> {
        let mut rest = *self.0;
        let (kind, mut payload) = take_frame(&mut rest)?;
        let mark = Mark::read(kind, &mut payload)?;
        *self.0 = rest;
        Some(mark)
    }
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Appends what tells the number of the increment that follows a base.
pub(super) fn put_followed(out: &mut Vec<u8>, number: i64) {
    put_frame(out, kind::FOLLOWED, &number.to_le_bytes());
}

fn put_frame(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len()).expect("the number of ancestors is bounded");
    out.extend_from_slice(&length.to_le_bytes());
    let at = out.len();
    out.push(kind);
    out.extend_from_slice(payload);
    let crc = Crc64::of(&out[at..]);
    put_u64(out, crc);
}

/// The next frame, if it is whole; `bytes` is then behind it.
fn take_frame<'a>(bytes: &mut &'a [u8]) -> Option<(u8, Fields<'a>)> {
    let length = usize::from(u16::from_le_bytes(*bytes.first_chunk()?));
    let (frame, rest) = bytes.split_at_checked(length + FRAME_BYTES)?;
    let (checked, crc) = frame[2..].split_at(length + 1);
    if Crc64::of(checked).to_le_bytes() != *crc {
        return None;
    }
    *bytes = rest;
    Some((checked[0], Fields(&checked[1..])))
}

/// The rest of a payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A place in a file or in the stream. None is beyond what a signed number holds, as
    /// on the wire, so that two of them can be added.
    fn place(&mut self) -> Option<u64> {
        self.u64().filter(|place| i64::try_from(*place).is_ok())
    }

    fn replid(&mut self) -> Option<ReplicationId> {
        ReplicationId::parse(&self.array::<REPLICATION_ID_LEN>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Start, Vec<Mark>) {
        let replid = ReplicationId::from_random([3; 20]);
        let lineage = Lineage::new(ReplicationId::from_random([4; 20]));
        let start = Start {
            origin: Origin {
                lineage: lineage.continued(replid, Offset(100)),
                offset: Offset(100),
                stream_db: Some(7),
            },
            prefix_bytes: 23,
            prefix_crc: 5,
            created_ms: 1_700_000_000_000,
        };
        let point = Checkpoint {
            position: 123,
            offset: Offset(200),
            unix_ms: 1_700_000_000_500,
            crc: 77,
            synced: 23,
        };
        let end = Checkpoint {
            position: 150,
            offset: Offset(220),
            synced: 150,
            ..point
        };
        let marks = vec![
            Mark::Checkpoint(point),
            Mark::Stop(end),
            Mark::Resumed { unix_ms: 9 },
        ];
        (start, marks)
    }

    fn bytes() -> Vec<u8> {
        let (start, marks) = sample();
        let mut bytes = start.to_bytes();
        for mark in marks {
            mark.write(&mut bytes);
        }
        bytes
    }

    #[test]
    fn what_is_written_reads_back() {
        let (start, marks) = sample();
        let side = SideFile::parse(&bytes()).expect("it is one");
        assert_eq!((side.start.clone(), &side.marks), (start, &marks));
        assert_eq!(side.whole_bytes, bytes().len() as u64);
        assert_eq!(side.synced(), 150);
    }

    #[test]
    fn a_torn_or_damaged_file_is_read_up_to_there() {
        let whole = bytes();
        let (start, marks) = sample();
        let head = start.to_bytes().len();
        for length in 0..whole.len() {
            let side = SideFile::parse(&whole[..length]);
            assert_eq!(side.is_some(), length >= head, "{length}");
            if let Some(side) = side {
                assert!(marks.starts_with(&side.marks));
                assert!(side.whole_bytes <= length as u64);
            }
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 4;
            if let Some(side) = SideFile::parse(&broken) {
                assert!(marks.starts_with(&side.marks) && side.marks.len() < marks.len());
            }
        }
    }

    #[test]
    fn no_place_is_beyond_every_file_and_every_stream() {
        let (start, _) = sample();
        let [mut far, mut long] = [start.clone(), start];
        far.origin.offset = Offset(u64::MAX - 1);
        long.prefix_bytes = 1 << 63;
        for start in [far, long] {
            assert_eq!(SideFile::parse(&start.to_bytes()), None);
        }
    }

    #[test]
    fn checkpoints_never_go_back() {
        let (start, marks) = sample();
        let mut bytes = start.to_bytes();
        marks[1].write(&mut bytes);
        let good = bytes.len() as u64;
        marks[0].write(&mut bytes);
        let side = SideFile::parse(&bytes).expect("it is one");
        assert_eq!((side.marks.len(), side.whole_bytes), (1, good));
    }
}
