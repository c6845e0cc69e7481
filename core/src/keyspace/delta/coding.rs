//! Ranges of hashes as bytes: what a replica reports, and what a delta ends with.
//!
//! ```text
//!   list  ::= count of databases | database …          in ascending order of numbers
//!   database ::= number | keys in it | cell bits (one byte) | count of runs | run …
//!   run   ::= cells since the run before | cells in it, less one
//!   sealed list ::= list | keyed hash of its bytes (8 bytes, little-endian)
//! ```
//! Numbers are LEB128. A cell is one of two-to-the-cell-bits equal parts of all hashes;
//! a changed home group is one cell, so that most runs take two bytes.

use std::fmt;

use super::ranges::HashRanges;
use crate::keyspace::HashSeed;

/// How long a sealed list may be. A run takes 16 bytes once it is read, and two here.
pub const SEALED_MAX_BYTES: usize = 64 << 20;

/// The bytes of the hash behind a sealed list.
const SEAL_BYTES: usize = 8;

/// Some of the hashes of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbRanges {
    /// The database.
    pub db: u32,
    /// How many keys there are in all of it.
    pub keys: u64,
    /// Which hashes.
    pub ranges: HashRanges,
}

/// Bytes that are no list of ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRanges(&'static str);

impl BadRanges {
    pub(super) const fn new(what: &'static str) -> Self {
        Self(what)
    }
}

impl fmt::Display for BadRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list of ranges {}", self.0)
    }
}

const TRUNCATED: BadRanges = BadRanges("ends too early");

/// Appends a list.
pub fn encode(list: &[DbRanges], out: &mut Vec<u8>) {
    put_number(list.len() as u64, out);
    for one in list {
        put_number(u64::from(one.db), out);
        put_number(one.keys, out);
        put_ranges(&one.ranges, out);
    }
}

fn put_ranges(ranges: &HashRanges, out: &mut Vec<u8>) {
    let bits = ranges.cell_bits();
    out.push(u8::try_from(bits).expect("a hash has 64 bits"));
    put_number(ranges.runs().len() as u64, out);
    let cell = |hash: u64| u128::from(hash) >> (64 - bits);
    let mut end = 0;
    for &(first, last) in ranges.runs() {
        put_number(narrow(cell(first) - end), out);
        put_number(narrow(cell(last) - cell(first)), out);
        end = cell(last) + 1;
    }
}

fn narrow(cells: u128) -> u64 {
    u64::try_from(cells).expect("there are no more cells than hashes")
}

fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A list in at most `max_bytes`: where it would be longer, its cells are larger, and
/// more is in it than was.
#[must_use]
pub fn encode_within(mut list: Vec<DbRanges>, max_bytes: usize) -> Vec<u8> {
    loop {
        let mut bytes = Vec::new();
        encode(&list, &mut bytes);
        let bits = list.iter().map(|one| one.ranges.cell_bits()).max();
        match bits {
            Some(bits @ 1..) if bytes.len() > max_bytes => {
                for one in &mut list {
                    one.ranges = one.ranges.coarsened(bits - 1);
                }
            }
            _ => return bytes,
        }
    }
}

/// Reads a list, all of it.
///
/// # Errors
/// [`BadRanges`]. No room is made for what has not been read.
pub fn decode(bytes: &[u8]) -> Result<Vec<DbRanges>, BadRanges> {
    let mut reader = Reader(bytes);
    let count = reader.number()?;
    let mut list: Vec<DbRanges> = Vec::new();
    for _ in 0..count {
        let db = u32::try_from(reader.number()?);
        let db = db.map_err(|_| BadRanges("names a database that there cannot be"))?;
        if list.last().is_some_and(|before| before.db >= db) {
            return Err(BadRanges("is not in order"));
        }
        let keys = reader.number()?;
        let ranges = reader.ranges()?;
        list.push(DbRanges { db, keys, ranges });
    }
    match reader.0 {
        [] => Ok(list),
        _ => Err(BadRanges("goes on behind its end")),
    }
}

/// A list and its keyed hash, which only who has the same seed can tell.
#[must_use]
pub fn seal(list: &[DbRanges], seed: &HashSeed) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(list, &mut bytes);
    let seal = seed.hash(&bytes).to_le_bytes();
    bytes.extend_from_slice(&seal);
    bytes
}

