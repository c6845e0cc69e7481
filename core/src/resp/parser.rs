//! The incremental request parser.
//!
//! ```text
//!   ┌────────┐ '*'   ┌──────────────────┐ n > 0  ┌────────────┐
//!   │ Start  ├──────►│ MultibulkHeader  ├───────►│ BulkHeader │◄─────┐
//!   └───┬────┘       └────────┬─────────┘        └─────┬──────┘      │ more
//!       │ else                │ n <= 0                 │ $len        │ arguments
//!       ▼                     ▼                        ▼             │
//!   ┌────────┐  '\n'     Complete,              ┌────────────┐       │
//!   │ Inline ├─────────► maybe without ◄────────┤  BulkBody  ├───────┘
//!   └────────┘           arguments      last    └────────────┘
//! ```
//!
//! The parser owns no bytes. It looks at a buffer that only grows until a
//! command is complete, remembers how far it has looked, and names arguments
//! by their place in that buffer.

use std::fmt;

use super::inline;
use super::limits::{
    INLINE_MAX_BYTES, KEPT_ARGS, MULTIBULK_MAX_ARGS, RequestLimits, UNAUTHENTICATED_MAX_ARGS,
    UNAUTHENTICATED_MAX_BULK_BYTES,
};
use crate::text::number;

/// Where an argument lies, relative to the start of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgRange {
    /// Offset of the first byte.
    pub start: usize,
    /// Length in bytes.
    pub len: usize,
}

impl ArgRange {
    /// The argument itself; `command` starts where the command starts.
    pub fn of(self, command: &[u8]) -> &[u8] {
        &command[self.start..self.start + self.len]
    }
}

/// The outcome of a look at the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The command goes on beyond the buffer.
    Incomplete {
        /// At least so many more bytes are needed. It is the client's claim,
        /// within the limits: grow a buffer by it step by step.
        missing: usize,
    },
    /// A whole command; [`RequestParser::args`] says where its arguments are.
    /// It has none after an empty line, `*0` or `*-1`, which ask for nothing
    /// and are not answered.
    Complete {
        /// The bytes that the command took from the start of the buffer.
        consumed: usize,
    },
}

/// Why a request cannot be understood; the connection ends after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline command longer than [`INLINE_MAX_BYTES`].
    InlineTooBig,
    /// A quote in an inline command is not closed.
    UnbalancedQuotes,
    /// The line after `*` is longer than [`INLINE_MAX_BYTES`].
    MultibulkHeaderTooBig,
    /// The number after `*` is none, or beyond [`MULTIBULK_MAX_ARGS`].
    InvalidMultibulkLength,
    /// Too many arguments for a client that has not authenticated.
    UnauthenticatedMultibulkLength,
    /// The line after `$` is longer than [`INLINE_MAX_BYTES`].
    BulkHeaderTooBig,
    /// An argument starts with this byte instead of `$`.
    ExpectedDollar(u8),
    /// The number after `$` is none, negative, or beyond the limit.
    InvalidBulkLength,
    /// Too long an argument for a client that has not authenticated.
    UnauthenticatedBulkLength,
}

impl ProtocolError {
    /// The whole error as the client sees it, without `-` and line end.
    pub fn message(self) -> Vec<u8> {
        let mut text = self.to_string().into_bytes();
        if let Self::ExpectedDollar(byte) = self {
            // The byte itself, which need not be part of any text.
            text.truncate(EXPECTED_DOLLAR.len());
            text.extend_from_slice(&[byte, b'\'']);
        }
        text
    }
}

const EXPECTED_DOLLAR: &str = "ERR Protocol error: expected '$', got '";

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::InlineTooBig => "too big inline request",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::MultibulkHeaderTooBig => "too big mbulk count string",
            Self::InvalidMultibulkLength => "invalid multibulk length",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::BulkHeaderTooBig => "too big bulk count string",
            Self::ExpectedDollar(byte) => {
                return write!(f, "{EXPECTED_DOLLAR}{}'", byte.escape_ascii());
            }
            Self::InvalidBulkLength => "invalid bulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
        };
        write!(f, "ERR Protocol error: {what}")
    }
}

impl std::error::Error for ProtocolError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Inline,
    MultibulkHeader,
    BulkHeader,
    BulkBody { len: usize },
}

