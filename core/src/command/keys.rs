//! Finding the keys in a call from the command's row. COMMAND GETKEYS answers
//! from this, and prefetching, redirection and permissions rely on it.

use super::flags::KeyFlags;
use super::spec::{Begin, CommandSpec, Find, KeySpec};
use crate::text::number::parse_i64;

/// Finds keys that key specs cannot describe. `args[0]` is the command's name.
pub type GetKeys = fn(args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs>;

/// A key in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundKey {
    /// Which argument it is.
    pub index: usize,
    /// What happens to it.
    pub flags: KeyFlags,
}

/// The arguments do not say where their keys are; the command would refuse them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidArgs;

impl CommandSpec {
    /// Whether the command can have keys at all. Channels do not count.
    pub fn has_keys(&self) -> bool {
        let is_key = |spec: &KeySpec| !spec.flags.contains(KeyFlags::NOT_KEY);
        self.getkeys.is_some() || self.keys.iter().any(is_key)
    }

    /// Appends the keys of this call to `found`. On an error nothing of what
    /// was appended may be used.
    pub fn find_keys(&self, args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
        let start = found.len();
        let exact = |k: &KeySpec| !k.flags.contains(KeyFlags::VARIABLE_FLAGS);
        let Some(getkeys) = self.getkeys else {
            return self.find_by_specs(args, found);
        };
        // Specs come first, as their flags are exact, unless they say otherwise.
        if !self.keys.is_empty()
            && self.keys.iter().all(exact)
            && self.find_by_specs(args, found).is_ok()
        {
            return Ok(());
        }
        found.truncate(start);
        getkeys(args, found)
    }

    fn find_by_specs(&self, args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
        let is_key = |spec: &&KeySpec| !spec.flags.contains(KeyFlags::NOT_KEY);
        self.keys
            .iter()
            .filter(is_key)
            .try_for_each(|spec| spec.find(args, found))
    }
}

impl KeySpec {
    fn find(&self, args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
        let Some(begin) = self.begins_at(args)? else {
            return Ok(());
        };
        let (first, last, step) = self.extent(args, begin)?;
        let count = i64::try_from(args.len()).expect("a slice is shorter than i64::MAX");
        if first < 0 || last < first || last >= count || step < 1 {
            return Err(InvalidArgs);
        }
        let positions = (first..=last).step_by(usize::try_from(step).expect("checked above"));
        found.extend(positions.map(|at| FoundKey {
            index: usize::try_from(at).expect("checked above"),
            flags: self.flags,
        }));
        match self.flags.contains(KeyFlags::INCOMPLETE) {
            true => Err(InvalidArgs),
            false => Ok(()),
        }
    }

    /// The argument at which the spec begins; none if its keyword is absent.
    fn begins_at(&self, args: &[&[u8]]) -> Result<Option<i64>, InvalidArgs> {
        match self.begin {
            Begin::Index(index) => Ok(Some(i64::from(index))),
            Begin::Unknown => Err(InvalidArgs),
            Begin::Keyword {
                keyword,
                start_from,
            } => {
                let at = find_keyword(args, keyword.as_bytes(), start_from);
                Ok(at.map(|at| i64::try_from(at).expect("a position in a slice") + 1))
            }
        }
    }

    /// First, last and step, not yet held against the number of arguments.
    fn extent(&self, args: &[&[u8]], begin: i64) -> Result<(i64, i64, i64), InvalidArgs> {
        let count = i64::try_from(args.len()).expect("a slice is shorter than i64::MAX");
        match self.find {
            Find::Unknown => Err(InvalidArgs),
            Find::Range { last, step, limit } => {
                let last = match (i64::from(last), i64::from(limit)) {
                    (last, _) if last >= 0 => begin + last,
                    (last, 0) => count + last,
                    (last, limit) => begin + (count - begin) / limit + last,
                };
                Ok((begin, last, i64::from(step)))
            }
            Find::KeyNum {
                count_at,
                first,
                step,
            } => {
                let at = usize::try_from(begin + i64::from(count_at)).map_err(|_| InvalidArgs)?;
                let keys = args
                    .get(at)
                    .and_then(|arg| parse_count(arg))
                    .ok_or(InvalidArgs)?;
                let (first, step) = (begin + i64::from(first), i64::from(step));
                let last = (keys - 1)
                    .checked_mul(step)
                    .and_then(|span| span.checked_add(first));
                Ok((first, last.ok_or(InvalidArgs)?, step))
            }
        }
    }
}

