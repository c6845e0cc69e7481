//! A reply of either protocol version.

use std::fmt;

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `+text`
    Simple(String),
    /// `-text`
    Error(String),
    /// `:number`
    Int(i64),
    /// `$length`, a string of bytes.
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Null,
    /// `*count`
    Array(Vec<Value>),
    /// `%count`, RESP3
    Map(Vec<(Value, Value)>),
    /// `~count`, RESP3
    Set(Vec<Value>),
    /// `>count`, RESP3: not the answer to a command.
    Push(Vec<Value>),
    /// `,number`, RESP3; kept as text, so that its form can be compared.
    Double(String),
    /// `#t` or `#f`, RESP3
    Bool(bool),
    /// `=length`, RESP3: its format of three letters, and the text.
    Verbatim(String, Vec<u8>),
    /// `(digits`, RESP3
    BigNumber(String),
}

impl Value {
    /// The text of a string reply.
    ///
    /// # Panics
    /// When it is no string.
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text) => text.clone(),
            Self::Bulk(bytes) | Self::Verbatim(_, bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            other => panic!("wanted a string, got {other}"),
        }
    }

    /// The number of an integer reply.
    ///
    /// # Panics
    /// When it is no integer.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => panic!("wanted an integer, got {other}"),
        }
    }

    /// The elements of an array, a set or a push.
    ///
    /// # Panics
    /// When it is none of these.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => items,
            other => panic!("wanted an array, got {other}"),
        }
    }

    /// The elements of an array of strings.
    ///
    /// # Panics
    /// When it is anything else.
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().map(Value::text).collect()
    }

    /// Whether it is an error reply.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{text}"),
            Self::Int(number) => write!(f, ":{number}"),
            Self::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Null => write!(f, "nil"),
            Self::Array(items) => list(f, "[", items, "]"),
            Self::Set(items) => list(f, "~[", items, "]"),
            Self::Push(items) => list(f, ">[", items, "]"),
            Self::Map(pairs) => map(f, pairs),
            Self::Double(text) => write!(f, ",{text}"),
            Self::Bool(yes) => write!(f, "#{yes}"),
            Self::Verbatim(format, bytes) => write!(f, "={format}:{}", bytes.escape_ascii()),
            Self::BigNumber(text) => write!(f, "({text}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    write!(f, "{open}")?;
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    write!(f, "{close}")
}

fn map(f: &mut fmt::Formatter<'_>, pairs: &[(Value, Value)]) -> fmt::Result {
    write!(f, "{{")?;
    for (index, (key, value)) in pairs.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{key}: {value}")?;
    }
    write!(f, "}}")
}
