//! One command of the stream, in commands that a peer knows.
//!
//! What comes here was executed by the primary, and what it did is certain: conditions
//! are left out, since they held. What a command does is told without looking at the
//! dataset; where it depends on that, only a full sync tells it.
//!
//! | command | newer than Redis 7.0 since | said as |
//! |---|---|---|
//! | `HEXPIRE` and its kin, `HPERSIST` | Redis 7.4, Valkey 9.0 | itself, where fields may expire |
//! | `HSETEX` | Redis 8.0, Valkey 9.0 | `HSET`, or itself without conditions |
//! | `HGETEX` | Redis 8.0, Valkey 9.0 | the command on expiries that it came to |
//! | `HGETDEL` | Redis 8.0, Valkey 9.1 | `HDEL` |
//! | `MSETEX` | Redis 8.4, Valkey 9.1 | a `SET` for each key |
//! | `SET … IFEQ` and its kin | Redis 8.4, Valkey 8.1 | `SET` |
//! | `DELIFEQ`, `DELEX` | Valkey 9.0, Redis 8.4 | `DEL` |
//! | `XADD`, `XTRIM`, `XDELEX` with `KEEPREF` | Redis 8.2 | without it |
//! | the same with `DELREF`, `ACKED`; `XACKDEL`; `XADD … IDMP`, `XCFGSET` | Redis 8.2, 8.6 | nothing |
//! | `BITOP` with `DIFF`, `DIFF1`, `ANDOR`, `ONE` | Redis 8.2 | nothing |
//! | `GEOSEARCHSTORE … BYPOLYGON` | Valkey 9.0 | nothing |
//! | `RESTORE` of a payload in a newer format | | `RESTORE` in the peer's format |
//!
//! Source: the commands' own documentation; `propagation-*` runs of the real servers.

use std::borrow::Cow;
use towline_core::text::number::parse_usize;

/// A command's words.
pub type Words<'a> = Vec<Cow<'a, [u8]>>;

/// How a command is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// As it is.
    AsItIs,
    /// By these, which do the same.
    By(Vec<Words<'a>>),
    /// The peer cannot hold what it did. These do what it can hold of it.
    Less(Vec<Words<'a>>),
    /// By nothing but the dataset that it came to.
    ByDataset,
}

/// Words from a command and from here.
macro_rules! words {
    ($($word:expr),* $(,)?) => {
        vec![$(Cow::Borrowed(&$word[..])),*]
    };
}

/// Says a command to a peer that knows Redis 7.0's and, where `fields` is set, those on
/// expiries of hash fields. RESTORE is not looked at: it needs a codec.
#[must_use]
pub fn say<'a>(args: &[&'a [u8]], fields: bool) -> Said<'a> {
    let Some(name) = args.first() else {
        return Said::AsItIs;
    };
    // The first letter tells nearly all commands that are known to everybody.
    if !matches!(name.first(), Some(first) if b"bdghmsxBDGHMSX".contains(first)) {
        return Said::AsItIs;
    }
    match &name.to_ascii_lowercase()[..] {
        b"set" if args.len() > 3 => set(args),
        b"hsetex" => hsetex(args, fields).unwrap_or(Said::ByDataset),
        b"hgetex" => hgetex(args, fields).unwrap_or(Said::ByDataset),
        b"hgetdel" => hgetdel(args).unwrap_or(Said::ByDataset),
        b"hexpire" | b"hpexpire" | b"hexpireat" | b"hpexpireat" if !fields => Said::Less(vec![]),
        b"hpersist" if !fields => Said::By(vec![]),
        b"msetex" => msetex(args).unwrap_or(Said::ByDataset),
        b"delifeq" | b"delex" if args.len() > 1 => Said::By(vec![words![b"DEL", args[1]]]),
        b"xadd" | b"xtrim" => without_reference_policy(args),
        b"xdelex" => xdelex(args).unwrap_or(Said::ByDataset),
        b"xackdel" | b"xcfgset" => Said::ByDataset,
        b"bitop" => known_if(is_one_of(args.get(1), &["AND", "OR", "XOR", "NOT"])),
        b"geosearchstore" => known_if(!args.iter().any(|arg| is(arg, "BYPOLYGON"))),
        _ => Said::AsItIs,
    }
}

const fn known_if<'a>(known: bool) -> Said<'a> {
    if known { Said::AsItIs } else { Said::ByDataset }
}

fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

fn is_one_of(arg: Option<&&[u8]>, words: &[&str]) -> bool {
    arg.is_some_and(|arg| words.iter().any(|word| is(arg, word)))
}

/// The conditions on the old value, each with one argument.
fn set<'a>(args: &[&'a [u8]]) -> Said<'a> {
    const CONDITIONS: [&str; 4] = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"];
    let condition = (3..args.len()).find(|at| is_one_of(args.get(*at), &CONDITIONS));
    let Some(at) = condition else {
        return Said::AsItIs;
    };
    let kept = args[..at].iter().chain(args.iter().skip(at + 2));
    Said::By(vec![kept.map(|arg| Cow::Borrowed(*arg)).collect()])
}

