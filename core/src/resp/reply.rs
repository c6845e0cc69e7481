//! The reply writer: RESP2 or RESP3, appended to one buffer.
//!
//! ```text
//! type            RESP2                RESP3
//! simple string   +OK\r\n              +OK\r\n
//! error           -ERR text\r\n        -ERR text\r\n
//! integer         :1\r\n               :1\r\n
//! bulk string     $3\r\nabc\r\n        $3\r\nabc\r\n
//! null            $-1\r\n              _\r\n
//! null array      *-1\r\n              _\r\n
//! array           *n\r\n               *n\r\n
//! map of n pairs  *2n\r\n              %n\r\n
//! set             *n\r\n               ~n\r\n
//! push            *n\r\n               >n\r\n
//! double          $3\r\n1.5\r\n        ,1.5\r\n
//! boolean         :1\r\n               #t\r\n
//! verbatim        $4\r\ntext\r\n       =8\r\ntxt:text\r\n
//! big number      $3\r\n123\r\n        (123\r\n
//! attribute       (none)               |n\r\n
//! ```
//!
//! The types are those of the RESP3 specification; what RESP2 gets in the place
//! of the newer ones is what Redis sends.

use std::fmt::{self, Write as _};

use crate::packed::listpack::Entry;
use crate::text::{double, number};

/// The version of the protocol a client has chosen with HELLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// What every client starts with.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// Where an aggregate began whose length was not known yet; hand it back to
/// the `end_` method that matches the `begin_` method it came from.
#[derive(Debug)]
#[must_use = "the aggregate has no length until it is ended"]
pub struct Mark(usize);

/// Room left for a deferred header: one digit, the commonest case, then needs
/// no move.
const DEFERRED_HEADER: &[u8] = b"*0\r\n";

/// Appends replies to a buffer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    buf: Vec<u8>,
    protocol: Protocol,
}

