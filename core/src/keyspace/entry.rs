//! One key and its value in one allocation.
//!
//! ```text
//! offset  size  field
//! 0       1     kind (low 4 bits) and flags (EXPIRES, RAW, LONG_KEY)
//! 1       1     key length, 0 where LONG_KEY is set
//! 2       2     length of an inline string value
//! 4       4     access word: see `usage`
//! 8       8     expiry, unix ms            only with EXPIRES
//! +0      8     integer or pointer         only for kinds other than INLINE
//! +0      4     key length                 only with LONG_KEY
//! +0      n     key bytes
//! +0      m     value bytes                only for INLINE
//! ```
//! The expiry costs nothing where there is none, a small string is never a
//! second allocation, and the key is stored once.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::value::{ARC_COUNTS_BYTES, Hash, List, Set, Stream, Value, ValueMut, ValueRef, ZSet};

/// The longest string kept inside the entry's own allocation, in bytes.
pub const INLINE_MAX_BYTES: usize = 1024;

const HEADER_BYTES: usize = 8;
const WORD_BYTES: usize = 8;
const ALIGN: usize = 8;

const KIND_MASK: u8 = 0x0f;
const EXPIRES: u8 = 0x10;
const RAW: u8 = 0x20;
const LONG_KEY: u8 = 0x40;

const INLINE: u8 = 0;
const INT: u8 = 1;
const SHARED: u8 = 2;
const LIST: u8 = 3;
const HASH: u8 = 4;
const SET: u8 = 5;
const ZSET: u8 = 6;
const STREAM: u8 = 7;

/// An owned entry: a thin pointer to the block drawn above.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its block alone, and every value type it may point to is Send.
unsafe impl Send for Entry {}
// SAFETY: shared access only reads the block; every value type is Sync.
unsafe impl Sync for Entry {}

impl Entry {
    /// An entry for `value`. Strings that are canonical integers are the caller's choice.
    #[must_use]
    pub fn new(key: &[u8], value: Value, expire_ms: Option<i64>) -> Self {
        match value {
            Value::Str(bytes) if bytes.len() <= INLINE_MAX_BYTES => {
                Self::string(key, &bytes, expire_ms)
            }
            Value::Str(bytes) => Self::with_word(key, SHARED, shared_word(bytes), expire_ms),
            Value::Shared(bytes) => {
                Self::with_word(key, SHARED, Arc::into_raw(bytes) as u64, expire_ms)
            }
            Value::Int(number) => Self::with_word(key, INT, number.cast_unsigned(), expire_ms),
            Value::List(list) => Self::with_word(key, LIST, Box::into_raw(list) as u64, expire_ms),
            Value::Hash(hash) => Self::with_word(key, HASH, Box::into_raw(hash) as u64, expire_ms),
            Value::Set(set) => Self::with_word(key, SET, Box::into_raw(set) as u64, expire_ms),
            Value::ZSet(zset) => Self::with_word(key, ZSET, Box::into_raw(zset) as u64, expire_ms),
            Value::Stream(stream) => {
                Self::with_word(key, STREAM, Box::into_raw(stream) as u64, expire_ms)
            }
        }
    }

    /// An entry holding a copy of `value` as a string.
    #[must_use]
    pub fn string(key: &[u8], value: &[u8], expire_ms: Option<i64>) -> Self {
        if value.len() > INLINE_MAX_BYTES {
            return Self::with_word(key, SHARED, shared_word(value.to_vec()), expire_ms);
        }
        let mut entry = Self::allocate(key, INLINE, value.len(), expire_ms);
        entry.inline_mut().copy_from_slice(value);
        entry
    }

    fn with_word(key: &[u8], kind: u8, word: u64, expire_ms: Option<i64>) -> Self {
        let mut entry = Self::allocate(key, kind, 0, expire_ms);
        entry.set_word(word);
        entry
    }

