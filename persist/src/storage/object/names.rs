//! The object that says which name is which file.
//!
//! ```text
//! towline names 1 NUL
//! OWNER NUL                 who wrote it, in hex digits: each process is another one
//! NUMBER SP NAME NUL        per name; the file's number in hex digits
//! crc NUL                   the CRC-64 of all before it, in hex digits
//! ```
//! No name holds a NUL.

use std::collections::BTreeMap;

use crate::crc::Crc64;

const HEAD: &str = "towline names 1\0";
const CRC_BYTES: usize = 17;

/// Which name is which file.
pub(super) type Names = BTreeMap<String, u64>;

pub(super) fn encode(owner: u64, names: &Names) -> Vec<u8> {
    let mut text = format!("{HEAD}{owner:x}\0");
    for (name, file) in names {
        text.push_str(&format!("{file:x} {name}\0"));
    }
    let crc = Crc64::of(text.as_bytes());
    text.push_str(&format!("{crc:016x}\0"));
    text.into_bytes()
}

/// The names in such an object; `None` where it is none, or damaged.
pub(super) fn decode(bytes: &[u8]) -> Option<Names> {
    let (listed, crc) = bytes.split_at_checked(bytes.len().checked_sub(CRC_BYTES)?)?;
    if crc != format!("{:016x}\0", Crc64::of(listed)).as_bytes() {
        return None;
    }
    let listed = std::str::from_utf8(listed).ok()?.strip_prefix(HEAD)?;
    let (_, listed) = listed.split_once('\0')?;
    listed
        .split_terminator('\0')
        .map(|row| {
            let (file, name) = row.split_once(' ')?;
            Some((name.to_owned(), u64::from_str_radix(file, 16).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_and_damage_does_not() {
        let names = ["dump.rdb", "a b", "new\nline", "\u{e9}", "0"];
        let names: Names = names.map(str::to_owned).into_iter().zip(7..).collect();
        let bytes = encode(u64::MAX, &names);
        assert_eq!(decode(&bytes), Some(names));
        assert_eq!(decode(&encode(1, &Names::new())), Some(Names::new()));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {at}");
        }
    }
}