/// Finds commands in a growing buffer, without looking at a byte twice and
/// without copying arguments.
///
/// ```
/// use towline_core::resp::{Parsed, RequestLimits, RequestParser};
/// let mut parser = RequestParser::new();
/// let mut buf = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\nPING\r\n".to_vec();
/// let parsed = parser.parse(&mut buf, RequestLimits::default());
/// assert_eq!(parsed, Ok(Parsed::Complete { consumed: 22 }));
/// assert_eq!(parser.args()[1].of(&buf), b"key");
/// ```
#[derive(Debug)]
pub struct RequestParser {
    state: State,
    /// Start of the line or the argument in progress.
    position: usize,
    /// No line end lies between `position` and here, where an inline command
    /// may have its first NUL.
    scanned: usize,
    /// Arguments still to come, the one in progress included.
    remaining: usize,
    args: Vec<ArgRange>,
}

impl Default for RequestParser {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestParser {
    /// A parser at the start of a command.
    pub fn new() -> Self {
        Self {
            state: State::Start,
            position: 0,
            scanned: 0,
            remaining: 0,
            args: Vec::new(),
        }
    }

    /// The arguments of the command that was found last, the command's name
    /// first; empty while a command is incomplete. Copy them before the next
    /// call if more than one command is collected.
    pub fn args(&self) -> &[ArgRange] {
        match self.state {
            State::Start => &self.args,
            _ => &[],
        }
    }

    /// True between commands, where the stream may end or be handed over.
    pub fn is_idle(&self) -> bool {
        self.state == State::Start
    }

    /// Where an argument starts that is so large that Redis would have moved it to the
    /// front of its buffer while it arrives; what stands before it takes no room there.
    pub fn large_argument_start(&self) -> usize {
        match self.state {
            State::BulkBody { len } if len >= LARGE_ARGUMENT_MIN_BYTES => self.position,
            _ => 0,
        }
    }

    /// Looks for the end of a command that starts at the start of `buf`.
    ///
    /// After [`Parsed::Incomplete`] the next call must see the same bytes with
    /// more behind them. After [`Parsed::Complete`] it must see what follows
    /// the consumed ones. `buf` is written to only where an inline command has
    /// quoted arguments, which are decoded in place. After an error the parser
    /// is of no further use.
    pub fn parse(
        &mut self,
        buf: &mut [u8],
        limits: RequestLimits,
    ) -> Result<Parsed, ProtocolError> {
        loop {
            let missing = match self.state {
                State::Start => self.start(buf),
                State::Inline => return self.inline(buf),
                State::MultibulkHeader => {
                    let missing = self.multibulk_header(buf, limits)?;
                    if missing == 0 && self.remaining == 0 {
                        return Ok(self.complete());
                    }
                    missing
                }
                State::BulkHeader => self.bulk_header(buf, limits)?,
                State::BulkBody { len } => {
                    let missing = self.bulk_body(buf, len);
                    if missing == 0 && self.remaining == 0 {
                        return Ok(self.complete());
                    }
                    missing
                }
            };
            if missing > 0 {
                return Ok(Parsed::Incomplete { missing });
            }
        }
    }

    fn start(&mut self, buf: &[u8]) -> usize {
        self.args.clear();
        self.state = match buf.first() {
            None => return 1,
            Some(b'*') => State::MultibulkHeader,
            Some(_) => State::Inline,
        };
        self.position = 0;
        self.scanned = 0;
        self.args.shrink_to(KEPT_ARGS);
        0
    }

    /// Ends the command before `position`.
    fn complete(&mut self) -> Parsed {
        self.state = State::Start;
        Parsed::Complete {
            consumed: self.position,
        }
    }

    fn inline(&mut self, buf: &mut [u8]) -> Result<Parsed, ProtocolError> {
        // As in Redis, whose strings end there, a line with a NUL never ends:
        // what comes from a client that speaks no RESP is not executed.
        let found = memchr::memchr2(b'\n', 0, &buf[self.scanned..]);
        self.scanned = found.map_or(buf.len(), |at| self.scanned + at);
        let found = buf.get(self.scanned) == Some(&b'\n');
        let len = if found { self.scanned } else { buf.len() };
        if len > INLINE_MAX_BYTES {
            return Err(ProtocolError::InlineTooBig);
        }
        if !found {
            return Ok(Parsed::Incomplete { missing: 1 });
        }
        inline::parse_line(buf, len, &mut self.args)?;
        self.position = len + 1;
        Ok(self.complete())
    }

