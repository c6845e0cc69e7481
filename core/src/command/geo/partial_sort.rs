//! Sorting as much of a result as is shown, by J. Bentley and D. McIlroy's quicksort
//! ("Engineering a sort function", 1993).
//!
//! Which of two members at the same distance comes first depends on the algorithm, and
//! clients see it. This is the one that Redis uses where COUNT cuts the result.

use std::cmp::Ordering;
use std::ops::Range;

/// Below this many items, insertion is faster.
const INSERTION_MAX: usize = 7;
/// Above this many, the pivot is the median of nine and not of three.
const NINTHER_MIN: usize = 41;

/// Brings the first `wanted` items to their places; those behind are in no order.
pub(super) fn sort_first<T>(items: &mut [T], wanted: usize, compare: impl Fn(&T, &T) -> Ordering) {
    // A list of what is left, for recursion might go as deep as there are items.
    let mut left = Vec::new();
    left.push(0..items.len());
    while let Some(part) = left.pop() {
        if part.start >= wanted || part.len() < 2 {
            continue;
        }
        let slice = &mut items[part.clone()];
        if slice.len() < INSERTION_MAX {
            insert_each(slice, &compare);
            continue;
        }
        let (less, greater) = partition(slice, &compare);
        for inner in [less, greater] {
            left.push(part.start + inner.start..part.start + inner.end);
        }
    }
}

fn insert_each<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..items.len() {
        let mut at = end;
        while at > 0 && compare(&items[at - 1], &items[at]).is_gt() {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

fn median<T>(items: &[T], [a, b, c]: [usize; 3], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let order = |x: usize, y: usize| compare(&items[x], &items[y]);
    if order(a, b).is_lt() {
        match (order(b, c).is_lt(), order(a, c).is_lt()) {
            (true, _) => b,
            (false, true) => c,
            (false, false) => a,
        }
    } else {
        match (order(b, c).is_gt(), order(a, c).is_lt()) {
            (true, _) => b,
            (false, true) => a,
            (false, false) => c,
        }
    }
}

fn pivot<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let len = items.len();
    let (mut low, mut middle, mut high) = (0, len / 2, len - 1);
    if len == INSERTION_MAX {
        return middle;
    }
    if len >= NINTHER_MIN {
        let d = len / 8;
        low = median(items, [low, low + d, low + 2 * d], compare);
        middle = median(items, [middle - d, middle, middle + d], compare);
        high = median(items, [high - 2 * d, high - d, high], compare);
    }
    median(items, [low, middle, high], compare)
}

/// Splits items at a pivot; the results are the places of those below and above it.
///
/// ```text
/// pivot | equal | less … | not looked at | … greater | equal
///         1       equal    from      to                above
/// ```
fn partition<T>(
    items: &mut [T],
    compare: &impl Fn(&T, &T) -> Ordering,
) -> (Range<usize>, Range<usize>) {
    let len = items.len();
    let chosen = pivot(items, compare);
    items.swap(0, chosen);
    let (mut equal, mut from) = (1, 1);
    // One behind the last of each, so that no place is negative.
    let (mut to, mut above) = (len, len);
    loop {
        while from < to && compare(&items[from], &items[0]).is_le() {
            if compare(&items[from], &items[0]).is_eq() {
                items.swap(equal, from);
                equal += 1;
            }
            from += 1;
        }
        while from < to && compare(&items[to - 1], &items[0]).is_ge() {
            if compare(&items[to - 1], &items[0]).is_eq() {
                items.swap(to - 1, above - 1);
                above -= 1;
            }
            to -= 1;
        }
        if from >= to {
            break;
        }
        items.swap(from, to - 1);
        from += 1;
        to -= 1;
    }
    // Equal items move from the ends to the middle.
    let (less, greater) = (from - equal, above - to);
    swap_blocks(items, 0, from, equal.min(less));
    swap_blocks(items, from, len, greater.min(len - above));
    (0..less, len - greater..len)
}

/// Exchanges `count` items from `start` on with those that end at `end`.
fn swap_blocks<T>(items: &mut [T], start: usize, end: usize, count: usize) {
    for place in 0..count {
        items.swap(start + place, end - count + place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_items_are_the_least(
            mut items in proptest::collection::vec(0u8..40, 0..300),
            wanted in 0usize..320,
        ) {
            let mut sorted = items.clone();
            sorted.sort_unstable();
            sort_first(&mut items, wanted, Ord::cmp);
            let shown = wanted.min(items.len());
            prop_assert_eq!(&items[..shown], &sorted[..shown]);
            items.sort_unstable();
            prop_assert_eq!(items, sorted);
        }
    }
}
