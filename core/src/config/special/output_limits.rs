//! `client-output-buffer-limit <class> <hard> <soft> <soft seconds> …`: when to
//! drop a client that does not read what it is sent.

use super::{Special, words};
use crate::config::rewrite_text::memory_text;
use crate::text::number::{parse_i64, parse_memory};

/// The grammar of `client-output-buffer-limit`.
pub(in crate::config) const OUTPUT_LIMITS: Special = Special {
    many: true,
    parse,
    lines,
};

/// The clients that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientClass {
    /// Everyone else.
    Normal = 0,
    /// Replicas.
    Replica = 1,
    /// Subscribers.
    PubSub = 2,
}

const CLASS_NAMES: [&str; 3] = ["normal", "slave", "pubsub"];

/// How much output may wait for a client; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Beyond this the client is dropped at once.
    pub hard_bytes: u64,
    /// Beyond this it is dropped after a while.
    pub soft_bytes: u64,
    /// How long it may stay beyond the soft limit.
    pub soft_seconds: u64,
}

fn class_of(word: &[u8]) -> Option<ClientClass> {
    match word.to_ascii_lowercase().as_slice() {
        b"normal" => Some(ClientClass::Normal),
        b"slave" | b"replica" => Some(ClientClass::Replica),
        b"pubsub" => Some(ClientClass::PubSub),
        _ => None,
    }
}

/// Classes that are not named keep their limit.
fn parse(given: &[&[u8]], current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    let mut limits = output_limits(current);
    if matches!(given, [b""]) {
        return Ok(current.to_vec());
    }
    if given.is_empty() || !given.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let bad_class = "Invalid client class specified in buffer limit configuration.";
    let bad_number = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    for group in given.chunks_exact(4) {
        let class = class_of(group[0]).ok_or(bad_class)?;
        let seconds = parse_i64(group[3]).and_then(|n| u64::try_from(n).ok());
        limits[class as usize] = OutputLimit {
            hard_bytes: parse_memory(group[1]).ok_or(bad_number)?,
            soft_bytes: parse_memory(group[2]).ok_or(bad_number)?,
            soft_seconds: seconds.ok_or(bad_number)?,
        };
    }
    let text = |(name, l): (&str, &OutputLimit)| {
        format!(
            "{name} {} {} {}",
            l.hard_bytes, l.soft_bytes, l.soft_seconds
        )
    };
    let texts: Vec<_> = CLASS_NAMES.into_iter().zip(&limits).map(text).collect();
    Ok(texts.join(" ").into())
}

/// The limits of a canonical text, in the order of [`ClientClass`].
pub(in crate::config) fn output_limits(text: &[u8]) -> [OutputLimit; 3] {
    let mut limits = [OutputLimit::default(); 3];
    let all: Vec<&[u8]> = words(text).collect();
    for (limit, group) in limits.iter_mut().zip(all.chunks_exact(4)) {
        let number = |at: usize| parse_memory(group[at]).expect("canonical text");
        *limit = OutputLimit {
            hard_bytes: number(1),
            soft_bytes: number(2),
            soft_seconds: number(3),
        };
    }
    limits
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let line = |(name, l): (&str, OutputLimit)| {
        let (hard, soft) = (
            memory_text(l.hard_bytes.into()),
            memory_text(l.soft_bytes.into()),
        );
        format!("{name} {hard} {soft} {}", l.soft_seconds).into_bytes()
    };
    let names = ["normal", "replica", "pubsub"];
    names
        .into_iter()
        .zip(output_limits(text))
        .map(line)
        .collect()
}
