//! A sorted set of integers, all of one width.
//!
//! ```text
//! | width in bytes u32 LE: 2, 4 or 8 | elements u32 LE | element … element, LE, ascending |
//! ```
//!
//! The width is the smallest that ever held all elements: it grows with the
//! first one that does not fit and never shrinks, as in Redis.

use super::PackedError;

/// Bytes before the first element.
const HEADER_LEN: usize = 8;
/// The width of an empty set, in bytes.
const WIDTH_MIN: usize = 2;
/// An allocation this much larger than its contents is worth copying to be rid of.
const SLACK_BYTES: usize = 64;

/// An owned integer set. Always well formed, as [`Listpack`](super::listpack::Listpack) is.
#[derive(Clone, PartialEq, Eq)]
pub struct Intset {
    bytes: Vec<u8>,
}

impl Intset {
    /// A set without elements.
    pub fn new() -> Self {
        let mut set = Self {
            bytes: vec![0; HEADER_LEN],
        };
        set.set_header(WIDTH_MIN, 0);
        set
    }

    /// Takes bytes from outside after checking the header, the size and the order.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, PackedError> {
        if bytes.len() < HEADER_LEN {
            return Err(PackedError::Truncated);
        }
        let set = Self { bytes };
        let width = set.header_field(0);
        if !matches!(width, 2 | 4 | 8) {
            return Err(PackedError::BadWidth(width));
        }
        let stated = u64::from(set.header_field(4)) * u64::from(width) + HEADER_LEN as u64;
        if stated != set.bytes.len() as u64 {
            return Err(PackedError::WrongLength {
                stated: usize::try_from(stated).unwrap_or(usize::MAX),
                actual: set.bytes.len(),
            });
        }
        match (1..set.len()).find(|&i| set.at(i - 1) >= set.at(i)) {
            Some(index) => Err(PackedError::Unsorted { index }),
            None => Ok(set),
        }
    }

    /// The set in its wire form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes held by the allocation, used or not.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.header_field(4) as usize
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds `value`; false if it was there.
    pub fn add(&mut self, value: i64) -> bool {
        let width = width_of(value);
        if width > self.width() {
            self.widen(width);
        }
        let Err(index) = self.search(value) else {
            return false;
        };
        let (len, width) = (self.len(), self.width());
        let offset = HEADER_LEN + index * width;
        let end = self.bytes.len();
        self.reserve(width);
        self.bytes.resize(end + width, 0);
        self.bytes.copy_within(offset..end, offset + width);
        self.bytes[offset..offset + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_header(width, len + 1);
        true
    }

    /// Removes `value`; false if it was not there.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.search(value) else {
            return false;
        };
        let (len, width) = (self.len(), self.width());
        let offset = HEADER_LEN + index * width;
        let end = self.bytes.len();
        self.bytes.copy_within(offset + width..end, offset);
        self.bytes.truncate(end - width);
        if self.bytes.capacity() > 2 * self.bytes.len() + SLACK_BYTES {
            self.bytes.shrink_to(self.bytes.len());
        }
        self.set_header(width, len - 1);
        true
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// Element `index` in ascending order.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The elements in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Where `value` is, or where it belongs. New values are most often the
    /// largest, so the ends are tried first.
    fn search(&self, value: i64) -> Result<usize, usize> {
        let len = self.len();
        if len == 0 || value < self.at(0) {
            return Err(0);
        }
        if value > self.at(len - 1) {
            return Err(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(&value) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn at(&self, index: usize) -> i64 {
        let width = self.width();
        let element = &self.bytes[HEADER_LEN + index * width..][..width];
        match *element {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => i64::from_le_bytes(element.try_into().expect("widths are 2, 4 and 8")),
        }
    }

    /// Rewrites all elements `width` bytes wide, from the last to the first, so
    /// that none is written over before it was read.
    fn widen(&mut self, width: usize) {
        let (len, old) = (self.len(), self.width());
        let end = HEADER_LEN + len * width;
        // One more than now: the value that needs the width comes next.
        self.reserve(end + width - self.bytes.len());
        self.bytes.resize(end, 0);
        for index in (0..len).rev() {
            self.set_header(old, len);
            let value = self.at(index).to_le_bytes();
            self.bytes[HEADER_LEN + index * width..][..width].copy_from_slice(&value[..width]);
        }
        self.set_header(width, len);
    }

    fn reserve(&mut self, additional: usize) {
        let needed = self.bytes.len() + additional;
        if needed > self.bytes.capacity() {
            let room = needed + needed / 8;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    fn width(&self) -> usize {
        self.header_field(0) as usize
    }

    fn header_field(&self, offset: usize) -> u32 {
        let field = self.bytes[offset..].first_chunk();
        u32::from_le_bytes(*field.expect("an integer set has a header"))
    }

    fn set_header(&mut self, width: usize, len: usize) {
        let len = u32::try_from(len).expect("callers convert larger sets");
        self.bytes[..4].copy_from_slice(&(width as u32).to_le_bytes());
        self.bytes[4..HEADER_LEN].copy_from_slice(&len.to_le_bytes());
    }
}

/// The smallest width, in bytes, that holds `value`.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Values of all three widths, close enough to collide.
    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![
            -8i64..8,
            40_000i64..40_008,
            (i64::MAX - 4)..=i64::MAX,
            i64::MIN..(i64::MIN + 4)
        ]
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        let mut set = Intset::new();
        assert!(set.add(5) && set.add(-1));
        assert_eq!(set.as_bytes(), b"\x02\0\0\0\x02\0\0\0\xff\xff\x05\0");
        assert!(set.add(65_536));
        assert_eq!(
            set.as_bytes(),
            b"\x04\0\0\0\x03\0\0\0\xff\xff\xff\xff\x05\0\0\0\0\0\x01\0"
        );
    }

    #[test]
    fn damage_is_named() {
        let check = |bytes: &[u8]| Intset::from_bytes(bytes.to_vec()).unwrap_err();
        assert_eq!(check(b"\x02\0\0"), PackedError::Truncated);
        assert_eq!(check(b"\x03\0\0\0\0\0\0\0"), PackedError::BadWidth(3));
        assert_eq!(
            check(b"\x02\0\0\0\x02\0\0\0\x01\0"),
            PackedError::WrongLength {
                stated: 12,
                actual: 10
            }
        );
        assert_eq!(
            check(b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0"),
            PackedError::Unsorted { index: 1 }
        );
        assert!(matches!(
            check(b"\x08\0\0\0\xff\xff\xff\xff\x01\0"),
            PackedError::WrongLength { .. }
        ));
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_sorted_set(steps in prop::collection::vec((any::<bool>(), value()), 0..200)) {
            let mut set = Intset::new();
            let mut model = BTreeSet::new();
            for (add, value) in steps {
                if add {
                    prop_assert_eq!(set.add(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                prop_assert_eq!(set.contains(value), add);
                prop_assert_eq!(set.len(), model.len());
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            for (index, &value) in model.iter().enumerate() {
                prop_assert_eq!(set.get(index), Some(value));
            }
            prop_assert_eq!(set.get(model.len()), None);
            prop_assert_eq!(Intset::from_bytes(set.as_bytes().to_vec()), Ok(set));
        }

        #[test]
        fn any_bytes_are_taken_whole_or_refused(bytes in prop::collection::vec(0u8..10, 0..40)) {
            if let Ok(set) = Intset::from_bytes(bytes.clone()) {
                prop_assert_eq!(set.as_bytes(), &bytes);
                prop_assert!(set.iter().all(|value| set.contains(value)));
            }
        }
    }
}
