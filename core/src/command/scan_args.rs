//! The arguments that SCAN, SSCAN, HSCAN and ZSCAN share.

use super::error::{CommandError, CommandResult};
use crate::text::glob::{self, Case};
use crate::text::number::parse_i64;

/// Elements per call where COUNT does not say otherwise.
const DEFAULT_COUNT: usize = 10;

/// What is scanned, which decides the options that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOf {
    /// SCAN: takes TYPE.
    Keys,
    /// HSCAN: takes NOVALUES.
    Hash,
    /// SSCAN.
    Set,
    /// ZSCAN: takes NOSCORES.
    ZSet,
}

/// The options behind the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanArgs<'a> {
    /// About how many elements to visit.
    pub count: usize,
    /// MATCH, unless it matches everything.
    pub pattern: Option<&'a [u8]>,
    /// TYPE.
    pub type_name: Option<&'a [u8]>,
    /// NOVALUES or NOSCORES.
    pub bare: bool,
}

impl<'a> ScanArgs<'a> {
    /// Reads the options.
    ///
    /// # Errors
    /// As Redis words them. The cursor comes first, then the key; options are
    /// read only where there is something to scan.
    pub fn parse(of: ScanOf, options: &[&'a [u8]]) -> CommandResult<Self> {
        let mut parsed = Self {
            count: DEFAULT_COUNT,
            pattern: None,
            type_name: None,
            bare: false,
        };
        let mut rest = options;
        while let [option, tail @ ..] = rest {
            rest = match parsed.take(of, option, tail)? {
                0 => tail,
                _ => &tail[1..],
            };
        }
        Ok(parsed)
    }

    /// Takes one option in; returns how many arguments it took besides.
    fn take(&mut self, of: ScanOf, option: &[u8], tail: &[&'a [u8]]) -> CommandResult<usize> {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        match tail.first() {
            Some(value) if is("count") => {
                let count = parse_i64(value).ok_or(CommandError::NotInteger)?;
                self.count = usize::try_from(count).unwrap_or(0);
                if self.count == 0 {
                    return Err(CommandError::Syntax);
                }
            }
            Some(value) if is("match") => self.pattern = Some(*value).filter(|p| *p != b"*"),
            Some(value) if is("type") && of == ScanOf::Keys => self.type_name = Some(value),
            _ if is("novalues") => return self.take_bare(of, ScanOf::Hash, "NOVALUES", "HSCAN"),
            _ if is("noscores") => return self.take_bare(of, ScanOf::ZSet, "NOSCORES", "ZSCAN"),
            _ => return Err(CommandError::Syntax),
        }
        Ok(1)
    }

    fn take_bare(
        &mut self,
        of: ScanOf,
        only: ScanOf,
        name: &str,
        command: &str,
    ) -> CommandResult<usize> {
        if of != only {
            return Err(CommandError::text(format!(
                "ERR {name} option can only be used in {command}"
            )));
        }
        self.bare = true;
        Ok(0)
    }

    /// True where MATCH lets an element through.
    #[must_use]
    pub fn admits(&self, text: &[u8]) -> bool {
        (self.pattern).is_none_or(|pattern| glob::matches(pattern, text, Case::Sensitive))
    }
}

/// Reads a cursor as Redis does with `strtoul`: a sign and leading zeros are
/// accepted, and a negative number wraps round.
///
/// # Errors
/// Where it is no number of 64 bits.
pub fn parse_cursor(text: &[u8]) -> CommandResult<u64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let value = digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    });
    let value = value.filter(|_| text.is_empty() || !digits.is_empty());
    let value = value.ok_or(CommandError::text("ERR invalid cursor"))?;
    Ok(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(of: ScanOf, options: &[&'static str]) -> Result<ScanArgs<'static>, String> {
        let options: Vec<&[u8]> = options.iter().map(|option| option.as_bytes()).collect();
        ScanArgs::parse(of, &options).map_err(|error| error.message().into_owned())
    }

    #[test]
    fn options_in_any_order_and_case() {
        let args = parse(ScanOf::Keys, &["Match", "a*", "TYPE", "hash", "count", "7"]);
        let args = args.expect("well formed");
        assert_eq!(
            (args.count, args.pattern, args.type_name, args.bare),
            (7, Some(&b"a*"[..]), Some(&b"hash"[..]), false)
        );
        assert!(args.admits(b"ab") && !args.admits(b"b"));
        let args = parse(ScanOf::Hash, &["match", "*", "novalues"]).expect("well formed");
        assert_eq!((args.pattern, args.bare), (None, true));
        assert!(args.admits(b""));
        assert!(
            parse(ScanOf::ZSet, &["noscores"])
                .expect("well formed")
                .bare
        );
    }

    #[test]
    fn errors_are_those_of_redis() {
        let error = |of, options: &[&'static str]| parse(of, options).expect_err("malformed");
        let syntax = "ERR syntax error";
        assert_eq!(error(ScanOf::Set, &["count"]), syntax);
        assert_eq!(error(ScanOf::Set, &["count", "0"]), syntax);
        assert_eq!(error(ScanOf::Set, &["type", "set"]), syntax);
        assert_eq!(error(ScanOf::Set, &["foo"]), syntax);
        assert_eq!(
            error(ScanOf::Set, &["count", "x"]),
            "ERR value is not an integer or out of range"
        );
        assert_eq!(
            error(ScanOf::Set, &["novalues"]),
            "ERR NOVALUES option can only be used in HSCAN"
        );
        assert_eq!(
            error(ScanOf::Hash, &["noscores"]),
            "ERR NOSCORES option can only be used in ZSCAN"
        );
    }

    #[test]
    fn cursors_as_strtoul_reads_them() {
        for (text, want) in [
            ("0", 0),
            ("", 0),
            ("+7", 7),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
            ("-1", u64::MAX),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()), Ok(want), "{text:?}");
        }
        for text in ["x", "1x", " 1", "-", "18446744073709551616"] {
            assert!(parse_cursor(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
