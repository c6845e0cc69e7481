//! Which commands are drawn, and how their replies compare.

use super::grammar::{Argument, Command, Version};
use super::run::Difference;
use crate::resp::Value;
use crate::server::Kind;

/// Groups whose commands work on the dataset alone.
pub const GROUPS: &[&str] = &[
    "bitmap",
    "generic",
    "geo",
    "hash",
    "hyperloglog",
    "list",
    "set",
    "sorted-set",
    "stream",
    "string",
];

/// Commands that are not drawn, each with the reason.
pub const NOT_DRAWN: &[(&str, &str)] = &[
    ("blmove", "waits; its other form is drawn"),
    ("blmpop", "waits; its other form is drawn"),
    ("blpop", "waits; its other form is drawn"),
    ("brpop", "waits; its other form is drawn"),
    ("brpoplpush", "waits; its other form is drawn"),
    ("bzmpop", "waits; its other form is drawn"),
    ("bzpopmax", "waits; its other form is drawn"),
    ("bzpopmin", "waits; its other form is drawn"),
    ("dump", "the payload's version differs between servers"),
    ("restore", "takes what DUMP gave"),
    ("migrate", "needs another server"),
    ("wait", "waits"),
    ("waitaof", "waits"),
    ("randomkey", "random"),
    ("spop", "random"),
    ("srandmember", "random"),
    ("hrandfield", "random"),
    ("zrandmember", "random"),
    ("scan", "the order is the server's own"),
    ("object|freq", "asks about eviction's counters"),
    ("object|idletime", "depends on the time"),
    ("object|help", "prose"),
    ("xgroup|help", "prose"),
    ("xinfo|help", "prose"),
    ("pfdebug", "asks about the machinery"),
    ("pfselftest", "asks about the machinery"),
];

/// Tokens that are not drawn: their effect depends on the time or on chance, or they
/// are options of Redis 8 that the README lists as absent.
const TOKENS_NOT_DRAWN: &[&str] = &[
    "BLOCK", "*", "FREQ", "IDLETIME", "CLAIM", "IDMP", "IDMPAUTO",
];

/// Whether a command is drawn.
pub fn draws(command: &Command) -> bool {
    let name = command.name();
    GROUPS.contains(&command.group.as_str()) && !NOT_DRAWN.iter().any(|(not, _)| *not == name)
}

/// Whether an argument is drawn.
pub fn draws_argument(argument: &Argument) -> bool {
    let token = argument.token.as_deref();
    token.is_none_or(|token| !TOKENS_NOT_DRAWN.contains(&token))
}

/// Whether a command as a whole is sent to a peer. Where the weights of two elements
/// are equal or missing, SORT leaves them in an order of the server's own.
pub fn sends(words: &[Vec<u8>], peer: Kind) -> bool {
    let says = |word: &[u8]| words.iter().any(|arg| arg.eq_ignore_ascii_case(word));
    let unordered = words[0] == b"sort" && says(b"BY") && says(b"STORE");
    let confused = peer == Kind::Redis8 && confuses_redis_8(words);
    !unordered && !confused
}

/// Redis 8.6.2 fails an assertion of its own, and ends, where HSETEX has a field twice.
/// It answers twice where SET is to GET, and to compare with what is no digest.
fn confuses_redis_8(words: &[Vec<u8>]) -> bool {
    let behind = |word: &[u8]| {
        let place = words.iter().position(|w| w.eq_ignore_ascii_case(word))?;
        Some(&words[place + 1..])
    };
    let names: Vec<_> = behind(b"FIELDS")
        .unwrap_or(&[])
        .iter()
        .skip(1)
        .step_by(2)
        .collect();
    let twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
    let digest = behind(b"IFDEQ").or_else(|| behind(b"IFDNE"));
    let no_digest = digest.is_some_and(|words| words.first().is_none_or(|word| word.len() != 16));
    match words[0].as_slice() {
        b"hsetex" => twice,
        b"set" => no_digest && behind(b"GET").is_some(),
        _ => false,
    }
}

/// Options whose documentation does not say which version brought them.
const TOKENS_SINCE: &[(&str, Version)] = &[
    ("NOVALUES", (8, 0, 0)),
    ("NOSCORES", (8, 0, 0)),
    ("WITHSCORE", (7, 2, 0)),
];

/// The version that brought an argument.
pub fn since(argument: &Argument) -> Version {
    let token = argument.token.as_deref().unwrap_or("");
    let known = TOKENS_SINCE.iter().find(|(name, _)| *name == token);
    known.map_or(argument.since, |(_, version)| *version)
}