impl Reply {
    /// An empty reply for a client that speaks `protocol`.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            buf: Vec::new(),
            protocol,
        }
    }

    /// Continues in a buffer that the caller owns, after what it holds.
    pub fn with_buffer(buf: Vec<u8>, protocol: Protocol) -> Self {
        Self { buf, protocol }
    }

    /// The version that aggregates are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Switches the version for what follows.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// All bytes written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf
    }

    /// How many bytes were written so far.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// True when nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// What the buffer takes, used or not.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Gives memory back that is neither used nor within `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.buf.shrink_to(bytes);
    }

    /// Takes back everything after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.buf.truncate(len);
    }

    /// Takes the first `len` bytes out, which somebody else has now.
    pub fn drop_front(&mut self, len: usize) {
        if len == self.buf.len() {
            self.buf.clear();
        } else {
            self.buf.drain(..len);
        }
    }

    /// Empties the reply and keeps its memory.
    pub fn clear(&mut self) {
        self.buf.clear();
    }

    /// The buffer itself, for the connection to send.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buf
    }

    /// Takes the bytes out and leaves an empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buf)
    }

    /// Takes the bytes out and goes on in `empty`, whose memory is used again.
    pub fn swap_buffer(&mut self, mut empty: Vec<u8>) -> Vec<u8> {
        empty.clear();
        std::mem::replace(&mut self.buf, empty)
    }

    /// Appends bytes that are RESP already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string, which must not contain a line break.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a simple string is one line");
        self.buf.push(b'+');
        self.buf.extend_from_slice(text.as_bytes());
        self.end_line();
    }

    /// An error: its code and text, as in `ERR syntax error`. Line breaks, which
    /// may come from an argument quoted in the text, become blanks.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.buf.push(b'-');
        let start = self.buf.len();
        self.buf.extend_from_slice(text.as_ref());
        for byte in &mut self.buf[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.end_line();
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        match value {
            0 => self.buf.extend_from_slice(b":0\r\n"),
            1 => self.buf.extend_from_slice(b":1\r\n"),
            _ => self.line(b':', value),
        }
    }

    /// A count, which no collection makes larger than `i64` holds.
    pub fn count(&mut self, value: usize) {
        self.int(i64::try_from(value).expect("counts of things in memory fit in i64"));
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.buf.reserve(bytes.len() + number::I64_TEXT_LEN_MAX + 5);
        self.header(b'$', bytes.len());
        self.buf.extend_from_slice(bytes);
        self.end_line();
    }

    /// An integer as a bulk string.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// An element of a packed value, or any other that may be an integer, as a
    /// bulk string.
    pub fn bulk_entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Int(value) => self.bulk_int(value),
            Entry::Str(text) => self.bulk(text),
        }
    }

    /// A double as a bulk string in both versions.
    pub fn bulk_double(&mut self, value: f64) {
        self.bulk_with(|buf| double::write_f64(buf, value));
    }

    /// A formatted bulk string: `reply.bulk_fmt(format_args!("{a}:{b}"))`.
    pub fn bulk_fmt(&mut self, text: fmt::Arguments<'_>) {
        self.bulk_with(|buf| {
            Utf8Sink(buf)
                .write_fmt(text)
                .expect("writing to a buffer does not fail");
        });
    }

    /// A bulk string whose bytes `write` appends, so that they need no buffer
    /// of their own.
    pub fn bulk_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mark = self.begin();
        write(&mut self.buf);
        let len = self.buf.len() - mark.0 - DEFERRED_HEADER.len();
        self.end(mark, b'$', len);
        self.end_line();
    }

    /// The absent value.
    pub fn null(&mut self) {
        self.buf.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The absent array, which RESP3 no longer tells from the absent value.
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The header of an array; its `len` elements follow.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// The header of a map; `pairs` keys and values follow in turn.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', pairs * 2),
            Protocol::Resp3 => self.header(b'%', pairs),
        }
    }

    /// The header of a set; its `len` elements follow.
    pub fn set(&mut self, len: usize) {
        self.header(self.set_marker(), len);
    }

    /// The header of a push message; its `len` elements follow.
    pub fn push(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(b'>', len),
        }
    }

    /// Starts an attribute of `pairs` pairs and returns true, or does nothing
    /// and returns false in RESP2, where the caller must leave the pairs out.
    #[must_use = "in RESP2 the pairs must be left out"]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        let known = self.protocol == Protocol::Resp3;
        if known {
            self.header(b'|', pairs);
        }
        known
    }

    /// A double.
    pub fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => self.bulk_double(value),
            Protocol::Resp3 => {
                self.buf.push(b',');
                double::write_f64(&mut self.buf, value);
                self.end_line();
            }
        }
    }

    /// A boolean.
    pub fn bool(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp2, _) => self.int(i64::from(value)),
            (Protocol::Resp3, true) => self.buf.extend_from_slice(b"#t\r\n"),
            (Protocol::Resp3, false) => self.buf.extend_from_slice(b"#f\r\n"),
        }
    }

    /// Text with a format of three letters, `txt` or `mkd`.
    pub fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.header(b'=', text.len() + 4);
                self.buf.extend_from_slice(&format);
                self.buf.push(b':');
                self.buf.extend_from_slice(text);
                self.end_line();
            }
        }
    }

    /// An integer of any size, in decimal digits.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits),
            Protocol::Resp3 => {
                self.buf.push(b'(');
                self.buf.extend_from_slice(digits);
                self.end_line();
            }
        }
    }

    /// Starts an array whose length is not known yet.
    pub fn begin_array(&mut self) -> Mark {
        self.begin()
    }

    /// Ends an array: `len` elements were written since `mark`.
    pub fn end_array(&mut self, mark: Mark, len: usize) {
        self.end(mark, b'*', len);
    }

    /// Starts a map whose length is not known yet.
    pub fn begin_map(&mut self) -> Mark {
        self.begin()
    }

    /// Ends a map: `pairs` keys and values were written since `mark`.
    pub fn end_map(&mut self, mark: Mark, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.end(mark, b'*', pairs * 2),
            Protocol::Resp3 => self.end(mark, b'%', pairs),
        }
    }

    /// Starts a set whose length is not known yet.
    pub fn begin_set(&mut self) -> Mark {
        self.begin()
    }

    /// Ends a set: `len` elements were written since `mark`.
    pub fn end_set(&mut self, mark: Mark, len: usize) {
        self.end(mark, self.set_marker(), len);
    }

    fn set_marker(&self) -> u8 {
        match self.protocol {
            Protocol::Resp2 => b'*',
            Protocol::Resp3 => b'~',
        }
    }

    fn begin(&mut self) -> Mark {
        let mark = Mark(self.buf.len());
        self.buf.extend_from_slice(DEFERRED_HEADER);
        mark
    }

    /// Writes the header at `mark`, and moves what follows if one digit was
    /// too little room.
    fn end(&mut self, Mark(start): Mark, marker: u8, len: usize) {
        self.buf[start] = marker;
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(len).as_bytes();
        let digits_at = start + 1;
        if let [digit] = digits {
            self.buf[digits_at] = *digit;
        } else {
            self.buf
                .splice(digits_at..=digits_at, digits.iter().copied());
        }
    }

    fn header(&mut self, marker: u8, len: usize) {
        if len < 10 {
            let digit = b'0' + len as u8;
            self.buf.extend_from_slice(&[marker, digit, b'\r', b'\n']);
        } else {
            self.line(marker, len);
        }
    }

    fn line(&mut self, marker: u8, value: impl itoa::Integer) {
        self.buf.push(marker);
        self.buf
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.end_line();
    }

    fn end_line(&mut self) {
        self.buf.extend_from_slice(b"\r\n");
    }
}

