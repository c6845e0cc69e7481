//! A seeded mix of writes over all types, with expiries, transactions and databases.
//!
//! The commands are templates. Their holes:
//!
//! | hole | becomes |
//! |---|---|
//! | `{k}` | the number of a key |
//! | `{m}` | a member, a field or an element from a small pool |
//! | `{v}` | a value: short, a number, long, binary, now and then 20 KB |
//! | `{i}` | an integer from -50 to 49 |
//! | `{n}` | a count from 1 to 4 |
//! | `{bit}` | the place of a bit in the first kilobytes |
//! | `{x}` | a fraction |
//! | `{ttl}` | milliseconds: either soon over, or more than an hour |
//! | `{db}` | a database |
//!
//! A prefix of a key stands for its type, so that commands rarely meet another type.
//! Some commands fail for want of their key, as they do in life.

use crate::resp::Client;
use crate::rng::Rng;

/// Databases the workload writes to.
pub const DATABASES: u64 = 4;

const KEYS: u64 = 30;
const MEMBERS: u64 = 80;

/// One command: its arguments.
pub type Command = Vec<Vec<u8>>;

const STRINGS: &[&str] = &[
    "SET s:{k} {v}",
    "SET s:{k} {v} PX {ttl}",
    "SET s:{k} {v} NX GET",
    "SET s:{k} {v} XX KEEPTTL",
    "SETEX s:{k} 4000 {v}",
    "PSETEX s:{k} {ttl} {v}",
    "SETNX s:{k} {v}",
    "GETSET s:{k} {v}",
    "GETDEL s:{k}",
    "GETEX s:{k} PX {ttl}",
    "GETEX s:{k} PERSIST",
    "APPEND s:{k} {m}",
    "SETRANGE s:{k} {n} {m}",
    "MSET s:{k} {v} s:{k} {v}",
    "MSETNX s:{k} {v} s:{k} {v}",
    "INCR n:{k}",
    "DECRBY n:{k} {i}",
    "INCRBY n:{k} {i}",
    "INCRBYFLOAT f:{k} {x}",
];

/// A field of four bits at a place that is a multiple of its width ends in the byte where
/// it starts, and one behind the end takes any `{n}`. Redis and Valkey make a string
/// longer for a BITFIELD that they then refuse, and tell no replica.
const BITMAPS: &[&str] = &[
    "SETBIT b:{k} {bit} 1",
    "SETBIT b:{k} {bit} 0",
    "BITFIELD b:{k} SET u7 {bit} {i} OVERFLOW SAT INCRBY i5 {bit} {i}",
    "BITFIELD b:{k} OVERFLOW FAIL INCRBY u4 #{bit} {n} GET u8 {bit}",
    "BITOP AND b:{k} b:{k} b:{k}",
    "BITOP OR b:{k} b:{k} s:{k}",
    "BITOP XOR b:{k} b:{k} b:{k}",
    "BITOP NOT b:{k} b:{k}",
    "SETRANGE b:{k} {n} {m}",
];

const HYPERLOGLOGS: &[&str] = &[
    "PFADD p:{k} {m} {v} {x}",
    "PFADD p:{k} {v}",
    "PFCOUNT p:{k}",
    "PFMERGE p:{k} p:{k} p:{k}",
];

const HASHES: &[&str] = &[
    "HSET h:{k} {m} {v} {m} {v}",
    "HMSET h:{k} {m} {v}",
    "HSETNX h:{k} {m} {v}",
    "HDEL h:{k} {m} {m} {m}",
    "HINCRBY hn:{k} {m} {i}",
    "HINCRBYFLOAT hf:{k} {m} {x}",
];

const LISTS: &[&str] = &[
    "RPUSH l:{k} {v} {m} {m}",
    "LPUSH l:{k} {m} {v}",
    "LPUSHX l:{k} {v}",
    "RPUSHX l:{k} {m}",
    "LPOP l:{k} {n}",
    "RPOP l:{k}",
    "LINSERT l:{k} BEFORE {m} {v}",
    "LINSERT l:{k} AFTER {m} {v}",
    "LSET l:{k} {n} {v}",
    "LREM l:{k} {i} {m}",
    "LTRIM l:{k} 0 150",
    "LMOVE l:{k} l:{k} LEFT RIGHT",
    "RPOPLPUSH l:{k} l:{k}",
    "LMPOP 2 l:{k} l:{k} RIGHT COUNT {n}",
];

const SETS: &[&str] = &[
    "SADD e:{k} {m} {m} {m}",
    "SADD e:{k} {v}",
    "SADD ei:{k} {i} {i}",
    "SREM e:{k} {m} {m}",
    "SREM ei:{k} {i}",
    "SPOP e:{k}",
    "SPOP ei:{k} {n}",
    "SMOVE e:{k} e:{k} {m}",
    "SDIFFSTORE e:{k} e:{k} e:{k}",
    "SINTERSTORE e:{k} e:{k} ei:{k}",
    "SUNIONSTORE e:{k} e:{k} e:{k}",
];

