//! Random commands after a grammar: most of them right, some wrong in one place.
//!
//! The generator knows only the names that the documentation gives to arguments.
//! Every time to live is either over or far away, so that no reply depends on when
//! it was asked for.

use super::grammar::{Argument, Command, Grammar, Kind, Version};
use super::rules;
use crate::rng::Rng;
use crate::server::Kind as Server;

/// A command's words.
pub type Words = Vec<Vec<u8>>;

/// What a family's keys begin with, so that commands mostly meet their own type.
const PREFIXES: &[(&str, &str)] = &[
    ("bitmap", "b"),
    ("geo", "g"),
    ("hash", "h"),
    ("hyperloglog", "p"),
    ("list", "l"),
    ("set", "e"),
    ("sorted-set", "z"),
    ("stream", "x"),
    ("string", "s"),
];

/// Values, members, fields, elements. The long one changes encodings.
const TEXTS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"abc",
    b"10",
    b"-7",
    b"3.5",
    b"",
    b"\x00\xff\r\n",
    b"0123456789012345678901234567890123456789012345678901234567890123456789",
    b"9223372036854775807",
    b"1e3",
    b"007",
];
const INTEGERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "5",
    "-1",
    "-2",
    "-5",
    "10",
    "100",
    "4096",
    "9223372036854775807",
    "-9223372036854775808",
];
const DOUBLES: &[&str] = &[
    "0",
    "1",
    "-1",
    "2.5",
    "0.1",
    "-3.25",
    "1e3",
    "1e-7",
    "inf",
    "-inf",
    "3",
    "1234567.891",
    "1e21",
];
/// Words that are wrong nearly everywhere.
const JUNK: &[&[u8]] = &[
    b"",
    b"junk",
    b"-1",
    b"1.5",
    b"nan",
    b"0x10",
    b" 1",
    b"99999999999999999999",
    b"WITHSCORES",
    b"\xff",
];
const PATTERNS: &[&[u8]] = &[b"*", b"a*", b"?", b"[a-b]*", b"\\*", b"*c", b"h->*", b""];
/// Bounds of ranges by score, by lexicographic order and of streams.
const BOUNDS: &[&[u8]] = &[
    b"-inf", b"+inf", b"(1", b"1", b"3", b"[a", b"[c", b"(b", b"-", b"+", b"0", b"-1", b"10",
    b"abc",
];
const STREAM_IDS: &[&[u8]] = &[
    b"1-1", b"2-0", b"2-1", b"3", b"5-*", b"7-7", b"10-0", b"0", b"0-0", b"$", b"-", b"+", b"(2-0",
    b"x",
];
const ENCODINGS: &[&[u8]] = &[
    b"u8", b"i8", b"u1", b"i16", b"u63", b"i64", b"u64", b"i65", b"x",
];
/// What DIGEST answers for texts from above, and what it never answers.
const DIGESTS: &[&[u8]] = &[
    b"e6c632b61e964e1f",
    b"575a0b1c44d8843f",
    b"78af5f94892f3950",
    b"D0698444ED39C832",
    b"0000000000000000",
    b"1",
    b"not a digest nor",
];
/// 2100, in seconds and in milliseconds; and long ago.
const MOMENTS: &[&str] = &[
    "4102444800",
    "4102444800000",
    "1",
    "0",
    "-1",
    "9223372036854775807",
];

/// Draws commands.
pub struct Generator<'g> {
    commands: Vec<&'g Command>,
    rng: Rng,
}

/// How a word that stands for a count of what follows is kept until it is known.
const COUNT_PLACE: &[u8] = b"<count>";

impl<'g> Generator<'g> {
    /// Draws the commands of `grammar`.
    pub fn new(grammar: &'g Grammar, seed: u64) -> Self {
        let commands = grammar.commands.iter().filter(|c| rules::draws(c));
        Self {
            commands: commands.collect(),
            rng: Rng::new(seed),
        }
    }

    /// The next command that a peer of `version` knows, with all its options.
    pub fn draw_until(&mut self, version: Version, peer: Server) -> Words {
        loop {
            let (words, newest) = self.draw();
            if newest <= version && rules::sends(&words, peer) {
                return words;
            }
        }
    }

    /// The next command, and the version that brought the newest part of it.
    pub fn draw(&mut self) -> (Words, Version) {
        let command = *self.rng.pick(&self.commands);
        let name = command.name();
        let lexicographic = name.contains("lex") || name == "zadd" && self.rng.below(4) == 0;
        let mut draft = Draft {
            rng: &mut self.rng,
            lexicographic,
            group: &command.group,
            words: Vec::new(),
            newest: command.since,
        };
        let name = command.words.iter();
        draft
            .words
            .extend(name.map(|word| word.clone().into_bytes()));
        let named = draft.words.len();
        for argument in &command.arguments {
            draft.argument(argument);
        }
        draft.fill_counts(named);
        draft.spoil(named);
        (draft.words, draft.newest)
    }
}

/// A command being drawn.
struct Draft<'d> {
    rng: &'d mut Rng,
    group: &'d str,
    words: Words,
    newest: Version,
    /// It works on sets whose scores are equal: only those have an order of members.
    lexicographic: bool,
}

