//! An extendible-hash directory of segments, in hash order.
//!
//! The first `depth` bits of a hash index the directory; a segment with a shorter
//! prefix stands in several neighbouring places. Growing splits one segment at a
//! time (10 to 50 µs), so no insert ever waits for the whole table. A walk by
//! ascending hash visits every entry that is there throughout exactly once,
//! whatever splits meanwhile.

use std::ptr::NonNull;

use super::entry::Entry;
use super::hash::HashSeed;
use super::segment::{GROUP_BITS, Segment, home_group};

/// The directory's largest depth, in bits: 2^26 segments hold 52 billion keys.
/// Beyond it segments chain, so a directory never exceeds 512 MB.
const MAX_DEPTH_BITS: u32 = 26;

/// A segment and the length of its prefix in one word: segments are aligned to
/// 64 bytes, which leaves the low six bits to the depth.
#[derive(Clone, Copy, PartialEq)]
struct Packed(NonNull<u8>);

const DEPTH_MASK: usize = 63;

impl Packed {
    fn new(segment: Box<Segment>, depth: u32) -> Self {
        let raw: *mut Segment = Box::into_raw(segment);
        let packed = raw.cast::<u8>().map_addr(|addr| addr | depth as usize);
        Self(NonNull::new(packed).expect("a box is not null"))
    }

    #[inline]
    fn depth(self) -> u32 {
        (self.0.addr().get() & DEPTH_MASK) as u32
    }

    #[inline]
    fn pointer(self) -> *mut Segment {
        self.0
            .as_ptr()
            .map_addr(|addr| addr & !DEPTH_MASK)
            .cast::<Segment>()
    }
}

/// See the module's comment.
pub struct Table {
    seed: HashSeed,
    directory: Vec<Packed>,
    depth: u32,
    max_depth: u32,
    len: usize,
}

// SAFETY: the table owns its segments alone, and entries are Send.
unsafe impl Send for Table {}
// SAFETY: shared access only reads; entries are Sync.
unsafe impl Sync for Table {}

impl Table {
    /// An empty table; the first segment is made by the first insert.
    #[must_use]
    pub const fn new(seed: HashSeed) -> Self {
        Self::with_max_depth(seed, MAX_DEPTH_BITS)
    }

    pub(super) const fn with_max_depth(seed: HashSeed, max_depth: u32) -> Self {
        Self {
            seed,
            directory: Vec::new(),
            depth: 0,
            max_depth,
            len: 0,
        }
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True where there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The seed that orders this table.
    #[must_use]
    pub const fn seed(&self) -> &HashSeed {
        &self.seed
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        // A shift by 64 is what depth 0 would need; two shifts say the same.
        ((hash >> 1) >> (63 - self.depth)) as usize
    }

    #[inline]
    fn packed(&self, hash: u64) -> Option<Packed> {
        self.directory.get(self.index(hash)).copied()
    }

    #[inline]
    fn segment(&self, hash: u64) -> Option<(&Segment, u32)> {
        let packed = self.packed(hash)?;
        // SAFETY: the directory holds live segments owned by this table.
        Some((unsafe { &*packed.pointer() }, packed.depth()))
    }

    #[inline]
    fn segment_mut(&mut self, hash: u64) -> Option<(&mut Segment, u32)> {
        let packed = self.packed(hash)?;
        // SAFETY: as in `segment`; `&mut self` makes this the only access.
        Some((unsafe { &mut *packed.pointer() }, packed.depth()))
    }

    /// Asks for room for `keys` entries, as a snapshot's header announces them.
    pub fn reserve(&mut self, keys: usize) {
        // 600 of 896 slots is the middle of a segment's life.
        let segments = (keys / 600).next_power_of_two();
        let wanted = segments.trailing_zeros().min(self.max_depth);
        if self.directory.is_empty() && keys > 0 {
            self.depth = wanted;
            let one = |_| Packed::new(Segment::new(), wanted);
            self.directory = (0..1_usize << wanted).map(one).collect();
        }
    }

    /// The entry of `key`.
    #[must_use]
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<&Entry> {
        let (segment, depth) = self.segment(hash)?;
        segment.find(hash, depth, key)
    }

    /// The entry of `key`, for changing.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut Entry> {
        let (segment, depth) = self.segment_mut(hash)?;
        segment.find_mut(hash, depth, key)
    }

    /// Adds an entry whose key is not there.
    pub fn insert_unique(&mut self, hash: u64, entry: Entry) {
        if self.directory.is_empty() {
            self.directory.push(Packed::new(Segment::new(), 0));
        }
        self.len += 1;
        loop {
            let max_depth = self.max_depth;
            let (segment, depth) = self.segment_mut(hash).expect("made above");
            if !segment.wants_split() || depth >= max_depth {
                return segment.insert(hash, depth, entry);
            }
            self.split(hash);
        }
    }

