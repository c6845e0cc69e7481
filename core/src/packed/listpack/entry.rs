//! One element of a listpack, and a value to look for.

use crate::text::number::parse_i64;

/// An element as it lies in a listpack. It borrows; it never owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An integer, whose text form is the element.
    Int(i64),
    /// Any other string.
    Str(&'a [u8]),
}

impl<'a> Entry<'a> {
    /// The element's text. `buffer` holds it where it is kept as an integer.
    pub fn text<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Int(value) => buffer.format(value).as_bytes(),
            Self::Str(text) => text,
        }
    }

    /// The element's text in a vector of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut itoa::Buffer::new()).to_vec()
    }

    /// Bytes of the element's text.
    pub fn text_len(self) -> usize {
        match self {
            Self::Int(value) => {
                let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
                digits + usize::from(value < 0)
            }
            Self::Str(text) => text.len(),
        }
    }

    /// The integer that the element's text is, if it is one.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            Self::Str(text) => parse_i64(text),
        }
    }

    /// Whether the element's text is `text`. To compare one text with many
    /// elements, make a [`Needle`] of it once.
    pub fn is(self, text: &[u8]) -> bool {
        match self {
            Self::Int(value) => parse_i64(text) == Some(value),
            Self::Str(own) => own == text,
        }
    }
}

/// A canonical integer in text becomes an integer, as Redis stores it.
impl<'a> From<&'a [u8]> for Entry<'a> {
    fn from(text: &'a [u8]) -> Self {
        parse_i64(text).map_or(Self::Str(text), Self::Int)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Entry<'a> {
    fn from(text: &'a [u8; N]) -> Self {
        Self::from(text.as_slice())
    }
}

impl<'a> From<&'a Vec<u8>> for Entry<'a> {
    fn from(text: &'a Vec<u8>) -> Self {
        Self::from(text.as_slice())
    }
}

impl From<i64> for Entry<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// A text to compare with many elements: parsed once, compared in either form,
/// because a loaded listpack may hold an integer as a string.
#[derive(Debug, Clone, Copy)]
pub struct Needle<'a> {
    text: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Looks for `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            int: parse_i64(text),
        }
    }

    /// Whether `entry` has this text.
    pub fn matches(&self, entry: Entry<'_>) -> bool {
        match entry {
            Entry::Int(value) => self.int == Some(value),
            Entry::Str(text) => self.text == text,
        }
    }
}

impl<'a> From<&'a [u8]> for Needle<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self::new(text)
    }
}
