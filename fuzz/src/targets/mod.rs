//! The promises of each parser, as functions that panic where one is broken.

pub mod aof;
pub mod conf;
mod facts;
pub mod handshake;
pub mod journal;
pub mod packed;
pub mod payload;
pub mod ranges;
pub mod rdb;
pub mod resp;
mod snapshot;
pub mod towline;

use crate::corpus::{self, Corpus};
use crate::limits::{self, MemoryLimits};
use crate::rng::Rng;

/// One parser under test.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Panics if a promise is broken.
    pub run: fn(&[u8]),
    /// Valid inputs and words.
    pub corpus: fn() -> Corpus,
    /// What an input may cost.
    pub memory: MemoryLimits,
    /// How many inputs the short run takes; slow parsers get fewer.
    pub smoke_iterations: u64,
}

/// All of them.
pub const TARGETS: [Target; 16] = [
    Target {
        name: "resp",
        run: resp::requests,
        corpus: corpus::resp::requests,
        memory: limits::PROTOCOL,
        smoke_iterations: 1_000_000,
    },
    Target {
        name: "quote",
        run: resp::quoted_words,
        corpus: corpus::conf::lines,
        memory: limits::PROTOCOL,
        smoke_iterations: 1_000_000,
    },
    Target {
        name: "rdb",
        run: rdb::file,
        corpus: corpus::rdb::files,
        memory: limits::SNAPSHOT,
        smoke_iterations: 200_000,
    },
    Target {
        name: "dataset",
        run: rdb::into_keyspace,
        corpus: corpus::rdb::files,
        memory: limits::KEYSPACE,
        smoke_iterations: 100_000,
    },
    Target {
        name: "payload",
        run: payload::restore,
        corpus: corpus::payload::payloads,
        memory: limits::SNAPSHOT,
        smoke_iterations: 300_000,
    },
    Target {
        name: "packed",
        run: packed::blob,
        corpus: corpus::packed::blobs,
        memory: limits::SNAPSHOT,
        smoke_iterations: 100_000,
    },
    Target {
        name: "lzf",
        run: packed::compressed,
        corpus: corpus::packed::compressed,
        memory: limits::SNAPSHOT,
        smoke_iterations: 400_000,
    },
    Target {
        name: "towline",
        run: towline::file,
        corpus: corpus::towline::files,
        memory: limits::SNAPSHOT,
        smoke_iterations: 200_000,
    },
    Target {
        name: "manifest",
        run: aof::manifest,
        corpus: corpus::aof::manifests,
        memory: limits::PROTOCOL,
        smoke_iterations: 400_000,
    },
    Target {
        name: "aof",
        run: aof::log,
        corpus: corpus::aof::logs,
        memory: limits::PROTOCOL,
        smoke_iterations: 400_000,
    },
    Target {
        name: "side-file",
        run: journal::side_file,
        corpus: corpus::journal::side_files,
        memory: limits::PROTOCOL,
        smoke_iterations: 400_000,
    },
    Target {
        name: "recovery",
        run: journal::recovery,
        corpus: corpus::journal::recoveries,
        memory: limits::PROTOCOL,
        smoke_iterations: 200_000,
    },
    Target {
        name: "replica",
        run: handshake::replica,
        corpus: corpus::handshake::from_primary,
        memory: limits::PROTOCOL,
        smoke_iterations: 400_000,
    },
    Target {
        name: "primary",
        run: handshake::primary,
        corpus: corpus::handshake::from_replica,
        memory: limits::PROTOCOL,
        smoke_iterations: 600_000,
    },
    Target {
        name: "ranges",
        run: ranges::list,
        corpus: corpus::ranges::lists,
        memory: limits::PROTOCOL,
        smoke_iterations: 400_000,
    },
    Target {
        name: "conf",
        run: conf::files,
        corpus: corpus::conf::files,
        memory: limits::CONFIGURATION,
        smoke_iterations: 100_000,
    },
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    const ALL: &[Target] = &TARGETS;
    ALL.iter().find(|target| target.name == name)
}

/// Inputs up to this length are also given byte by byte.
const BYTEWISE_MAX_BYTES: usize = 2048;

/// The ways in which an input is cut into chunks: whole, at places that follow
/// from its bytes, and byte by byte if it is short.
fn cuts(input: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![vec![input], cut_anywhere(input)];
    if input.len() <= BYTEWISE_MAX_BYTES {
        ways.push(input.chunks(1).collect());
    }
    ways
}

fn cut_anywhere(input: &[u8]) -> Vec<&[u8]> {
    let mut rng = Rng::of_bytes(input);
    let mut chunks = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let most = if rng.one_in(3) { rest.len() } else { 24 };
        let (chunk, after) = rest.split_at(rng.below(most.min(rest.len()) + 1));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}