/// A keyword in the last place has no keys behind it and is not looked for.
fn find_keyword(args: &[&[u8]], keyword: &[u8], start_from: i32) -> Option<usize> {
    let is_keyword = |at: &usize| args[*at].eq_ignore_ascii_case(keyword);
    let distance = start_from.unsigned_abs() as usize;
    if start_from > 0 {
        (distance..args.len().saturating_sub(1)).find(is_keyword)
    } else {
        (2..(args.len() + 1).saturating_sub(distance))
            .rev()
            .find(is_keyword)
    }
}

fn parse_count(arg: &[u8]) -> Option<i64> {
    parse_i64(arg).filter(|n| *n >= 0)
}

const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const READ_UPDATE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);
const OVERWRITE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
const TAKE_AWAY: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

/// SET reads the key only with its GET option.
pub fn set(args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
    let get = args
        .iter()
        .skip(3)
        .any(|arg| arg.eq_ignore_ascii_case(b"get"));
    found.push(FoundKey {
        index: 1,
        flags: if get { READ_UPDATE } else { OVERWRITE },
    });
    Ok(())
}

/// DELEX reads the key only where it has a condition.
pub fn delex(args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
    let access = match args.len() {
        2 => KeyFlags::RM,
        _ => KeyFlags::RW,
    };
    found.push(FoundKey {
        index: 1,
        flags: access.union(KeyFlags::DELETE),
    });
    Ok(())
}

/// BITFIELD with nothing but GETs is a read.
pub fn bitfield(args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
    let mut rest = args.get(2..).ok_or(InvalidArgs)?;
    let mut reads_only = true;
    while let [operation, operands @ ..] = rest {
        let taken = match operation.to_ascii_lowercase().as_slice() {
            b"get" => 2,
            b"overflow" => 1,
            _ => usize::MAX,
        };
        reads_only = taken <= operands.len();
        rest = if reads_only { &operands[taken..] } else { &[] };
    }
    found.push(FoundKey {
        index: 1,
        flags: if reads_only { READ } else { READ_UPDATE },
    });
    Ok(())
}

/// SORT writes to the key behind its last STORE.
pub fn sort(args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
    found.push(FoundKey {
        index: 1,
        flags: READ,
    });
    let (mut at, mut store) = (2, None);
    while at < args.len() {
        at += match args[at].to_ascii_lowercase().as_slice() {
            b"limit" => 2,
            b"get" | b"by" => 1,
            b"store" if at + 1 < args.len() => {
                store = Some(at + 1);
                1
            }
            _ => 0,
        };
        at += 1;
    }
    found.extend(store.map(|index| FoundKey {
        index,
        flags: OVERWRITE,
    }));
    Ok(())
}

/// SORT_RO has its first argument alone; what BY and GET read depends on data.
pub fn sort_ro(_args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
    found.push(FoundKey {
        index: 1,
        flags: READ,
    });
    Ok(())
}

/// MIGRATE has one key, or an empty one and the rest behind KEYS.
pub fn migrate(args: &[&[u8]], found: &mut Vec<FoundKey>) -> Result<(), InvalidArgs> {
    let single = args.get(3).ok_or(InvalidArgs)?;
    let mut keys = 3..4;
    let mut at = 6;
    while at < args.len() {
        at += match args[at].to_ascii_lowercase().as_slice() {
            b"auth" => 1,
            b"auth2" => 2,
            b"keys" if !single.is_empty() => return Err(InvalidArgs),
            b"keys" => {
                keys = at + 1..args.len();
                break;
            }
            _ => 0,
        };
        at += 1;
    }
    found.extend(keys.map(|index| FoundKey {
        index,
        flags: TAKE_AWAY,
    }));
    Ok(())
}