impl Draft<'_> {
    fn chance(&mut self, percent: u64) -> bool {
        self.rng.below(100) < percent
    }

    fn argument(&mut self, argument: &Argument) {
        let left_out = argument.optional && !self.chance(40);
        if left_out || !rules::draws_argument(argument) {
            return;
        }
        self.newest = self.newest.max(rules::since(argument));
        let times = match argument.multiple {
            true => 1 + self.rng.below(3),
            false => 1,
        };
        for time in 0..times {
            if let Some(token) = &argument.token
                && (time == 0 || argument.multiple_token)
            {
                self.words.push(token.clone().into_bytes());
                if token == "BYLEX" {
                    self.lexicographic = true;
                    let sources = if self.words[0] == b"zrangestore" {
                        2
                    } else {
                        1
                    };
                    for place in 1..=sources {
                        self.words[place] = self.key();
                    }
                }
            }
            self.once(argument);
        }
    }

    fn once(&mut self, argument: &Argument) {
        match argument.kind {
            Kind::Token => {}
            Kind::Block => argument.parts.iter().for_each(|part| self.argument(part)),
            Kind::OneOf => {
                let drawn = argument.parts.iter().filter(|p| rules::draws_argument(p));
                let drawn: Vec<&Argument> = drawn.collect();
                if !drawn.is_empty() {
                    let part = *self.rng.pick(&drawn);
                    self.argument(part);
                }
            }
            _ => {
                let word = self.word(argument);
                self.words.push(word);
            }
        }
    }

    fn word(&mut self, argument: &Argument) -> Vec<u8> {
        let one = |rng: &mut Rng, of: &[&[u8]]| rng.pick(of).to_vec();
        let text = |rng: &mut Rng, of: &[&str]| rng.pick(of).as_bytes().to_vec();
        match (argument.name.as_str(), argument.kind) {
            ("numkeys" | "numfields" | "numids", _) => COUNT_PLACE.to_vec(),
            (_, Kind::Key) => self.key(),
            ("cursor", _) => b"0".to_vec(),
            // A scan in one step has no order of its own.
            ("count", _) if argument.token.is_some() && self.words[0].ends_with(b"scan") => {
                b"1000".to_vec()
            }
            ("seconds", _) => text(self.rng, &["1000", "100000", "0", "-1", "9223372036854775"]),
            ("milliseconds", _) => text(self.rng, &["1000000", "100000000", "0", "-1"]),
            (_, Kind::UnixTime) => text(self.rng, MOMENTS),
            ("start" | "stop" | "end" | "min" | "max", Kind::Text) => self.bound(),
            ("id" | "lastid" | "last-id" | "max-deleted-id" | "threshold", _)
                if self.group == "stream" =>
            {
                one(self.rng, STREAM_IDS)
            }
            ("group" | "groupname", _) => one(self.rng, &[b"g1", b"g2"]),
            ("consumer" | "consumername", _) => one(self.rng, &[b"c1", b"c2"]),
            ("encoding", _) => one(self.rng, ENCODINGS),
            ("ifdeq-digest" | "ifdne-digest", _) => one(self.rng, DIGESTS),
            ("bit" | "value", Kind::Integer) if self.chance(80) => one(self.rng, &[b"0", b"1"]),
            ("longitude", _) => text(self.rng, &["13.361389", "15.087269", "2", "-180", "181"]),
            ("latitude", _) => text(self.rng, &["38.115556", "37.502669", "1", "85", "-86"]),
            ("radius" | "width" | "height", _) => text(self.rng, &["1", "200", "100000", "-1"]),
            ("db" | "destination-db", _) => text(self.rng, &["0", "1", "2", "99"]),
            (_, Kind::Double) if self.lexicographic => b"0".to_vec(),
            (_, Kind::Integer) => text(self.rng, INTEGERS),
            (_, Kind::Double) => text(self.rng, DOUBLES),
            (_, Kind::Pattern) => one(self.rng, PATTERNS),
            _ => one(self.rng, TEXTS),
        }
    }

    fn bound(&mut self) -> Vec<u8> {
        let of = if self.group == "stream" {
            STREAM_IDS
        } else {
            BOUNDS
        };
        self.rng.pick(of).to_vec()
    }

    /// Mostly a key of the command's own family.
    fn key(&mut self) -> Vec<u8> {
        let own = PREFIXES.iter().find(|(group, _)| *group == self.group);
        let prefix = match own {
            _ if self.lexicographic => "y",
            Some((_, prefix)) if self.chance(92) => *prefix,
            _ => self.rng.pick(PREFIXES).1,
        };
        format!("{prefix}{}", self.rng.below(4)).into_bytes()
    }

    /// Puts in how many there are of what follows a count, up to the next keyword.
    fn fill_counts(&mut self, named: usize) {
        for place in named..self.words.len() {
            if self.words[place] == COUNT_PLACE {
                let behind = &self.words[place + 1..];
                let keyword =
                    |word: &Vec<u8>| word.len() > 2 && word.iter().all(u8::is_ascii_uppercase);
                let count = behind.iter().take_while(|word| !keyword(word)).count();
                let in_pairs = matches!(self.words[0].as_slice(), b"hsetex" | b"msetex");
                let count = if in_pairs { count / 2 } else { count };
                let count =
                    if self.group == "sorted-set" || self.group == "list" || self.group == "set" {
                        // Weights and counts may follow without a keyword of their own.
                        count.min(3)
                    } else {
                        count
                    };
                self.words[place] = count.to_string().into_bytes();
            }
        }
    }

    /// Makes one command in ten wrong in one place.
    fn spoil(&mut self, named: usize) {
        if self.words.len() == named || !self.chance(10) {
            return;
        }
        let place = named + self.rng.below((self.words.len() - named) as u64) as usize;
        let junk = self.rng.pick(JUNK).to_vec();
        match self.rng.below(4) {
            0 => {
                self.words.remove(place);
            }
            1 => self.words.push(junk),
            _ => self.words[place] = junk,
        }
    }
}
