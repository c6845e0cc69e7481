//! The options of SORT.

use super::pattern::Pattern;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;

/// What elements are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By<'a> {
    /// The elements themselves.
    Element,
    /// What stands at another key for each of them.
    Other(Pattern<'a>),
    /// Nothing: a pattern without `*` names the same key for all.
    Nothing,
}

/// See the module's comment.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    pub(super) descending: bool,
    pub(super) alpha: bool,
    pub(super) by: By<'a>,
    /// The first element and how many, as they were given; below zero is no limit.
    pub(super) offset: i64,
    pub(super) count: i64,
    pub(super) get: Vec<Pattern<'a>>,
    pub(super) store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// Reads what follows the key. Only SORT may store.
    pub(super) fn parse(args: &[&'a [u8]], may_store: bool) -> CommandResult<Self> {
        let mut options = Self {
            descending: false,
            alpha: false,
            by: By::Element,
            offset: 0,
            count: -1,
            get: Vec::new(),
            store: None,
        };
        let mut rest = args;
        while let [name, after @ ..] = rest {
            rest = options.take(name, after, may_store)?;
        }
        Ok(options)
    }

    /// Takes one option in, and answers what follows it.
    fn take<'b>(
        &mut self,
        name: &[u8],
        after: &'b [&'a [u8]],
        may_store: bool,
    ) -> CommandResult<&'b [&'a [u8]]> {
        match (name.to_ascii_lowercase().as_slice(), after) {
            (b"asc", _) => self.descending = false,
            (b"desc", _) => self.descending = true,
            (b"alpha", _) => self.alpha = true,
            (b"limit", [offset, count, rest @ ..]) => {
                self.offset = parse_integer(offset)?;
                self.count = parse_integer(count)?;
                return Ok(rest);
            }
            (b"store", [key, rest @ ..]) if may_store => {
                self.store = Some(key);
                return Ok(rest);
            }
            (b"by", [pattern, rest @ ..]) => {
                self.by = if pattern.contains(&b'*') {
                    By::Other(Pattern::parse(pattern))
                } else {
                    By::Nothing
                };
                return Ok(rest);
            }
            (b"get", [pattern, rest @ ..]) => {
                self.get.push(Pattern::parse(pattern));
                return Ok(rest);
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(after)
    }

    /// Which of `len` sorted elements were asked for.
    pub(super) fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_cut_to_what_there_is() {
        for (offset, count, want) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-3, 2, 0..2),
            (3, 9, 3..5),
            (9, 1, 5..5),
            (2, 0, 2..2),
            (i64::MAX, i64::MAX, 5..5),
            (2, i64::MAX, 2..5),
            (i64::MIN, i64::MIN, 0..5),
        ] {
            let mut options = Options::parse(&[], true).expect("none");
            (options.offset, options.count) = (offset, count);
            assert_eq!(options.range(5), want, "{offset} {count}");
        }
    }
}