/// A difference that is as it should be.
pub struct Expected {
    /// The peer that answers otherwise.
    pub peer: Kind,
    /// What the command's name begins with.
    pub command: &'static str,
    /// What is in Towline's reply.
    pub ours: &'static str,
    /// What is in the peer's reply.
    pub theirs: &'static str,
    /// Why.
    pub reason: &'static str,
}

const fn expected(
    peer: Kind,
    command: &'static str,
    ours: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> Expected {
    Expected {
        peer,
        command,
        ours,
        theirs,
        reason,
    }
}

/// All expected differences. Where the families differ, Redis 7.2 decides.
#[rustfmt::skip]
pub const EXPECTED: &[Expected] = &[
    expected(Kind::Redis, "getex", "ERR", "nil", "7.0 looks for the key first"),
    expected(Kind::Redis, "getex", "ERR", "WRONGTYPE", "7.0 looks for the key first"),
    expected(Kind::Redis, "bitpos", "ERR", "WRONGTYPE", "7.0 looks for the key first"),
    expected(Kind::Redis, "object", ":2147483647", ":1", "a copied integer is not shared there"),
    expected(Kind::Redis, "zscan", "1234567.891", "", "7.0 writes doubles with 17 digits"),
    expected(Kind::Redis, "object", "listpack", "skiplist", "SORT turns a sorted set into a skip list there"),
    expected(Kind::Redis, "sscan", "", "[\"0\", []]", "7.0 has no small sets"),
    expected(Kind::Redis, "xsetid", "max_deleted_entry_id", "+OK", "7.0 does not look at it"),
    expected(Kind::Redis, "bitpos", "syntax error", ":", "7.0 looks for the key first"),
    expected(Kind::Redis, "bitpos", "not an integer", ":", "7.0 looks for the key first"),
    expected(Kind::Redis, "bitcount", "ERR", ":0", "7.0 looks for the key first"),
    expected(Kind::Redis, "bitcount", "ERR", "WRONGTYPE", "7.0 looks for the key first"),
    expected(Kind::Redis, "bitcount", "", "syntax error", "BITCOUNT without an end is newer"),
    expected(Kind::Redis, "lpos", "must between", "", "7.0 takes the least number"),
    expected(Kind::Redis, "lrem", "must between", "", "7.0 takes the least number"),
    expected(Kind::Redis, "object", "listpack", "quicklist", "7.0 has no small lists"),
    expected(Kind::Redis, "object", "listpack", "hashtable", "7.0 has no small sets"),
    expected(Kind::Redis, "xread", "Unbalanced 'x", "Unbalanced X", "the text is 7.2's"),
    expected(Kind::Redis, "xgroup", ":0", ":1", "7.2 makes the consumer when it reads"),
    expected(Kind::Redis, "xinfo", "inactive", "", "the field is 7.2's"),
    expected(Kind::Redis, "xinfo", "active-time", "", "the field is 7.2's"),
    expected(Kind::Redis, "object", ":1", ":2", "a string that a reply still holds counts there"),
    expected(Kind::Redis, "xread", "", "Invalid stream ID", "the last entry's id, +, is newer"),
    expected(Kind::Redis, "zrank", "", "number of arguments", "WITHSCORE is newer"),
    expected(Kind::Redis, "zrevrank", "", "number of arguments", "WITHSCORE is newer"),
    expected(Kind::Valkey, "object", ":2147483647", ":1", "Valkey shares no integers"),
    expected(Kind::Valkey, "object", "raw", "embstr", "Valkey embeds longer strings"),
    expected(Kind::Valkey, "geo", "could not decode", "does not exist", "the text is Redis's"),
    expected(Kind::Valkey, "geo", "", "need numeric", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Valkey, "hscan", "invalid cursor", "", "7.2 refuses a blank before a cursor"),
    expected(Kind::Valkey, "sscan", "invalid cursor", "", "7.2 refuses a blank before a cursor"),
    expected(Kind::Valkey, "zscan", "invalid cursor", "", "7.2 refuses a blank before a cursor"),
    expected(Kind::Valkey, "zra", "[]", "[", "7.2 leaves out everything at a negative offset"),
    expected(Kind::Valkey, "zrevra", "[]", "[", "7.2 leaves out everything at a negative offset"),
    expected(Kind::Valkey, "sort", "", "\\x00", "strcoll ends at a zero byte"),
    expected(Kind::Redis, "sort", "", "\\x00", "strcoll ends at a zero byte"),
    expected(Kind::Valkey, "hgetex", "numfields", "nil", "Valkey takes a key named FIELDS for the word"),
    expected(Kind::Valkey, "hsetex", "numfields", ":1", "Valkey takes a key named FIELDS for the word"),
    expected(Kind::Valkey, "object", "listpack", "skiplist", "SORT turns a sorted set into a skip list there"),
    expected(Kind::Valkey, "object", ":1", ":2", "a string that a reply still holds counts there"),
    expected(Kind::Valkey, "xreadgroup", "Invalid stream ID", "The + ID is meaningless", "7.2 knows no + here"),
    expected(Kind::Valkey, "zrangestore", ":0", ":", "7.2 leaves out everything at a negative offset"),
    expected(Kind::Valkey, "lset", "index out of range", "+OK", "Valkey's index wraps"),
    expected(Kind::Valkey, "hscan", "", "invalid cursor", "7.2 takes a negative cursor"),
    expected(Kind::Valkey, "sscan", "", "invalid cursor", "7.2 takes a negative cursor"),
    expected(Kind::Valkey, "zscan", "", "invalid cursor", "7.2 takes a negative cursor"),
    expected(Kind::Valkey, "", "", "not a float", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Valkey, "", "", "valid float", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Valkey, "", "", "converted into double", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Redis8, "h", "ERR", "ERR", "where both have the command, the text is Valkey's"),
    expected(Kind::Redis8, "h", "ERR", "WRONGTYPE", "Redis 8 looks at the key first"),
    expected(Kind::Redis8, "hscan", "invalid cursor", "", "7.2 refuses a blank before a cursor"),
    expected(Kind::Redis8, "sscan", "invalid cursor", "", "7.2 refuses a blank before a cursor"),
    expected(Kind::Redis8, "zscan", "invalid cursor", "", "7.2 refuses a blank before a cursor"),
    expected(Kind::Redis8, "hscan", "", "invalid cursor", "7.2 takes a negative cursor"),
    expected(Kind::Redis8, "sscan", "", "invalid cursor", "7.2 takes a negative cursor"),
    expected(Kind::Redis8, "zscan", "", "invalid cursor", "7.2 takes a negative cursor"),
    expected(Kind::Redis8, "hexpire", "", "invalid expire time", "Redis 8 keeps moments of fields in 46 bits"),
    expected(Kind::Redis8, "hpexpire", "", "invalid expire time", "Redis 8 keeps moments of fields in 46 bits"),
    expected(Kind::Redis8, "hgetex", "", "invalid expire time", "Redis 8 keeps moments of fields in 46 bits"),
    expected(Kind::Redis8, "hsetex", "", "invalid expire time", "Redis 8 keeps moments of fields in 46 bits"),
    expected(Kind::Redis8, "msetex", "ERR", "ERR", "where both have the command, the text is Valkey's"),
    expected(Kind::Redis8, "getex", "ERR", "nil", "Redis 8 looks for the key first"),
    expected(Kind::Redis8, "getex", "ERR", "WRONGTYPE", "Redis 8 looks for the key first"),
    expected(Kind::Redis8, "set", "syntax error", "", "NX and XX beside a comparison are wrong, as in Valkey"),
    expected(Kind::Redis8, "bitcount", "", "syntax error", "BITCOUNT without an end is Valkey's"),
    expected(Kind::Redis8, "lset", "index out of range", "+OK", "an index of 32 bits wraps there"),
    expected(Kind::Redis8, "object", "", "listpackex", "the encoding of a hash with expiries is Valkey's"),
    expected(Kind::Redis8, "geo", "", "38.1155563954963\"", "coordinates have the fewest digits there, and 17 decimals in 7.2"),
    expected(Kind::Redis8, "xinfo", "entries-read", "entries-read", "8.6 counts what a group has read anew"),
    expected(Kind::Redis8, "object", ":2147483647", ":1", "Redis 8 shares fewer integers"),
    expected(Kind::Redis8, "object", ":1", ":2", "a string that a reply still holds counts there"),
    expected(Kind::Redis8, "object", "listpack", "skiplist", "SORT turns a sorted set into a skip list there"),
    expected(Kind::Redis8, "xinfo", "", "idmp-duration", "IDMP is not there"),
    expected(Kind::Redis8, "xread", "Unbalanced", "Unbalanced", "the text is 7.2's"),
    expected(Kind::Redis8, "sort", "", "\\x00", "strcoll ends at a zero byte"),
    expected(Kind::Redis8, "", "", "not a float", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Redis8, "", "", "valid float", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Redis8, "", "", "converted into double", "7.2 reads numbers as C does: blanks before, hexadecimal"),
    expected(Kind::Redis8, "", "", "need numeric", "7.2 reads numbers as C does: blanks before, hexadecimal"),
];

impl Expected {
    /// Whether it is this one.
    pub fn covers(&self, difference: &Difference) -> bool {
        let word = difference.command.split(' ').next().unwrap_or("");
        self.peer == difference.peer
            && word.starts_with(self.command)
            && difference.ours.contains(self.ours)
            && difference.theirs.contains(self.theirs)
    }
}

/// How two servers' replies compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Byte for byte.
    Exact,
    /// The elements in any order.
    AnyOrder,
    /// Pairs of elements in any order.
    PairsInAnyOrder,
    /// A cursor, and the elements in any order.
    Scan,
    /// The same with pairs.
    ScanPairs,
    /// Which elements is the server's own choice, how many is not.
    Number,
    /// Numbers may differ by what the servers' clocks do.
    Clocks,
}