/// Reads a sealed list.
///
/// # Errors
/// [`BadRanges`], also where the hash is not that of the list.
pub fn unseal(bytes: &[u8], seed: &HashSeed) -> Result<Vec<DbRanges>, BadRanges> {
    let (list, seal) = bytes.split_last_chunk::<SEAL_BYTES>().ok_or(TRUNCATED)?;
    if seed.hash(list) != u64::from_le_bytes(*seal) {
        return Err(BadRanges("does not have the checksum that it claims"));
    }
    decode(list)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, BadRanges> {
        let (byte, rest) = self.0.split_first().ok_or(TRUNCATED)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u64, BadRanges> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BadRanges("has a number of more than 64 bits"))
    }

    fn ranges(&mut self) -> Result<HashRanges, BadRanges> {
        let bits = u32::from(self.byte()?);
        if bits > 64 {
            return Err(BadRanges("has cells that are smaller than a hash"));
        }
        let cells = 1_u128 << bits;
        let hash = |cell: u128| (cell << (64 - bits)) as u64;
        let mut runs = Vec::new();
        let mut end = 0;
        for run in 0..self.number()? {
            let gap = u128::from(self.number()?);
            if run > 0 && gap == 0 {
                return Err(BadRanges("has ranges that touch"));
            }
            let first = end + gap;
            end = first + u128::from(self.number()?) + 1;
            if end > cells {
                return Err(BadRanges("goes beyond the last hash"));
            }
            runs.push((hash(first), hash(end).wrapping_sub(1)));
        }
        Ok(HashRanges::from_runs(runs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: HashSeed = HashSeed::new(3, 4);

    fn group(index: u64, bits: u32) -> (u64, u64) {
        let inside = (1_u64 << (64 - bits)) - 1;
        (index << (64 - bits), index << (64 - bits) | inside)
    }

    fn of_groups(db: u32, groups: &[u64], bits: u32) -> DbRanges {
        let runs = groups.iter().map(|&index| group(index, bits)).collect();
        let ranges = HashRanges::from_runs(runs);
        DbRanges {
            db,
            keys: 9,
            ranges,
        }
    }

    #[test]
    fn a_changed_group_takes_two_bytes() {
        let groups: Vec<u64> = (0..9_000).map(|n| n * 14 + n % 3).collect();
        let list = [of_groups(0, &groups, 17)];
        let mut bytes = Vec::new();
        encode(&list, &mut bytes);
        assert!(bytes.len() < groups.len() * 2 + 16, "{}", bytes.len());
        assert_eq!(decode(&bytes), Ok(list.to_vec()));
    }

    #[test]
    fn all_and_nothing_are_short() {
        for ranges in [HashRanges::all(), HashRanges::default()] {
            let list = [DbRanges {
                db: 15,
                keys: 0,
                ranges,
            }];
            let mut bytes = Vec::new();
            encode(&list, &mut bytes);
            assert!(bytes.len() <= 7);
            assert_eq!(decode(&bytes), Ok(list.to_vec()));
        }
    }

    #[test]
    fn a_list_that_is_too_long_holds_more_instead() {
        let groups: Vec<u64> = (0..10_000).map(|n| n * 2).collect();
        let list = vec![of_groups(0, &groups, 20), of_groups(3, &[5], 40)];
        let bytes = encode_within(list.clone(), 1000);
        assert!(bytes.len() <= 1000);
        let read = decode(&bytes).expect("it was written here");
        for (coarse, fine) in read.iter().zip(&list) {
            assert_eq!((coarse.db, coarse.keys), (fine.db, fine.keys));
            let runs = fine.ranges.runs().iter();
            assert!(runs.clone().all(|run| coarse.ranges.contains(run.0)));
        }
        assert_eq!(decode(&encode_within(list.clone(), 1 << 20)), Ok(list));
    }

    #[test]
    fn a_seal_is_of_its_list_and_its_seed() {
        let list = [of_groups(1, &[3, 8], 10)];
        let sealed = seal(&list, &SEED);
        assert_eq!(unseal(&sealed, &SEED), Ok(list.to_vec()));
        assert!(unseal(&sealed, &HashSeed::new(3, 5)).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(unseal(&damaged, &SEED).is_err(), "byte {at}");
            assert!(unseal(&sealed[..at], &SEED).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (bytes, why) in [
            (&[][..], "too early"),
            (&[1, 0, 0, 65, 0], "smaller than a hash"),
            (&[1, 0, 0, 1, 1, 0, 2], "beyond the last"),
            (&[1, 0, 0, 2, 2, 0, 0, 0, 0], "touch"),
            (&[2, 1, 0, 0, 0, 1, 0, 0, 0], "not in order"),
            (&[0, 0], "behind its end"),
            (&[0xff; 12], "64 bits"),
            (&[1, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0], "cannot be"),
            // A count that its bytes do not justify takes no room.
            (&[1, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0x7f], "too early"),
        ] {
            let error = decode(bytes).expect_err(why).to_string();
            assert!(error.contains(why), "{error}, not {why}");
        }
    }

    proptest! {
        #[test]
        fn any_list_comes_back(groups in proptest::collection::vec((0u32..5, any::<u64>(), 1u32..=32), 0..60)) {
            let mut list = Vec::new();
            for db in 0..5 {
                let of_db = groups.iter().filter(|group| group.0 == db);
                let runs: Vec<_> = of_db.map(|&(_, at, bits)| group(at >> (64 - bits), bits)).collect();
                let ranges = HashRanges::from_runs(runs);
                list.push(DbRanges { db, keys: u64::MAX, ranges });
            }
            let mut bytes = Vec::new();
            encode(&list, &mut bytes);
            prop_assert_eq!(decode(&bytes), Ok(list));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(list) = decode(&bytes) {
                let mut again = Vec::new();
                encode(&list, &mut again);
                prop_assert_eq!(decode(&again), Ok(list));
            }
        }
    }
}
