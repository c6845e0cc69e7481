//! The key positions of before key specs: first, last and step, and the flag
//! that says they are not the whole truth. Both follow from the key specs as
//! Redis derives them.

use super::flags::{Flags, KeyFlags};
use super::spec::{Begin, CommandSpec, Find, KeySpec, LegacyRange};

/// The range of a spec that old clients can understand.
fn plain_range(spec: &KeySpec) -> Option<LegacyRange> {
    let (Begin::Index(first), Find::Range { last, step, .. }) = (spec.begin, spec.find) else {
        return None;
    };
    let last = if last < 0 { last } else { last + first };
    Some(LegacyRange { first, last, step })
}

/// Of two last positions the farther one; from the end is farther than from
/// the start.
fn farther(a: i32, b: i32) -> i32 {
    if a.cast_unsigned() > b.cast_unsigned() {
        a
    } else {
        b
    }
}

impl CommandSpec {
    /// First key, last key and step for clients that know no key specs.
    pub fn legacy_range(&self) -> LegacyRange {
        self.legacy().0
    }

    /// Whether the keys are not all where [`legacy_range`](Self::legacy_range) says.
    pub fn has_movable_keys(&self) -> bool {
        self.legacy().1
    }

    /// Joins the ranges that follow each other; what does not fit is left out
    /// and makes the keys movable.
    fn legacy(&self) -> (LegacyRange, bool) {
        let incomplete = self
            .keys
            .iter()
            .any(|k| k.flags.contains(KeyFlags::INCOMPLETE));
        if let [only] = self.keys {
            let range = plain_range(only);
            return (range.unwrap_or_default(), incomplete || range.is_none());
        }
        let mut joined: Option<LegacyRange> = None;
        let mut movable = incomplete;
        for spec in self.keys {
            joined = match (joined, plain_range(spec)) {
                (None, Some(range)) if range.step == 1 => Some(range),
                (Some(have), Some(range)) if range.step == 1 && have.last == range.first - 1 => {
                    Some(LegacyRange {
                        last: farther(have.last, range.last),
                        ..have
                    })
                }
                (have, _) => {
                    movable = true;
                    have
                }
            };
        }
        (joined.unwrap_or_default(), movable)
    }

    /// The names of the flags as COMMAND INFO prints them.
    pub fn flag_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = super::flags::FLAG_NAMES
            .iter()
            .filter(|row| self.flags.contains(row.0) && row.0 != Flags::ALLOW_BUSY)
            .map(|row| row.1)
            .collect();
        if self.has_movable_keys() {
            names.push("movablekeys");
        }
        if self.flags.contains(Flags::ALLOW_BUSY) {
            names.push("allow_busy");
        }
        names
    }
}
