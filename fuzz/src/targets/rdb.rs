//! RDB files.

use towline_core::keyspace::snapshot_walk::{SnapshotWalk, Step};
use towline_core::keyspace::{Dataset, Keyspace};
use towline_core::seams::snapshot::{SnapshotCodec, SnapshotMeta};
use towline_persist::rdb::RdbCodec;
use towline_persist::towline::TowlineCodec;

use super::facts::{Facts, Without};
use super::snapshot::{self, SEED};

/// Databases of a server without a configuration.
const DATABASES: usize = 16;
/// Groups that a walk visits, and bytes that it encodes, between two looks.
const WALK_GROUPS: usize = 64;
const WALK_BYTES: usize = 4096;

/// A file is read or refused in the same way however it is cut, and what was
/// read survives every format.
pub fn file(input: &[u8]) {
    let codec = RdbCodec::default();
    let recognised = codec.recognises(input);
    snapshot::check(&codec, input);
    if recognised == Some(false) {
        let refused = snapshot::contents(&codec, &[input]).is_err();
        assert!(refused, "what is not recognised is not read");
    }
}

/// A file read into a keyspace, and walked from there into a snapshot, holds
/// what was in it.
pub fn into_keyspace(input: &[u8]) {
    let codec = RdbCodec::default();
    let mut dataset = Dataset::new(DATABASES, SEED);
    let chunks = super::cut_anywhere(input);
    if snapshot::read(&codec, &chunks, &mut dataset).is_err() {
        return;
    }
    let keys = dataset.keys();
    let bytes = walked(&mut dataset.into_keyspace());
    let (mut found, _) = snapshot::contents(&TowlineCodec, &[&bytes]).expect("it was just written");
    let (mut wanted, _) = snapshot::contents(&codec, &[input]).expect("it was read above");
    // A keyspace has no functions; the dataset hands them on beside it.
    found.functions.clear();
    wanted.functions.clear();
    let without = Without {
        access: true,
        activity: false,
    };
    let wanted = Facts::of(&wanted, without);
    assert_eq!(wanted.key_count() as u64, keys);
    let found = Facts::of(&found, without);
    assert_eq!(found, wanted, "the keyspace holds something else");
}

/// The keyspace as a native snapshot.
fn walked(space: &mut Keyspace) -> Vec<u8> {
    let mut walk = {
        let meta = SnapshotMeta::default();
        SnapshotWalk::begin(space, TowlineCodec.encoder(&meta), &meta)
    };
    let mut bytes = Vec::new();
    loop {
        let step = walk
            .encode(WALK_BYTES)
            .expect("the format holds everything");
        bytes.extend(walk.take_block());
        match step {
            Step::Collect => {
                let mut groups = WALK_GROUPS;
                walk.collect(space, &mut || {
                    groups -= 1;
                    groups > 0
                });
            }
            Step::Encode => {}
            Step::Done => break,
        }
    }
    walk.end(space);
    bytes
}
