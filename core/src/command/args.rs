//! The arguments of a command as COMMAND DOCS describes them: a tree of named,
//! typed parts that clients build their own syntax help and parsers from.

use bitflags::bitflags;

/// What an argument holds, named as in the reply of COMMAND DOCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgType {
    /// Any bytes.
    String,
    /// A signed integer.
    Integer,
    /// A floating point number.
    Double,
    /// The name of a key.
    Key,
    /// A glob-style pattern.
    Pattern,
    /// A point in time, in seconds or milliseconds since 1970.
    UnixTime,
    /// The token alone is the argument.
    PureToken,
    /// Exactly one of the nested arguments.
    OneOf,
    /// All of the nested arguments, in order.
    Block,
}

impl ArgType {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            ArgType::String => "string",
            ArgType::Integer => "integer",
            ArgType::Double => "double",
            ArgType::Key => "key",
            ArgType::Pattern => "pattern",
            ArgType::UnixTime => "unix-time",
            ArgType::PureToken => "pure-token",
            ArgType::OneOf => "oneof",
            ArgType::Block => "block",
        }
    }

    /// Whether the argument consists of nested ones and has no text of its own.
    pub const fn is_nested(self) -> bool {
        matches!(self, ArgType::OneOf | ArgType::Block)
    }
}

bitflags! {
    /// How often an argument may stand in a call.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ArgFlags: u8 {
        /// It may be left out.
        const OPTIONAL = 1 << 0;
        /// It may be repeated.
        const MULTIPLE = 1 << 1;
        /// Each repetition carries the token again.
        const MULTIPLE_TOKEN = 1 << 2;
    }
}

/// Names of [`ArgFlags`] in COMMAND DOCS, in the order they are printed.
pub const ARG_FLAG_NAMES: &[(ArgFlags, &str)] = &[
    (ArgFlags::OPTIONAL, "optional"),
    (ArgFlags::MULTIPLE, "multiple"),
    (ArgFlags::MULTIPLE_TOKEN, "multiple_token"),
];

/// One argument of a command.
#[derive(Debug, Clone, Copy)]
pub struct ArgSpec {
    /// The name, unique among its siblings.
    pub name: &'static str,
    /// What it holds.
    pub kind: ArgType,
    /// What syntax help shows for it, if not its name.
    pub display_text: Option<&'static str>,
    /// Which key spec of the command covers it.
    pub key_spec_index: Option<u8>,
    /// The keyword in front of it, or the keyword that it is.
    pub token: Option<&'static str>,
    /// The version that brought it, if later than the command's.
    pub since: Option<&'static str>,
    /// The version that advised against it.
    pub deprecated_since: Option<&'static str>,
    /// How often it may stand.
    pub flags: ArgFlags,
    /// The nested arguments of a `oneof` or a `block`.
    pub args: &'static [ArgSpec],
}

impl ArgSpec {
    const fn new(name: &'static str, kind: ArgType) -> ArgSpec {
        ArgSpec {
            name,
            kind,
            display_text: None,
            key_spec_index: None,
            token: None,
            since: None,
            deprecated_since: None,
            flags: ArgFlags::empty(),
            args: &[],
        }
    }

    /// Any bytes.
    pub const fn string(name: &'static str) -> ArgSpec {
        ArgSpec::new(name, ArgType::String)
    }

    /// A signed integer.
    pub const fn integer(name: &'static str) -> ArgSpec {
        ArgSpec::new(name, ArgType::Integer)
    }

    /// A floating point number.
    pub const fn double(name: &'static str) -> ArgSpec {
        ArgSpec::new(name, ArgType::Double)
    }

    /// The name of a key, covered by the command's key spec number `key_spec`.
    pub const fn key(name: &'static str, key_spec: u8) -> ArgSpec {
        ArgSpec::new(name, ArgType::Key).key_spec(key_spec)
    }

    /// A glob-style pattern.
    pub const fn pattern(name: &'static str) -> ArgSpec {
        ArgSpec::new(name, ArgType::Pattern)
    }

    /// Seconds or milliseconds since 1970.
    pub const fn unix_time(name: &'static str) -> ArgSpec {
        ArgSpec::new(name, ArgType::UnixTime)
    }

    /// A keyword that stands alone.
    pub const fn pure_token(name: &'static str, token: &'static str) -> ArgSpec {
        ArgSpec::new(name, ArgType::PureToken).token(token)
    }

    /// One of several alternatives.
    pub const fn one_of(name: &'static str, args: &'static [ArgSpec]) -> ArgSpec {
        ArgSpec::new(name, ArgType::OneOf).nested(args)
    }

    /// Several arguments that stand or fall together.
    pub const fn block(name: &'static str, args: &'static [ArgSpec]) -> ArgSpec {
        ArgSpec::new(name, ArgType::Block).nested(args)
    }

    const fn nested(mut self, args: &'static [ArgSpec]) -> ArgSpec {
        self.args = args;
        self
    }

    /// Ties the argument to the command's key spec number `index`.
    pub const fn key_spec(mut self, index: u8) -> ArgSpec {
        self.key_spec_index = Some(index);
        self
    }

    /// Puts a keyword in front of the argument.
    pub const fn token(mut self, token: &'static str) -> ArgSpec {
        self.token = Some(token);
        self
    }

    /// The argument may be left out.
    pub const fn optional(mut self) -> ArgSpec {
        self.flags = self.flags.union(ArgFlags::OPTIONAL);
        self
    }

    /// The argument may be repeated.
    pub const fn multiple(mut self) -> ArgSpec {
        self.flags = self.flags.union(ArgFlags::MULTIPLE);
        self
    }

    /// Each repetition needs the keyword again.
    pub const fn multiple_token(mut self) -> ArgSpec {
        self.flags = self.flags.union(ArgFlags::MULTIPLE_TOKEN);
        self
    }

    /// The version that brought the argument.
    pub const fn since(mut self, version: &'static str) -> ArgSpec {
        self.since = Some(version);
        self
    }

    /// The version that advised against the argument.
    pub const fn deprecated_since(mut self, version: &'static str) -> ArgSpec {
        self.deprecated_since = Some(version);
        self
    }

    /// What syntax help shows instead of the name.
    pub const fn display(mut self, text: &'static str) -> ArgSpec {
        self.display_text = Some(text);
        self
    }
}