/// The rule for a command's reply.
pub fn rule(words: &[Vec<u8>]) -> Rule {
    let name = String::from_utf8_lossy(&words[0]).to_lowercase();
    let says = |word: &str| {
        let word = word.as_bytes();
        words[1..].iter().any(|arg| arg.eq_ignore_ascii_case(word))
    };
    match name.as_str() {
        "keys"
        | "smembers"
        | "sunion"
        | "sinter"
        | "sdiff"
        | "hkeys"
        | "hvals"
        | "georadius"
        | "georadius_ro"
        | "georadiusbymember"
        | "georadiusbymember_ro"
        | "geosearch" => Rule::AnyOrder,
        "sort" | "sort_ro" if says("BY") && says("LIMIT") => Rule::Number,
        "expire" | "pexpire" if says("GT") || says("LT") => Rule::Clocks,
        "sort" | "sort_ro" if says("BY") => Rule::AnyOrder,
        "hgetall" => Rule::PairsInAnyOrder,
        "sscan" => Rule::Scan,
        "hscan" if says("NOVALUES") => Rule::Scan,
        "zscan" if says("NOSCORES") => Rule::Scan,
        "hscan" | "zscan" => Rule::ScanPairs,
        "ttl" | "pttl" | "expiretime" | "pexpiretime" | "httl" | "hpttl" | "hexpiretime"
        | "hpexpiretime" | "xpending" | "xinfo" => Rule::Clocks,
        _ => Rule::Exact,
    }
}

