//! The string that holds a HyperLogLog, byte for byte as Redis keeps it.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `HYLL` |
//! | 4 | 1 | encoding: 0 dense, 1 sparse |
//! | 5 | 3 | not used, zero |
//! | 8 | 8 | the estimate when it was last asked for, little endian; its highest bit says that it is stale |
//! | 16 | | the registers, see `dense` and `sparse` |

mod dense;
mod estimate;
mod hash;
mod sparse;

pub(super) use estimate::{Histogram, estimate};
pub(super) use hash::place_of;

/// How many registers there are.
pub(super) const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash that choose the register.
const INDEX_BITS: u32 = 14;
/// Bits of the hash whose trailing zeros a register counts.
const RANK_BITS: u32 = 64 - INDEX_BITS;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const CACHE_AT: usize = 8;
const HEADER_BYTES: usize = 16;
const STALE: u64 = 1 << 63;

/// The registers do not follow their encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt;

/// Whether a string looks like a HyperLogLog. Its registers may still be corrupt.
pub(super) fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES
        && bytes.starts_with(MAGIC)
        && match bytes[ENCODING_AT] {
            DENSE => bytes.len() == HEADER_BYTES + dense::BYTES,
            encoding => encoding == SPARSE,
        }
}

/// One that nothing was added to.
pub(super) fn empty() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + 2);
    bytes.extend_from_slice(MAGIC);
    bytes.push(SPARSE);
    bytes.resize(HEADER_BYTES, 0);
    sparse::push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Whether the encoding is the dense one.
pub(super) fn is_dense(bytes: &[u8]) -> bool {
    bytes[ENCODING_AT] == DENSE
}

/// The estimate in the header, if it still holds.
pub(super) fn cached(bytes: &[u8]) -> Option<u64> {
    let cache = bytes[CACHE_AT..].first_chunk().expect("a whole header");
    Some(u64::from_le_bytes(*cache)).filter(|count| count & STALE == 0)
}

/// Keeps an estimate in the header.
pub(super) fn set_cached(bytes: &mut [u8], count: u64) {
    bytes[CACHE_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// Says that the estimate in the header does not hold any more; its other bits stay.
pub(super) fn set_stale(bytes: &mut [u8]) {
    bytes[HEADER_BYTES - 1] |= 0x80;
}

/// Raises a register to `rank`; true where it was lower. A sparse string that would
/// exceed `sparse_max_bytes`, or whose values are too small for the rank, becomes dense.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    register: usize,
    rank: u8,
    sparse_max_bytes: usize,
) -> Result<bool, Corrupt> {
    if !is_dense(bytes) {
        match sparse::raise(bytes, HEADER_BYTES, register, rank, sparse_max_bytes)? {
            sparse::Raised::Unchanged => return Ok(false),
            sparse::Raised::Changed => {
                set_stale(bytes);
                return Ok(true);
            }
            sparse::Raised::NoRoom => make_dense(bytes)?,
        }
    }
    let raised = dense::raise(&mut bytes[HEADER_BYTES..], register, rank);
    if raised {
        set_stale(bytes);
    }
    Ok(raised)
}

/// Makes a string dense, if it is not.
pub(super) fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    if is_dense(bytes) {
        return Ok(());
    }
    let mut registers = vec![0; dense::BYTES];
    sparse::each_value(&bytes[HEADER_BYTES..], |register, rank| {
        dense::raise(&mut registers, register, rank);
    })?;
    bytes.truncate(HEADER_BYTES);
    bytes[ENCODING_AT] = DENSE;
    bytes.extend_from_slice(&registers);
    Ok(())
}

/// The registers, one byte each.
pub(super) type Registers = [u8; REGISTERS];

/// Raises `registers` to what the string has.
pub(super) fn merge_into(bytes: &[u8], registers: &mut Registers) -> Result<(), Corrupt> {
    let raise = |register: usize, rank: u8| {
        registers[register] = registers[register].max(rank);
    };
    if is_dense(bytes) {
        dense::each(&bytes[HEADER_BYTES..], raise);
        Ok(())
    } else {
        sparse::each_value(&bytes[HEADER_BYTES..], raise)
    }
}

