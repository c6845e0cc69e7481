//! Writing a file.

use towline_core::seams::snapshot::{
    Access, EncodeError, EncodedPart, EntryView, PartEncoder, SnapshotEncoder, SnapshotEntry,
    SnapshotMeta,
};
use towline_core::value::ValueRef;

use super::length::MAX_COMPRESS_BYTES;
use super::opcode;
use super::version::RdbVersion;
use super::{RdbOptions, object};
use crate::crc::Crc64;
use crate::pen::{LargeEntry, Pen, put_all};

/// Writes one file.
pub(super) struct RdbEncoder {
    options: RdbOptions,
    meta: SnapshotMeta,
    part: RdbPart,
    crc: Crc64,
}

impl RdbEncoder {
    pub(super) fn new(options: RdbOptions, lossy: bool, meta: SnapshotMeta) -> Self {
        Self {
            options,
            meta,
            part: RdbPart::new(options, lossy),
            crc: Crc64::default(),
        }
    }

    /// Adds what was appended since `from` to the checksum.
    fn sum(&mut self, from: usize, out: &[u8]) {
        if self.options.checksum {
            self.crc.update(&out[from..]);
        }
    }

    /// Appends pieces that need no pause.
    fn put(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Pen)) {
        let from = out.len();
        self.part.pen.write_short(out, write);
        self.sum(from, out);
    }

    /// Appends what the part has, as it is.
    fn put_records(&mut self, out: &mut Vec<u8>) {
        let from = out.len();
        put_all(std::mem::take(&mut self.part.records), out);
        self.sum(from, out);
    }
}

impl SnapshotEncoder for RdbEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let fields = self.meta.aux_fields();
        let magic = self.options.version.magic();
        self.put(out, |pen| {
            pen.raw(magic);
            for (key, value) in fields {
                pen.raw(&[opcode::AUX]);
                pen.string(key.as_bytes());
                pen.string(value.as_bytes());
            }
        });
    }

    fn function(&mut self, source: &[u8], out: &mut Vec<u8>) {
        self.put(out, |pen| {
            pen.raw(&[opcode::FUNCTION2]);
            pen.string(source);
        });
    }

    fn select_db(&mut self, db: u32, keys: u64, expires: u64, out: &mut Vec<u8>) {
        self.put(out, |pen| {
            pen.raw(&[opcode::SELECTDB]);
            pen.length(u64::from(db));
            pen.raw(&[opcode::RESIZEDB]);
            pen.length(keys);
            pen.length(expires);
        });
    }

    fn entry(&mut self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.part.entry(entry)?;
        self.put_records(out);
        Ok(())
    }

    fn part(&self) -> Box<dyn PartEncoder> {
        Box::new(RdbPart::new(self.options, self.part.lossy))
    }

    fn append(&mut self, EncodedPart(mut part): EncodedPart, out: &mut Vec<u8>) {
        if let Some(&crc) = part.last_chunk() {
            part.truncate(part.len() - size_of_val(&crc));
            self.crc.append(u64::from_le_bytes(crc), part.len() as u64);
        }
        put_all(part, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.put(out, |pen| pen.raw(&[opcode::EOF]));
        // Zero says that none was computed.
        out.extend_from_slice(&self.crc.value().to_le_bytes());
    }
}

/// Writes records that become a part of a file.
struct RdbPart {
    options: RdbOptions,
    lossy: bool,
    pen: Pen,
    records: Vec<u8>,
    large: Option<LargeEntry>,
}

impl RdbPart {
    fn new(options: RdbOptions, lossy: bool) -> Self {
        Self {
            options,
            lossy,
            pen: Pen::new(options.compress),
            records: Vec::new(),
            large: None,
        }
    }
}

impl PartEncoder for RdbPart {
    fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError> {
        let kind = kind_for(entry, self.options.version, self.lossy)?;
        put_entry(kind, entry, &mut self.pen, &mut self.records);
        Ok(())
    }

    fn begin_large(&mut self, entry: SnapshotEntry) -> Result<(), EncodeError> {
        let kind = kind_for(&entry.view(), self.options.version, self.lossy)?;
        let compress = self.options.compress;
        self.large = Some(LargeEntry::new(compress, async move |mut pen: Pen| {
            write_entry(kind, &entry.view(), &mut pen).await;
            pen
        }));
        Ok(())
    }

    fn resume(&mut self, budget_bytes: usize) -> bool {
        LargeEntry::resume_in(&mut self.large, budget_bytes, &mut self.records)
    }

    /// The records and, behind them, their checksum: that of the file is made of those.
    fn finish(&mut self) -> EncodedPart {
        let mut part = std::mem::take(&mut self.records);
        if !part.is_empty() {
            let crc = match self.options.checksum {
                true => Crc64::of(&part),
                false => 0,
            };
            part.extend_from_slice(&crc.to_le_bytes());
        }
        EncodedPart(part)
    }
}

/// The type byte for an entry, also of one that loses the expiries of its fields where
/// that is allowed.
fn kind_for(entry: &EntryView<'_>, version: RdbVersion, lossy: bool) -> Result<u8, EncodeError> {
    match entry.value {
        ValueRef::Hash(hash)
            if lossy && hash.expiring_fields() > 0 && !version.holds_field_expiries() =>
        {
            Ok(opcode::kind::HASH)
        }
        _ => kind_of(entry, version),
    }
}

/// The type byte for an entry, or the error that names its key.
pub(crate) fn kind_of(entry: &EntryView<'_>, version: RdbVersion) -> Result<u8, EncodeError> {
    version.kind_of(entry.value).map_err(|what| EncodeError {
        key: entry.key.to_vec(),
        what,
        format: version.name(),
    })
}

/// Appends one entry to `out`: what is said of it, its type, key and value.
pub(crate) fn put_entry(kind: u8, entry: &EntryView<'_>, pen: &mut Pen, out: &mut Vec<u8>) {
    match entry.value {
        // Most entries are these, and cost less without a function that can pause.
        ValueRef::Str(text) if text.len() <= MAX_COMPRESS_BYTES => pen.write_short(out, |pen| {
            write_head(kind, entry, pen);
            pen.string(text);
        }),
        ValueRef::Int(number) => pen.write_short(out, |pen| {
            write_head(kind, entry, pen);
            pen.int(number);
        }),
        _ => pen.write_now(out, async |pen: &mut Pen| {
            write_entry(kind, entry, pen).await;
        }),
    }
}

/// The same, with pauses.
pub(crate) async fn write_entry(kind: u8, entry: &EntryView<'_>, pen: &mut Pen) {
    write_head(kind, entry, pen);
    object::write(kind, entry.value, pen).await;
}

/// An entry without its value.
fn write_head(kind: u8, entry: &EntryView<'_>, pen: &mut Pen) {
    if let Some(at) = entry.expire_ms {
        pen.raw(&[opcode::EXPIRETIME_MS]);
        pen.raw(&at.to_le_bytes());
    }
    match entry.access {
        Access::Unknown => {}
        Access::IdleSeconds(seconds) => {
            pen.raw(&[opcode::IDLE]);
            pen.length(seconds);
        }
        Access::Frequency(counter) => pen.raw(&[opcode::FREQ, counter]),
    }
    pen.raw(&[kind]);
    pen.string(entry.key);
}
