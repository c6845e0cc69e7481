//! Reading a native snapshot.

use towline_core::seams::snapshot::{DecodeError, DecodeFault, DecodeOptions, Progress};

use super::layout::{
    self, BLOCK_HEADER_BYTES, BLOCK_MARK, BlockHeader, CHECKSUM_BYTES, Compression, FOOTER_MARK,
    FOOTER_REST_BYTES, Fields, HEADER_BYTES, INDEX_MARK, IndexEntry, MAGIC, MARK_BYTES, VERSION,
};
use crate::crc::Crc64;
use crate::decode::{Coroutine, Event, Source};
use crate::rdb::{Dialect, Family, opcode, read_entry};

/// The records in the blocks are of this dialect; see [`super::encode::RECORDS`].
const DIALECT: Dialect = Dialect {
    family: Family::Redis,
    version: 13,
};

/// Reads a whole file and returns where it ended.
pub(super) async fn file(mut source: Source) -> Result<u64, DecodeError> {
    // Every part has its own.
    source.forgo_checksum();
    header(&mut source).await?;
    let mut blocks = Blocks::new(source.options());
    loop {
        let offset = source.offset();
        match source.array().await? {
            BLOCK_MARK => blocks.read(offset, &mut source).await?,
            INDEX_MARK => {
                if !blocks.complete {
                    return source.corrupt("the last record is missing");
                }
                end(offset, &blocks.index, &mut source).await?;
                return Ok(source.offset());
            }
            _ => {
                let number = blocks.index.len() as u64;
                return Err(source.error(damaged(number, 0, "no block begins here")));
            }
        }
    }
}

fn damaged(block: u64, keys: u64, what: &'static str) -> DecodeFault {
    DecodeFault::DamagedBlock { block, keys, what }
}

async fn header(source: &mut Source) -> Result<(), DecodeError> {
    let mut bytes = Vec::new();
    let magic: [u8; MAGIC.len() + 1] = source.array().await?;
    if magic[..MAGIC.len()] != MAGIC[..] {
        return Err(source.error(DecodeFault::BadMagic));
    }
    if magic[MAGIC.len()] != VERSION {
        let version = magic[MAGIC.len()].to_string();
        return Err(source.error(DecodeFault::UnsupportedVersion(version)));
    }
    bytes.extend_from_slice(&magic);
    source.bytes(HEADER_BYTES - magic.len(), &mut bytes).await?;
    let fixed = bytes[..].try_into().expect("just as many were read");
    let Some((mut meta, text_bytes)) = layout::parse_header(fixed) else {
        return source.corrupt("damaged header");
    };
    source.bytes(text_bytes + 8, &mut bytes).await?;
    if !layout::ends_with_checksum(&bytes) {
        return source.corrupt("damaged header");
    }
    let text = &bytes[HEADER_BYTES..HEADER_BYTES + text_bytes];
    meta.redis_version = String::from_utf8_lossy(text).into_owned();
    source.adopt_hash_seed(meta.hash_seed);
    for (key, value) in meta.aux_fields() {
        source.emit(Event::Aux(Box::new((key.into(), value.into_bytes()))));
    }
    Ok(())
}

/// The blocks read so far, and what their contents add up to.
struct Blocks {
    index: Vec<IndexEntry>,
    records: Coroutine,
    /// What was found in a block, on its way.
    events: Vec<Event>,
    complete: bool,
    options: DecodeOptions,
}

impl Blocks {
    fn new(options: DecodeOptions) -> Self {
        Self {
            index: Vec::new(),
            records: Coroutine::new(options, records),
            events: Vec::new(),
            complete: false,
            options,
        }
    }

