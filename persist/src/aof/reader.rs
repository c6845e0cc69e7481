//! The commands in a file of the log, from bytes in chunks of any size.

use std::fmt;

use towline_core::resp::{ArgRange, Parsed, ProtocolError, RequestLimits, RequestParser};
use towline_core::text::number::parse_i64;

/// The longest annotation, in bytes with its end.
const MAX_ANNOTATION_BYTES: usize = 1024;
/// Marks the annotation of a time, in unix seconds (`aof-timestamp-enabled`).
const TIMESTAMP: &[u8] = b"TS:";

/// What a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A command and its arguments.
    Command(&'a [&'a [u8]]),
    /// What follows was written at this time, in unix seconds.
    Timestamp(i64),
    /// An annotation of another kind, which every server skips.
    Annotation,
}

/// Why a file is no log, from where on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AofError {
    /// Where the record starts that is not one, in bytes from the start.
    pub offset: u64,
    /// What is wrong with it.
    pub fault: AofFault,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AofFault {
    /// It starts with this byte, and neither a command nor an annotation does.
    NoCommand(u8),
    /// It is a command of no words.
    Empty,
    /// Its lengths are none.
    Protocol(ProtocolError),
    /// An annotation without an end.
    LongAnnotation,
    /// An argument is not followed by the end of a line.
    Unterminated,
    /// The reader of the commands did not take it; its own words.
    Refused(String),
}

impl fmt::Display for AofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            AofFault::NoCommand(byte) => {
                write!(f, "expected '*', got '{}'", byte.escape_ascii())?;
            }
            AofFault::Empty => f.write_str("a command without a name")?,
            AofFault::Protocol(error) => {
                let text = error.to_string();
                f.write_str(text.strip_prefix("ERR ").unwrap_or(&text))?;
            }
            AofFault::LongAnnotation => f.write_str("an annotation without an end")?,
            AofFault::Unterminated => f.write_str("an argument is longer than it says")?,
            AofFault::Refused(reason) => f.write_str(reason)?,
        }
        write!(f, " at offset {}", self.offset)
    }
}

impl std::error::Error for AofError {}

/// A log that ends inside of a command or of a transaction, as one does whose
/// writer was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// How many bytes are whole: the log may be cut there.
    pub whole_bytes: u64,
    /// Whether what is torn is a transaction between two of its commands.
    pub in_transaction: bool,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = match self.in_transaction {
            true => "a transaction",
            false => "a command",
        };
        write!(
            f,
            "it ends inside of {inside}, whole up to offset {}",
            self.whole_bytes
        )
    }
}

/// Takes a log apart. It holds no more than one command and the chunk just fed.
#[derive(Debug, Default)]
pub struct AofReader {
    parser: RequestParser,
    /// Bytes from `offset` on that are of no whole record yet.
    buffer: Vec<u8>,
    offset: u64,
    /// Where the transaction starts that has not ended.
    transaction: Option<u64>,
}

impl AofReader {
    /// A reader at the start of a log's commands, which is at `offset` in the
    /// file: behind a snapshot, if it starts with one.
    #[must_use]
    pub fn new(offset: u64) -> Self {
        Self {
            offset,
            ..Self::default()
        }
    }

    /// Takes the next bytes and hands what they complete to `take`, with the
    /// offset that it starts at.
    ///
    /// # Errors
    /// Where bytes are no record, or `take` refuses one. The reader is then of
    /// no further use.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
    ) -> Result<(), AofError> {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        let result = loop {
            match self.record(at, take) {
                Ok(Some(consumed)) => at += consumed,
                Ok(None) => break Ok(()),
                Err(fault) => {
                    let offset = self.offset + at as u64;
                    break Err(AofError { offset, fault });
                }
            }
        };
        self.buffer.drain(..at);
        self.offset += at as u64;
        result
    }

    /// Says that there are no more bytes.
    ///
    /// # Errors
    /// Where the log is torn.
    pub fn finish(&self) -> Result<u64, Torn> {
        match self.transaction {
            None if self.buffer.is_empty() => Ok(self.offset),
            transaction => Err(Torn {
                whole_bytes: transaction.unwrap_or(self.offset),
                in_transaction: transaction.is_some(),
            }),
        }
    }

    /// Up to where what was read is whole: before a transaction that has not
    /// ended, and before bytes that are of no whole record.
    #[must_use]
    pub fn whole_bytes(&self) -> u64 {
        self.transaction.unwrap_or(self.offset)
    }

    /// How much of what was fed has become records.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.offset
    }

    /// Reads the record at `at` in the buffer, if it is whole, and answers its
    /// length.
    fn record(
        &mut self,
        at: usize,
        take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
    ) -> Result<Option<usize>, AofFault> {
        let offset = self.offset + at as u64;
        match self.buffer.get(at) {
            None => Ok(None),
            Some(b'*') => self.command(at, offset, take),
            Some(b'#') => annotation(&self.buffer[at..], offset, take),
            Some(other) => Err(AofFault::NoCommand(*other)),
        }
    }

    fn command(
        &mut self,
        at: usize,
        offset: u64,
        take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
    ) -> Result<Option<usize>, AofFault> {
        let bytes = &mut self.buffer[at..];
        // What a server wrote may hold any string that it once took.
        let limits = RequestLimits::replication_stream();
        let parsed = self.parser.parse(bytes, limits);
        let Parsed::Complete { consumed } = parsed.map_err(AofFault::Protocol)? else {
            return Ok(None);
        };
        let args: Vec<&[u8]> = self.parser.args().iter().map(|arg| arg.of(bytes)).collect();
        let name = args.first().ok_or(AofFault::Empty)?;
        // Servers skip these two bytes unseen. Where a disk lost a part of an
        // argument they tell, and nothing else does.
        let ended = |arg: &ArgRange| bytes[arg.start + arg.len..].starts_with(b"\r\n");
        if !self.parser.args().iter().all(ended) {
            return Err(AofFault::Unterminated);
        }
        if name.eq_ignore_ascii_case(b"multi") {
            // A second MULTI is an error to a server, and the first goes on.
            self.transaction.get_or_insert(offset);
        } else if name.eq_ignore_ascii_case(b"exec") {
            self.transaction = None;
        }
        take(offset, Record::Command(&args)).map_err(AofFault::Refused)?;
        Ok(Some(consumed))
    }
}

