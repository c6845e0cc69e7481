//! Which family wrote a file, and in which version.
//!
//! ```text
//! magic       version   written by
//! REDIS0001   1 to 9    Redis up to 6.2
//! REDIS0010   10        Redis 7.0
//! REDIS0011   11        Redis 7.2, Valkey 7.2 to 8.1
//! REDIS0012   12        Redis 7.4 and 8.0
//! REDIS0013   13        Redis 8.6
//! VALKEY080   80        Valkey 9.0 and 9.1
//! ```
//! Since the two families went apart, one number can mean two things: the
//! magic decides, never the content.

/// Bytes of either magic, version included.
pub(crate) const MAGIC_BYTES: usize = 9;

const REDIS: &[u8] = b"REDIS";
const VALKEY: &[u8] = b"VALKEY";
const NEWEST_REDIS: u32 = 13;
const VALKEY_9: u32 = 80;
/// From this version on a checksum closes the file.
const CHECKSUM_SINCE: u32 = 5;

/// Who defined the numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Redis,
    Valkey,
}

/// The dialect of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) family: Family,
    pub(crate) version: u32,
}

/// What the first bytes of a file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Magic {
    /// A file that is read here.
    Known(Dialect),
    /// A file of another version, and its dialect where it is a newer one.
    Unsupported(String, Option<Dialect>),
    /// No RDB file.
    Foreign,
}

impl Dialect {
    /// Reads a magic.
    pub(crate) fn parse(magic: [u8; MAGIC_BYTES]) -> Magic {
        let (family, digits) = if let Some(digits) = magic.strip_prefix(VALKEY) {
            (Family::Valkey, digits)
        } else if let Some(digits) = magic.strip_prefix(REDIS) {
            (Family::Redis, digits)
        } else {
            return Magic::Foreign;
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Magic::Foreign;
        }
        let number = |n, digit: &u8| n * 10 + u32::from(digit - b'0');
        let version = digits.iter().fold(0, number);
        let (oldest, newest) = match family {
            Family::Redis => (1, NEWEST_REDIS),
            Family::Valkey => (VALKEY_9, VALKEY_9),
        };
        let dialect = Self { family, version };
        if (oldest..=newest).contains(&version) {
            return Magic::Known(dialect);
        }
        let newer = (version > newest).then_some(dialect);
        Magic::Unsupported(String::from_utf8_lossy(&magic).into_owned(), newer)
    }

    /// The dialect of a payload of this version, which has no magic: the numbers
    /// that both families use mean the same in either.
    pub(crate) fn of_payload(version: u16) -> Option<Self> {
        let version = u32::from(version);
        let family = match version {
            1..=NEWEST_REDIS => Family::Redis,
            VALKEY_9 => Family::Valkey,
            _ => return None,
        };
        Some(Self { family, version })
    }

    /// Whether `head`, the first bytes of a file, is RDB of any version; `None`
    /// while there are too few.
    pub(crate) fn recognises(head: &[u8]) -> Option<bool> {
        let decided = |name: &[u8]| {
            let known = name.len().min(head.len());
            (head[..known] == name[..known]).then_some(known == name.len())
        };
        match (decided(REDIS), decided(VALKEY)) {
            (None, None) => Some(false),
            (Some(true), _) | (_, Some(true)) => Some(true),
            _ => None,
        }
    }

    /// Whether a checksum closes the file.
    pub(crate) fn has_checksum(self) -> bool {
        self.version >= CHECKSUM_SINCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(family: Family, version: u32) -> Magic {
        Magic::Known(Dialect { family, version })
    }

    #[test]
    fn the_magic_tells_families_and_versions_apart() {
        assert_eq!(Dialect::parse(*b"REDIS0001"), known(Family::Redis, 1));
        assert_eq!(Dialect::parse(*b"REDIS0013"), known(Family::Redis, 13));
        assert_eq!(Dialect::parse(*b"VALKEY080"), known(Family::Valkey, 80));
        for (unsupported, is_newer) in [
            (b"REDIS0014", true),
            (b"REDIS0000", false),
            (b"REDIS0080", true),
            (b"VALKEY081", true),
            (b"VALKEY011", false),
        ] {
            let magic = Dialect::parse(*unsupported);
            let Magic::Unsupported(_, newer) = magic else {
                panic!("{magic:?}");
            };
            assert_eq!(newer.is_some(), is_newer, "{unsupported:?}");
        }
        for foreign in [b"REDIS00x1", b"VALKEY0 0", b"*2\r\n$6\r\nS", b"RADIS0001"] {
            assert_eq!(Dialect::parse(*foreign), Magic::Foreign);
        }
    }

    #[test]
    fn a_few_bytes_are_enough_to_recognise() {
        assert_eq!(Dialect::recognises(b""), None);
        assert_eq!(Dialect::recognises(b"RED"), None);
        assert_eq!(Dialect::recognises(b"VALKE"), None);
        assert_eq!(Dialect::recognises(b"REDIS"), Some(true));
        assert_eq!(Dialect::recognises(b"VALKEY0"), Some(true));
        assert_eq!(Dialect::recognises(b"*"), Some(false));
        assert_eq!(Dialect::recognises(b"REX"), Some(false));
    }
}
