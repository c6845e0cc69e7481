//! Looks for elements that stand twice in a packed value from outside.

use crate::packed::listpack::{Entry, Listpack};

/// Up to so many elements, comparing each with each is fastest.
const PAIRWISE_MAX: usize = 16;

/// True if two of every `stride`-th elements have the same text. A listpack may
/// hold one text as a string and as an integer, which are still the same.
pub(super) fn has_duplicates(pack: &Listpack, stride: usize) -> bool {
    let mut elements: Vec<Entry<'_>> = pack.iter().step_by(stride).map(canonical).collect();
    if elements.len() <= PAIRWISE_MAX {
        return (1..elements.len()).any(|at| elements[..at].contains(&elements[at]));
    }
    elements.sort_unstable_by_key(sort_key);
    elements.windows(2).any(|pair| pair[0] == pair[1])
}

fn canonical(entry: Entry<'_>) -> Entry<'_> {
    entry.as_int().map_or(entry, Entry::Int)
}

fn sort_key<'a>(entry: &Entry<'a>) -> (Option<i64>, &'a [u8]) {
    match *entry {
        Entry::Int(value) => (Some(value), &[]),
        Entry::Str(text) => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(elements: &[&[u8]]) -> Listpack {
        elements.iter().copied().collect()
    }

    #[test]
    fn only_the_looked_at_elements_count() {
        assert!(has_duplicates(&pack(&[b"a", b"1", b"a", b"2"]), 2));
        assert!(!has_duplicates(&pack(&[b"a", b"1", b"b", b"1"]), 2));
        assert!(has_duplicates(&pack(&[b"a", b"1", b"b", b"1"]), 1));
        assert!(!has_duplicates(&Listpack::new(), 1));
    }

    #[test]
    fn a_number_is_found_in_both_forms_and_among_many() {
        let mut many = Listpack::new();
        for value in 0..100 {
            many.push_back(i64::from(value));
        }
        assert!(!has_duplicates(&many, 1));
        many.push_back(Entry::Str(b"7"));
        assert!(has_duplicates(&many, 1));
    }
}
