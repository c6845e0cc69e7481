//! Packed collections and compressed strings, as they lie in a snapshot.

use towline_core::packed::intset::Intset;
use towline_core::packed::listpack::{Entry, Listpack};
use towline_persist::crc::Crc64;
use towline_persist::rdb::RdbCodec;
use towline_persist::rdb::lzf::{Compressor, MAX_EXPANSION, decompress};
use towline_persist::rdb::opcode::{self, container, kind};

use super::snapshot;
use crate::rng::Rng;

/// The types whose value is one blob, or, for lists, holds one.
pub const KINDS: [u8; 11] = [
    kind::HASH_ZIPMAP,
    kind::LIST_ZIPLIST,
    kind::SET_INTSET,
    kind::ZSET_ZIPLIST,
    kind::HASH_ZIPLIST,
    kind::LIST_QUICKLIST,
    kind::HASH_LISTPACK,
    kind::ZSET_LISTPACK,
    kind::LIST_QUICKLIST_2,
    kind::SET_LISTPACK,
    kind::HASH_LISTPACK_EX,
];

/// Edits of each listpack and integer set.
const EDITS: usize = 12;

/// The first byte chooses a type, the rest is the blob: it is refused, or is a
/// collection that can be walked both ways, edited and written.
pub fn blob(input: &[u8]) {
    let Some((selector, blob)) = input.split_first() else {
        return;
    };
    if let Ok(pack) = Listpack::from_bytes(blob.to_vec()) {
        check_listpack(&pack, &mut Rng::of_bytes(input));
    }
    if let Ok(set) = Intset::from_bytes(blob.to_vec()) {
        check_intset(set, &mut Rng::of_bytes(input));
    }
    let kind = KINDS[usize::from(*selector) % KINDS.len()];
    snapshot::check(&RdbCodec::default(), &rdb_file(kind, blob));
}

/// A snapshot with one key, whose value is this blob.
#[must_use]
pub fn rdb_file(kind: u8, blob: &[u8]) -> Vec<u8> {
    let mut file = b"REDIS0013".to_vec();
    file.extend_from_slice(&[opcode::SELECTDB, 0, kind, 1, b'k']);
    match kind {
        kind::LIST_QUICKLIST => file.push(1),
        kind::LIST_QUICKLIST_2 => file.extend_from_slice(&[1, container::PACKED as u8]),
        kind::HASH_LISTPACK_EX => file.extend_from_slice(&[0; 8]),
        _ => {}
    }
    file.push(0x80);
    file.extend_from_slice(&(blob.len() as u32).to_be_bytes());
    file.extend_from_slice(blob);
    file.push(opcode::EOF);
    let crc = Crc64::of(&file);
    file.extend_from_slice(&crc.to_le_bytes());
    file
}

fn check_listpack(pack: &Listpack, rng: &mut Rng) {
    let elements: Vec<Vec<u8>> = pack.iter().map(Entry::to_vec).collect();
    assert_eq!(elements.len(), pack.len());
    assert_eq!(elements.is_empty(), pack.is_empty());
    let backwards = pack.iter().rev().map(Entry::to_vec);
    assert!(
        backwards.eq(elements.iter().rev().cloned()),
        "another list backwards"
    );
    let made: Listpack = elements.iter().collect();
    assert!(made.iter().map(Entry::to_vec).eq(elements.iter().cloned()));
    edit_listpack(pack.clone(), elements, rng);
}

/// Edits the listpack and a plain vector in the same way.
fn edit_listpack(mut pack: Listpack, mut model: Vec<Vec<u8>>, rng: &mut Rng) {
    for _ in 0..EDITS {
        let text = vec![b'0' + rng.below(10) as u8; rng.below(70)];
        let index = rng.below(model.len());
        let at = pack.seek(index as i64);
        assert_eq!(at.is_some(), !model.is_empty());
        match (at, rng.below(4)) {
            (None, _) | (_, 0) => {
                pack.push_back(&text);
                model.push(text);
            }
            (Some(at), 1) => {
                pack.insert_before(at, &text);
                model.insert(index, text);
            }
            (Some(at), 2) => {
                pack.replace(at, &text);
                model[index] = text;
            }
            (Some(at), _) => {
                pack.remove(at);
                model.remove(index);
            }
        }
        assert!(
            pack.iter().map(Entry::to_vec).eq(model.iter().cloned()),
            "an edit went wrong"
        );
    }
    let again = Listpack::from_bytes(pack.as_bytes().to_vec());
    assert_eq!(again.as_ref(), Ok(&pack), "an edited listpack is not one");
}

fn check_intset(mut set: Intset, rng: &mut Rng) {
    let mut model: std::collections::BTreeSet<i64> = set.iter().collect();
    assert_eq!(model.len(), set.len());
    for _ in 0..EDITS {
        let wide = rng.next_u64() as i64;
        let number = wide >> (8 * rng.below(8));
        if rng.one_in(2) {
            assert_eq!(set.add(number), model.insert(number));
        } else {
            let known = set.get(rng.below(set.len())).unwrap_or(number);
            assert_eq!(set.remove(known), model.remove(&known));
        }
        assert!(set.iter().eq(model.iter().copied()), "an edit went wrong");
    }
    let again = Intset::from_bytes(set.as_bytes().to_vec());
    assert_eq!(again.as_ref(), Ok(&set), "an edited set is not one");
}

/// Two bytes say how long the rest expands to: it is refused, or has exactly that
/// length and survives being compressed; and so does the input itself.
pub fn compressed(input: &[u8]) {
    let mut compressor = Compressor::default();
    survives(&mut compressor, input);
    let Some((length, data)) = input.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length));
    // Callers refuse what claims more than this before they allocate.
    if length as u64 / MAX_EXPANSION > data.len() as u64 {
        return;
    }
    if let Ok(expanded) = decompress(data, length) {
        assert_eq!(expanded.len(), length);
        survives(&mut compressor, &expanded);
    }
}

fn survives(compressor: &mut Compressor, text: &[u8]) {
    let mut out = Vec::new();
    let most = text.len() * 2 + 64;
    let length = compressor
        .compress(text, most, &mut out)
        .expect("the bound is generous");
    assert_eq!(length, out.len());
    assert_eq!(
        decompress(&out, text.len()).as_deref(),
        Ok(text),
        "not what was compressed"
    );
}