/// Lets the formatting macros append to bytes.
struct Utf8Sink<'a>(&'a mut Vec<u8>);

impl fmt::Write for Utf8Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(write: impl Fn(&mut Reply)) -> (String, String) {
        let render = |protocol| {
            let mut reply = Reply::new(protocol);
            write(&mut reply);
            String::from_utf8(reply.into_bytes()).expect("the tests write text")
        };
        (render(Protocol::Resp2), render(Protocol::Resp3))
    }

    fn same(write: impl Fn(&mut Reply), want: &str) {
        differ(write, want, want);
    }

    fn differ(write: impl Fn(&mut Reply), resp2: &str, resp3: &str) {
        assert_eq!(both(write), (resp2.to_owned(), resp3.to_owned()));
    }

    #[test]
    fn types_that_both_versions_share() {
        same(Reply::ok, "+OK\r\n");
        same(|r| r.simple("PONG"), "+PONG\r\n");
        same(|r| r.error("ERR bad\r\nthing"), "-ERR bad  thing\r\n");
        same(|r| r.int(0), ":0\r\n");
        same(|r| r.int(-7), ":-7\r\n");
        same(|r| r.int(i64::MIN), ":-9223372036854775808\r\n");
        same(|r| r.count(12), ":12\r\n");
        same(|r| r.bulk(b""), "$0\r\n\r\n");
        same(|r| r.bulk(b"hello, there"), "$12\r\nhello, there\r\n");
        same(|r| r.bulk_int(-12), "$3\r\n-12\r\n");
        same(|r| r.bulk_double(0.5), "$3\r\n0.5\r\n");
        same(|r| r.bulk_entry(Entry::Int(-12)), "$3\r\n-12\r\n");
        same(|r| r.bulk_entry(Entry::Str(b"ab")), "$2\r\nab\r\n");
        same(
            |r| r.bulk_fmt(format_args!("{}:{}", "a", 10)),
            "$4\r\na:10\r\n",
        );
        same(
            |r| r.bulk_fmt(format_args!("{:>12}", 1)),
            "$12\r\n           1\r\n",
        );
        same(|r| r.array(2), "*2\r\n");
        same(|r| r.array(1234), "*1234\r\n");
    }

    #[test]
    fn types_that_differ() {
        differ(Reply::null, "$-1\r\n", "_\r\n");
        differ(Reply::null_array, "*-1\r\n", "_\r\n");
        differ(|r| r.map(3), "*6\r\n", "%3\r\n");
        differ(|r| r.set(3), "*3\r\n", "~3\r\n");
        differ(|r| r.push(3), "*3\r\n", ">3\r\n");
        differ(|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
        differ(|r| r.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
        differ(|r| r.bool(true), ":1\r\n", "#t\r\n");
        differ(|r| r.bool(false), ":0\r\n", "#f\r\n");
        differ(
            |r| r.verbatim(*b"txt", b"abcdef"),
            "$6\r\nabcdef\r\n",
            "=10\r\ntxt:abcdef\r\n",
        );
        differ(|r| r.big_number(b"123"), "$3\r\n123\r\n", "(123\r\n");
        differ(
            |r| {
                if r.attribute(1) {
                    r.bulk(b"k");
                    r.int(1);
                }
            },
            "",
            "|1\r\n$1\r\nk\r\n:1\r\n",
        );
    }

    #[test]
    fn deferred_lengths_nest() {
        differ(
            |r| {
                let outer = r.begin_map();
                let inner = r.begin_set();
                for value in 0..11 {
                    r.int(value % 2);
                }
                r.end_set(inner, 11);
                r.end_map(outer, 6);
            },
            &format!("*12\r\n*11\r\n{}:0\r\n", ":0\r\n:1\r\n".repeat(5)),
            &format!("%6\r\n~11\r\n{}:0\r\n", ":0\r\n:1\r\n".repeat(5)),
        );
    }

    #[test]
    fn a_reply_can_be_taken_back() {
        let mut reply = Reply::with_buffer(b"+before\r\n".to_vec(), Protocol::Resp3);
        let mark = reply.len();
        reply.int(5);
        reply.truncate(mark);
        assert_eq!(reply.as_bytes(), b"+before\r\n");
    }

    proptest! {
        #[test]
        fn deferred_equals_known_length(values: Vec<i64>) {
            let (mut known, mut deferred) = (Reply::default(), Reply::default());
            known.array(values.len());
            let mark = deferred.begin_array();
            for value in &values {
                known.int(*value);
                deferred.int(*value);
            }
            deferred.end_array(mark, values.len());
            prop_assert_eq!(known.as_bytes(), deferred.as_bytes());
        }
    }
}
