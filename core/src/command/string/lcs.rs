//! LCS: the longest common subsequence of two strings.

use std::ops::RangeInclusive;

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::keyspace::Entry;
use crate::text::number::parse_i64;
use crate::value::ValueRef;

/// What is asked for.
#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: usize,
}

impl Options {
    fn parse(words: &[&[u8]]) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"len" => options.len = true,
                b"idx" => options.idx = true,
                b"withmatchlen" => options.with_match_len = true,
                b"minmatchlen" => {
                    let least = rest.next().ok_or(CommandError::Syntax)?;
                    let least = parse_i64(least).ok_or(CommandError::NotInteger)?;
                    options.min_match_len = usize::try_from(least).unwrap_or(0);
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        if options.len && options.idx {
            return Err(CommandError::text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

fn string_at(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<Vec<u8>> {
    match ctx.keys.entry(key).map(Entry::value) {
        None => Ok(Vec::new()),
        Some(ValueRef::Str(bytes)) => Ok(bytes.to_vec()),
        Some(ValueRef::Int(number)) => Ok(number.to_string().into_bytes()),
        Some(_) => Err(CommandError::text(
            "ERR The specified keys must contain string values",
        )),
    }
}

/// Lengths of common subsequences of all prefixes, row by row.
struct Lengths {
    width: usize,
    cells: Vec<u32>,
}

impl Lengths {
    fn of(a: &[u8], b: &[u8]) -> Self {
        let width = b.len() + 1;
        let mut lengths = Self {
            width,
            cells: vec![0; (a.len() + 1) * width],
        };
        for (i, one) in a.iter().enumerate() {
            for (j, other) in b.iter().enumerate() {
                lengths.cells[(i + 1) * width + j + 1] = if one == other {
                    lengths.at(i, j) + 1
                } else {
                    lengths.at(i, j + 1).max(lengths.at(i + 1, j))
                };
            }
        }
        lengths
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// The matching runs of both strings, last first.
    fn runs(&self, a: &[u8], b: &[u8]) -> Vec<Run> {
        let (mut i, mut j) = (a.len(), b.len());
        let mut runs: Vec<Run> = Vec::new();
        let mut open = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match runs.last_mut().filter(|_| open) {
                    Some(run) => (run.a, run.b, run.len) = (i, j, run.len + 1),
                    None => runs.push(Run { a: i, b: j, len: 1 }),
                }
                open = true;
            } else {
                open = false;
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        runs
    }
}

/// Where a run of equal bytes starts in both strings.
struct Run {
    a: usize,
    b: usize,
    len: usize,
}

pub(super) fn lcs(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let a = string_at(ctx, args[1])?;
    let b = string_at(ctx, args[2])?;
    let options = Options::parse(&args[3..])?;
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > ctx.server.config.proto_max_bulk_len {
        return Err(CommandError::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let lengths = Lengths::of(&a, &b);
    let total = lengths.at(a.len(), b.len());
    if options.idx {
        reply_runs(ctx, &options, &lengths.runs(&a, &b), total);
    } else if options.len {
        ctx.reply.int(i64::from(total));
    } else {
        let runs = lengths.runs(&a, &b);
        let text: Vec<u8> = runs
            .iter()
            .rev()
            .flat_map(|run| &a[run.a..run.a + run.len])
            .copied()
            .collect();
        ctx.reply.bulk(&text);
    }
    Ok(())
}

fn reply_runs(ctx: &mut Ctx<'_>, options: &Options, runs: &[Run], total: u32) {
    let shown: Vec<&Run> = runs
        .iter()
        .filter(|run| run.len >= options.min_match_len)
        .collect();
    ctx.reply.map(2);
    ctx.reply.bulk(b"matches");
    ctx.reply.array(shown.len());
    for run in shown {
        ctx.reply.array(2 + usize::from(options.with_match_len));
        reply_range(ctx, run.a..=run.a + run.len - 1);
        reply_range(ctx, run.b..=run.b + run.len - 1);
        if options.with_match_len {
            ctx.reply.count(run.len);
        }
    }
    ctx.reply.bulk(b"len");
    ctx.reply.int(i64::from(total));
}

fn reply_range(ctx: &mut Ctx<'_>, range: RangeInclusive<usize>) {
    ctx.reply.array(2);
    ctx.reply.count(*range.start());
    ctx.reply.count(*range.end());
}
