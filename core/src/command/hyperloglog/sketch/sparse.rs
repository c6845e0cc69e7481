//! Sparse registers: runs of equal ones.
//!
//! ```text
//! 00llllll             ZERO    l + 1 registers that are zero
//! 01llllll llllllll    XZERO   l + 1 of them, the high bits first
//! 1vvvvvll             VAL     l + 1 registers of the value v + 1
//! ```
//! Which runs stand for the same registers is not unique. A write splits one run and
//! joins neighbours exactly as Redis does, so that the strings stay equal.

use std::fmt::Write as _;

use super::{Corrupt, REGISTERS};

const ZERO_MAX_LEN: usize = 64;
const VALUES_MAX_LEN: usize = 4;
/// A higher rank needs the dense encoding.
const VALUE_MAX_RANK: u8 = 32;

/// Two runs of zeros around a value.
const SPLIT_MAX_BYTES: usize = 5;

/// How many runs behind a write are looked at for joining.
const JOIN_SCAN_RUNS: usize = 5;

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Registers that are zero, in one byte or in two.
    Zeros { len: usize, bytes: usize },
    /// Registers of one value.
    Values { rank: u8, len: usize },
}

impl Run {
    /// The first run of these bytes; none where it is cut off.
    fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        Some(match first >> 6 {
            0 => Self::Zeros {
                len: usize::from(first & 0x3f) + 1,
                bytes: 1,
            },
            1 => Self::Zeros {
                len: (usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(1)?)) + 1,
                bytes: 2,
            },
            _ => Self::Values {
                rank: (first >> 2 & 0x1f) + 1,
                len: usize::from(first & 3) + 1,
            },
        })
    }

    const fn len(self) -> usize {
        match self {
            Self::Zeros { len, .. } | Self::Values { len, .. } => len,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Zeros { bytes, .. } => bytes,
            Self::Values { .. } => 1,
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Zeros { .. } => 0,
            Self::Values { rank, .. } => rank,
        }
    }
}

const fn values_byte(rank: u8, len: usize) -> u8 {
    0x80 | (rank - 1) << 2 | (len - 1) as u8
}

/// Appends a run of zeros.
pub(super) fn push_zeros(out: &mut Vec<u8>, len: usize) {
    let code = (len - 1) as u16;
    if len <= ZERO_MAX_LEN {
        out.push(code as u8);
    } else {
        out.extend_from_slice(&(0x4000 | code).to_be_bytes());
    }
}

/// Appends `len` registers of a value, which may be zero; none where `len` is.
fn push_run(out: &mut Vec<u8>, rank: u8, len: usize) {
    match (len, rank) {
        (0, _) => {}
        (_, 0) => push_zeros(out, len),
        _ => out.push(values_byte(rank, len)),
    }
}

/// Calls `visit` with every run; they have to cover all registers and no more.
pub(super) fn each_run(mut bytes: &[u8], mut visit: impl FnMut(Run)) -> Result<(), Corrupt> {
    let mut covered = 0;
    while !bytes.is_empty() {
        let run = Run::read(bytes).ok_or(Corrupt)?;
        covered += run.len();
        if covered > REGISTERS {
            return Err(Corrupt);
        }
        visit(run);
        bytes = &bytes[run.bytes()..];
    }
    (covered == REGISTERS).then_some(()).ok_or(Corrupt)
}

/// Calls `visit` with every register that is not zero.
pub(super) fn each_value(bytes: &[u8], mut visit: impl FnMut(usize, u8)) -> Result<(), Corrupt> {
    let mut first = 0;
    each_run(bytes, |run| {
        if let Run::Values { rank, len } = run {
            (first..first + len).for_each(|register| visit(register, rank));
        }
        first += run.len();
    })
}

/// What came of raising a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high or higher.
    Unchanged,
    Changed,
    /// The sparse encoding cannot hold it, or must not.
    NoRoom,
}

/// The run that covers a register.
struct Found {
    run: Run,
    at: usize,
    /// Where the run before it starts, or itself if it is the first.
    previous_at: usize,
    /// Its first register.
    first: usize,
}

fn find(bytes: &[u8], start: usize, register: usize) -> Result<Found, Corrupt> {
    let (mut at, mut previous_at, mut first) = (start, start, 0);
    loop {
        let run = Run::read(&bytes[at..]).ok_or(Corrupt)?;
        if first + run.len() > register {
            return Ok(Found {
                run,
                at,
                previous_at,
                first,
            });
        }
        first += run.len();
        previous_at = at;
        at += run.bytes();
    }
}

