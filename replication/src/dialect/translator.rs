//! The stream in another dialect, a unit at a time.
//!
//! ```text
//!   bytes ─► whole commands ─► a unit ─┬─ nothing to rewrite ─► the bytes as they came
//!                                      ├─ rewritten ──────────► one command, or MULTI to EXEC
//!                                      └─ cannot be said ─────► Refused, and nothing more
//! ```
//! A unit is one command, or MULTI to EXEC; it is said as one unit, or as nothing.
//! Nothing here reads a clock or owns a socket.

use super::map::OffsetMap;
use super::say::{Said, Words, say};
use std::borrow::Cow;
use std::fmt;
use towline_core::engine::dialect::Dialect;
use towline_core::engine::effects::encode_command;
use towline_core::resp::{Parsed, RequestLimits, RequestParser};

/// Puts the payload of a RESTORE into a format that the peer reads; `None` where that
/// format does not hold it.
pub type Recode = Box<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send>;

/// Why the stream cannot go on in this dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The peer cannot hold what a command did.
    NotHeld {
        /// The command.
        name: Vec<u8>,
        /// Its key.
        key: Vec<u8>,
    },
    /// What a command did cannot be said, but the peer can hold it.
    ByDataset {
        /// The command.
        name: Vec<u8>,
        /// Its key.
        key: Vec<u8>,
    },
    /// The stream is not made of commands.
    Protocol,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |name: &[u8], key: &[u8]| {
            format!("{} of key '{}'", name.escape_ascii(), key.escape_ascii())
        };
        match self {
            Self::NotHeld { name, key } => write!(
                f,
                "it does not know fields that expire, and would miss {} without a word; it needs a full sync once no field expires, or 'replica-lossy-dialect yes'",
                words(name, key)
            ),
            Self::ByDataset { name, key } => write!(
                f,
                "there are no words that it knows for {}; it needs a full sync",
                words(name, key)
            ),
            Self::Protocol => f.write_str("the stream is not made of commands"),
        }
    }
}

/// A unit so far.
#[derive(Debug, Default)]
struct Unit {
    in_multi: bool,
    /// Something in it is said in other words.
    rewritten: bool,
    /// What is said, without MULTI and EXEC.
    commands: Vec<Vec<u8>>,
}

/// See the module's comment.
pub struct Translator {
    dialect: Dialect,
    /// What the peer cannot hold is left out and counted.
    drops: bool,
    recode: Recode,
    parser: RequestParser,
    pending: Vec<u8>,
    /// The start of the command that comes next; before it lie commands of a unit that
    /// has not ended.
    at: usize,
    unit: Unit,
    dropped: u64,
}

impl Translator {
    /// A translator that stands at the begin of a unit.
    #[must_use]
    pub fn new(dialect: Dialect, drops: bool, recode: Recode) -> Self {
        Self {
            dialect,
            drops,
            recode,
            parser: RequestParser::new(),
            pending: Vec::new(),
            at: 0,
            unit: Unit::default(),
            dropped: 0,
        }
    }