    /// Allocates and fills everything but the value.
    fn allocate(key: &[u8], kind: u8, inline_len: usize, expire_ms: Option<i64>) -> Self {
        let long = key.len() > usize::from(u8::MAX);
        let mut tag = kind;
        tag |= if expire_ms.is_some() { EXPIRES } else { 0 };
        tag |= if long { LONG_KEY } else { 0 };
        let shape = Shape::of(tag, key.len(), inline_len);
        let layout = shape.layout();
        // SAFETY: the layout's size is at least the header's.
        let block = unsafe { alloc(layout) };
        let Some(block) = NonNull::new(block) else {
            handle_alloc_error(layout)
        };
        let inline_len = u16::try_from(inline_len).expect("inline values are at most 1024 bytes");
        // SAFETY: the block is as large as `shape` says, and every offset below is inside it.
        unsafe {
            block.write(tag);
            let short = if long { 0 } else { key.len() as u8 };
            block.add(1).write(short);
            block.add(2).cast::<u16>().write(inline_len);
            block.add(4).cast::<u32>().write(0);
            if let Some(at) = expire_ms {
                block.add(HEADER_BYTES).cast::<i64>().write(at);
            }
            if long {
                let len = u32::try_from(key.len()).expect("keys are at most 512 MB");
                block.add(shape.key - 4).cast::<u32>().write_unaligned(len);
            }
            let target = block.add(shape.key).as_ptr();
            std::ptr::copy_nonoverlapping(key.as_ptr(), target, key.len());
        }
        Self(block)
    }

    #[inline]
    fn tag(&self) -> u8 {
        // SAFETY: the block holds at least the header.
        unsafe { self.0.read() }
    }

    #[inline]
    fn set_tag(&mut self, tag: u8) {
        // SAFETY: as in `tag`, and `&mut self` is the only access.
        unsafe { self.0.write(tag) }
    }

    #[inline]
    fn inline_len(&self) -> usize {
        // SAFETY: header field, aligned.
        usize::from(unsafe { self.0.add(2).cast::<u16>().read() })
    }

    #[inline]
    fn key_len(&self) -> usize {
        let tag = self.tag();
        if tag & LONG_KEY != 0 {
            let at = HEADER_BYTES + word_bytes(tag) + expire_bytes(tag);
            // SAFETY: LONG_KEY says that the length stands there.
            return unsafe { self.0.add(at).cast::<u32>().read_unaligned() } as usize;
        }
        // SAFETY: header field.
        usize::from(unsafe { self.0.add(1).read() })
    }

    #[inline]
    fn shape(&self) -> Shape {
        Shape::of(self.tag(), self.key_len(), self.inline_len())
    }

