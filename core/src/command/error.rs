//! What a client reads when a command fails. Every text that more than one
//! command answers stands here, in Redis's own words: clients match on them.

use std::borrow::Cow;

/// How a command ended. A handler that failed has written no reply.
pub type CommandResult<T = ()> = Result<T, CommandError>;

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The key holds another type.
    WrongType,
    /// The options make no sense together.
    Syntax,
    /// Not a 64-bit integer.
    NotInteger,
    /// Not a finite float.
    NotFloat,
    /// A value outside what the option takes.
    OutOfRange,
    /// The key has to be there.
    NoSuchKey,
    /// An index beyond the list.
    IndexOutOfRange,
    /// The number of arguments does not fit the command of that name.
    Arity(String),
    /// An unknown subcommand of a container, with what was asked for.
    UnknownSubcommand {
        /// The container, as the client wrote it.
        container: String,
        /// The subcommand, as the client wrote it.
        subcommand: String,
    },
    /// Arguments that a subcommand does not take, of a container that leaves the
    /// number open.
    SubcommandSyntax {
        /// The container's name.
        container: &'static str,
        /// The subcommand, as the client wrote it.
        subcommand: String,
    },
    /// A result would leave the range of 64-bit integers.
    Overflow,
    /// A result would be NaN or infinite.
    NanOrInfinity,
    /// A string would exceed proto-max-bulk-len.
    StringTooLong,
    /// A timeout that is no number.
    TimeoutNotFloat,
    /// A timeout below zero.
    TimeoutNegative,
    /// An expiry outside what the command of that name takes.
    InvalidExpire(&'static str),
    /// A score bound that is no number.
    MinMaxNotFloat,
    /// A lexicographic bound that is none.
    MinMaxNotLex,
    /// SELECT of a database that is not there.
    DbIndex,
    /// A write was made, and nobody can tell whether it is as durable as its client
    /// asked for.
    DurabilityUnknown,
    /// A write was not made, because it would not be as durable; why.
    NotDurable(&'static str),
    /// Any other text, code included.
    Text(Cow<'static, str>),
}

impl CommandError {
    /// An error with a text of its own, which starts with its code: `ERR …`.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into())
    }

    /// As [`Self::SubcommandSyntax`], with what the client wrote.
    #[must_use]
    pub fn subcommand_syntax(container: &'static str, subcommand: &[u8]) -> Self {
        let shown = &subcommand[..subcommand.len().min(128)];
        Self::SubcommandSyntax {
            container,
            subcommand: String::from_utf8_lossy(shown).into_owned(),
        }
    }

    /// The whole line, without the leading minus.
    #[must_use]
    pub fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::Syntax => "ERR syntax error",
            Self::NotInteger => "ERR value is not an integer or out of range",
            Self::NotFloat => "ERR value is not a valid float",
            Self::OutOfRange => "ERR value is out of range",
            Self::NoSuchKey => "ERR no such key",
            Self::IndexOutOfRange => "ERR index out of range",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::NanOrInfinity => "ERR increment would produce NaN or Infinity",
            Self::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::TimeoutNotFloat => "ERR timeout is not a float or out of range",
            Self::TimeoutNegative => "ERR timeout is negative",
            Self::MinMaxNotFloat => "ERR min or max is not a float",
            Self::MinMaxNotLex => "ERR min or max not valid string range item",
            Self::DbIndex => "ERR DB index is out of range",
            Self::DurabilityUnknown => {
                "DURABILITYUNKNOWN The write happened, and its durability is unknown: what was \
                 asked for was not confirmed."
            }
            Self::NotDurable(why) => {
                return format!("NODURABILITY The write did not happen: {why}.").into();
            }
            Self::Arity(name) => {
                return format!("ERR wrong number of arguments for '{name}' command").into();
            }
            Self::InvalidExpire(name) => {
                return format!("ERR invalid expire time in '{name}' command").into();
            }
            Self::UnknownSubcommand {
                container,
                subcommand,
            } => {
                return format!(
                    "ERR unknown subcommand '{subcommand}'. Try {} HELP.",
                    container.to_uppercase()
                )
                .into();
            }
            Self::SubcommandSyntax {
                container,
                subcommand,
            } => {
                return format!(
                    "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. \
                     Try {container} HELP."
                )
                .into();
            }
            Self::Text(text) => return text.clone(),
        })
    }

    /// The code that INFO's errorstats count: the first word.
    #[must_use]
    pub fn code(&self) -> String {
        let message = self.message();
        message.split(' ').next().unwrap_or("ERR").to_owned()
    }
}
