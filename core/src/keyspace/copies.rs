//! Copies of small entries, one behind the other in one buffer.
//!
//! A walk takes them under the engine's lock and encodes them without it, so
//! that compression and checksums cost nobody else anything. The buffer is kept
//! from slice to slice: nothing is allocated while the lock is held.

use crate::seams::snapshot::EntryView;
use crate::value::ValueRef;

use super::entry::Entry;
use super::usage::UsagePolicy;

/// A key and a string up to this length together are copied; longer ones are shared.
const COPIED_MAX_BYTES: usize = 4 * 1024;
/// How much one slice copies.
pub(super) const SLICE_BYTES: usize = 512 << 10;
/// How many entries one slice copies.
const SLICE_ENTRIES: usize = 8192;

/// What there is of one entry beside the bytes of its key and its string.
struct Copied {
    key_end: usize,
    end: usize,
    /// The value, where it is no string.
    int: Option<i64>,
    expire_ms: Option<i64>,
    /// The access word.
    access: u32,
}

/// See the module's comment.
pub(super) struct Copies {
    bytes: Vec<u8>,
    entries: Vec<Copied>,
    /// How many of them were taken out, and where their bytes end.
    taken: usize,
    taken_bytes: usize,
    usage: UsagePolicy,
    now_s: u32,
}

impl Copies {
    /// Room for one slice, with its pages touched: the first write to a fresh
    /// page costs more than the copy.
    pub(super) fn new(usage: UsagePolicy, now_s: u32) -> Self {
        let mut bytes = vec![0xff; SLICE_BYTES + COPIED_MAX_BYTES];
        bytes.clear();
        Self {
            bytes,
            entries: Vec::with_capacity(SLICE_ENTRIES + 64),
            taken: 0,
            taken_bytes: 0,
            usage,
            now_s,
        }
    }

    /// True where a slice has taken as much as it may.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes.len() >= SLICE_BYTES || self.entries.len() >= SLICE_ENTRIES
    }

    /// True where every entry was taken out.
    pub(super) const fn is_empty(&self) -> bool {
        self.taken == self.entries.len()
    }

    /// Copies an entry; false where it is too large for that.
    pub(super) fn push(&mut self, entry: &Entry) -> bool {
        let (key, value) = (entry.key(), entry.value());
        let Some((text, int)) = small(value).filter(|_| key.len() <= COPIED_MAX_BYTES) else {
            return false;
        };
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.entries.push(Copied {
            key_end,
            end: self.bytes.len(),
            int,
            expire_ms: entry.expire_ms(),
            access: entry.access(),
        });
        true
    }

    /// The next entry; none where all were taken, and then there is room again.
    pub(super) fn next(&mut self) -> Option<EntryView<'_>> {
        if self.taken == self.entries.len() {
            self.bytes.clear();
            self.entries.clear();
            (self.taken, self.taken_bytes) = (0, 0);
            return None;
        }
        let copied = &self.entries[self.taken];
        let start = std::mem::replace(&mut self.taken_bytes, copied.end);
        self.taken += 1;
        Some(EntryView {
            key: &self.bytes[start..copied.key_end],
            value: match copied.int {
                Some(number) => ValueRef::Int(number),
                None => ValueRef::Str(&self.bytes[copied.key_end..copied.end]),
            },
            expire_ms: copied.expire_ms,
            access: self.usage.access(copied.access, self.now_s),
        })
    }
}

fn small(value: ValueRef<'_>) -> Option<(&[u8], Option<i64>)> {
    match value {
        ValueRef::Str(text) if text.len() <= COPIED_MAX_BYTES => Some((text, None)),
        ValueRef::Int(number) => Some((&[], Some(number))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn what_goes_in_comes_out_until_it_is_full() {
        let mut copies = Copies::new(UsagePolicy::default(), 0);
        let mut count = 0;
        while !copies.is_full() {
            let value = match count % 3 {
                0 => Value::Int(count),
                1 => Value::Str(Vec::new()),
                _ => Value::Str(vec![b'v'; 300]),
            };
            let entry = Entry::new(format!("key:{count}").as_bytes(), value, Some(count));
            assert!(copies.push(&entry));
            count += 1;
        }
        for at in 0..count {
            let view = copies.next().expect("as many as went in");
            assert_eq!(view.expire_ms, Some(at));
            assert_eq!(view.key, format!("key:{at}").as_bytes());
            match (at % 3, view.value) {
                (0, ValueRef::Int(number)) => assert_eq!(number, at),
                (1, ValueRef::Str(text)) => assert!(text.is_empty()),
                (_, ValueRef::Str(text)) => assert_eq!(text, [b'v'; 300]),
                _ => panic!("{at} is something else"),
            }
        }
        assert!(copies.next().is_none());
        assert!(!copies.is_full());
    }

    #[test]
    fn large_entries_are_left_to_be_shared() {
        let mut copies = Copies::new(UsagePolicy::default(), 0);
        let long = vec![b'x'; COPIED_MAX_BYTES + 1];
        let by_value = Entry::new(b"k", Value::Str(long.clone()), None);
        assert!(!copies.push(&by_value));
        assert!(!copies.push(&Entry::new(&long, Value::Int(1), None)));
        assert!(copies.next().is_none());
    }
}
