//! `notify-keyspace-events <classes>`: which keyspace events are published.

use bitflags::bitflags;

use super::{Special, one_line};

/// The grammar of `notify-keyspace-events`.
pub(in crate::config) const NOTIFY: Special = Special {
    many: false,
    parse,
    lines: one_line,
};

bitflags! {
    /// Classes of keyspace events, and the channels they are published to.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct NotifyFlags: u32 {
        /// Publish to `__keyspace@<db>__:<key>`.
        const KEYSPACE = 1 << 0;
        /// Publish to `__keyevent@<db>__:<event>`.
        const KEYEVENT = 1 << 1;
        /// Commands on keys of any type.
        const GENERIC = 1 << 2;
        /// Commands on strings.
        const STRING = 1 << 3;
        /// Commands on lists.
        const LIST = 1 << 4;
        /// Commands on sets.
        const SET = 1 << 5;
        /// Commands on hashes.
        const HASH = 1 << 6;
        /// Commands on sorted sets.
        const ZSET = 1 << 7;
        /// Keys that expired.
        const EXPIRED = 1 << 8;
        /// Keys that were evicted.
        const EVICTED = 1 << 9;
        /// Commands on streams.
        const STREAM = 1 << 10;
        /// Keys that were looked up and not found.
        const MISS = 1 << 11;
        /// Commands on module types.
        const MODULE = 1 << 12;
        /// Keys that did not exist before.
        const NEW = 1 << 13;
        /// What `A` stands for: every class but misses and new keys.
        const ALL = Self::GENERIC.bits() | Self::STRING.bits() | Self::LIST.bits()
            | Self::SET.bits() | Self::HASH.bits() | Self::ZSET.bits() | Self::EXPIRED.bits()
            | Self::EVICTED.bits() | Self::STREAM.bits() | Self::MODULE.bits();
    }
}

/// The letters of the classes that `A` contains, and of new keys, in the order
/// in which they are shown.
const CLASSES: [(u8, NotifyFlags); 11] = [
    (b'g', NotifyFlags::GENERIC),
    (b'$', NotifyFlags::STRING),
    (b'l', NotifyFlags::LIST),
    (b's', NotifyFlags::SET),
    (b'h', NotifyFlags::HASH),
    (b'z', NotifyFlags::ZSET),
    (b'x', NotifyFlags::EXPIRED),
    (b'e', NotifyFlags::EVICTED),
    (b't', NotifyFlags::STREAM),
    (b'd', NotifyFlags::MODULE),
    (b'n', NotifyFlags::NEW),
];

/// What is shown instead of the classes if they are all there.
const WITH_ALL: [(u8, NotifyFlags); 2] = [(b'A', NotifyFlags::ALL), (b'n', NotifyFlags::NEW)];

/// The letters that are shown behind the classes.
const CHANNELS: [(u8, NotifyFlags); 3] = [
    (b'K', NotifyFlags::KEYSPACE),
    (b'E', NotifyFlags::KEYEVENT),
    (b'm', NotifyFlags::MISS),
];

impl NotifyFlags {
    /// Reads a string of letters.
    pub fn parse(letters: &[u8]) -> Option<NotifyFlags> {
        let one = |letter: &u8| {
            let known = CLASSES.iter().chain(&CHANNELS).find(|row| row.0 == *letter);
            let all = (*letter == b'A').then_some(NotifyFlags::ALL);
            known.map(|row| row.1).or(all)
        };
        letters
            .iter()
            .map(one)
            .try_fold(NotifyFlags::empty(), |all, one| Some(all.union(one?)))
    }

    /// The letters as CONFIG GET shows them. Redis hides `n` behind `A`; here
    /// it stays visible, so that nothing is lost when the file is rewritten.
    pub fn letters(self) -> Vec<u8> {
        let all = self.contains(NotifyFlags::ALL);
        let classes = if all { &WITH_ALL[..] } else { &CLASSES };
        let held = |row: &&(u8, NotifyFlags)| self.contains(row.1);
        classes
            .iter()
            .chain(&CHANNELS)
            .filter(held)
            .map(|row| row.0)
            .collect()
    }
}

fn parse(given: &[&[u8]], _current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    let [letters] = *given else {
        return Err("wrong number of arguments".into());
    };
    let error = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    Ok(NotifyFlags::parse(letters).ok_or(error)?.letters())
}
