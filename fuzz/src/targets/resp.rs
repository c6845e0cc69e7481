//! Requests of clients, and words in quotes.

use towline_core::resp::limits::{
    INLINE_MAX_BYTES, UNAUTHENTICATED_MAX_ARGS, UNAUTHENTICATED_MAX_BULK_BYTES,
};
use towline_core::resp::{Parsed, ProtocolError, RequestLimits, RequestParser};
use towline_core::text::quote;
use towline_replication::wire;

use super::cuts;

/// A limit on arguments that inputs of a few kilobytes reach.
const SMALL_BULK_BYTES: u64 = 600;

type Command = Vec<Vec<u8>>;

/// The commands of an input, where each ended, and what ended the connection.
#[derive(Debug, PartialEq)]
struct Seen {
    commands: Vec<(Command, usize)>,
    error: Option<ProtocolError>,
    idle: bool,
}

/// Requests are the same however they are cut, keep to the limits of their
/// connection, and can be written and read again.
pub fn requests(input: &[u8]) {
    let limits = |max_bulk_bytes, authenticated| RequestLimits {
        max_bulk_bytes,
        authenticated,
    };
    for limits in [
        RequestLimits::default(),
        limits(SMALL_BULK_BYTES, true),
        limits(SMALL_BULK_BYTES, false),
    ] {
        let seen: Vec<Seen> = cuts(input).iter().map(|cut| read(cut, limits)).collect();
        assert!(
            seen.windows(2).all(|two| two[0] == two[1]),
            "chunks decide what is read: {seen:?}"
        );
        written_again(&seen[0]);
    }
}

fn read(chunks: &[&[u8]], limits: RequestLimits) -> Seen {
    let mut parser = RequestParser::new();
    let mut buffer = Vec::new();
    let mut seen = Seen {
        commands: Vec::new(),
        error: None,
        idle: false,
    };
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        loop {
            // Looked at before: an inline command is decoded where it stands.
            let is_array = buffer.starts_with(b"*");
            match parser.parse(&mut buffer, limits) {
                Err(error) => {
                    seen.error = Some(checked(error));
                    return seen;
                }
                Ok(Parsed::Incomplete { missing }) => {
                    check_claim(missing, &parser, limits);
                    break;
                }
                Ok(Parsed::Complete { consumed }) => {
                    check_arguments(consumed, is_array, &parser, limits);
                    let args = parser.args().iter().map(|arg| arg.of(&buffer).to_vec());
                    seen.commands.push((args.collect(), consumed));
                    buffer.drain(..consumed);
                }
            }
        }
    }
    seen.idle = parser.is_idle();
    seen
}

fn checked(error: ProtocolError) -> ProtocolError {
    let message = error.message();
    assert!(message.starts_with(b"ERR Protocol error: "), "{message:?}");
    error
}

/// The longest argument of such a connection.
fn longest_bulk(limits: RequestLimits) -> u64 {
    let most = match limits.authenticated {
        true => u64::MAX,
        false => UNAUTHENTICATED_MAX_BULK_BYTES.unsigned_abs(),
    };
    limits.max_bulk_bytes.min(most)
}

fn check_claim(missing: usize, parser: &RequestParser, limits: RequestLimits) {
    assert!(parser.args().is_empty(), "arguments of half a command");
    let most = longest_bulk(limits).saturating_add(2);
    assert!(
        (1..=most.max(4)).contains(&(missing as u64)),
        "{missing} bytes are missing, the limit is {most}"
    );
}

fn check_arguments(consumed: usize, is_array: bool, parser: &RequestParser, limits: RequestLimits) {
    let longest = match is_array {
        true => longest_bulk(limits),
        false => INLINE_MAX_BYTES as u64,
    };
    let args = parser.args();
    assert!(limits.authenticated || !is_array || args.len() as i64 <= UNAUTHENTICATED_MAX_ARGS);
    let mut last = 0;
    for arg in args {
        assert!(arg.len as u64 <= longest, "an argument over its limit");
        assert!(arg.start >= last && arg.start + arg.len <= consumed);
        last = arg.start + arg.len;
    }
}

/// What was read, written as arrays, is read as the same.
fn written_again(seen: &Seen) {
    let mut bytes = Vec::new();
    for (command, _) in seen.commands.iter().filter(|(args, _)| !args.is_empty()) {
        let args: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        bytes.extend(wire::command(&args));
    }
    let again = read(&[&bytes], RequestLimits::replication_stream());
    assert!(again.error.is_none() && again.idle, "{again:?}");
    let wanted = seen.commands.iter().filter(|(args, _)| !args.is_empty());
    assert!(
        again
            .commands
            .iter()
            .map(|(args, _)| args)
            .eq(wanted.map(|(args, _)| args)),
        "another command came back"
    );
}

/// A line's words lie in it, in order, and come back when they are quoted.
pub fn quoted_words(input: &[u8]) {
    let mut line = input.to_vec();
    let (mut ranges, mut last) = (Vec::new(), 0);
    let split = quote::split_in_place(&mut line, |range| {
        assert!(last <= range.start && range.start <= range.end);
        last = range.end;
        ranges.push(range);
    });
    assert!(last <= line.len());
    let owned = quote::split(input);
    assert_eq!(owned.is_ok(), split.is_ok());
    let Ok(words) = owned else {
        return;
    };
    assert!(
        ranges
            .iter()
            .map(|range| &line[range.clone()])
            .eq(words.iter())
    );
    let mut quoted = Vec::new();
    for word in &words {
        quote::write_quoted(&mut quoted, word);
        quoted.push(b' ');
    }
    assert!(quoted.iter().all(|byte| (b' '..=b'~').contains(byte)));
    assert_eq!(quote::split(&quoted), Ok(words));
}