fn annotation(
    bytes: &[u8],
    offset: u64,
    take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
) -> Result<Option<usize>, AofFault> {
    let look_at = &bytes[..bytes.len().min(MAX_ANNOTATION_BYTES)];
    let Some(end) = memchr::memchr(b'\n', look_at) else {
        return match bytes.len() < MAX_ANNOTATION_BYTES {
            true => Ok(None),
            false => Err(AofFault::LongAnnotation),
        };
    };
    let text = bytes[1..end].trim_ascii_end();
    let time = text.strip_prefix(TIMESTAMP).and_then(parse_i64);
    let record = time.map_or(Record::Annotation, Record::Timestamp);
    take(offset, record).map_err(AofFault::Refused)?;
    Ok(Some(end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n\
        *1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n*1\r\n$4\r\nEXEC\r\n\
        *2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";

    /// The records in a log that is fed `chunk_bytes` at a time, and its end.
    fn read(log: &[u8], chunk_bytes: usize) -> (Vec<String>, Result<Result<u64, Torn>, AofError>) {
        let mut found = Vec::new();
        let mut take = |offset, record: Record<'_>| {
            found.push(match record {
                Record::Timestamp(time) => format!("{offset} time {time}"),
                Record::Annotation => format!("{offset} annotation"),
                Record::Command(args) => {
                    let words: Vec<String> = args
                        .iter()
                        .map(|arg| arg.escape_ascii().to_string())
                        .collect();
                    format!("{offset} {}", words.join(" "))
                }
            });
            Ok(())
        };
        let mut reader = AofReader::default();
        let fed = log
            .chunks(chunk_bytes)
            .try_for_each(|chunk| reader.feed(chunk, &mut take));
        (found, fed.map(|()| reader.finish()))
    }

    #[test]
    fn chunks_of_any_size_give_the_same_records() {
        let whole = read(LOG, LOG.len());
        assert_eq!(
            whole.0,
            [
                "0 time 1700000000",
                "16 SELECT 0",
                "39 MULTI",
                "54 SET k \\r\\n",
                "82 EXEC",
                "96 DEL k"
            ]
        );
        assert_eq!(whole.1, Ok(Ok(LOG.len() as u64)));
        for chunk_bytes in 1..LOG.len() {
            assert_eq!(read(LOG, chunk_bytes), whole, "{chunk_bytes}");
        }
    }

    #[test]
    fn a_torn_log_says_where_it_is_whole() {
        for length in 0..LOG.len() {
            let torn = read(&LOG[..length], 7).1.expect("no damage");
            let whole_bytes = match length {
                ..16 => 0,
                16..39 => 16,
                39..96 => 39,
                _ => 96,
            };
            match torn {
                Ok(bytes) => assert!([0, 16, 39, 96].contains(&bytes) && bytes == length as u64),
                Err(torn) => {
                    assert_eq!(torn.whole_bytes, whole_bytes, "{length}");
                    assert_eq!(torn.in_transaction, (54..96).contains(&length), "{length}");
                }
            }
        }
    }

    #[test]
    fn a_torn_transaction_starts_at_its_first_multi() {
        let torn = read(b"*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nmulti\r\n*", 3).1;
        let torn = torn.expect("no damage").expect_err("it is torn");
        assert_eq!(torn.whole_bytes, 0);
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let fault = |log: &[u8]| {
            let mut whole = LOG.to_vec();
            whole.extend_from_slice(log);
            let error = read(&whole, 5).1.expect_err("it is damaged");
            assert_eq!(error.offset, LOG.len() as u64);
            error.to_string()
        };
        assert_eq!(fault(b"PING\r\n"), "expected '*', got 'P' at offset 116");
        assert_eq!(fault(b"*0\r\n"), "a command without a name at offset 116");
        assert_eq!(
            fault(b"*1\r\n$4\r\nPING\0\0"),
            "an argument is longer than it says at offset 116"
        );
        assert_eq!(
            fault(b"*x\r\n"),
            "Protocol error: invalid multibulk length at offset 116"
        );
        assert_eq!(
            fault(b"*1\r\n:1\r\n"),
            "Protocol error: expected '$', got ':' at offset 116"
        );
        let long = [b"#".as_slice(), &[b'x'; MAX_ANNOTATION_BYTES]].concat();
        assert_eq!(fault(&long), "an annotation without an end at offset 116");
    }

    #[test]
    fn a_reader_may_refuse_a_command() {
        let mut take = |_, _: Record<'_>| Err("not this one".to_owned());
        let error = AofReader::new(9).feed(&LOG[16..], &mut take);
        let error = error.expect_err("it was refused");
        assert_eq!(error.to_string(), "not this one at offset 9");
    }
}
