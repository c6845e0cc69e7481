//! The patterns of BY and GET: a key with a `*` for the element, or a field of
//! the hash at such a key, as in `user:*->name`.

use crate::engine::key_view::KeyView;
use crate::value::ValueRef;

/// A pattern, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`, the element itself.
    Element,
    /// A key, or a field of a hash.
    Key {
        before: &'a [u8],
        after: &'a [u8],
        field: Option<&'a [u8]>,
    },
    /// A pattern without `*`, which finds nothing.
    Nothing,
}

impl<'a> Pattern<'a> {
    /// Takes a pattern apart. A field is what follows the first `->` behind the
    /// `*`, unless that is nothing.
    pub(super) fn parse(text: &'a [u8]) -> Self {
        if text == b"#" {
            return Self::Element;
        }
        let Some(star) = text.iter().position(|byte| *byte == b'*') else {
            return Self::Nothing;
        };
        let (before, after) = (&text[..star], &text[star + 1..]);
        let arrow = after.windows(2).position(|pair| pair == b"->");
        match arrow.map(|at| (&after[..at], &after[at + 2..])) {
            Some((after, field)) if !field.is_empty() => Self::Key {
                before,
                after,
                field: Some(field),
            },
            _ => Self::Key {
                before,
                after,
                field: None,
            },
        }
    }

    /// Hands what the pattern finds for an element to `take`: the string at a
    /// key, or the value of a field. Anything of another type counts as absent.
    pub(super) fn look_up<T>(
        self,
        keys: &mut KeyView<'_>,
        element: &[u8],
        take: impl FnOnce(Option<&[u8]>) -> T,
    ) -> T {
        let (before, after, field) = match self {
            Self::Element => return take(Some(element)),
            Self::Nothing => return take(None),
            Self::Key {
                before,
                after,
                field,
            } => (before, after, field),
        };
        let key = [before, element, after].concat();
        let seed = *keys.space().seed();
        let mut digits = itoa::Buffer::new();
        match (keys.read(&key), field) {
            (Some(ValueRef::Str(bytes)), None) => take(Some(bytes)),
            (Some(ValueRef::Int(number)), None) => take(Some(digits.format(number).as_bytes())),
            (Some(ValueRef::Hash(hash)), Some(field)) => match hash.get(seed, field) {
                Some(value) => take(Some(value.text(&mut digits))),
                None => take(None),
            },
            _ => take(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_taken_apart_as_redis_does() {
        let key = |before, after, field| Pattern::Key {
            before,
            after,
            field,
        };
        for (text, want) in [
            (&b"#"[..], Pattern::Element),
            (b"w", Pattern::Nothing),
            (b"w->f", Pattern::Nothing),
            (b"w*", key(b"w", b"", None)),
            (b"*:x*", key(b"", b":x*", None)),
            (b"h*->f", key(b"h", b"", Some(b"f"))),
            (b"h*x->f->g", key(b"h", b"x", Some(b"f->g"))),
            (b"a->b*", key(b"a->b", b"", None)),
            (b"h*->", key(b"h", b"->", None)),
        ] {
            assert_eq!(Pattern::parse(text), want, "{}", text.escape_ascii());
        }
    }
}