    /// Reads the block at `offset`, whose mark was read.
    async fn read(&mut self, offset: u64, source: &mut Source) -> Result<(), DecodeError> {
        let number = self.index.len() as u64;
        let mut bytes = BLOCK_MARK.to_vec();
        source
            .bytes(BLOCK_HEADER_BYTES - MARK_BYTES, &mut bytes)
            .await?;
        let fixed = bytes[..].try_into().expect("just as many were read");
        let Some(header) = BlockHeader::parse(fixed) else {
            return Err(source.error(damaged(number, 0, "its header")));
        };
        let keys = u64::from(header.keys);
        let damaged = |what| damaged(number, keys, what);
        if u64::from(header.number) != number {
            return Err(source.error(damaged("its number")));
        }
        let length = header.stored_bytes as usize + CHECKSUM_BYTES;
        let verify = self.options.verify_checksum;
        let raw = source.with_bytes(length, |bytes| contents_of(&header, bytes, verify));
        let raw = raw.await?.map_err(|what| source.error(damaged(what)))?;
        self.take(raw, source)?;
        self.index.push(IndexEntry {
            offset,
            keys: header.keys,
            db: header.db,
        });
        Ok(())
    }

    /// Decodes the contents of a block.
    fn take(&mut self, raw: Vec<u8>, source: &mut Source) -> Result<(), DecodeError> {
        if self.complete {
            return source.corrupt("a block after the last record");
        }
        let length = raw.len();
        let progress = self.records.feed_whole(raw, &mut self.events);
        source.emit_all(&mut self.events);
        let progress = progress.map_err(|error| {
            source.set_key(error.key);
            source.error(error.fault)
        })?;
        if let Progress::Complete { consumed } = progress {
            self.complete = true;
            if consumed != length {
                return source.corrupt("bytes after the last record");
            }
        }
        Ok(())
    }
}

/// What a block's stored bytes, with their checksum, expand to.
pub(super) fn contents_of(
    header: &BlockHeader,
    bytes: &[u8],
    verify: bool,
) -> Result<Vec<u8>, &'static str> {
    let (stored, crc) = bytes.split_at(header.stored_bytes as usize);
    if verify && crc != Crc64::of(stored).to_le_bytes() {
        return Err("its checksum");
    }
    expand(header, stored).ok_or("its compression")
}

fn expand(header: &BlockHeader, stored: &[u8]) -> Option<Vec<u8>> {
    let length = header.raw_bytes as usize;
    let raw = match header.compression {
        Compression::None => stored.to_vec(),
        Compression::Lz4 => lz4_flex::block::decompress(stored, length).ok()?,
    };
    (raw.len() == length).then_some(raw)
}

/// Reads the records that the blocks hold together.
pub(super) async fn records(mut source: Source) -> Result<u64, DecodeError> {
    source.forgo_checksum();
    loop {
        match source.byte().await? {
            opcode::EOF => return Ok(source.offset()),
            opcode::SELECTDB => {
                let db = source.length().await?;
                source.emit(Event::SelectDb(db));
            }
            opcode::RESIZEDB => {
                let (keys, expires) = (source.length().await?, source.length().await?);
                source.emit(Event::Resize(keys, expires));
            }
            opcode::FUNCTION2 => {
                let text = source.string().await?;
                source.emit(Event::Function(text));
            }
            first => read_entry(first, DIALECT, &mut source).await?,
        }
    }
}

/// Reads index and footer and compares them with the blocks that were read.
async fn end(offset: u64, blocks: &[IndexEntry], source: &mut Source) -> Result<(), DecodeError> {
    let mut crc = Crc64::default();
    crc.update(&INDEX_MARK);
    let count: [u8; 4] = source.array().await?;
    crc.update(&count);
    if u32::from_le_bytes(count) as usize != blocks.len() {
        return source.corrupt("blocks are missing");
    }
    for block in blocks {
        let bytes = source.array().await?;
        crc.update(&bytes);
        if IndexEntry::parse(&bytes) != *block {
            return source.corrupt("the index is not that of the blocks");
        }
    }
    if u64::from_le_bytes(source.array().await?) != crc.value() {
        return source.corrupt("damaged index");
    }
    let mut footer = Vec::new();
    source
        .bytes(MARK_BYTES + FOOTER_REST_BYTES, &mut footer)
        .await?;
    let mut fields = Fields::new(&footer[2 * MARK_BYTES..]);
    let keys: u64 = blocks.iter().map(|b| u64::from(b.keys)).sum();
    let whole = footer.starts_with(&FOOTER_MARK) && layout::ends_with_checksum(&footer);
    if !whole || fields.u64() != offset || fields.u64() != keys {
        return source.corrupt("damaged footer");
    }
    Ok(())
}