/// `FIELDS <n>` and what stands behind it.
struct Fields<'a, 'b> {
    key: &'a [u8],
    /// What stands between the key and `FIELDS`.
    options: &'b [&'a [u8]],
    /// From `FIELDS` on.
    clause: &'b [&'a [u8]],
}

impl<'a, 'b> Fields<'a, 'b> {
    fn of(args: &'b [&'a [u8]]) -> Option<Self> {
        let at = 2 + args.get(2..)?.iter().position(|arg| is(arg, "FIELDS"))?;
        Some(Self {
            key: args[1],
            options: &args[2..at],
            clause: &args[at..],
        })
    }

    fn items(&self) -> &'b [&'a [u8]] {
        self.clause.get(2..).unwrap_or_default()
    }

    /// The option on expiries, with its argument if it has one.
    fn expiry(&self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        const TIMES: [&str; 4] = ["EX", "PX", "EXAT", "PXAT"];
        const WORDS: [&str; 2] = ["KEEPTTL", "PERSIST"];
        let mut options = self.options.iter();
        while let Some(option) = options.next() {
            if is_one_of(Some(option), &TIMES) {
                return Some((option, options.next().copied()));
            }
            if is_one_of(Some(option), &WORDS) {
                return Some((option, None));
            }
        }
        None
    }

    /// `name key [before…] FIELDS…`
    fn command(&self, name: &'static [u8], before: &[&'a [u8]]) -> Words<'a> {
        let mut command = words![name, self.key];
        let rest = before.iter().chain(self.clause);
        command.extend(rest.map(|arg| Cow::Borrowed(*arg)));
        command
    }

    /// `name key item…`
    fn plain(&self, name: &'static [u8]) -> Words<'a> {
        let mut command = words![name, self.key];
        command.extend(self.items().iter().map(|arg| Cow::Borrowed(*arg)));
        command
    }
}

fn hsetex<'a>(args: &[&'a [u8]], fields: bool) -> Option<Said<'a>> {
    let given = Fields::of(args)?;
    let set = given.plain(b"HSET");
    Some(match given.expiry() {
        None => Said::By(vec![set]),
        Some((_, None)) if !fields => Said::By(vec![set]),
        Some((_, Some(_))) if !fields => Said::Less(vec![set]),
        Some((option, time)) => {
            let before: Vec<&[u8]> = [option].into_iter().chain(time).collect();
            Said::By(vec![given.command(b"HSETEX", &before)])
        }
    })
}

fn hgetex<'a>(args: &[&'a [u8]], fields: bool) -> Option<Said<'a>> {
    let given = Fields::of(args)?;
    Some(match given.expiry() {
        None => Said::By(vec![]),
        Some((_, None)) if !fields => Said::By(vec![]),
        Some(_) if !fields => Said::Less(vec![]),
        Some((_, None)) => Said::By(vec![given.command(b"HPERSIST", &[])]),
        Some((option, Some(time))) => {
            let name: &[u8] = match &option.to_ascii_uppercase()[..] {
                b"EX" => b"HEXPIRE",
                b"PX" => b"HPEXPIRE",
                b"EXAT" => b"HEXPIREAT",
                _ => b"HPEXPIREAT",
            };
            Said::By(vec![given.command(name, &[time])])
        }
    })
}

fn hgetdel<'a>(args: &[&'a [u8]]) -> Option<Said<'a>> {
    Some(Said::By(vec![Fields::of(args)?.plain(b"HDEL")]))
}

fn msetex<'a>(args: &[&'a [u8]]) -> Option<Said<'a>> {
    let count = parse_usize(args.get(1)?)?;
    let end = count.checked_mul(2)?.checked_add(2)?;
    let pairs = args.get(2..end)?;
    let kept = args[end..].iter();
    let options: Vec<&[u8]> = kept
        .filter(|option| !is_one_of(Some(option), &["NX", "XX"]))
        .copied()
        .collect();
    let set = |pair: &[&'a [u8]]| {
        let mut command = words![b"SET", pair[0], pair[1]];
        command.extend(options.iter().map(|arg| Cow::Borrowed(*arg)));
        command
    };
    Some(Said::By(pairs.chunks(2).map(set).collect()))
}

/// XADD and XTRIM: what happens to references to the entries that go. Redis 7.0 keeps
/// them. The policy stands among the options, which end with an entry's id or the
/// command.
fn without_reference_policy<'a>(args: &[&'a [u8]]) -> Said<'a> {
    let mut at = 2;
    let (mut policy, mut trims) = (None, false);
    while let Some(option) = args.get(at) {
        if is_one_of(Some(option), &["KEEPREF", "DELREF", "ACKED"]) {
            policy = Some(at);
        } else if is_one_of(Some(option), &["MAXLEN", "MINID"]) {
            trims = true;
            at += 1 + usize::from(is_one_of(args.get(at + 1), &["=", "~"]));
        } else if is(option, "LIMIT") {
            at += 1;
        } else if is_one_of(Some(option), &["IDMP", "IDMPAUTO"]) {
            return Said::ByDataset;
        } else if !is(option, "NOMKSTREAM") {
            break;
        }
        at += 1;
    }
    match policy {
        None => Said::AsItIs,
        Some(at) if trims && !is(args[at], "KEEPREF") => Said::ByDataset,
        Some(at) => {
            let kept = args[..at].iter().chain(&args[at + 1..]);
            Said::By(vec![kept.map(|arg| Cow::Borrowed(*arg)).collect()])
        }
    }
}