    /// Finds the end of the header line in progress: the offset of its `\r`,
    /// or how many bytes are missing. The byte after `\r` is not looked at.
    fn header_line(&mut self, buf: &[u8], too_big: ProtocolError) -> Result<Line, ProtocolError> {
        // Headers are a few bytes long, for which a plain loop is fastest.
        let rest = buf.get(self.scanned..).unwrap_or(&[]);
        let found = rest.iter().position(|byte| *byte == b'\r');
        self.scanned += found.unwrap_or(rest.len());
        if self.scanned - self.position > INLINE_MAX_BYTES {
            return Err(too_big);
        }
        Ok(match found {
            None => Line::Missing(if self.scanned == self.position { 4 } else { 2 }),
            Some(_) if self.scanned + 1 >= buf.len() => Line::Missing(1),
            Some(_) => Line::Ends(self.scanned),
        })
    }

    /// Reads `*<count>`; returns how many bytes are missing.
    fn multibulk_header(
        &mut self,
        buf: &[u8],
        limits: RequestLimits,
    ) -> Result<usize, ProtocolError> {
        let end = match self.header_line(buf, ProtocolError::MultibulkHeaderTooBig)? {
            Line::Missing(missing) => return Ok(missing),
            Line::Ends(end) => end,
        };
        let count = number::parse_i64(&buf[1..end])
            .filter(|count| *count <= MULTIBULK_MAX_ARGS)
            .ok_or(ProtocolError::InvalidMultibulkLength)?;
        if count > UNAUTHENTICATED_MAX_ARGS && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        // A negative count asks for nothing, like zero.
        self.remaining = usize::try_from(count).unwrap_or(0);
        self.args.reserve(self.remaining.min(KEPT_ARGS));
        self.begin_line(end + 2);
        self.state = State::BulkHeader;
        Ok(0)
    }

    /// Reads `$<length>`; returns how many bytes are missing.
    fn bulk_header(&mut self, buf: &[u8], limits: RequestLimits) -> Result<usize, ProtocolError> {
        let end = match self.header_line(buf, ProtocolError::BulkHeaderTooBig)? {
            Line::Missing(missing) => return Ok(missing),
            Line::Ends(end) => end,
        };
        if buf[self.position] != b'$' {
            return Err(ProtocolError::ExpectedDollar(buf[self.position]));
        }
        let len = number::parse_i64(&buf[self.position + 1..end])
            .filter(|len| (0..=BULK_MAX_BYTES).contains(len))
            .filter(|len| {
                // Without this bound the fuzzer must find something.
                cfg!(towline_canary = "resp") || len.unsigned_abs() <= limits.max_bulk_bytes
            })
            .ok_or(ProtocolError::InvalidBulkLength)?;
        if len > UNAUTHENTICATED_MAX_BULK_BYTES && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        self.begin_line(end + 2);
        let len = usize::try_from(len).map_err(|_| ProtocolError::InvalidBulkLength)?;
        self.state = State::BulkBody { len };
        Ok(0)
    }

    /// Takes the argument and the line end behind it, whatever that is;
    /// returns how many bytes are missing.
    fn bulk_body(&mut self, buf: &[u8], len: usize) -> usize {
        let end = self.position + len + 2;
        if buf.len() < end {
            return end - buf.len();
        }
        self.args.push(ArgRange {
            start: self.position,
            len,
        });
        self.remaining -= 1;
        self.begin_line(end);
        self.state = State::BulkHeader;
        0
    }

    fn begin_line(&mut self, position: usize) {
        self.position = position;
        self.scanned = position;
    }
}

/// Whether a header line is whole.
enum Line {
    /// At least so many bytes are missing.
    Missing(usize),
    /// It ends before this offset.
    Ends(usize),
}

/// Lengths above this are refused even where no limit is set, so that sums of
/// offsets cannot overflow.
const BULK_MAX_BYTES: i64 = 1 << 46;
/// Arguments of this length are received into a buffer of their own in Redis.
const LARGE_ARGUMENT_MIN_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests;
