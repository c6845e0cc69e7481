//! Packed collections and compressed strings.

use towline_core::packed::intset::Intset;
use towline_core::packed::listpack::Listpack;
use towline_persist::rdb::lzf::Compressor;
use towline_persist::rdb::opcode::kind;

use super::{Corpus, boxed};
use crate::fixup;
use crate::targets::packed::KINDS;

/// A blob behind the byte that chooses its type.
#[must_use]
pub fn blobs() -> Corpus {
    let seeds = valid().into_iter().map(|(kind, blob)| {
        let selector = KINDS.iter().position(|known| *known == kind);
        let selector = selector.expect("the kinds are those of the target") as u8;
        [&[selector][..], &blob].concat()
    });
    let tokens: [&[u8]; 16] = [
        b"\xff",
        b"\xf0\xff\xff\xff\xff",
        b"\xf0\x00\x00\x00\x00",
        b"\xf1\x00\x80",
        b"\xf2\xff\xff\xff",
        b"\xf3\xff\xff\xff\x7f",
        b"\xf4\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xe0\x40",
        b"\xef\xff",
        b"\xbf",
        b"\xdf\xff\x02",
        b"\x80\x01",
        b"\xfe\xff\xff\xff\x7f",
        b"\xff\xff",
        b"\x08\x00\x00\x00",
        b"\x811\x02",
    ];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::packed,
    }
}

/// Blobs of every type.
pub(super) fn valid() -> Vec<(u8, Vec<u8>)> {
    let long = "x".repeat(100);
    let texts = ["a", "1", "b", "-200", "c", "70000", "d", &long];
    let pairs: Listpack = texts.iter().map(|text| text.as_bytes()).collect();
    let scores: Listpack = ["a", "1", "b", "2.5", "c", "inf"]
        .iter()
        .map(|text| text.as_bytes())
        .collect();
    let expiring: Listpack = ["f", "v", "0", "g", "w", "1893456000000"]
        .iter()
        .map(|text| text.as_bytes())
        .collect();
    let huge = "y".repeat(5000);
    let wide: Listpack = [&huge[..], "9223372036854775807", "-8388608"]
        .iter()
        .map(|text| text.as_bytes())
        .collect();
    let mut blobs = vec![
        (
            kind::HASH_ZIPMAP,
            b"\x02\x01a\x02\x0111\x00\x03key\x00\x00\xff".to_vec(),
        ),
        (kind::LIST_ZIPLIST, ziplist(&texts)),
        (kind::LIST_QUICKLIST, ziplist(&["1", "-5", "x"])),
        (kind::HASH_ZIPLIST, ziplist(&["f", "v", "g", "12"])),
        (kind::ZSET_ZIPLIST, ziplist(&["a", "1", "b", "2"])),
        (kind::HASH_LISTPACK, pairs.as_bytes().to_vec()),
        (kind::ZSET_LISTPACK, scores.as_bytes().to_vec()),
        (kind::LIST_QUICKLIST_2, wide.as_bytes().to_vec()),
        (kind::LIST_QUICKLIST_2, pairs.as_bytes().to_vec()),
        (kind::SET_LISTPACK, pairs.as_bytes().to_vec()),
        (kind::HASH_LISTPACK_EX, expiring.as_bytes().to_vec()),
    ];
    for numbers in [&[1, 2, 3][..], &[-70_000, 5], &[i64::MIN, 0, i64::MAX]] {
        let mut set = Intset::new();
        for number in numbers {
            set.add(*number);
        }
        blobs.push((kind::SET_INTSET, set.as_bytes().to_vec()));
    }
    blobs
}

/// A ziplist of texts, each as a string of up to 127 bytes.
fn ziplist(texts: &[&str]) -> Vec<u8> {
    let mut out = vec![0; 10];
    let (mut tail, mut previous) = (10, 0);
    for text in texts {
        tail = out.len();
        out.push(previous);
        match text.len() {
            0..64 => out.push(text.len() as u8),
            length => out.extend_from_slice(&[0x40, length as u8]),
        }
        out.extend_from_slice(text.as_bytes());
        previous = (out.len() - tail) as u8;
    }
    out.push(0xff);
    let total = out.len() as u32;
    out[..4].copy_from_slice(&total.to_le_bytes());
    out[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
    out[8..10].copy_from_slice(&(texts.len() as u16).to_le_bytes());
    out
}

/// Compressed texts behind their length.
#[must_use]
pub fn compressed() -> Corpus {
    let texts = [
        "a".repeat(30),
        "abcabcabcabcabcabcabcabc".to_owned(),
        "no repetition at all, or next to".to_owned(),
        "0123456789".repeat(200),
        "x".repeat(9000) + "y",
    ];
    let mut compressor = Compressor::default();
    let seeds = texts.map(|text| {
        let mut out = (text.len() as u16).to_le_bytes().to_vec();
        let most = 2 * text.len();
        compressor
            .compress(text.as_bytes(), most, &mut out)
            .expect("the bound is generous");
        out
    });
    let tokens: [&[u8]; 6] = [
        b"\xe0\xff\x00",
        b"\x20\x00",
        b"\x3f\xff",
        b"\xff\xff\xff",
        b"\x00a",
        b"\x1f",
    ];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::nothing,
    }
}
