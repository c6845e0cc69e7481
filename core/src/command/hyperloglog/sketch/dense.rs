//! Dense registers: six bits each, from the lowest bit of the first byte on.
//!
//! ```text
//! byte      0        1        2
//! bits   11000000 22221111 33333322      register, lowest bit to the right
//! ```

use super::REGISTERS;

const REGISTER_BITS: usize = 6;
const MASK: u8 = (1 << REGISTER_BITS) - 1;

/// The bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * REGISTER_BITS / 8;

/// Raises a register; true where it was lower.
pub(super) fn raise(registers: &mut [u8], register: usize, rank: u8) -> bool {
    let (at, shift) = (register * REGISTER_BITS / 8, register * REGISTER_BITS % 8);
    // The last register ends with the last byte, and has no second one.
    let second = registers.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([registers[at], second]);
    if (pair >> shift) as u8 & MASK >= rank {
        return false;
    }
    let pair = pair & !(u16::from(MASK) << shift) | u16::from(rank) << shift;
    let [first, second] = pair.to_le_bytes();
    registers[at] = first;
    if let Some(byte) = registers.get_mut(at + 1) {
        *byte = second;
    }
    true
}

/// Calls `visit` with every register and its value, four of them from three bytes.
pub(super) fn each(registers: &[u8], mut visit: impl FnMut(usize, u8)) {
    let (groups, _) = registers.as_chunks::<3>();
    for (group, &[a, b, c]) in groups.iter().enumerate() {
        let bits = u32::from_le_bytes([a, b, c, 0]);
        for place in 0..4 {
            visit(
                group * 4 + place,
                (bits >> (place * REGISTER_BITS)) as u8 & MASK,
            );
        }
    }
}