const ZSETS: &[&str] = &[
    "ZADD z:{k} {x} {m} {i} {m}",
    "ZADD z:{k} {i} {v}",
    "ZADD z:{k} NX {x} {m}",
    "ZADD z:{k} GT CH {x} {m}",
    "ZADD z:{k} XX LT {i} {m}",
    "ZADD z:{k} INCR {x} {m}",
    "ZINCRBY z:{k} {x} {m}",
    "ZREM z:{k} {m} {m}",
    "ZPOPMIN z:{k} {n}",
    "ZPOPMAX z:{k}",
    "ZMPOP 2 z:{k} z:{k} MIN COUNT {n}",
    "ZREMRANGEBYRANK z:{k} 0 {n}",
    "ZREMRANGEBYSCORE z:{k} (20 (21",
    "ZUNIONSTORE z:{k} 2 z:{k} z:{k} WEIGHTS 1 0.5 AGGREGATE MAX",
    "ZINTERSTORE z:{k} 2 z:{k} e:{k}",
    "ZDIFFSTORE z:{k} 2 z:{k} z:{k}",
    "ZRANGESTORE z:{k} z:{k} 0 40",
];

const GEO: &[&str] = &[
    "GEOADD g:{k} {i} {x} {m} {x} {i} {m}",
    "GEOADD g:{k} NX CH {x} {x} {m}",
    "GEORADIUS g:{k} {i} {x} 4000 km STORE g:{k}",
    "GEORADIUSBYMEMBER g:{k} {m} 2000 km STOREDIST z:{k}",
    "GEOSEARCHSTORE g:{k} g:{k} FROMLONLAT {x} {i} BYBOX 5000 4000 km COUNT 30",
    "GEOSEARCHSTORE z:{k} g:{k} FROMMEMBER {m} BYRADIUS 3000 km ASC STOREDIST",
    "ZREM g:{k} {m} {m}",
];

/// Ids of `xi:` streams are small, so that commands find them. Nothing is deleted from
/// `xs:` streams but by trimming: Redis 7.0 takes an XSETID below what was deleted, and a
/// Valkey that is its replica refuses it.
const STREAMS: &[&str] = &[
    "XADD x:{k} * {m} {v}",
    "XADD x:{k} * {m} {v} {m} {i}",
    "XADD x:{k} NOMKSTREAM * same {i}",
    "XADD x:{k} MAXLEN ~ 120 * same {v}",
    "XADD x:{k} MAXLEN 40 * same {v}",
    "XADD xi:{k} 5-* same {i}",
    "XADD xi:{k} 5-* {m} {v}",
    "XADD xi:{k} MINID ~ 5-{k} 5-* same {v}",
    "XTRIM x:{k} MAXLEN = 30",
    "XTRIM xi:{k} MINID 5-{n}",
    "XDEL xi:{k} 5-{k} 5-{k}",
    "XADD xs:{k} MAXLEN 20 * {m} {v}",
    "XSETID xs:{k} 5000000000000-{k}",
    "XGROUP CREATE x:{k} g{n} 0 MKSTREAM",
    "XGROUP CREATE xi:{k} g{n} 0 MKSTREAM",
    "XGROUP CREATECONSUMER xi:{k} g{n} c{n}",
    "XGROUP DELCONSUMER xi:{k} g{n} c{n}",
    "XGROUP DESTROY x:{k} g{n}",
    "XGROUP SETID xi:{k} g{n} 5-{n}",
    "XREADGROUP GROUP g{n} c{n} COUNT {n} STREAMS x:{k} >",
    "XREADGROUP GROUP g{n} c{n} COUNT {n} STREAMS xi:{k} >",
    "XREADGROUP GROUP g{n} c{n} NOACK COUNT {n} STREAMS xi:{k} >",
    "XACK xi:{k} g{n} 5-{k} 5-{k}",
    "XCLAIM xi:{k} g{n} c{n} 0 5-{k} 5-{k} FORCE",
    "XAUTOCLAIM x:{k} g{n} c{n} 0 0 COUNT {n}",
    "XAUTOCLAIM xi:{k} g{n} c{n} 0 0 JUSTID",
];

const GENERIC: &[&str] = &[
    "DEL s:{k} h:{k}",
    "UNLINK l:{k} z:{k}",
    "PEXPIRE h:{k} {ttl}",
    "PEXPIRE l:{k} {ttl}",
    "PEXPIRE e:{k} {ttl}",
    "PEXPIRE z:{k} {ttl}",
    "EXPIRE s:{k} 5000 NX",
    "EXPIREAT h:{k} 4102444800",
    "PERSIST h:{k}",
    "PERSIST z:{k}",
    "RENAME h:{k} h:{k}",
    "RENAMENX z:{k} z:{k}",
    "MOVE s:{k} {db}",
    "MOVE l:{k} {db}",
    "SWAPDB {db} {db}",
    "TOUCH s:{k}",
    "PUBLISH channel {v}",
];

/// Writers first: most of the mix should grow and shrink collections.
const FAMILIES: &[&[&str]] = &[
    STRINGS,
    BITMAPS,
    HYPERLOGLOGS,
    HASHES,
    LISTS,
    SETS,
    ZSETS,
    GEO,
    STREAMS,
    GENERIC,
];