    /// The key.
    #[must_use]
    #[inline]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: the block holds the key at that offset for as long as self lives.
        unsafe {
            std::slice::from_raw_parts(self.0.add(shape.key).as_ptr(), shape.value - shape.key)
        }
    }

    fn inline(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: for INLINE, the bytes from `value` to `end` are the string.
        unsafe {
            std::slice::from_raw_parts(self.0.add(shape.value).as_ptr(), shape.end - shape.value)
        }
    }

    fn inline_mut(&mut self) -> &mut [u8] {
        let shape = self.shape();
        // SAFETY: as in `inline`, through the only reference; the caller fills it before reading.
        unsafe {
            std::slice::from_raw_parts_mut(
                self.0.add(shape.value).as_ptr(),
                shape.end - shape.value,
            )
        }
    }

    fn word_offset(&self) -> usize {
        HEADER_BYTES + expire_bytes(self.tag())
    }

    fn word(&self) -> u64 {
        // SAFETY: only called for kinds that have a word, 8-aligned by construction.
        unsafe { self.0.add(self.word_offset()).cast::<u64>().read() }
    }

    fn set_word(&mut self, word: u64) {
        // SAFETY: as in `word`.
        unsafe { self.0.add(self.word_offset()).cast::<u64>().write(word) }
    }

    /// The value, for reading.
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        let tag = self.tag();
        // SAFETY: each kind's word is the pointer that `new` stored for that kind,
        // owned by this entry until it is dropped.
        unsafe {
            match tag & KIND_MASK {
                INLINE => ValueRef::Str(self.inline()),
                INT => ValueRef::Int(self.word().cast_signed()),
                SHARED => ValueRef::Str(&*(self.word() as *const Vec<u8>)),
                LIST => ValueRef::List(&*(self.word() as *const List)),
                HASH => ValueRef::Hash(&*(self.word() as *const Hash)),
                SET => ValueRef::Set(&*(self.word() as *const Set)),
                ZSET => ValueRef::ZSet(&*(self.word() as *const ZSet)),
                _ => ValueRef::Stream(&*(self.word() as *const Stream)),
            }
        }
    }

    /// The value, for changing a collection in place.
    pub fn value_mut(&mut self) -> ValueMut<'_> {
        let tag = self.tag();
        // SAFETY: as in `value`; `&mut self` makes the access unique.
        unsafe {
            match tag & KIND_MASK {
                INLINE => ValueMut::Str(self.inline_mut()),
                INT => ValueMut::Int(self.word().cast_signed()),
                SHARED => ValueMut::Str(self.shared_mut().as_mut_slice()),
                LIST => ValueMut::List(&mut *(self.word() as *mut List)),
                HASH => ValueMut::Hash(&mut *(self.word() as *mut Hash)),
                SET => ValueMut::Set(&mut *(self.word() as *mut Set)),
                ZSET => ValueMut::ZSet(&mut *(self.word() as *mut ZSet)),
                _ => ValueMut::Stream(&mut *(self.word() as *mut Stream)),
            }
        }
    }

    /// The shared string of a SHARED entry, made unique first.
    ///
    /// # Safety
    /// The entry's kind is SHARED.
    unsafe fn shared_mut(&mut self) -> &mut Vec<u8> {
        // SAFETY: the word came from `Arc::into_raw`; it is taken out, made
        // unique, and put back before anything else can look.
        unsafe {
            let mut shared = Arc::from_raw(self.word() as *const Vec<u8>);
            Arc::make_mut(&mut shared);
            let raw = Arc::into_raw(shared);
            self.set_word(raw as u64);
            &mut *raw.cast_mut()
        }
    }

    /// A growable string, where this entry already holds one out of line.
    pub fn shared_string(&mut self) -> Option<&mut Vec<u8>> {
        // SAFETY: the kind was just checked.
        (self.tag() & KIND_MASK == SHARED).then(|| unsafe { self.shared_mut() })
    }

    /// Overwrites an inline string of the same length or an integer in place;
    /// false where the new string needs another block.
    pub fn overwrite_string(&mut self, value: &[u8]) -> bool {
        let fits = self.tag() & (KIND_MASK | RAW) == INLINE && self.inline_len() == value.len();
        if fits {
            self.inline_mut().copy_from_slice(value);
        }
        fits
    }

    /// Overwrites an integer in place; false where the entry holds something else.
    pub fn overwrite_int(&mut self, value: i64) -> bool {
        let fits = self.tag() & KIND_MASK == INT;
        if fits {
            self.set_word(value.cast_unsigned());
        }
        fits
    }

    /// The moment at which the key expires, in unix milliseconds.
    #[must_use]
    #[inline]
    pub fn expire_ms(&self) -> Option<i64> {
        let expires = self.tag() & EXPIRES != 0;
        // SAFETY: EXPIRES says that the field is there.
        expires.then(|| unsafe { self.0.add(HEADER_BYTES).cast::<i64>().read() })
    }

    /// When the first field expires, of a hash that has fields with an expiry.
    #[must_use]
    #[inline]
    pub fn next_field_expiry_ms(&self) -> Option<i64> {
        if self.tag() & KIND_MASK != HASH {
            return None;
        }
        match self.value() {
            ValueRef::Hash(hash) => hash.next_expiry_ms(),
            _ => None,
        }
    }

    /// Sets, moves or removes the expiry; a block without room for it is replaced.
    pub fn set_expire_ms(&mut self, expire_ms: Option<i64>) {
        if let (Some(at), true) = (expire_ms, self.tag() & EXPIRES != 0) {
            // SAFETY: EXPIRES says that the field is there.
            unsafe { self.0.add(HEADER_BYTES).cast::<i64>().write(at) };
        } else if expire_ms != self.expire_ms() {
            *self = self.rebuilt(expire_ms);
        }
    }

    /// This entry in a block with another shape; `self` is left an empty string
    /// that the caller replaces.
    fn rebuilt(&mut self, expire_ms: Option<i64>) -> Self {
        let tag = self.tag();
        let mut entry = if tag & KIND_MASK == INLINE {
            Self::string(self.key(), self.inline(), expire_ms)
        } else {
            Self::with_word(self.key(), tag & KIND_MASK, self.word(), expire_ms)
        };
        entry.set_tag(entry.tag() | tag & RAW);
        entry.set_access(self.access());
        if tag & KIND_MASK != INLINE {
            // The word moved: what stays behind must not free it again.
            self.set_tag(tag & !KIND_MASK | INT);
        }
        entry
    }

    /// A copy under another key, sharing what is shareable.
    #[must_use]
    pub fn with_key(&self, key: &[u8], expire_ms: Option<i64>) -> Self {
        let mut copy = match self.value() {
            ValueRef::Str(bytes) if self.tag() & KIND_MASK == INLINE => {
                Self::string(key, bytes, expire_ms)
            }
            value => Self::new(key, self.owned(value), expire_ms),
        };
        copy.set_tag(copy.tag() | self.tag() & RAW);
        copy.set_access(self.access());
        copy
    }

    /// The same entry under another key, without a copy of the value.
    #[must_use]
    pub fn renamed(mut self, key: &[u8]) -> Self {
        let tag = self.tag();
        if tag & KIND_MASK == INLINE {
            return self.with_key(key, self.expire_ms());
        }
        let mut entry = Self::with_word(key, tag & KIND_MASK, self.word(), self.expire_ms());
        entry.set_tag(entry.tag() | tag & RAW);
        entry.set_access(self.access());
        self.set_tag(tag & !KIND_MASK | INT);
        entry
    }

    fn owned(&self, value: ValueRef<'_>) -> Value {
        if self.tag() & KIND_MASK == SHARED {
            // SAFETY: the word came from `Arc::into_raw`; the count is raised for the copy.
            return Value::Shared(unsafe {
                let raw = self.word() as *const Vec<u8>;
                Arc::increment_strong_count(raw);
                Arc::from_raw(raw)
            });
        }
        value.to_owned()
    }

    /// An owned copy of the value; large parts are shared, not copied.
    #[must_use]
    pub fn value_to_owned(&self) -> Value {
        self.owned(self.value())
    }

    /// The value, taken out of the block.
    #[must_use]
    pub fn into_value(mut self) -> Value {
        let (tag, kind) = (self.tag(), self.tag() & KIND_MASK);
        match kind {
            INLINE => return Value::Str(self.inline().to_vec()),
            INT => return Value::Int(self.word().cast_signed()),
            _ => {}
        }
        let word = self.word();
        // What stays behind must not free it again.
        self.set_tag(tag & !KIND_MASK | INT);
        // SAFETY: each kind's word is the pointer that was stored for it, and the
        // block owns it no more.
        unsafe {
            match kind {
                SHARED => Value::Shared(Arc::from_raw(word as *const Vec<u8>)),
                LIST => Value::List(Box::from_raw(word as *mut List)),
                HASH => Value::Hash(Box::from_raw(word as *mut Hash)),
                SET => Value::Set(Box::from_raw(word as *mut Set)),
                ZSET => Value::ZSet(Box::from_raw(word as *mut ZSet)),
                _ => Value::Stream(Box::from_raw(word as *mut Stream)),
            }
        }
    }

    /// True where OBJECT ENCODING of this string is `raw` whatever its length.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.tag() & RAW != 0 || self.tag() & KIND_MASK == SHARED
    }

    /// Marks a string as `raw`, as Redis does once it was appended to.
    pub fn mark_raw(&mut self) {
        self.set_tag(self.tag() | RAW);
    }

    /// The access word (LRU or LFU data).
    #[must_use]
    #[inline]
    pub fn access(&self) -> u32 {
        // SAFETY: header field, aligned.
        unsafe { self.0.add(4).cast::<u32>().read() }
    }

    /// Sets the access word.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        // SAFETY: header field, aligned.
        unsafe { self.0.add(4).cast::<u32>().write(access) }
    }

    /// The address of the block, for prefetching.
    #[must_use]
    #[inline]
    pub(crate) fn address(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Where the value lies, if that is outside of this block, for prefetching.
    #[must_use]
    #[inline]
    pub(crate) fn value_address(&self) -> Option<*const u8> {
        let is_inside = matches!(self.tag() & KIND_MASK, INLINE | INT);
        (!is_inside).then(|| self.word() as *const u8)
    }

    /// Bytes of this block and of all that the value points to; a collection is
    /// judged by its first `samples` elements.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let value = if self.tag() & KIND_MASK == SHARED {
            // SAFETY: the kind was just checked, and each kind's word is the
            // pointer that was stored for it.
            let bytes = unsafe { &*(self.word() as *const Vec<u8>) };
            ARC_COUNTS_BYTES + size_of::<Vec<u8>>() + bytes.capacity()
        } else {
            self.value().collection_bytes(samples)
        };
        self.block_bytes() + value
    }

    /// Bytes of this block, without what the value points to.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        self.shape().end
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.key().escape_ascii())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let word = |entry: &Self| entry.word();
        // SAFETY: each kind's word is the pointer that was stored for it, and this
        // is its only owner; the layout is the one the block was allocated with.
        unsafe {
            match self.tag() & KIND_MASK {
                SHARED => drop(Arc::from_raw(word(self) as *const Vec<u8>)),
                LIST => drop(Box::from_raw(word(self) as *mut List)),
                HASH => drop(Box::from_raw(word(self) as *mut Hash)),
                SET => drop(Box::from_raw(word(self) as *mut Set)),
                ZSET => drop(Box::from_raw(word(self) as *mut ZSet)),
                STREAM => drop(Box::from_raw(word(self) as *mut Stream)),
                _ => {}
            }
            dealloc(self.0.as_ptr(), self.shape().layout());
        }
    }
}

