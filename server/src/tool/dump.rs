//! `towline dump`: a snapshot's keys, or what of them takes how much.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;

use towline_core::seams::ValueCodec;
use towline_core::seams::snapshot::{Refused, SnapshotEntry, SnapshotSink};
use towline_core::seams::value_codec::PayloadOptions;
use towline_persist::rdb::RdbPayload;

use super::json::{Content, Line, Text};
use super::source::read_snapshot;
use super::tally::{database, elements};
use super::{DumpArgs, Out, Outcome, ShowProgress, ToolError};

/// How many of the biggest keys a summary names.
const BIGGEST: usize = 10;

pub(super) fn run(
    args: &DumpArgs,
    out: Out<'_>,
    mut progress: ShowProgress<'_>,
) -> Result<Outcome, ToolError> {
    let failed = |error| ToolError::of_source(&args.file, error);
    if args.summary {
        let mut summary = Summary::default();
        read_snapshot(&args.file, &mut summary, &mut progress).map_err(failed)?;
        summary.print(out).map_err(ToolError::Output)?;
        return Ok(Outcome::Good);
    }
    let mut lines = Lines {
        db: 0,
        out,
        error: None,
    };
    let read = read_snapshot(&args.file, &mut lines, &mut progress);
    match lines.error {
        Some(error) => Err(ToolError::Output(error)),
        None => read.map(|_| Outcome::Good).map_err(failed),
    }
}

/// Prints each key as it comes.
struct Lines<'a> {
    db: u32,
    out: Out<'a>,
    error: Option<io::Error>,
}

impl SnapshotSink for Lines<'_> {
    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        self.db = database(db)?;
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        let value = entry.value.view();
        let line = Line {
            db: self.db,
            key: Text(&entry.key),
            kind: value.type_name(),
            expire_ms: entry.expire_ms,
            value: Content(value),
        };
        let written = serde_json::to_writer(&mut *self.out, &line).map_err(io::Error::from);
        let written = written.and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|error| {
            self.error = Some(error);
            Refused("nobody takes the output".to_owned())
        })
    }

    fn function(&mut self, _source: Vec<u8>) -> Result<(), Refused> {
        Ok(())
    }
}

/// A key's size; the larger come first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    bytes: u64,
    elements: u64,
    db: u32,
    key: Vec<u8>,
    kind: &'static str,
}

/// The sums of one type.
#[derive(Default)]
struct Sums {
    keys: u64,
    elements: u64,
    bytes: u64,
}

/// Adds up what it is handed. A value's size is that of its payload, as DUMP
/// would answer it, uncompressed.
#[derive(Default)]
struct Summary {
    db: u32,
    types: BTreeMap<&'static str, Sums>,
    biggest: BinaryHeap<Reverse<Size>>,
    payload: Vec<u8>,
}

impl Summary {
    fn print(self, out: Out<'_>) -> io::Result<()> {
        writeln!(out, "type           keys     elements        bytes")?;
        for (kind, sums) in &self.types {
            let Sums {
                keys,
                elements,
                bytes,
            } = sums;
            writeln!(out, "{kind:8} {keys:10} {elements:12} {bytes:12}")?;
        }
        writeln!(out, "\nbiggest keys   type     elements        bytes  key")?;
        // Sorted from the least of the reversed, which is the biggest.
        for Reverse(size) in self.biggest.into_sorted_vec() {
            let Size {
                bytes,
                elements,
                db,
                key,
                kind,
            } = size;
            let name = key.escape_ascii();
            writeln!(out, "db {db:<8} {kind:>7} {elements:12} {bytes:12}  {name}")?;
        }
        Ok(())
    }
}

impl SnapshotSink for Summary {
    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        self.db = database(db)?;
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        let view = entry.view();
        self.payload.clear();
        RdbPayload
            .encode(&view, PayloadOptions::default(), &mut self.payload)
            .map_err(|error| Refused(error.to_string()))?;
        let size = Size {
            bytes: self.payload.len() as u64,
            elements: elements(view.value),
            db: self.db,
            kind: view.value.type_name(),
            key: entry.key,
        };
        let sums = self.types.entry(size.kind).or_default();
        sums.keys += 1;
        sums.elements += size.elements;
        sums.bytes += size.bytes;
        self.biggest.push(Reverse(size));
        if self.biggest.len() > BIGGEST {
            self.biggest.pop();
        }
        Ok(())
    }

    fn function(&mut self, _source: Vec<u8>) -> Result<(), Refused> {
        Ok(())
    }
}