/// An endless source of commands.
#[derive(Debug)]
pub struct Workload {
    rng: Rng,
    has_fractions: bool,
}

impl Workload {
    /// The mix that follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            has_fractions: true,
        }
    }

    /// The same mix without fractions in scores, which Valkey prints otherwise than Redis
    /// into DEBUG DIGEST: with these, equal datasets have equal digests anywhere.
    pub fn whole_scores(seed: u64) -> Self {
        Self {
            has_fractions: false,
            ..Self::new(seed)
        }
    }

    /// About `count` commands: a SELECT, single commands and transactions.
    pub fn batch(&mut self, count: usize) -> Vec<Command> {
        let db = self.rng.below(DATABASES).to_string();
        let mut commands = vec![words(&["SELECT", &db])];
        while commands.len() < count {
            match self.rng.below(12) {
                0 => commands.extend(self.transaction()),
                _ => commands.push(self.command()),
            }
        }
        if self.rng.below(400) == 0 {
            commands.push(words(&["FLUSHDB"]));
        }
        commands
    }

    /// Sends batches of 50 until `count` commands were sent, and reads all replies.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn run(&mut self, client: &mut Client, count: usize) {
        let mut sent = 0;
        while sent < count {
            let batch = self.batch(50);
            sent += batch.len();
            client
                .pipeline(&batch)
                .expect("the workload's server answers");
        }
    }

    fn transaction(&mut self) -> Vec<Command> {
        let length = 1 + self.rng.below(5);
        let mut commands = vec![words(&["MULTI"])];
        commands.extend((0..length).map(|_| self.command()));
        // Now and then what was queued is thrown away.
        let end = if self.rng.below(8) == 0 {
            "DISCARD"
        } else {
            "EXEC"
        };
        commands.push(words(&[end]));
        commands
    }

    fn command(&mut self) -> Command {
        let family = *self.rng.pick(FAMILIES);
        let mut template = *self.rng.pick(family);
        while !self.has_fractions && makes_fractions(template) {
            template = *self.rng.pick(family);
        }
        template.split(' ').map(|word| self.fill(word)).collect()
    }

    fn fill(&mut self, word: &str) -> Vec<u8> {
        let Some((before, hole)) = word.split_once('{') else {
            return word.as_bytes().to_vec();
        };
        let mut filled = before.as_bytes().to_vec();
        match hole {
            "k}" => filled.extend(self.rng.below(KEYS).to_string().bytes()),
            "m}" => filled.extend(self.member()),
            "v}" => filled.extend(self.value()),
            "i}" => filled.extend(self.integer().to_string().bytes()),
            "n}" => filled.extend((1 + self.rng.below(4)).to_string().bytes()),
            "bit}" => filled.extend(self.rng.below(20_000).to_string().bytes()),
            "x}" => filled.extend(self.fraction()),
            "ttl}" => filled.extend(self.ttl_ms().to_string().bytes()),
            "db}" => filled.extend(self.rng.below(DATABASES).to_string().bytes()),
            other => panic!("no such hole: {{{other}"),
        }
        filled
    }

    fn member(&mut self) -> Vec<u8> {
        format!("member:{}", self.rng.below(MEMBERS)).into_bytes()
    }

    fn integer(&mut self) -> i64 {
        self.rng.below(100).cast_signed() - 50
    }

    fn fraction(&mut self) -> Vec<u8> {
        format!("{}.{}", self.integer(), self.rng.below(1000)).into_bytes()
    }

    /// Soon over, or not before the test is: nothing in between, so that the end of a
    /// test is a state that stays.
    fn ttl_ms(&mut self) -> u64 {
        match self.rng.below(2) {
            0 => 1 + self.rng.below(300),
            _ => 4_000_000 + self.rng.below(1_000_000),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.rng.below(20) {
            0..6 => format!("value:{}", self.rng.below(1_000_000)).into_bytes(),
            6..10 => self.rng.next_u64().cast_signed().to_string().into_bytes(),
            10..14 => vec![b'x'; usize::try_from(self.rng.below(120)).expect("below 120")],
            14..18 => self.binary(300),
            18 => b"compressible ".repeat(100),
            _ if self.rng.below(10) == 0 => self.binary(20_000),
            _ => Vec::new(),
        }
    }

    fn binary(&mut self, max_len: u64) -> Vec<u8> {
        let len = self.rng.below(max_len);
        (0..len)
            .map(|_| self.rng.next_u64().to_le_bytes()[0])
            .collect()
    }
}

/// Whether it puts a score that is no whole number into a sorted set.
fn makes_fractions(template: &str) -> bool {
    let is_score = template.starts_with('Z') && template.contains("{x}");
    is_score || template.contains("WEIGHTS") || template.contains("STOREDIST")
}

fn words(words: &[&str]) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::Workload;

    #[test]
    fn the_same_seed_gives_the_same_commands() {
        let batches = |seed| Workload::new(seed).batch(500);
        assert_eq!(batches(7), batches(7));
        assert_ne!(batches(7), batches(8));
    }
}
