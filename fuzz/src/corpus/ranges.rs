//! Lists of ranges of hashes.

use towline_core::keyspace::delta::coding::encode;
use towline_core::keyspace::delta::{DbRanges, HashRanges};

use super::{Corpus, boxed};
use crate::fixup;

/// Lists of all sizes.
#[must_use]
pub fn lists() -> Corpus {
    let groups = |count: u64, bits: u32| {
        let width = 1 << (64 - bits);
        let run = |index: u64| (index * 3 * width, index * 3 * width + (width - 1));
        HashRanges::from_runs((0..count).map(run).collect())
    };
    let kinds = [
        HashRanges::default(),
        HashRanges::all(),
        groups(5, 17),
        groups(200, 32),
        groups(3, 64),
    ];
    let mut seeds = vec![vec![0]];
    for (db, ranges) in (0..).zip(&kinds) {
        let one = DbRanges {
            db,
            keys: 1 << (db * 9),
            ranges: ranges.clone(),
        };
        let other = DbRanges {
            db: db + 1,
            ..one.clone()
        };
        for list in [vec![one.clone()], vec![one, other]] {
            let mut bytes = Vec::new();
            encode(&list, &mut bytes);
            seeds.push(bytes);
        }
    }
    let tokens = [&[0x80, 0x80, 0x80][..], &[0xff; 9], &[0], &[64], &[65]];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::nothing,
    }
}
