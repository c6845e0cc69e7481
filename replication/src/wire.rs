//! The small commands that replication itself says and hears: written with
//! [`command`], read with [`CommandReader`]. The stream's own commands are read
//! by the engine's parser; these are few, short and bounded far more tightly.

use std::fmt;

use towline_core::offset::Offset;

/// The longest command that a peer may send outside of the stream.
pub const MAX_COMMAND_BYTES: usize = 16 * 1024;
/// The most arguments that such a command may have.
const MAX_ARGUMENTS: usize = 64;

/// One command as a RESP array.
#[must_use]
pub fn command(args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// An offset or a length, as a peer writes it; `None` for what is none. Redis's
/// own are signed, so none is beyond their largest, and every one that is taken
/// leaves room for the stream behind it.
#[must_use]
pub fn offset_of(text: &[u8]) -> Option<Offset> {
    let number: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    i64::try_from(number).ok().map(|_| Offset(number))
}

/// What arrived from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An empty line: a sign of life.
    Newline,
    /// A command, as an array or inline.
    Command(Vec<Vec<u8>>),
}

/// The peer sent something that is not a command, or one beyond the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACommand;

impl fmt::Display for NotACommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer sent something that is not a command of the replication protocol")
    }
}

/// Takes commands apart that arrive in any number of pieces.
#[derive(Debug, Default)]
pub struct CommandReader {
    pending: Vec<u8>,
    /// How much of it has been taken; removed with the next bytes, so that many
    /// small commands at once cost no more than their bytes.
    taken: usize,
}

impl CommandReader {
    /// Adds what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.taken);
        self.taken = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole command; `None` until more has arrived.
    ///
    /// # Errors
    /// [`NotACommand`], after which the link is of no further use.
    pub fn next_command(&mut self) -> Result<Option<Heard>, NotACommand> {
        let rest = &self.pending[self.taken..];
        let mut cursor = Cursor(rest);
        let heard = cursor.command()?;
        let used = match heard {
            Some(_) => rest.len() - cursor.0.len(),
            None => rest.len(),
        };
        // A command that is too long is so whether it came in one piece or not.
        if used > MAX_COMMAND_BYTES {
            return Err(NotACommand);
        }
        if heard.is_some() {
            self.taken += used;
        }
        Ok(heard)
    }
}

/// What is left of the pending bytes while a command is tried on them.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn command(&mut self) -> Result<Option<Heard>, NotACommand> {
        let Some(line) = self.line() else {
            return Ok(None);
        };
        match line.split_first() {
            Some((b'*', count)) => self.array(number(count, MAX_ARGUMENTS)?),
            Some(_) => Ok(Some(inline(line))),
            None => Ok(Some(Heard::Newline)),
        }
    }

    fn array(&mut self, count: usize) -> Result<Option<Heard>, NotACommand> {
        let mut args = Vec::with_capacity(count);
        for _ in 0..count {
            let Some(line) = self.line() else {
                return Ok(None);
            };
            let Some((b'$', len)) = line.split_first() else {
                return Err(NotACommand);
            };
            let len = number(len, MAX_COMMAND_BYTES)?;
            let Some((arg, rest)) = self.0.split_at_checked(len) else {
                return Ok(None);
            };
            let Some((end, rest)) = rest.split_at_checked(2) else {
                return Ok(None);
            };
            if end != b"\r\n" {
                return Err(NotACommand);
            }
            args.push(arg.to_vec());
            self.0 = rest;
        }
        Ok(Some(Heard::Command(args)))
    }

    /// The next line without its end, which is a newline with or without a return.
    fn line(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn number(text: &[u8], most: usize) -> Result<usize, NotACommand> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|number| *number <= most)
        .ok_or(NotACommand)
}

fn inline(line: &[u8]) -> Heard {
    let words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec);
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        Heard::Newline
    } else {
        Heard::Command(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(pieces: &[&[u8]]) -> Result<Vec<Heard>, NotACommand> {
        let mut reader = CommandReader::default();
        let mut all = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Some(heard) = reader.next_command()? {
                all.push(heard);
            }
        }
        Ok(all)
    }

    #[test]
    fn arrays_inline_commands_and_newlines_mix() {
        let mut bytes = b"\n\r\nPING  x\r\n".to_vec();
        bytes.extend(command(&[b"REPLCONF", b"ACK", b"\r\n"]));
        let words = |words: &[&[u8]]| Heard::Command(words.iter().map(|w| w.to_vec()).collect());
        let expected = vec![
            Heard::Newline,
            Heard::Newline,
            words(&[b"PING", b"x"]),
            words(&[b"REPLCONF", b"ACK", b"\r\n"]),
        ];
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read_all(&pieces), Ok(expected.clone()));
        assert_eq!(read_all(&[&bytes]), Ok(expected));
    }

    #[test]
    fn what_is_no_command_or_too_long_is_refused() {
        for bad in [
            &b"*x\r\n"[..],
            b"*65\r\n",
            b"*1\r\n:1\r\n",
            b"*1\r\n$20000\r\n",
            b"*1\r\n$1\r\nabc",
        ] {
            assert_eq!(read_all(&[bad]), Err(NotACommand), "{bad:?}");
        }
        assert_eq!(
            read_all(&[&[b'x'; MAX_COMMAND_BYTES + 1]]),
            Err(NotACommand)
        );
        let mut whole = vec![b'x'; MAX_COMMAND_BYTES];
        whole.push(b'\n');
        assert_eq!(read_all(&[&whole]), Err(NotACommand));
    }

    #[test]
    fn offsets_are_those_that_redis_can_say() {
        assert_eq!(offset_of(b"0"), Some(Offset(0)));
        assert_eq!(
            offset_of(b"9223372036854775807"),
            Some(Offset(i64::MAX as u64))
        );
        for bad in [&b""[..], b"-1", b"x", b"9223372036854775808", b"\xff"] {
            assert_eq!(offset_of(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_within_the_limit(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..20) {
            let mut reader = CommandReader::default();
            for piece in bytes.chunks(cut) {
                reader.push(piece);
                while let Ok(Some(_)) = reader.next_command() {}
            }
            prop_assert!(reader.pending.len() <= bytes.len());
        }
    }
}
