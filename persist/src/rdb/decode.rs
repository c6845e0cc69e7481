//! Reading a file: everything around the values.

use towline_core::seams::snapshot::{Access, DecodeError, DecodeFault, SnapshotMeta};

use super::dialect::{Dialect, Family, Magic};
use super::length::RawString;
use super::object::{self, Object};
use super::{foreign, opcode};
use crate::decode::{Event, Source};

/// Fields of a node name in Valkey's SLOT_IMPORT record.
const SLOT_IMPORT_JOB_BYTES: usize = 40;

/// Reads a whole file and returns where it ended.
pub(super) async fn file(mut source: Source) -> Result<u64, DecodeError> {
    let dialect = magic(&mut source).await?;
    loop {
        let code = source.byte().await?;
        match code {
            opcode::EOF => break,
            _ if is_record(code, dialect) => record(code, &mut source).await?,
            _ => read_entry(code, dialect, &mut source).await?,
        }
    }
    if dialect.has_checksum() {
        checksum(&mut source).await?;
    }
    Ok(source.offset())
}

async fn magic(source: &mut Source) -> Result<Dialect, DecodeError> {
    match Dialect::parse(source.array().await?) {
        Magic::Known(dialect) => Ok(dialect),
        // What it has of what is known is read as the newest that is.
        Magic::Unsupported(_, Some(newer)) if source.options().skip_unknown => Ok(newer),
        Magic::Unsupported(version, _) => {
            Err(source.error(DecodeFault::UnsupportedVersion(version)))
        }
        Magic::Foreign => Err(source.error(DecodeFault::BadMagic)),
    }
}

/// Compares the checksum at the end; zero says that none was computed.
async fn checksum(source: &mut Source) -> Result<(), DecodeError> {
    let verify = source.options().verify_checksum;
    let found = if verify { source.checksum() } else { 0 };
    let expected = u64::from_le_bytes(source.array().await?);
    if verify && expected != 0 && expected != found {
        return Err(source.error(DecodeFault::Checksum { expected, found }));
    }
    Ok(())
}

/// Whether a code opens what modules noted about the next key.
fn is_key_metadata(code: u8, dialect: Dialect) -> bool {
    code == opcode::KEY_META_OR_SLOT_IMPORT && dialect.family == Family::Redis
}

/// What was said of the next key before its type.
#[derive(Debug, Default)]
struct Modifiers {
    expire_ms: Option<i64>,
    access: Access,
}

impl Modifiers {
    const fn are(code: u8) -> bool {
        matches!(
            code,
            opcode::EXPIRETIME | opcode::EXPIRETIME_MS | opcode::IDLE | opcode::FREQ
        )
    }

    async fn read(&mut self, code: u8, source: &mut Source) -> Result<(), DecodeError> {
        match code {
            opcode::EXPIRETIME => {
                let seconds = i32::from_le_bytes(source.array().await?);
                self.expire_ms = Some(i64::from(seconds) * 1000);
            }
            opcode::EXPIRETIME_MS => {
                self.expire_ms = Some(i64::from_le_bytes(source.array().await?));
            }
            opcode::IDLE => self.access = Access::IdleSeconds(source.length().await?),
            _ => self.access = Access::Frequency(source.byte().await?),
        }
        Ok(())
    }
}

/// Reads one entry, from the modifiers of its key on; the native snapshot's
/// records are these as well.
pub(crate) async fn read_entry(
    first: u8,
    dialect: Dialect,
    source: &mut Source,
) -> Result<(), DecodeError> {
    let (mut said, mut code) = (Modifiers::default(), first);
    loop {
        match code {
            _ if Modifiers::are(code) => said.read(code, source).await?,
            _ if is_key_metadata(code, dialect) => foreign::skip_key_metadata(source).await?,
            kind => return entry(kind, dialect, said, source).await,
        }
        code = source.byte().await?;
    }
}

/// Whether a code opens something other than an entry.
fn is_record(code: u8, dialect: Dialect) -> bool {
    let of_entry = Modifiers::are(code) || is_key_metadata(code, dialect);
    code >= opcode::KEY_META_OR_SLOT_IMPORT && !of_entry
}

/// A record that is not about one key.
async fn record(code: u8, source: &mut Source) -> Result<(), DecodeError> {
    match code {
        opcode::SELECTDB => {
            let db = source.length().await?;
            source.emit(Event::SelectDb(db));
        }
        opcode::RESIZEDB => {
            let (keys, expires) = (source.length().await?, source.length().await?);
            source.emit(Event::Resize(keys, expires));
        }
        opcode::AUX => {
            let (key, value) = (source.string().await?, source.string().await?);
            adopt_seed(&key, &value, source);
            source.emit(Event::Aux(Box::new((key, value))));
        }
        opcode::FUNCTION2 => {
            let text = source.string().await?;
            source.emit(Event::Function(text));
        }
        opcode::SLOT_INFO => {
            // Slot, keys, expiries: a hint for sizing, of no use here.
            for _ in 0..3 {
                source.length().await?;
            }
        }
        opcode::MODULE_AUX => foreign::skip_aux(source).await?,
        opcode::KEY_META_OR_SLOT_IMPORT => slot_import(source).await?,
        unknown => return Err(source.error(DecodeFault::UnknownRecord(unknown))),
    }
    Ok(())
}

/// Values after a seed are built with it, because the sink takes it as well.
fn adopt_seed(key: &[u8], value: &[u8], source: &mut Source) {
    let mut meta = SnapshotMeta::default();
    meta.learn(key, value);
    source.adopt_hash_seed(meta.hash_seed);
}

/// A slot migration that was under way; the file's own keys do not need it.
async fn slot_import(source: &mut Source) -> Result<(), DecodeError> {
    let mut job = Vec::new();
    source.bytes(SLOT_IMPORT_JOB_BYTES, &mut job).await?;
    for _ in 0..source.length().await? {
        source.length().await?;
        source.length().await?;
    }
    Ok(())
}

/// One key and its value.
async fn entry(
    kind: u8,
    dialect: Dialect,
    said: Modifiers,
    source: &mut Source,
) -> Result<(), DecodeError> {
    if !object::is_kind(kind, dialect) {
        return Err(source.error(DecodeFault::UnknownRecord(kind)));
    }
    source.key().await?;
    if kind == opcode::kind::STRING {
        let make = |key: &[u8], raw: RawString<'_>| object::string_entry(key, raw, said.expire_ms);
        return source.emit_string(make, said.access).await;
    }
    match object::read(kind, dialect, source).await? {
        Object::Value(value) => source.emit_value(value, said.expire_ms, said.access),
        Object::Empty => {
            let key = source.take_key().expect("it was read above");
            source.emit(Event::EmptyKey(key));
        }
        Object::Skipped(what) => {
            source.take_key();
            source.emit(Event::Skipped(Box::new(what)));
        }
    }
    Ok(())
}
