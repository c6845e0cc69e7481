//! Native snapshots: what the RDB corpus holds, written in this format.

use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::{DecodeOptions, SnapshotPosition};
use towline_persist::contents::Contents;
use towline_persist::rdb::RdbCodec;
use towline_persist::towline::TowlineCodec;

use super::{Corpus, boxed, rdb};
use crate::fixup;

const SEED: HashSeed = HashSeed::new(5, 6);

/// Files of one key and of a few, with and without a position.
#[must_use]
pub fn files() -> Corpus {
    let options = DecodeOptions::new(SEED);
    let mut seeds = Vec::new();
    for (index, file) in rdb::files().seeds.iter().enumerate() {
        let Ok(mut contents) = Contents::read(&RdbCodec::default(), options, file) else {
            continue;
        };
        if index % 3 == 0 {
            contents.meta.hash_seed = Some(SEED);
            contents.meta.position = Some(SnapshotPosition {
                replid: ReplicationId::from_random([9; 20]),
                offset: Offset(77),
                stream_db: Some(1),
            });
        }
        seeds.push(contents.write(&TowlineCodec).expect("it holds everything"));
    }
    let mut tokens: Vec<Vec<u8>> = ["TWBK", "TWIX", "TWFT", "TOWLINE\x01"]
        .map(|mark| mark.as_bytes().to_vec())
        .to_vec();
    tokens.extend((0..=26).chain(244..=255).map(|code| vec![code]));
    tokens.push(vec![0xff; 4]);
    tokens.push(vec![0, 0, 8, 0]);
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::towline,
    }
}
