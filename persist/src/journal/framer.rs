//! Tells the stream's bytes in a log file from annotations, which stand between
//! commands and belong to the file alone. It keeps no more than where it is.
//!
//! ```text
//! *2 CR LF  $3 CR LF  DEL CR LF  $1 CR LF  a CR LF  #TS:1700000000 CR LF  *1 CR LF …
//! └──────────────── stream ────────────────────┘  └──── annotation ───┘  └─ stream
//! ```

/// No count and no length is larger.
const MAX_NUMBER: u64 = 1 << 40;
/// What ends a line, and a word.
const LINE_END_BYTES: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between two records.
    Between,
    /// In an annotation.
    Annotation,
    /// In the number of a command's words.
    Count(u64),
    /// In front of a word's length.
    Mark,
    /// In a word's length.
    Length(u64),
    /// In a word or the line end behind it, so many bytes before their end.
    Word(u64),
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Framer {
    place: Place,
    words_left: u64,
}

/// What is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRecord;

impl Framer {
    /// One that begins between two records.
    pub(super) const fn new() -> Self {
        Self {
            place: Place::Between,
            words_left: 0,
        }
    }

    /// Appends what of `bytes` is stream to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), NoRecord> {
        let (mut from, mut at) = (0, 0);
        while let Some(first) = bytes.get(at) {
            let begins = self.place == Place::Between && *first == b'#';
            if begins || self.place == Place::Annotation {
                out.extend_from_slice(&bytes[from..at]);
                at += self.skip(&bytes[at..]);
                from = at;
            } else {
                at += self.step(&bytes[at..])?;
            }
        }
        out.extend_from_slice(&bytes[from..]);
        Ok(())
    }

    /// How much of `bytes` is annotation.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let end = memchr::memchr(b'\n', bytes);
        self.place = match end {
            Some(_) => Place::Between,
            None => Place::Annotation,
        };
        end.map_or(bytes.len(), |end| end + 1)
    }

    /// Goes past a byte, or past what there is of a word.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, NoRecord> {
        let byte = bytes[0];
        self.place = match (self.place, byte) {
            (Place::Word(left), _) => return Ok(self.word(left, bytes.len())),
            (Place::Between, b'*') => Place::Count(0),
            (Place::Mark, b'$') => Place::Length(0),
            (Place::Count(count), b'0'..=b'9') => Place::Count(number(count, byte)?),
            (Place::Length(length), b'0'..=b'9') => Place::Length(number(length, byte)?),
            (Place::Count(_) | Place::Length(_), b'\r') => self.place,
            (Place::Count(count), b'\n') => self.before_word(count),
            (Place::Length(length), b'\n') => Place::Word(length + LINE_END_BYTES),
            _ => return Err(NoRecord),
        };
        Ok(1)
    }

    fn word(&mut self, left: u64, there: usize) -> usize {
        let used = usize::try_from(left).map_or(there, |left| left.min(there));
        self.place = match left - used as u64 {
            0 => self.before_word(self.words_left - 1),
            left => Place::Word(left),
        };
        used
    }

    const fn before_word(&mut self, words_left: u64) -> Place {
        self.words_left = words_left;
        match words_left {
            0 => Place::Between,
            _ => Place::Mark,
        }
    }
}

fn number(so_far: u64, digit: u8) -> Result<u64, NoRecord> {
    let number = so_far * 10 + u64::from(digit - b'0');
    (number <= MAX_NUMBER).then_some(number).ok_or(NoRecord)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"#TS:1\r\n*2\r\n$3\r\nDEL\r\n$5\r\n#TS:\n\r\n#TS:2\r\n#TS:3\r\n*1\r\n$4\r\nPING\r\n*1\r\n$0\r\n\r\n#TS:4\r\n";
    const STREAM: &[u8] =
        b"*2\r\n$3\r\nDEL\r\n$5\r\n#TS:\n\r\n*1\r\n$4\r\nPING\r\n*1\r\n$0\r\n\r\n";

    #[test]
    fn annotations_are_left_out_however_the_file_is_cut() {
        for cut in 0..=FILE.len() {
            for second in cut..=FILE.len() {
                let (mut framer, mut out) = (Framer::new(), Vec::new());
                for piece in [&FILE[..cut], &FILE[cut..second], &FILE[second..]] {
                    framer.feed(piece, &mut out).expect("records");
                }
                assert_eq!(out, STREAM, "{cut} {second}");
            }
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        for bytes in [
            &b"PING\r\n"[..],
            b"*1\r\nPING\r\n",
            b"*x\r\n",
            b"*1\r\n$99999999999999999999\r\n",
            b"*1\r\n$4\r\nPING\r\n\r\n",
        ] {
            let fed = Framer::new().feed(bytes, &mut Vec::new());
            assert_eq!(fed, Err(NoRecord), "{}", bytes.escape_ascii());
        }
    }
}
