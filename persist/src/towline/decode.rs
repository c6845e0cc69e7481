//! Reading a native snapshot.

use towline_core::seams::snapshot::{
    DecodeError, DecodeFault, DecodeOptions, Progress, SnapshotSink,
};

use super::layout::{
    self, BLOCK_HEADER_BYTES, BLOCK_MARK, BlockHeader, CHECKSUM_BYTES, FOOTER_MARK,
    FOOTER_REST_BYTES, Fields, HEADER_BYTES, INDEX_MARK, IndexEntry, MAGIC, MARK_BYTES, VERSIONS,
};
use super::packer::unpack;
use crate::crc::Crc64;
use crate::decode::{Coroutine, Event, Found, Source};
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
                blocks.finish(&mut source)?;
                end(offset, &blocks.index, &mut source).await?;
                return Ok(source.offset());
            }
            _ => {
                let number = blocks.index.len() as u64;
                return Err(blocks.first(source.error(damaged(number, 0, "no block begins here"))));
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
    if !VERSIONS.contains(&magic[MAGIC.len()]) {
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
///
/// Blocks that share a record are a *run*, which ends where a record begins at the
/// front of the next block. Almost every run is one block, and is then a part of its
/// own; the blocks of a longer one are decoded as they come, so that a collection of
/// any size passes through the memory of a block.
struct Blocks {
    index: Vec<IndexEntry>,
    /// The last block, as it is not known yet whether its run ends with it.
    pending: Option<Block>,
    /// The records of a run of several blocks.
    run: Option<Coroutine>,
    options: DecodeOptions,
}

/// A block as it is stored, checksum included.
struct Block {
    header: BlockHeader,
    bytes: Vec<u8>,
    /// Where it ends.
    end: u64,
}

impl Blocks {
    const fn new(options: DecodeOptions) -> Self {
        Self {
            index: Vec::new(),
            pending: None,
            run: None,
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
            return Err(self.first(source.error(damaged(number, 0, "its header"))));
        };
        if u64::from(header.number) != number {
            let keys = u64::from(header.keys);
            return Err(self.first(source.error(damaged(number, keys, "its number"))));
        }
        let begins_run = header.first_record == 0 && header.raw_bytes > 0;
        self.take_pending(begins_run, source)?;
        let mut bytes = Vec::new();
        let length = header.stored_bytes as usize + CHECKSUM_BYTES;
        source.bytes(length, &mut bytes).await?;
        let end = source.offset();
        self.pending = Some(Block { header, bytes, end });
        self.index.push(IndexEntry {
            offset,
            keys: header.keys,
            db: header.db,
        });
        Ok(())
    }

    /// The first of the errors where the block at hand has one: that of the block
    /// before it, which was not looked at yet, or its own.
    fn first(&self, own: DecodeError) -> DecodeError {
        let before = self.pending.as_ref();
        let before = before.and_then(|block| block.contents(self.options).err());
        before.unwrap_or(own)
    }

    /// Hands on the block before the one at hand, which begins a run or goes on
    /// with one.
    fn take_pending(&mut self, ends_run: bool, source: &mut Source) -> Result<(), DecodeError> {
        let Some(block) = self.pending.take() else {
            return Ok(());
        };
        let options = self.options;
        match (&mut self.run, ends_run) {
            (None, true) => {
                source.emit(Event::Part(Box::new(move |sink| {
                    block.decode(options, sink)
                })));
            }
            (Some(run), true) => {
                let mut raw = block.contents(options)?;
                raw.push(opcode::EOF);
                block.feed(run, raw, source)?;
                self.run = None;
            }
            (run, false) => {
                let raw = block.contents(options)?;
                let run = run.get_or_insert_with(|| Coroutine::new(options, records));
                let mut events = Vec::new();
                let progress = run.feed_whole(raw, &mut events);
                source.emit_all(&mut events);
                if progress.map_err(|error| block.error(error))? != Progress::More {
                    return Err(block.corrupt("bytes after the last record"));
                }
            }
        }
        Ok(())
    }

    /// Hands on the last block, which ends with the last record.
    fn finish(&mut self, source: &mut Source) -> Result<(), DecodeError> {
        let Some(block) = self.pending.take() else {
            return source.corrupt("the last record is missing");
        };
        let raw = block.contents(self.options)?;
        let options = self.options;
        let run = self.run.take();
        let mut run = run.unwrap_or_else(|| Coroutine::new(options, records));
        block.feed(&mut run, raw, source)
    }
}

impl Block {
    /// Its expanded bytes.
    fn contents(&self, options: DecodeOptions) -> Result<Vec<u8>, DecodeError> {
        let verify = options.verify_checksum;
        contents_of(&self.header, &self.bytes, verify).map_err(|what| DecodeError {
            offset: self.end,
            key: None,
            fault: damaged(
                u64::from(self.header.number),
                u64::from(self.header.keys),
                what,
            ),
        })
    }

    /// Decodes a block whose records are all its own.
    fn decode(
        &self,
        options: DecodeOptions,
        sink: &mut dyn SnapshotSink,
    ) -> Result<(), DecodeError> {
        let mut raw = self.contents(options)?;
        raw.push(opcode::EOF);
        let mut events = Vec::new();
        let mut run = Coroutine::new(options, records);
        let ended = self.feed_end(&mut run, raw, &mut events);
        let delivered = Found(events).deliver(sink);
        delivered.map_err(|undelivered| undelivered.into_error(self.corrupt("")))?;
        ended
    }

    /// Decodes the last block of a run as a part of what `source` reads.
    fn feed(
        &self,
        run: &mut Coroutine,
        raw: Vec<u8>,
        source: &mut Source,
    ) -> Result<(), DecodeError> {
        let mut events = Vec::new();
        let ended = self.feed_end(run, raw, &mut events);
        source.emit_all(&mut events);
        ended
    }

    /// Feeds contents that end with the end of all records.
    fn feed_end(
        &self,
        run: &mut Coroutine,
        raw: Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Result<(), DecodeError> {
        let length = raw.len();
        match run.feed_whole(raw, events) {
            Err(error) => Err(self.error(error)),
            Ok(Progress::More) => Err(self.corrupt("the last record is missing")),
            Ok(Progress::Complete { consumed }) if consumed != length => {
                Err(self.corrupt("bytes after the last record"))
            }
            Ok(Progress::Complete { .. }) => Ok(()),
        }
    }

    /// An error within the contents, which has no place in the file but the block's.
    fn error(&self, error: DecodeError) -> DecodeError {
        DecodeError {
            offset: self.end,
            ..error
        }
    }

    fn corrupt(&self, what: &'static str) -> DecodeError {
        DecodeError {
            offset: self.end,
            key: None,
            fault: DecodeFault::Corrupt(what),
        }
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
    let raw_bytes = header.raw_bytes as usize;
    unpack(header.compression, stored, raw_bytes).ok_or("its compression")
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
