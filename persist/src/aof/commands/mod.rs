//! A dataset as the commands that make it: the base of a log where
//! `aof-use-rdb-preamble no` asks for one that is text.
//!
//! ```text
//! [#TS:<unix seconds>\r\n]                     aof-timestamp-enabled
//! FUNCTION LOAD <source>                       per library
//! per database
//!   SELECT <db>
//!   per key
//!     SET | RPUSH | SADD | ZADD | HMSET        at most 64 elements a command
//!     HPEXPIREAT <key> <ms> FIELDS 1 <field>   per field that expires
//!     XADD, XGROUP, XCLAIM, XDEL, XSETID       see stream
//!     PEXPIREAT <key> <ms>                     where it expires
//! ```
//! The order and the forms are those of a rewrite by Redis 7.0, compared with what
//! the real one wrote. How keys were used (LRU, LFU) has no command and is left out,
//! as it is there.

mod collection;
mod stream;
#[cfg(test)]
mod tests;

use towline_core::engine::effects::encode_command;
use towline_core::packed::listpack::Entry;
use towline_core::seams::snapshot::{
    EncodeError, EncodedPart, EntryView, PartEncoder, SnapshotEncoder, SnapshotEntry, SnapshotMeta,
};
use towline_core::value::ValueRef;

use crate::pen::{LargeEntry, Pen, put_all};

/// How errors name this format.
const FORMAT: &str = "a log of commands";
/// Strings over this are copied in slices.
const SHORT_BYTES: usize = 64 << 10;

/// Writes one dataset as commands.
pub struct CommandEncoder {
    /// The time that stands before the first command.
    timestamp_s: Option<u64>,
    part: CommandPart,
}

impl CommandEncoder {
    /// An encoder; `timestamped` puts the instant of the snapshot at the start.
    #[must_use]
    pub fn new(meta: &SnapshotMeta, timestamped: bool) -> Self {
        Self {
            timestamp_s: timestamped.then_some(meta.created_ms / 1000),
            part: CommandPart::default(),
        }
    }
}

impl SnapshotEncoder for CommandEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(seconds) = self.timestamp_s {
            out.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes());
        }
    }

    fn function(&mut self, source: &[u8], out: &mut Vec<u8>) {
        encode_command(&[b"FUNCTION", b"LOAD", source], out);
    }

    fn select_db(&mut self, db: u32, _keys: u64, _expires: u64, out: &mut Vec<u8>) {
        encode_command(&[b"SELECT", db.to_string().as_bytes()], out);
    }

    fn entry(&mut self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.part.entry(entry)?;
        put_all(self.part.finish().0, out);
        Ok(())
    }

    fn part(&self) -> Box<dyn PartEncoder> {
        Box::new(CommandPart::default())
    }

    fn append(&mut self, part: EncodedPart, out: &mut Vec<u8>) {
        put_all(part.0, out);
    }

    fn finish(&mut self, _out: &mut Vec<u8>) {}
}

/// Writes the commands that make some entries.
struct CommandPart {
    pen: Pen,
    commands: Vec<u8>,
    large: Option<LargeEntry>,
}

impl Default for CommandPart {
    fn default() -> Self {
        Self {
            pen: Pen::new(false),
            commands: Vec::new(),
            large: None,
        }
    }
}

impl PartEncoder for CommandPart {
    fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError> {
        check(entry)?;
        self.pen
            .write_now(&mut self.commands, async |pen: &mut Pen| {
                write(entry, pen).await;
            });
        Ok(())
    }

    fn begin_large(&mut self, entry: SnapshotEntry) -> Result<(), EncodeError> {
        check(&entry.view())?;
        self.large = Some(LargeEntry::new(false, async move |mut pen: Pen| {
            write(&entry.view(), &mut pen).await;
            pen
        }));
        Ok(())
    }

    fn resume(&mut self, budget_bytes: usize) -> bool {
        LargeEntry::resume_in(&mut self.large, budget_bytes, &mut self.commands)
    }

    fn finish(&mut self) -> EncodedPart {
        EncodedPart(std::mem::take(&mut self.commands))
    }
}

/// Refuses what no command says.
fn check(entry: &EntryView<'_>) -> Result<(), EncodeError> {
    match entry.value {
        ValueRef::Stream(stream) if stream.idempotence.is_some() => Err(EncodeError {
            key: entry.key.to_vec(),
            what: "what a stream remembers of its producers",
            format: FORMAT,
        }),
        _ => Ok(()),
    }
}

async fn write(entry: &EntryView<'_>, pen: &mut Pen) {
    let key = entry.key;
    match entry.value {
        ValueRef::Str(text) => {
            head(pen, &[b"SET", key], 1);
            long_bulk(pen, text).await;
        }
        ValueRef::Int(number) => {
            head(pen, &[b"SET", key], 1);
            int(pen, number);
        }
        ValueRef::List(list) => collection::write_list(key, list, pen).await,
        ValueRef::Set(set) => collection::write_set(key, set, pen).await,
        ValueRef::ZSet(zset) => collection::write_zset(key, zset, pen).await,
        ValueRef::Hash(hash) => collection::write_hash(key, hash, pen).await,
        ValueRef::Stream(stream) => stream::write(key, stream, pen).await,
    }
    if let Some(at) = entry.expire_ms {
        head(pen, &[b"PEXPIREAT", key], 1);
        int(pen, at);
    }
    pen.pause().await;
}

/// Begins a command: its first words, behind which `more` follow.
fn head(pen: &mut Pen, words: &[&[u8]], more: usize) {
    number_line(pen, b'*', words.len() + more);
    for word in words {
        bulk(pen, word);
    }
}

fn number_line(pen: &mut Pen, mark: u8, number: usize) {
    let mut digits = itoa::Buffer::new();
    pen.raw(&[mark]);
    pen.raw(digits.format(number).as_bytes());
    pen.raw(b"\r\n");
}

fn bulk(pen: &mut Pen, bytes: &[u8]) {
    number_line(pen, b'$', bytes.len());
    pen.raw(bytes);
    pen.raw(b"\r\n");
}

fn int(pen: &mut Pen, number: i64) {
    bulk(pen, itoa::Buffer::new().format(number).as_bytes());
}

async fn long_bulk(pen: &mut Pen, bytes: &[u8]) {
    if bytes.len() <= SHORT_BYTES {
        bulk(pen, bytes);
    } else {
        number_line(pen, b'$', bytes.len());
        pen.slices(bytes).await;
        pen.raw(b"\r\n");
    }
    pen.pause().await;
}

async fn element(pen: &mut Pen, element: Entry<'_>) {
    match element {
        Entry::Int(number) => {
            int(pen, number);
            pen.pause().await;
        }
        Entry::Str(text) => long_bulk(pen, text).await,
    }
}
