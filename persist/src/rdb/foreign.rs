//! What modules of other servers keep in a file.
//!
//! ```text
//! type 7           id  values        the value of a key
//! MODULE_AUX       id  values        data that belongs to no key; a number comes first
//! KEY_META         n times: class  values    before a key's type, in Redis 8.6
//!
//! id       a length: nine characters of six bits, then ten bits of version
//! class    four bytes, little-endian: four characters of six bits, five bits of
//!          version, three of flags
//! values   (opcode value)... 0
//! opcode   a length: 1 signed, 2 unsigned, both with a length as their value;
//!          3 float, 4 bytes; 4 double, 8 bytes; 5 string
//! ```
//! Sources: the value of a module's type in files that Redis 7.2 and 8.0 write, and
//! keymeta.c of Redis 8.6. The opcodes are there so that one who does not have the
//! module can find the end.

use towline_core::seams::snapshot::{DecodeError, DecodeFault, Foreign};

use crate::decode::{Event, Source};

/// No more values follow.
const END: u64 = 0;
const SIGNED: u64 = 1;
const UNSIGNED: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// Characters of the name in a module's id, and bits below them.
const MODULE_NAME: (u32, u32) = (9, 10);
/// The same in a class of metadata.
const CLASS_NAME: (u32, u32) = (4, 8);
/// A key has at most so many classes of metadata.
const MAX_CLASSES: u64 = 7;

/// The name in the id of a module's type.
pub(super) fn module_name(id: u64) -> String {
    name(id, MODULE_NAME)
}

fn name(id: u64, (characters, bits_below): (u32, u32)) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let character = |place| (id >> (bits_below + 6 * place)) as usize & 63;
    (0..characters)
        .rev()
        .map(|place| char::from(ALPHABET[character(place)]))
        .collect()
}

/// Goes on behind the values that follow, where that is asked for; answers what was
/// left out.
///
/// # Errors
/// What stands here, where it is not asked for.
pub(super) async fn skip(what: Foreign, source: &mut Source) -> Result<DecodeError, DecodeError> {
    let here = source.error(DecodeFault::Foreign(what));
    if !source.options().skip_unknown {
        return Err(here);
    }
    loop {
        match source.length().await? {
            END => return Ok(here),
            SIGNED | UNSIGNED => drop(source.length().await?),
            FLOAT => drop(source.array::<4>().await?),
            DOUBLE => drop(source.array::<8>().await?),
            STRING => source.skip_string().await?,
            _ => return source.corrupt("unknown kind of value in a module's data"),
        }
    }
}

/// The same with data of a module that belongs to no key.
pub(super) async fn skip_aux(source: &mut Source) -> Result<(), DecodeError> {
    let name = module_name(source.length().await?);
    let left_out = skip(Foreign::ModuleAux(name), source).await?;
    source.emit(Event::Skipped(Box::new(left_out)));
    Ok(())
}

/// The same with what modules noted about the key that follows.
pub(super) async fn skip_key_metadata(source: &mut Source) -> Result<(), DecodeError> {
    let classes = source.length().await?;
    if classes > MAX_CLASSES {
        return source.corrupt("too many classes of metadata for a key");
    }
    for _ in 0..classes {
        let class = u32::from_le_bytes(source.array().await?);
        let name = name(u64::from(class), CLASS_NAME);
        let left_out = skip(Foreign::KeyMetadata(name), source).await?;
        source.emit(Event::Skipped(Box::new(left_out)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named() {
        // "hellotype" version 0, as the example module in Redis registers it.
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = |c: &u8| alphabet.iter().position(|a| a == c).expect("it is there") as u64;
        let bits = |name: &[u8]| name.iter().fold(0, |id, c| id << 6 | place(c));
        assert_eq!(module_name(bits(b"hellotype") << 10), "hellotype");
        assert_eq!(name(bits(b"KMT1") << 8 | 9, CLASS_NAME), "KMT1");
    }
}
