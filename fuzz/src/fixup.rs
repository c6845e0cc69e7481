//! Makes checksums and stated sizes right after a change, so that what lies
//! behind them is reached.

use towline_core::packed::listpack::LISTPACK_EMPTY_BYTES;
use towline_persist::crc::Crc64;
use towline_persist::rdb::opcode::kind::{HASH_ZIPMAP, SET_INTSET};

use crate::targets::journal::parts;
use crate::targets::packed::KINDS;

const CRC_BYTES: usize = 8;

/// For inputs without a checksum.
pub fn nothing(_input: &mut [u8]) {}

/// The last eight bytes of an RDB file, and of a payload, are the checksum of
/// those before.
pub fn rdb(input: &mut [u8]) {
    let end = input.len();
    set_checksum(input, 0, end);
}

/// The stated size of a blob is its size, in the three layouts that begin with
/// one. Those of the others are damaged by it, which is as well.
pub fn packed(input: &mut [u8]) {
    let Some((selector, blob)) = input.split_first_mut() else {
        return;
    };
    let kind = KINDS[usize::from(*selector) % KINDS.len()];
    // An integer set begins with its width, and a zipmap has no size.
    if blob.len() >= LISTPACK_EMPTY_BYTES && kind != SET_INTSET && kind != HASH_ZIPMAP {
        let size = (blob.len() as u32).to_le_bytes();
        blob[..4].copy_from_slice(&size);
        *blob.last_mut().expect("it is not empty") = 0xff;
    }
}

/// Bytes of a native snapshot's header before its text, whose length is in the
/// last two of them.
const HEADER_BYTES: usize = 98;
/// Bytes of a block before its contents.
const BLOCK_HEADER_BYTES: usize = 56;
/// Where a block says how long its contents are.
const STORED_AT: usize = 8;
/// Bytes of an index entry.
const INDEX_ENTRY_BYTES: usize = 16;
/// Bytes of the footer.
const FOOTER_BYTES: usize = 32;

/// The checksums of header, blocks, index and footer; and, where a block's
/// contents have grown or shrunk, their length. The layout is drawn beside the
/// codec.
pub fn towline(input: &mut [u8]) {
    let text = field(input, HEADER_BYTES - 2, 2);
    set_checksum(input, 0, HEADER_BYTES + text + CRC_BYTES);
    let marks = marks(input);
    for (index, (at, mark)) in marks.iter().enumerate() {
        let next = marks.get(index + 1).map_or(input.len(), |next| next.0);
        match mark {
            b"TWBK" => block(input, *at, next),
            b"TWIX" => {
                let entries = field(input, at + 4, 4);
                let length = entries.saturating_mul(INDEX_ENTRY_BYTES);
                set_checksum(input, *at, (at + 8 + CRC_BYTES).saturating_add(length));
            }
            _ => {
                let index = marks.iter().find(|mark| &mark.1 == b"TWIX");
                let place = index.map_or(0, |index| index.0 as u64);
                put(input, at + 8, &place.to_le_bytes());
                set_checksum(input, *at, at + FOOTER_BYTES);
            }
        }
    }
}

fn block(input: &mut [u8], at: usize, next: usize) {
    let Some(stored) = next.checked_sub(at + BLOCK_HEADER_BYTES + CRC_BYTES) else {
        return;
    };
    let is_raw = field(input, at + 28, 4) == 0;
    put(input, at + STORED_AT, &(stored as u32).to_le_bytes());
    if is_raw {
        put(input, at + STORED_AT + 4, &(stored as u32).to_le_bytes());
    }
    set_checksum(input, at, at + BLOCK_HEADER_BYTES);
    set_checksum(input, at + BLOCK_HEADER_BYTES, next);
}

/// Where blocks, index and footer begin.
fn marks(input: &[u8]) -> Vec<(usize, [u8; 4])> {
    let windows = input.windows(4).enumerate();
    windows
        .filter_map(|(at, window)| Some((at, <[u8; 4]>::try_from(window).ok()?)))
        .filter(|(_, mark)| [b"TWBK", b"TWIX", b"TWFT"].contains(&mark))
        .collect()
}

/// Bytes of a side file before its first frame, and of a frame before its kind.
const SIDE_MAGIC_BYTES: usize = 8;
const FRAME_LENGTH_BYTES: usize = 2;

/// The checksum of each frame of a side file.
pub fn side_file(input: &mut [u8]) {
    let mut at = SIDE_MAGIC_BYTES;
    while at + FRAME_LENGTH_BYTES < input.len() {
        let kind = at + FRAME_LENGTH_BYTES;
        let end = kind + 1 + field(input, at, FRAME_LENGTH_BYTES) + CRC_BYTES;
        set_checksum(input, kind, end);
        at = end;
    }
}

/// The same of a side file in front of its log, whose checkpoints are made to hold.
pub fn recovery(input: &mut [u8]) {
    let (side, log) = parts(input);
    let (length, log) = (side.len(), log.to_vec());
    let mut at = 2 + SIDE_MAGIC_BYTES;
    while at + FRAME_LENGTH_BYTES < (2 + length).min(input.len()) {
        let payload = at + FRAME_LENGTH_BYTES + 1;
        let bytes = field(input, at, FRAME_LENGTH_BYTES);
        if bytes == CHECKPOINT_BYTES {
            let position = field(input, payload, 8);
            let crc = log.get(..position).map_or(0, Crc64::of);
            put(input, payload + CHECKPOINT_CRC_AT, &crc.to_le_bytes());
        }
        at = payload + bytes + CRC_BYTES;
    }
    let side = input.get_mut(2..2 + length);
    side_file(side.unwrap_or_default());
}

/// Bytes of a checkpoint, and where in it the log's checksum stands.
const CHECKPOINT_BYTES: usize = 40;
const CHECKPOINT_CRC_AT: usize = 24;

/// A little-endian field, or 0 where the input is too short for it.
fn field(input: &[u8], at: usize, bytes: usize) -> usize {
    let field = input.get(at..at + bytes).unwrap_or_default();
    field
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

fn put(input: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(field) = input.get_mut(at..at + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}

/// Ends `start..end` with the checksum of what is before it there.
fn set_checksum(input: &mut [u8], start: usize, end: usize) {
    let Some((contents, crc)) = input
        .get_mut(start..end)
        .and_then(|part| part.split_last_chunk_mut::<CRC_BYTES>())
    else {
        return;
    };
    *crc = Crc64::of(contents).to_le_bytes();
}

#[cfg(test)]
mod tests {
    use crate::corpus;

    #[test]
    fn valid_files_are_left_as_they_are() {
        for corpus in [
            corpus::rdb::files(),
            corpus::towline::files(),
            corpus::packed::blobs(),
            corpus::payload::payloads(),
            corpus::journal::side_files(),
            corpus::journal::recoveries(),
        ] {
            for seed in &corpus.seeds {
                let mut fixed = seed.to_vec();
                (corpus.fixup)(&mut fixed);
                assert_eq!(fixed[..], seed[..]);
            }
        }
    }
}