fn shared_word(bytes: Vec<u8>) -> u64 {
    Arc::into_raw(Arc::new(bytes)) as u64
}

const fn expire_bytes(tag: u8) -> usize {
    if tag & EXPIRES != 0 { 8 } else { 0 }
}

const fn word_bytes(tag: u8) -> usize {
    if tag & KIND_MASK == INLINE {
        0
    } else {
        WORD_BYTES
    }
}

/// Where the parts of a block stand.
struct Shape {
    key: usize,
    value: usize,
    end: usize,
}

impl Shape {
    #[inline]
    fn of(tag: u8, key_len: usize, inline_len: usize) -> Self {
        let long = if tag & LONG_KEY != 0 { 4 } else { 0 };
        let key = HEADER_BYTES + expire_bytes(tag) + word_bytes(tag) + long;
        let value = key + key_len;
        Self {
            key,
            value,
            end: value + inline_len,
        }
    }

    fn layout(&self) -> Layout {
        Layout::from_size_align(self.end, ALIGN).expect("an entry is far below isize::MAX")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(entry: &Entry) -> Vec<u8> {
        match entry.value() {
            ValueRef::Str(bytes) => bytes.to_vec(),
            ValueRef::Int(number) => number.to_string().into_bytes(),
            _ => unreachable!("only strings here"),
        }
    }

    #[test]
    fn every_shape_keeps_key_value_and_expiry() {
        for key_len in [0, 1, 255, 256, 70_000] {
            for value_len in [0, 1, 44, INLINE_MAX_BYTES, INLINE_MAX_BYTES + 1] {
                for expire in [None, Some(1_700_000_000_000)] {
                    let (key, value) = (vec![7; key_len], vec![9; value_len]);
                    let mut entry = Entry::string(&key, &value, expire);
                    assert_eq!(entry.key(), key);
                    assert_eq!(text(&entry), value);
                    assert_eq!(entry.expire_ms(), expire);
                    entry.set_access(42);
                    entry.mark_raw();
                    entry.set_expire_ms(Some(5));
                    assert_eq!((entry.expire_ms(), entry.access()), (Some(5), 42));
                    entry.set_expire_ms(None);
                    assert_eq!((entry.expire_ms(), text(&entry)), (None, value.clone()));
                    assert!(entry.is_raw());
                    let renamed = entry.renamed(b"other");
                    assert_eq!(
                        (renamed.key(), text(&renamed)),
                        (&b"other"[..], value.clone())
                    );
                    match renamed.into_value() {
                        Value::Str(text) => assert_eq!(text, value),
                        Value::Shared(text) => assert_eq!(*text, value),
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_shared_string_is_copied_only_when_changed() {
        let mut entry = Entry::string(b"k", &[1; 5000], None);
        let copy = entry.with_key(b"copy", None);
        entry.shared_string().expect("long strings are shared")[0] = 2;
        assert_eq!((text(&entry)[0], text(&copy)[0]), (2, 1));
    }

    #[test]
    fn overwrites_stay_in_place_only_where_they_fit() {
        let mut entry = Entry::string(b"k", b"abc", Some(9));
        assert!(entry.overwrite_string(b"xyz"));
        assert!(!entry.overwrite_string(b"long"));
        assert!(!entry.overwrite_int(4));
        let mut number = Entry::new(b"n", Value::Int(-1), None);
        assert!(number.overwrite_int(4));
        assert_eq!(
            (text(&entry), text(&number)),
            (b"xyz".to_vec(), b"4".to_vec())
        );
    }
}
