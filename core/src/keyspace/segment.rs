//! A fixed piece of a table: 64 groups of 14 slots, and one version per group.
//!
//! The segment holds every entry whose hash starts with its prefix. The six bits
//! below the prefix name the entry's *home group*, so a home group is a
//! contiguous range of hashes. A full home group overflows into the next group
//! of the segment and leaves a sticky flag on each group it passed; a segment
//! that cannot split any more chains to another.

use super::entry::Entry;
use super::hash::HashSeed;
use crate::prefetch::{CACHE_LINE_BYTES, prefetch};

/// Groups in a segment.
pub(super) const GROUPS: usize = 64;
/// Slots in a group.
pub(super) const SLOTS: usize = 14;
/// Bits of the hash that name the home group.
pub(super) const GROUP_BITS: u32 = 6;
/// A segment splits when it holds more than 7/8 of its slots.
pub(super) const SPLIT_AT: usize = GROUPS * SLOTS * 7 / 8;

/// Of a longer value only the beginning is asked for: the processor itself sees that
/// the rest is read in order.
const PREFETCHED_LINES_MAX: usize = 4;

/// A slot's share of its segment, in bytes.
pub(super) const SLOT_BYTES: usize = size_of::<Segment>() / (GROUPS * SLOTS);

const FULL: u16 = (1 << SLOTS) - 1;
const OVERFLOWED: u16 = 1 << 15;

/// 128 bytes: two cache lines, the first of which answers most misses.
#[repr(C, align(64))]
struct Group {
    fingerprints: [u8; SLOTS],
    /// Bit i: slot i is taken. Bit 15: a home entry of some group went further.
    state: u16,
    slots: [Option<Entry>; SLOTS],
}

impl Group {
    const fn empty() -> Self {
        Self {
            fingerprints: [0; SLOTS],
            state: 0,
            slots: [const { None }; SLOTS],
        }
    }

    #[inline]
    fn candidates(&self, fingerprint: u8) -> u16 {
        let mut found = 0;
        for (slot, &held) in self.fingerprints.iter().enumerate() {
            found |= u16::from(held == fingerprint) << slot;
        }
        found & self.state & FULL
    }

    #[inline]
    fn free_slot(&self) -> Option<usize> {
        let free = !self.state & FULL;
        (free != 0).then(|| free.trailing_zeros() as usize)
    }

    /// Starts loading every entry.
    #[inline]
    fn prefetch_all(&self) {
        for entry in self.slots.iter().flatten() {
            // A small entry lies in two lines more often than in one.
            prefetch(entry.address());
            prefetch(entry.address().wrapping_add(CACHE_LINE_BYTES));
        }
    }

    /// Starts loading what the entries' values are, where they lie apart.
    #[inline]
    fn prefetch_values(&self) {
        let values = self.slots.iter().flatten().filter_map(Entry::value_address);
        values.for_each(prefetch);
    }

    /// Starts loading what those values hold in one piece.
    #[inline]
    fn prefetch_contents(&self) {
        for entry in self.slots.iter().flatten() {
            let bytes = entry.value().packed_bytes().unwrap_or_default();
            let lines = bytes.chunks(CACHE_LINE_BYTES).take(PREFETCHED_LINES_MAX);
            lines.for_each(|line| prefetch(line.as_ptr()));
        }
    }

    const fn overflowed(&self) -> bool {
        self.state & OVERFLOWED != 0
    }
}

/// Where an entry stands in a segment (not in its chain).
#[derive(Clone, Copy)]
pub(super) struct Slot {
    group: u8,
    slot: u8,
}

/// See the module's comment.
#[repr(C, align(64))]
pub(super) struct Segment {
    groups: [Group; GROUPS],
    versions: [u64; GROUPS],
    len: u32,
    next: Option<Box<Segment>>,
}

#[inline]
const fn fingerprint(hash: u64) -> u8 {
    hash as u8
}

/// The home group of `hash` in a segment whose prefix has `depth` bits.
#[inline]
pub(super) const fn home_group(hash: u64, depth: u32) -> usize {
    ((hash << depth) >> (64 - GROUP_BITS)) as usize
}

