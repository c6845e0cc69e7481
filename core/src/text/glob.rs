//! Glob patterns, as in KEYS, SCAN, PSUBSCRIBE and CONFIG GET.
//!
//! ```text
//! *        any bytes, also none          [abc]   one byte of a class
//! ?        one byte                      [a-c]   ranges, in either direction
//! \x       x itself                      [^a]    none of the class
//! ```
//!
//! Two habits of Redis are kept on purpose: nothing but the empty pattern
//! matches the empty text (callers for whom a lone `*` means everything test
//! for that first), and a class that is never closed ends with the pattern.

/// Whether letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Bytes are compared as they are.
    Sensitive,
    /// ASCII letters are compared without case.
    Insensitive,
}

/// Most stars with something behind them, neighbours counted as one. Redis gives up
/// there, because its matching recurses at each, and answers that nothing matches.
pub const STARS_MAX: usize = 1000;

/// True when `text` matches `pattern`.
///
/// The work is bounded by the product of both lengths: only the last `*` is
/// ever tried again, since what an earlier one could take more of, the last one
/// can take as well. A pattern of more than [`STARS_MAX`] matches nothing.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to go on when the tokens after the last star do not fit.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        let rest = &pattern[pattern_at..];
        if rest.first() == Some(&b'*') {
            pattern_at += 1;
            match rest.get(1) {
                None => return true,
                Some(b'*') => continue,
                Some(_) => stars += 1,
            }
            if stars > STARS_MAX {
                return false;
            }
            retry = Some((pattern_at, text_at));
            continue;
        }
        match text.get(text_at) {
            None if rest.is_empty() => return true,
            // A token needs a byte, and starting later leaves even fewer.
            None => return false,
            Some(&byte) => {
                if let Some(taken) = match_token(rest, byte, case) {
                    pattern_at += taken;
                    text_at += 1;
                    continue;
                }
            }
        }
        match &mut retry {
            None => return false,
            Some((star, resume)) => {
                *resume += 1;
                (pattern_at, text_at) = (*star, *resume);
            }
        }
    }
}

/// Matches one byte against the token that `pattern` starts with, and returns
/// the token's length when it fits.
fn match_token(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (fits, taken) = match_class(class, byte, case);
            fits.then_some(taken + 1)
        }
        [b'\\', literal, ..] => same(*literal, byte, case).then_some(2),
        [literal, ..] => same(*literal, byte, case).then_some(1),
    }
}

/// Matches one byte against a class, whose opening bracket is not part of
/// `class`; returns the verdict and the length including the closing bracket.
fn match_class(class: &[u8], byte: u8, case: Case) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &class[at..] {
            [] => return (found != negated, at),
            [b']', ..] => return (found != negated, at + 1),
            [b'\\', literal, ..] => {
                found |= *literal == byte;
                at += 2;
            }
            [from, b'-', to, ..] => {
                found |= in_range(*from, *to, byte, case);
                at += 3;
            }
            [literal, ..] => {
                found |= same(*literal, byte, case);
                at += 1;
            }
        }
    }
}

fn in_range(from: u8, to: u8, byte: u8, case: Case) -> bool {
    // The ends are ordered before their case is folded, as in Redis.
    let (low, high) = (from.min(to), from.max(to));
    (fold(low, case)..=fold(high, case)).contains(&fold(byte, case))
}

fn same(one: u8, other: u8, case: Case) -> bool {
    fold(one, case) == fold(other, case)
}

fn fold(byte: u8, case: Case) -> u8 {
    match case {
        Case::Sensitive => byte,
        Case::Insensitive => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matched(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive)
    }

    #[test]
    fn patterns_that_match() {
        for (pattern, text) in [
            ("", ""),
            ("*", "a"),
            ("a*", "a"),
            ("a**", "a"),
            ("*a*b*c", "xxaxxbxxc"),
            ("h?llo", "hello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-b]llo", "hbllo"),
            ("h[b-a]llo", "hbllo"),
            ("[a-", "-"),
            ("[abc", "c"),
            ("[^", "x"),
            ("[\\]]", "]"),
            ("[a\\-z]", "-"),
            ("\\*", "*"),
            ("a\\", "a\\"),
            ("*\\?", "what?"),
            ("*[0-9]*", "key:7:x"),
            ("a]", "a]"),
        ] {
            assert!(matched(pattern, text), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn patterns_that_do_not() {
        for (pattern, text) in [
            ("*", ""),
            ("", "a"),
            ("a", "ab"),
            ("ab", "a"),
            ("h[^e]llo", "hello"),
            ("[]a]", "a"),
            ("[", "["),
            ("[a\\-z]", "m"),
            ("\\*", "x"),
            ("*a*b*c", "xxcxxbxxa"),
            ("a*b", "a"),
            ("A", "a"),
        ] {
            assert!(!matched(pattern, text), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn without_case() {
        let nocase = |pattern: &str, text: &str| {
            matches(pattern.as_bytes(), text.as_bytes(), Case::Insensitive)
        };
        assert!(nocase("MaxMem*", "maxmemory"));
        assert!(nocase("[A-C]", "b"));
        assert!(nocase("[X]", "x"));
        // An escaped byte in a class is compared as it is, as in Redis.
        assert!(!nocase("[\\X]", "x"));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "a*".repeat(STARS_MAX) + "b";
        assert!(!matched(&pattern, &"a".repeat(20_000)));
    }

    #[test]
    fn too_many_stars_match_nothing() {
        let text = "a".repeat(STARS_MAX + 1);
        assert!(matched(&"*?".repeat(STARS_MAX), &text));
        assert!(matched(&("**?".repeat(STARS_MAX) + "*"), &text));
        assert!(!matched(&"*?".repeat(STARS_MAX + 1), &text));
    }

    /// What the grammar above says, without regard to cost.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|at| by_definition(rest, &text[at..])),
            _ => text.split_first().is_some_and(|(byte, text)| {
                match_token(pattern, *byte, Case::Sensitive)
                    .is_some_and(|taken| by_definition(&pattern[taken..], text))
            }),
        }
    }

    proptest! {
        #[test]
        fn retrying_only_the_last_star_is_enough(
            pattern in "[ab*?\\[\\]^\\\\-]{0,8}",
            text in "[ab\\-]{1,8}",
        ) {
            let want = by_definition(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matched(&pattern, &text), want);
        }

        #[test]
        fn any_bytes_are_answered(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text, Case::Insensitive);
        }
    }
}
