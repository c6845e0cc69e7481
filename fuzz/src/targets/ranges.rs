//! The lists of ranges that begin and end a delta.

use towline_core::keyspace::HashSeed;
use towline_core::keyspace::delta::coding::{decode, encode, encode_within, seal, unseal};

/// The seed of the corpus.
pub const SEED: HashSeed = HashSeed::new(1, 2);

/// How short a list is made that is too long.
const SHORT_BYTES: usize = 100;

/// A list is read whole or not at all, and what was read is written and read as the
/// same; one that is made shorter holds all that it held; nobody who has not the seed
/// seals one.
pub fn list(input: &[u8]) {
    assert!(unseal(input, &HashSeed::new(2, 1)).is_err());
    let Ok(list) = decode(input) else {
        return;
    };
    let mut bytes = Vec::new();
    encode(&list, &mut bytes);
    assert!(
        bytes.len() <= input.len(),
        "no number is longer than it has to be"
    );
    assert_eq!(decode(&bytes).as_ref(), Ok(&list));
    assert_eq!(unseal(&seal(&list, &SEED), &SEED).as_ref(), Ok(&list));
    let short = encode_within(list.clone(), SHORT_BYTES);
    let short = decode(&short).expect("it was just written");
    assert_eq!(short.len(), list.len());
    for (short, long) in short.iter().zip(&list) {
        assert_eq!((short.db, short.keys), (long.db, long.keys));
        for &(first, last) in long.ranges.runs() {
            assert!(short.ranges.contains(first) && short.ranges.contains(last));
        }
    }
}