    /// Takes the entry of `key` out.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Entry> {
        let (segment, depth) = self.segment_mut(hash)?;
        let entry = segment.remove(hash, depth, key)?;
        self.len -= 1;
        Some(entry)
    }

    fn split(&mut self, hash: u64) {
        let packed = self.packed(hash).expect("the caller found it");
        let depth = packed.depth();
        if depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&p| [p, p]).collect();
            self.depth += 1;
        }
        let width = 1_usize << (self.depth - depth);
        let first = self.index(hash) / width * width;
        // SAFETY: the segment came from `Packed::new`, and every place in the
        // directory that names it is overwritten below.
        let segment = unsafe { Box::from_raw(packed.pointer()) };
        let halves = segment.split(depth, &self.seed);
        for (half, segment) in halves.into_iter().enumerate() {
            let start = first + half * width / 2;
            self.directory[start..start + width / 2].fill(Packed::new(segment, depth + 1));
        }
    }

    /// The first and the last hash of the home range that holds `hash`; all hashes are
    /// one range before the first insert.
    #[must_use]
    pub fn home_range(&self, hash: u64) -> (u64, u64) {
        let Some(packed) = self.packed(hash) else {
            return (0, u64::MAX);
        };
        let inside = (1 << (64 - GROUP_BITS - packed.depth())) - 1;
        (hash & !inside, hash | inside)
    }

    /// The first hash after the home range that holds `hash`; none at the end of the table.
    #[must_use]
    pub fn next_home(&self, hash: u64) -> Option<u64> {
        self.home_range(hash).1.checked_add(1)
    }

    /// Calls `visit` with every entry of the home range that holds `hash`, and
    /// answers where the next range starts.
    pub fn visit_home<'a>(
        &'a self,
        hash: u64,
        visit: &mut dyn FnMut(u64, &'a Entry),
    ) -> Option<u64> {
        let (segment, depth) = self.segment(hash)?;
        segment.visit_home(home_group(hash, depth), depth, &self.seed, visit);
        self.next_home(hash)
    }

    /// [`visit_home`](Self::visit_home) for those who need no hashes, which most
    /// groups can be told from without.
    pub fn visit_home_entries<'a>(
        &'a self,
        hash: u64,
        visit: &mut dyn FnMut(&'a Entry),
    ) -> Option<u64> {
        let (segment, depth) = self.segment(hash)?;
        segment.visit_home_entries(home_group(hash, depth), depth, &self.seed, visit);
        self.next_home(hash)
    }

    /// The version of the home group that holds `hash`; 0 in an empty table.
    #[must_use]
    #[inline]
    pub fn version(&self, hash: u64) -> u64 {
        self.segment(hash).map_or(0, |(segment, depth)| {
            segment.version(home_group(hash, depth))
        })
    }

    /// Stamps the home group that holds `hash`.
    #[inline]
    pub fn set_version(&mut self, hash: u64, version: u64) {
        if self.directory.is_empty() {
            self.directory.push(Packed::new(Segment::new(), 0));
        }
        let (segment, depth) = self.segment_mut(hash).expect("made above");
        *segment.version_mut(home_group(hash, depth)) = version;
    }

    /// Starts loading what a look-up of `hash` reads first.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some((segment, depth)) = self.segment(hash) {
            segment.prefetch(home_group(hash, depth));
        }
    }

    /// Starts loading the entries that may be the one of `hash`.
    #[inline]
    pub fn prefetch_entries(&self, hash: u64) {
        if let Some((segment, depth)) = self.segment(hash) {
            segment.prefetch_entries(hash, home_group(hash, depth));
        }
    }

    /// A random entry, near enough to uniform: a random segment, then random
    /// slots of it until one is taken. `random` yields 64 random bits a call.
    pub fn random(&self, random: &mut dyn FnMut() -> u64) -> Option<&Entry> {
        if self.len == 0 {
            return None;
        }
        loop {
            let (segment, _) = self.segment(random())?;
            for _ in 0..16 {
                let pick = random() as usize % segment.slots();
                if let Some(entry) = segment.slot(pick) {
                    return Some(entry);
                }
            }
            // A table emptied by deletes has sparse segments: a walk from a
            // random place finds an entry without guessing for ever.
            if let Some(entry) = self.first_from(random()) {
                return Some(entry);
            }
        }
    }

    fn first_from(&self, start: u64) -> Option<&Entry> {
        let mut found = None;
        let mut position = Some(start);
        while let (Some(at), None) = (position, found) {
            position = self.visit_home(at, &mut |_, entry| found = found.or(Some(entry)));
        }
        found
    }

    /// Calls `visit` with every entry in hash order of home groups.
    pub fn for_each<'a>(&'a self, visit: &mut dyn FnMut(u64, &'a Entry)) {
        let mut position = Some(0);
        while let Some(at) = position {
            position = self.visit_home(at, visit);
        }
    }

    /// Bytes of the directory and the segments, without the entries.
    #[must_use]
    pub fn overhead_bytes(&self) -> usize {
        let mut segments = self.directory.clone();
        segments.dedup();
        segments.len() * size_of::<Segment>() + self.directory.capacity() * size_of::<Packed>()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.directory.dedup();
        for packed in self.directory.drain(..) {
            // SAFETY: each segment came from `Packed::new`; its places in the
            // directory are neighbours, so `dedup` left one for each.
            drop(unsafe { Box::from_raw(packed.pointer()) });
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