impl Segment {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            groups: [const { Group::empty() }; GROUPS],
            versions: [0; GROUPS],
            len: 0,
            next: None,
        })
    }

    /// The two halves of this segment, by the bit after its prefix of `depth` bits.
    /// Each child group lies inside one parent group and inherits its version.
    pub(super) fn split(mut self: Box<Self>, depth: u32, seed: &HashSeed) -> [Box<Self>; 2] {
        let mut halves = [Self::new(), Self::new()];
        for (half, child) in halves.iter_mut().enumerate() {
            for (group, version) in child.versions.iter_mut().enumerate() {
                *version = self.versions[half * GROUPS / 2 + group / 2];
            }
        }
        for group in &mut self.groups {
            for entry in &group.slots {
                entry.iter().for_each(|entry| prefetch(entry.address()));
            }
            for entry in group.slots.iter_mut().filter_map(Option::take) {
                let hash = seed.hash(entry.key());
                let half = ((hash << depth) >> 63) as usize;
                halves[half].insert(hash, depth + 1, entry);
            }
        }
        halves
    }

    /// True where one more entry should split this segment first.
    pub(super) const fn wants_split(&self) -> bool {
        self.len as usize >= SPLIT_AT
    }

    /// Puts an entry that is not there yet; a full segment chains.
    pub(super) fn insert(&mut self, hash: u64, depth: u32, entry: Entry) {
        if self.len as usize >= GROUPS * SLOTS {
            self.next
                .get_or_insert_with(Self::new)
                .insert(hash, depth, entry);
            return;
        }
        let home = home_group(hash, depth);
        for step in 0..GROUPS {
            let group = &mut self.groups[(home + step) % GROUPS];
            if let Some(slot) = group.free_slot() {
                group.fingerprints[slot] = fingerprint(hash);
                group.state |= 1 << slot;
                group.slots[slot] = Some(entry);
                self.len += 1;
                return;
            }
            group.state |= OVERFLOWED;
        }
        unreachable!("a segment with a free slot has a group with one");
    }

    #[inline]
    fn locate(&self, hash: u64, depth: u32, key: &[u8]) -> Option<Slot> {
        let home = home_group(hash, depth);
        for step in 0..GROUPS {
            let index = (home + step) % GROUPS;
            let group = &self.groups[index];
            let mut candidates = group.candidates(fingerprint(hash));
            while candidates != 0 {
                let slot = candidates.trailing_zeros() as usize;
                let entry = group.slots[slot].as_ref();
                if entry.is_some_and(|entry| entry.key() == key) {
                    return Some(Slot {
                        group: index as u8,
                        slot: slot as u8,
                    });
                }
                candidates &= candidates - 1;
            }
            if !group.overflowed() {
                return None;
            }
        }
        None
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, depth: u32, key: &[u8]) -> Option<&Entry> {
        match self.locate(hash, depth, key) {
            Some(at) => self.groups[usize::from(at.group)].slots[usize::from(at.slot)].as_ref(),
            None => self.next.as_ref()?.find(hash, depth, key),
        }
    }

    #[inline]
    pub(super) fn find_mut(&mut self, hash: u64, depth: u32, key: &[u8]) -> Option<&mut Entry> {
        match self.locate(hash, depth, key) {
            Some(at) => self.groups[usize::from(at.group)].slots[usize::from(at.slot)].as_mut(),
            None => self.next.as_mut()?.find_mut(hash, depth, key),
        }
    }

    pub(super) fn remove(&mut self, hash: u64, depth: u32, key: &[u8]) -> Option<Entry> {
        let Some(at) = self.locate(hash, depth, key) else {
            return self.next.as_mut()?.remove(hash, depth, key);
        };
        let group = &mut self.groups[usize::from(at.group)];
        group.state &= !(1 << at.slot);
        self.len -= 1;
        group.slots[usize::from(at.slot)].take()
    }

    /// Calls `visit` with every entry whose home is `home`, wherever it stands.
    pub(super) fn visit_home<'a>(
        &'a self,
        home: usize,
        depth: u32,
        seed: &HashSeed,
        visit: &mut dyn FnMut(u64, &'a Entry),
    ) {
        for step in 0..GROUPS {
            let group = &self.groups[(home + step) % GROUPS];
            // A walk comes to the next group next; the first of this one are on their way.
            let next = &self.groups[(home + step + 1) % GROUPS];
            group.prefetch_all();
            next.prefetch_all();
            for entry in group.slots.iter().flatten() {
                let hash = seed.hash(entry.key());
                if home_group(hash, depth) == home {
                    visit(hash, entry);
                }
            }
            if !group.overflowed() {
                break;
            }
        }
        if let Some(next) = &self.next {
            next.visit_home(home, depth, seed, visit);
        }
    }

    /// The entries whose home is `home`, as `visit_home` finds them, without a hash
    /// of those that cannot have another home: where neither this group nor the one
    /// before it ever overflowed.
    pub(super) fn visit_home_entries<'a>(
        &'a self,
        home: usize,
        depth: u32,
        seed: &HashSeed,
        visit: &mut dyn FnMut(&'a Entry),
    ) {
        let group = &self.groups[home];
        let before = &self.groups[(home + GROUPS - 1) % GROUPS];
        // A walk comes to the next groups next. What is asked for here has arrived when
        // the next step follows it: entries, their values, what those hold.
        self.groups[(home + 2) % GROUPS].prefetch_all();
        self.groups[(home + 1) % GROUPS].prefetch_values();
        group.prefetch_contents();
        if self.next.is_some() || group.overflowed() || before.overflowed() {
            return self.visit_home(home, depth, seed, &mut |_, entry| visit(entry));
        }
        group.slots.iter().flatten().for_each(visit);
    }

    /// The `pick`-th slot of the segment and its chain, where it is taken.
    pub(super) fn slot(&self, pick: usize) -> Option<&Entry> {
        match pick.checked_sub(GROUPS * SLOTS) {
            None => self.groups[pick / SLOTS].slots[pick % SLOTS].as_ref(),
            Some(further) => self.next.as_ref()?.slot(further),
        }
    }

    /// Slots of the segment and its chain.
    pub(super) fn slots(&self) -> usize {
        GROUPS * SLOTS + self.next.as_ref().map_or(0, |next| next.slots())
    }

    pub(super) const fn version(&self, group: usize) -> u64 {
        self.versions[group]
    }

    #[inline]
    pub(super) const fn version_mut(&mut self, group: usize) -> &mut u64 {
        &mut self.versions[group]
    }

    /// Starts loading the lines that a look-up of `hash` reads first.
    #[inline]
    pub(super) fn prefetch(&self, group: usize) {
        prefetch((&raw const self.groups[group]).cast());
        prefetch((&raw const self.groups[group].slots[7]).cast());
    }

    /// Starts loading the entries that may hold `hash`; the group should be near already.
    #[inline]
    pub(super) fn prefetch_entries(&self, hash: u64, group: usize) {
        let group = &self.groups[group];
        let mut candidates = group.candidates(fingerprint(hash));
        while candidates != 0 {
            if let Some(entry) = &group.slots[candidates.trailing_zeros() as usize] {
                prefetch(entry.address());
            }
            candidates &= candidates - 1;
        }
    }
}
