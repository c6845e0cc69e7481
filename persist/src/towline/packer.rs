//! How a block's contents are stored: as they are, without their repetitions, in code.

use lz4_flex::block::{compress_into, decompress, get_maximum_output_size};

use super::huffman;
use super::layout::Compression;

/// The beginning of a block tells whether a search for repetitions pays: random bytes are
/// as long without it, and a third of the work is saved.
const PROBE_BYTES: usize = 16 << 10;
/// What a step must save at least, as a part of what it is given: less is not worth what
/// it takes to undo it.
const LEAST_GAIN: usize = 16;

/// Packs one block after the other in the same room.
#[derive(Debug, Default)]
pub(super) struct Packer {
    lz4: Vec<u8>,
    code: Vec<u8>,
}

impl Packer {
    /// What `raw` is to be stored as.
    pub(super) fn pack<'a>(&'a mut self, raw: &'a [u8]) -> (Compression, &'a [u8]) {
        let found = is_repetitive(raw, &mut self.lz4)
            .then(|| without_repetitions(raw, &mut self.lz4))
            .filter(|found| found.len() < raw.len());
        let (text, plain, coded) = match found {
            Some(found) => (found, Compression::Lz4, Compression::Lz4Huffman),
            None => (raw, Compression::None, Compression::Huffman),
        };
        self.code.clear();
        let most = text.len() - text.len() / LEAST_GAIN;
        match huffman::compress(text, most, &mut self.code) {
            true => (coded, &self.code),
            false => (plain, text),
        }
    }
}

fn is_repetitive(raw: &[u8], room: &mut Vec<u8>) -> bool {
    let Some(probe) = raw.get(..PROBE_BYTES) else {
        return true;
    };
    without_repetitions(probe, room).len() < PROBE_BYTES - PROBE_BYTES / LEAST_GAIN
}

fn without_repetitions<'a>(raw: &[u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    let most = get_maximum_output_size(raw.len());
    if room.len() < most {
        room.resize(most, 0);
    }
    let length = compress_into(raw, room).expect("it has the room that it asks for");
    &room[..length]
}

/// What `stored` expands to; none where it is damaged.
pub(super) fn unpack(compression: Compression, stored: &[u8], raw_bytes: usize) -> Option<Vec<u8>> {
    let raw = match compression {
        Compression::None => stored.to_vec(),
        Compression::Lz4 => decompress(stored, raw_bytes).ok()?,
        Compression::Huffman => huffman::decompress(stored).ok()?,
        Compression::Lz4Huffman => {
            let found = huffman::decompress(stored).ok()?;
            decompress(&found, raw_bytes).ok()?
        }
    };
    (raw.len() == raw_bytes).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes without any order.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let draw = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(draw).collect()
    }

    #[test]
    fn each_kind_of_contents_is_stored_in_its_own_way() {
        let noise = noise(100_000);
        let hexadecimal: Vec<u8> = noise
            .iter()
            .map(|byte| b"0123456789abcdef"[usize::from(byte >> 4)])
            .collect();
        let texts: Vec<u8> = hexadecimal
            .chunks(10)
            .flat_map(|word| [b"a longer text: ", word].concat())
            .collect();
        let mut packer = Packer::default();
        for (raw, expected) in [
            (&noise, Compression::None),
            (&noise[..1000].to_vec(), Compression::None),
            (&vec![7; 10_000], Compression::Lz4),
            (&hexadecimal, Compression::Huffman),
            (&texts, Compression::Lz4Huffman),
        ] {
            let (compression, stored) = packer.pack(raw);
            assert_eq!(compression, expected);
            assert_eq!(unpack(compression, stored, raw.len()).as_ref(), Some(raw));
        }
        let (compression, stored) = packer.pack(b"");
        assert_eq!(unpack(compression, stored, 0), Some(Vec::new()));
    }
}