    /// How many commands were left out, or a part of them, since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Takes bytes of the stream. What the whole units among them are in the dialect is
    /// appended to `out`, and where to `map`.
    ///
    /// # Errors
    /// At a unit that cannot be said; those before it are in `out`.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        map: &mut OffsetMap,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        self.pending.extend_from_slice(bytes);
        let mut done = 0;
        let fed = loop {
            match self.next_command() {
                Ok(Some(end)) => {
                    if let Err(refused) = self.take(self.at..end) {
                        break Err(refused);
                    }
                    self.at = end;
                    if !self.unit.in_multi {
                        self.end_unit(done..end, map, out);
                        done = end;
                    }
                }
                Ok(None) => break Ok(()),
                Err(refused) => break Err(refused),
            }
        };
        self.pending.drain(..done);
        self.at -= done;
        fed
    }

    /// The end of the next command, once it is whole.
    fn next_command(&mut self) -> Result<Option<usize>, Refused> {
        let limits = RequestLimits::replication_stream();
        match self.parser.parse(&mut self.pending[self.at..], limits) {
            Ok(Parsed::Complete { consumed }) => Ok(Some(self.at + consumed)),
            Ok(Parsed::Incomplete { .. }) => Ok(None),
            Err(_) => Err(Refused::Protocol),
        }
    }

    /// Adds the command that was parsed to the unit.
    fn take(&mut self, range: std::ops::Range<usize>) -> Result<(), Refused> {
        let command = &self.pending[range];
        let args: Vec<&[u8]> = (self.parser.args().iter())
            .map(|arg| arg.of(command))
            .collect();
        let is = |word: &[u8]| args.len() == 1 && args[0].eq_ignore_ascii_case(word);
        if is(b"MULTI") || is(b"EXEC") {
            self.unit.in_multi = is(b"MULTI");
            return Ok(());
        }
        let said = match args.first() {
            Some(name) if name.eq_ignore_ascii_case(b"RESTORE") => restore(&args, &self.recode),
            _ => say(&args, self.dialect.knows_field_expiries()),
        };
        let key = || args.get(1).copied().unwrap_or_default().to_vec();
        let commands = match said {
            Said::AsItIs => {
                self.unit.commands.push(command.to_vec());
                return Ok(());
            }
            Said::By(commands) => commands,
            Said::Less(commands) if self.drops => {
                self.dropped += 1;
                commands
            }
            Said::Less(_) => {
                let (name, key) = (args[0].to_vec(), key());
                return Err(Refused::NotHeld { name, key });
            }
            Said::ByDataset => {
                let (name, key) = (args[0].to_vec(), key());
                return Err(Refused::ByDataset { name, key });
            }
        };
        self.unit.rewritten = true;
        self.unit.commands.extend(commands.iter().map(encoded));
        Ok(())
    }

    fn end_unit(&mut self, range: std::ops::Range<usize>, map: &mut OffsetMap, out: &mut Vec<u8>) {
        let unit = std::mem::take(&mut self.unit);
        let said = &self.pending[range];
        if !unit.rewritten {
            out.extend_from_slice(said);
            map.same(said.len());
            return;
        }
        let from = out.len();
        let wraps = unit.commands.len() > 1;
        if wraps {
            out.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
        }
        for command in &unit.commands {
            out.extend_from_slice(command);
        }
        if wraps {
            out.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        }
        map.rewritten(said.len(), out.len() - from);
    }
}

fn encoded(words: &Words<'_>) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
    let mut resp = Vec::new();
    encode_command(&words, &mut resp);
    resp
}

/// RESTORE of a payload that the peer may not read.
fn restore<'a>(args: &[&'a [u8]], recode: &Recode) -> Said<'a> {
    let Some(payload) = args.get(3) else {
        return Said::AsItIs;
    };
    let Some(recoded) = recode(payload) else {
        return Said::ByDataset;
    };
    let mut words: Words<'a> = args.iter().map(|arg| Cow::Borrowed(*arg)).collect();
    words[3] = Cow::Owned(recoded);
    Said::By(vec![words])
}

#[cfg(test)]
mod tests {
    use super::super::map::Place;
    use super::*;
    use proptest::prelude::*;
    use towline_core::offset::Offset;

    const START: Place = Place {
        main: Offset(10),
        own: Offset(10),
    };