/// How often each value stands in the registers.
pub(super) fn histogram(bytes: &[u8]) -> Result<Histogram, Corrupt> {
    let mut histogram = Histogram::default();
    let registers = &bytes[HEADER_BYTES..];
    if is_dense(bytes) {
        dense::each(registers, |_, rank| histogram.count(rank, 1));
    } else {
        let mut others = REGISTERS;
        sparse::each_run(registers, |run| {
            if let sparse::Run::Values { rank, len } = run {
                histogram.count(rank, len);
                others -= len;
            }
        })?;
        histogram.count(0, others);
    }
    Ok(histogram)
}

/// The sparse registers in words, as PFDEBUG shows them.
pub(super) fn describe(bytes: &[u8]) -> String {
    sparse::describe(&bytes[HEADER_BYTES..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 3000;

    fn registers(bytes: &[u8]) -> Box<Registers> {
        let mut registers = Box::new([0; REGISTERS]);
        merge_into(bytes, &mut registers).expect("not corrupt");
        registers
    }

    #[test]
    fn an_empty_one_is_a_header_and_one_run() {
        let bytes = empty();
        assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
        assert!(is_valid(&bytes));
        assert_eq!(cached(&bytes), Some(0));
        assert_eq!(estimate(&histogram(&bytes).expect("not corrupt")), 0);
    }

    #[test]
    fn headers_are_told_from_other_strings() {
        assert!(!is_valid(b""));
        assert!(!is_valid(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0"));
        assert!(is_valid(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0"));
        assert!(!is_valid(b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0"));
        assert!(!is_valid(b"HYLL\x00\0\0\0\0\0\0\0\0\0\0\0"));
        assert!(!is_valid(b"HXLL\x01\0\0\0\0\0\0\0\0\0\0\0"));
    }

    #[test]
    fn runs_that_miss_or_exceed_the_registers_are_corrupt() {
        let mut bytes = empty();
        bytes.push(0);
        assert_eq!(histogram(&bytes).err(), Some(Corrupt));
        bytes.truncate(HEADER_BYTES);
        assert_eq!(make_dense(&mut bytes.clone()), Err(Corrupt));
        assert_eq!(raise(&mut bytes, 0, 1, LIMIT), Err(Corrupt));
        bytes.push(0x40);
        let mut all = Box::new([0; REGISTERS]);
        assert_eq!(
            merge_into(&bytes, &mut all),
            Err(Corrupt),
            "half an operation"
        );
    }

    proptest! {
        #[test]
        fn both_encodings_hold_the_same_registers(
            writes in proptest::collection::vec((0..REGISTERS, 1u8..=33), 0..300),
            dense_part in 0..REGISTERS,
        ) {
            // Neighbours exercise the merging of runs.
            let writes = writes.into_iter().map(|(at, rank)| (at % 64 + dense_part % 16000, rank));
            let (mut small, mut large) = (empty(), empty());
            make_dense(&mut large).expect("not corrupt");
            let mut want = Box::new([0; REGISTERS]);
            for (register, rank) in writes {
                let higher = rank > want[register];
                prop_assert_eq!(raise(&mut small, register, rank, LIMIT), Ok(higher));
                prop_assert_eq!(raise(&mut large, register, rank, LIMIT), Ok(higher));
                want[register] = want[register].max(rank);
            }
            prop_assert_eq!(&registers(&small), &want);
            prop_assert_eq!(&registers(&large), &want);
            let same = estimate(&histogram(&small).expect("not corrupt"));
            prop_assert_eq!(same, estimate(&histogram(&large).expect("not corrupt")));
            make_dense(&mut small).expect("not corrupt");
            prop_assert_eq!(&small[HEADER_BYTES..], &large[HEADER_BYTES..]);
        }

        /// Whatever a client wrote with SET.
        #[test]
        fn any_bytes_are_read_without_a_panic(
            runs in proptest::collection::vec(any::<u8>(), 0..60),
            register in 0..REGISTERS,
            rank in 1u8..=51,
        ) {
            let mut bytes = empty();
            bytes.truncate(HEADER_BYTES);
            bytes.extend_from_slice(&runs);
            let _ = histogram(&bytes);
            let mut all = Box::new([0; REGISTERS]);
            let _ = merge_into(&bytes, &mut all);
            describe(&bytes);
            let _ = make_dense(&mut bytes.clone());
            let _ = raise(&mut bytes, register, rank, LIMIT);
        }
    }
}