/// How far clocks and the time between two replies let numbers differ.
const CLOCKS_MS: i64 = 20_000;

impl Rule {
    /// Whether two replies are equal under this rule.
    pub fn equal(self, left: &Value, right: &Value) -> bool {
        if left == right || same_doubles(left, right) {
            return true;
        }
        match self {
            Self::Exact => false,
            Self::AnyOrder => sorted(left, 1) == sorted(right, 1),
            Self::PairsInAnyOrder => sorted(left, 2) == sorted(right, 2),
            Self::Number => sorted(left, 1).len() == sorted(right, 1).len(),
            Self::Scan => scanned(left, right, 1),
            Self::ScanPairs => scanned(left, right, 2),
            Self::Clocks => near(left, right),
        }
    }
}

/// The elements, `width` of them together, in an order of their own.
fn sorted(value: &Value, width: usize) -> Vec<String> {
    let mut texts: Vec<String> = match value {
        Value::Array(items) | Value::Set(items) => items
            .chunks(width)
            .map(|chunk| {
                chunk
                    .iter()
                    .map(Value::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| format!("{key} {value}"))
            .collect(),
        other => vec![other.to_string()],
    };
    texts.sort();
    texts
}

fn scanned(left: &Value, right: &Value, width: usize) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) if left.len() == 2 && right.len() == 2 => {
            // Where a scan takes several steps, each server takes its own.
            let done = Value::Bulk(b"0".to_vec());
            left[0] != done
                || right[0] != done
                || sorted(&left[1], width) == sorted(&right[1], width)
        }
        _ => false,
    }
}

/// Redis 7.0 writes doubles with 17 digits.
fn same_doubles(left: &Value, right: &Value) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(number);
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => number(left) == number(right),
        (Value::Bulk(left), Value::Bulk(right)) if right.len() > 16 => {
            text(left).is_some() && text(left) == text(right)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(l, r)| l == r || same_doubles(l, r))
        }
        _ => false,
    }
}

fn near(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            (*left >= 0) == (*right >= 0) && left.abs_diff(*right) <= CLOCKS_MS.unsigned_abs()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| near(l, r))
        }
        (Value::Map(left), Value::Map(right)) => {
            let pairs = left.iter().zip(right);
            left.len() == right.len()
                && pairs
                    .into_iter()
                    .all(|(l, r)| l.0 == r.0 && near(&l.1, &r.1))
        }
        _ => left == right,
    }
}
