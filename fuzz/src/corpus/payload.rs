//! Payloads of RESTORE: the values of RDB files in envelopes of their own.

use super::{Corpus, boxed, rdb};
use crate::fixup;

/// Where the digits of a version stand in a file's magic.
const VERSION: std::ops::Range<usize> = 6..9;
/// A key of at most this many bytes has its length in one byte before it.
const SHORT_KEY_BYTES: u8 = 63;

/// Payloads of every type and version.
#[must_use]
pub fn payloads() -> Corpus {
    let files = rdb::files();
    let payloads = rdb::entries().into_iter();
    let seeds = payloads.filter_map(|(file, record)| enveloped(&file, &record));
    Corpus {
        seeds: boxed(seeds),
        tokens: files.tokens,
        fixup: fixup::rdb,
    }
}

/// The value of a record of a file, if nothing is said of its key.
fn enveloped(magic: &[u8], record: &[u8]) -> Option<Vec<u8>> {
    let [kind, key_bytes, rest @ ..] = record else {
        return None;
    };
    let is_value = *kind < 100 && *key_bytes <= SHORT_KEY_BYTES;
    let value = rest.get(usize::from(*key_bytes)..).filter(|_| is_value)?;
    let digits = std::str::from_utf8(magic.get(VERSION)?).ok()?;
    let version: u16 = digits.parse().ok()?;
    let mut payload = vec![*kind];
    payload.extend_from_slice(value);
    payload.extend_from_slice(&version.to_le_bytes());
    payload.extend_from_slice(&[0; 8]);
    fixup::rdb(&mut payload);
    Some(payload)
}