    fn resp(line: &str) -> Vec<u8> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut resp = Vec::new();
        encode_command(&words, &mut resp);
        resp
    }

    fn stream(lines: &[&str]) -> Vec<u8> {
        lines.iter().flat_map(|line| resp(line)).collect()
    }

    fn translator(drops: bool) -> Translator {
        let recode = |payload: &[u8]| (payload != b"new").then(|| payload.to_vec());
        Translator::new(Dialect::Redis7, drops, Box::new(recode))
    }

    /// What comes out, and where the histories end.
    fn translated(lines: &[&str], drops: bool) -> (Result<(), Refused>, Vec<u8>, OffsetMap) {
        let (mut map, mut out) = (OffsetMap::new(START), Vec::new());
        let fed = translator(drops).feed(&stream(lines), &mut map, &mut out);
        (fed, out, map)
    }

    fn becomes(lines: &[&str], expected: &[&str]) {
        let (fed, out, map) = translated(lines, true);
        assert_eq!(fed, Ok(()));
        let expected = stream(expected);
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(&expected)
        );
        assert_eq!(map.end().own, START.own.advance(expected.len()));
        assert_eq!(map.end().main, START.main.advance(stream(lines).len()));
    }

    #[test]
    fn units_stay_units() {
        becomes(&["SET k v", "ping"], &["SET k v", "ping"]);
        becomes(
            &["SELECT 1", "MSETEX 2 a 1 b 2 PXAT 9", "SET k v"],
            &[
                "SELECT 1",
                "MULTI",
                "SET a 1 PXAT 9",
                "SET b 2 PXAT 9",
                "EXEC",
                "SET k v",
            ],
        );
        becomes(
            &["MULTI", "SET k v", "MSETEX 2 a 1 b 2", "EXEC"],
            &["MULTI", "SET k v", "SET a 1", "SET b 2", "EXEC"],
        );
        becomes(&["multi", "SET k v", "exec"], &["multi", "SET k v", "exec"]);
        becomes(&["MULTI", "HPERSIST h FIELDS 1 a", "EXEC"], &[]);
        becomes(
            &[
                "MULTI",
                "HGETDEL h FIELDS 1 a",
                "HPERSIST h FIELDS 1 b",
                "EXEC",
            ],
            &["HDEL h a"],
        );
    }

    #[test]
    fn what_a_peer_cannot_hold_is_refused_with_its_name_or_dropped_and_counted() {
        let lines = ["SET k v", "HPEXPIREAT h 9 FIELDS 1 a", "SET k w"];
        let (fed, out, map) = translated(&lines, false);
        let refused = fed.expect_err("the peer cannot hold it");
        assert!(
            refused.to_string().contains("HPEXPIREAT of key 'h'"),
            "{refused}"
        );
        assert_eq!(out, resp("SET k v"), "nothing behind the gap");
        assert_eq!(map.end(), START.advance(out.len()));

        let mut dropping = translator(true);
        let (mut map, mut out) = (OffsetMap::new(START), Vec::new());
        dropping
            .feed(&stream(&lines), &mut map, &mut out)
            .expect("it is dropped");
        assert_eq!(out, stream(&["SET k v", "SET k w"]));
        assert_eq!(dropping.take_dropped(), 1);
        assert_eq!(dropping.take_dropped(), 0);
    }

    #[test]
    fn what_only_the_dataset_tells_is_refused_whatever_is_dropped() {
        let (fed, out, _) = translated(&["XACKDEL s g IDS 1 1-1"], true);
        let refused = fed.expect_err("there are no words for it");
        assert!(
            refused.to_string().contains("XACKDEL of key 's'"),
            "{refused}"
        );
        assert!(out.is_empty());
    }

    #[test]
    fn payloads_are_put_into_the_format_of_the_peer() {
        becomes(&["RESTORE k 0 old ABSTTL"], &["RESTORE k 0 old ABSTTL"]);
        let (fed, _, _) = translated(&["RESTORE k 0 new"], true);
        assert!(matches!(fed, Err(Refused::ByDataset { .. })));
    }

    #[test]
    fn what_is_no_command_ends_it() {
        let (mut map, mut out) = (OffsetMap::new(START), Vec::new());
        let fed = translator(true).feed(b"*1\r\n:5\r\n", &mut map, &mut out);
        assert_eq!(fed, Err(Refused::Protocol));
    }

    proptest! {
        /// However the stream is cut into pieces, it comes out the same, and with whole
        /// units only.
        #[test]
        fn cuts_change_nothing(picks in proptest::collection::vec(0usize..7, 0..40), cut in 1usize..40) {
            const UNITS: [&[&str]; 7] = [
                &["SET k v"],
                &["MULTI", "SET k v", "MSETEX 2 a 1 b 2", "EXEC"],
                &["MULTI", "INCR n", "EXEC"],
                &["HSETEX h PXAT 9 FIELDS 1 a 1"],
                &["HPERSIST h FIELDS 1 a"],
                &["MSETEX 2 a 1 b 2 PXAT 99"],
                &["ping"],
            ];
            let lines: Vec<&str> = picks.iter().flat_map(|pick| UNITS[*pick]).copied().collect();
            let (_, whole, map_of_whole) = translated(&lines, true);
            let mut pieces = translator(true);
            let (mut map, mut out) = (OffsetMap::new(START), Vec::new());
            for piece in stream(&lines).chunks(cut) {
                let fed = pieces.feed(piece, &mut map, &mut out);
                prop_assert_eq!(fed, Ok(()));
                prop_assert_eq!(map.end().own, START.own.advance(out.len()));
            }
            prop_assert_eq!(out, whole);
            prop_assert_eq!(map.end(), map_of_whole.end());
        }
    }
}