fn xdelex<'a>(args: &[&'a [u8]]) -> Option<Said<'a>> {
    let at = 2 + args.get(2..)?.iter().position(|arg| is(arg, "IDS"))?;
    let ids = args.get(at + 2..)?;
    if !args[2..at].iter().all(|option| is(option, "KEEPREF")) {
        return Some(Said::ByDataset);
    }
    let mut command = words![b"XDEL", args[1]];
    command.extend(ids.iter().map(|id| Cow::Borrowed(*id)));
    Some(Said::By(vec![command]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line's command, as it is said.
    fn said(line: &str, fields: bool) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let joined = |commands: &[Words<'_>]| {
            let lines = commands.iter().map(|words| words.join(&b' '));
            let lines: Vec<String> = lines
                .map(|line| String::from_utf8(line).expect("words"))
                .collect();
            lines.join(" | ")
        };
        match say(&args, fields) {
            Said::AsItIs => "=".to_owned(),
            Said::By(commands) => joined(&commands),
            Said::Less(commands) => format!("less: {}", joined(&commands)),
            Said::ByDataset => "dataset".to_owned(),
        }
    }

    fn both(line: &str, expected: &str) {
        assert_eq!(said(line, false), expected, "{line}");
        assert_eq!(said(line, true), expected, "{line}");
    }

    #[test]
    fn what_everybody_knows_is_left_as_it_is() {
        for line in [
            "SET k v",
            "SET k v PXAT 99 NX GET",
            "SET k IFEQ",
            "HSET h f v",
            "HDEL h f",
            "XADD s MAXLEN = 10 1-1 KEEPREF v",
            "XADD s NOMKSTREAM 1-1 f v",
            "XTRIM s MINID ~ 5 LIMIT 3",
            "BITOP and d a b",
            "GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 m",
            "FUNCTION LOAD x",
            "PING",
        ] {
            both(line, "=");
        }
    }

    #[test]
    fn what_is_new_is_said_in_old_words() {
        both("set k v IFEQ old PXAT 9", "set k v PXAT 9");
        both("MSETEX 2 a 1 b 2 PXAT 9", "SET a 1 PXAT 9 | SET b 2 PXAT 9");
        both("MSETEX 1 a NX XX KEEPTTL", "SET a NX KEEPTTL");
        both("DELIFEQ k v", "DEL k");
        both("DELEX k IFNE v", "DEL k");
        both("HGETDEL h FIELDS 2 a b", "HDEL h a b");
        both("HSETEX h FXX FIELDS 1 a 1", "HSET h a 1");
        both(
            "XADD s KEEPREF MAXLEN ~ 10 1-1 f v",
            "XADD s MAXLEN ~ 10 1-1 f v",
        );
        both("XADD s DELREF 1-1 f v", "XADD s 1-1 f v");
        both("XTRIM s MAXLEN 3 KEEPREF", "XTRIM s MAXLEN 3");
        both("XDELEX s KEEPREF IDS 2 1-1 1-2", "XDEL s 1-1 1-2");
    }

    #[test]
    fn what_depends_on_the_dataset_is_told_by_it() {
        for line in [
            "XADD s MAXLEN 3 ACKED 1-1 f v",
            "XADD s IDMP p i 1-1 f v",
            "XTRIM s DELREF MAXLEN 3",
            "XDELEX s ACKED IDS 1 1-1",
            "XACKDEL s g IDS 1 1-1",
            "BITOP DIFF d a b",
            "GEOSEARCHSTORE d s BYPOLYGON 3 1 1 2 2 3 3",
            "MSETEX 9 a 1",
            "HSETEX h a 1",
        ] {
            both(line, "dataset");
        }
    }

    #[test]
    fn expiries_of_fields_are_said_to_those_who_hold_them() {
        for (line, without, with) in [
            ("HPEXPIREAT h 9 FIELDS 1 a", "less: ", "="),
            ("HPERSIST h FIELDS 1 a", "", "="),
            (
                "HSETEX h FNX PXAT 9 FIELDS 1 a 1",
                "less: HSET h a 1",
                "HSETEX h PXAT 9 FIELDS 1 a 1",
            ),
            (
                "HSETEX h KEEPTTL FIELDS 1 a 1",
                "HSET h a 1",
                "HSETEX h KEEPTTL FIELDS 1 a 1",
            ),
            ("HGETEX h PERSIST FIELDS 1 a", "", "HPERSIST h FIELDS 1 a"),
            (
                "HGETEX h EX 9 FIELDS 1 a",
                "less: ",
                "HEXPIRE h 9 FIELDS 1 a",
            ),
            ("HGETEX h FIELDS 1 a", "", ""),
        ] {
            assert_eq!(said(line, false), without, "{line}");
            assert_eq!(said(line, true), with, "{line}");
        }
    }
}