/// Raises a register of the runs from `start` on.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    start: usize,
    register: usize,
    rank: u8,
    max_bytes: usize,
) -> Result<Raised, Corrupt> {
    if rank > VALUE_MAX_RANK {
        return Ok(Raised::NoRoom);
    }
    let found = find(bytes, start, register)?;
    let (run, at) = (found.run, found.at);
    if run.rank() >= rank {
        return Ok(Raised::Unchanged);
    }
    let before = register - found.first;
    let mut split = Vec::with_capacity(SPLIT_MAX_BYTES);
    push_run(&mut split, run.rank(), before);
    push_run(&mut split, rank, 1);
    push_run(&mut split, run.rank(), run.len() - before - 1);
    if split.len() > run.bytes() && bytes.len() + split.len() - run.bytes() > max_bytes {
        return Ok(Raised::NoRoom);
    }
    bytes.splice(at..at + run.bytes(), split);
    join(bytes, found.previous_at);
    Ok(Raised::Changed)
}

/// Joins runs of the same value, as far as a write at the second of them can have
/// made some.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_SCAN_RUNS {
        let Some(run) = bytes.get(at..).and_then(Run::read) else {
            return;
        };
        if let (
            Run::Values { rank, len },
            Some(Run::Values {
                rank: next,
                len: more,
            }),
        ) = (run, Run::read(&bytes[at + 1..]))
            && rank == next
            && len + more <= VALUES_MAX_LEN
        {
            bytes[at + 1] = values_byte(rank, len + more);
            bytes.remove(at);
        } else {
            at += run.bytes();
        }
    }
}

/// The runs in words. What is missing of one that is cut off counts as zero.
pub(super) fn describe(bytes: &[u8]) -> String {
    let mut text = String::new();
    let padded = [bytes, &[0]].concat();
    let mut at = 0;
    while at < bytes.len() {
        let run = Run::read(&padded[at..]).expect("the zero completes the last run");
        let separator = if text.is_empty() { "" } else { " " };
        let written = match run {
            Run::Zeros { len, bytes: 1 } => write!(text, "{separator}z:{len}"),
            Run::Zeros { len, .. } => write!(text, "{separator}Z:{len}"),
            Run::Values { rank, len } => write!(text, "{separator}v:{rank},{len}"),
        };
        written.expect("a string takes everything");
        at += run.bytes();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(writes: &[(usize, u8)]) -> String {
        let mut bytes = Vec::new();
        push_zeros(&mut bytes, REGISTERS);
        for (register, rank) in writes {
            let raised = raise(&mut bytes, 0, *register, *rank, 3000);
            assert_eq!(raised, Ok(Raised::Changed));
        }
        describe(&bytes)
    }

    #[test]
    fn a_write_splits_a_run_and_joins_its_neighbours() {
        assert_eq!(after(&[]), "Z:16384");
        assert_eq!(after(&[(0, 1)]), "v:1,1 Z:16383");
        assert_eq!(after(&[(16383, 1)]), "Z:16383 v:1,1");
        assert_eq!(after(&[(64, 3)]), "z:64 v:3,1 Z:16319");
        assert_eq!(after(&[(5, 3), (6, 3)]), "z:5 v:3,2 Z:16377");
        assert_eq!(after(&[(5, 3), (7, 3), (6, 3)]), "z:5 v:3,3 Z:16376");
        let five = [(5, 3), (6, 3), (7, 3), (8, 3), (9, 3)];
        assert_eq!(after(&five), "z:5 v:3,4 v:3,1 Z:16374");
        assert_eq!(
            after(&[(0, 2), (1, 2), (2, 2), (1, 9)]),
            "v:2,1 v:9,1 v:2,1 Z:16381"
        );
    }

    #[test]
    fn a_run_that_is_cut_off_is_shown_as_far_as_it_goes() {
        assert_eq!(describe(&[0x84, 0x43]), "v:2,1 Z:769");
        assert_eq!(describe(&[]), "");
    }

    #[test]
    fn ranks_and_lengths_beyond_the_encoding_need_the_other() {
        let mut bytes = Vec::new();
        push_zeros(&mut bytes, REGISTERS);
        assert_eq!(raise(&mut bytes, 0, 9, 33, 3000), Ok(Raised::NoRoom));
        assert_eq!(raise(&mut bytes, 0, 9, 32, 3), Ok(Raised::NoRoom));
        assert_eq!(raise(&mut bytes, 0, 9, 32, 4), Ok(Raised::Changed));
        assert_eq!(raise(&mut bytes, 0, 9, 5, 4), Ok(Raised::Unchanged));
    }
}
