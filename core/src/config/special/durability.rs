//! `durability`: what the reply to a write waits for, of the server and of a
//! connection.
//!
//! ```text
//! local=memory|fsync replicas=N at=applied|fsynced timeout=ms
//! ```
//! Each part is optional and stands once, in any order.

use std::fmt;

use super::{Special, one_line};
use crate::text::number::parse_u64;

/// The grammar of the directive, whose text is that of the setting.
pub(in crate::config) const DURABILITY: Special = Special {
    many: true,
    parse: |words, _current, _adds| Ok(Durability::parse(words)?.to_string().into_bytes()),
    lines: one_line,
};

/// More replicas than that follow nobody.
const REPLICAS_MAX: u64 = 65_535;

/// The longest wait: an hour. A wait without an end would keep the reply of a client
/// whose replicas are gone for good.
const TIMEOUT_MAX_MS: u64 = 3_600_000;

/// Longer than a log takes that is synced once a second, here and at a replica that
/// acknowledges once a second.
const TIMEOUT_DEFAULT_MS: u32 = 5_000;

/// What has to be the case with a replica before it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplicaStage {
    /// It has applied the write.
    #[default]
    Applied,
    /// The write survives a loss of power there.
    Fsynced,
}

/// What the reply to a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durability {
    /// `local=fsync`: the log on disk has the write, and survives a loss of power.
    pub local_fsync: bool,
    /// How many replicas have to have it.
    pub replicas: u32,
    /// Where they have to have it.
    pub at: ReplicaStage,
    /// For how long at most, milliseconds.
    pub timeout_ms: u32,
}

impl Default for Durability {
    fn default() -> Self {
        Self {
            local_fsync: false,
            replicas: 0,
            at: ReplicaStage::Applied,
            timeout_ms: TIMEOUT_DEFAULT_MS,
        }
    }
}

impl Durability {
    /// True where a reply waits for nothing.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        !self.local_fsync && self.replicas == 0
    }

    /// Reads the parts; those that are not named have their default.
    ///
    /// # Errors
    /// What is wrong, for whoever wrote it.
    pub fn parse(words: &[&[u8]]) -> Result<Self, String> {
        let mut durability = Self::default();
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for word in words.iter().filter(|word| !word.is_empty()) {
            let word = word.to_ascii_lowercase();
            let mut parts = word.splitn(2, |byte| *byte == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next());
            let value = value.ok_or(GRAMMAR)?;
            if seen.iter().any(|known| known == name) {
                let name = String::from_utf8_lossy(name);
                return Err(format!("'{name}' is there twice"));
            }
            durability.set(name, value)?;
            seen.push(name.to_vec());
        }
        Ok(durability)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), String> {
        match (name, value) {
            (b"local", b"memory") => self.local_fsync = false,
            (b"local", b"fsync") => self.local_fsync = true,
            (b"replicas", count) => self.replicas = bounded(count, 0, REPLICAS_MAX)?,
            (b"at", b"applied") => self.at = ReplicaStage::Applied,
            (b"at", b"fsynced") => self.at = ReplicaStage::Fsynced,
            (b"timeout", ms) => self.timeout_ms = bounded(ms, 1, TIMEOUT_MAX_MS)?,
            _ => return Err(GRAMMAR.to_owned()),
        }
        Ok(())
    }
}

const GRAMMAR: &str = "argument must be words of: local=memory|fsync, replicas=N, \
                       at=applied|fsynced, timeout=ms";

fn bounded(text: &[u8], min: u64, max: u64) -> Result<u32, String> {
    let number = parse_u64(text).filter(|number| (min..=max).contains(number));
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| {
        format!("replicas must be 0 to {REPLICAS_MAX}, timeout 1 to {TIMEOUT_MAX_MS} milliseconds")
    })
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = if self.local_fsync { "fsync" } else { "memory" };
        let at = match self.at {
            ReplicaStage::Applied => "applied",
            ReplicaStage::Fsynced => "fsynced",
        };
        let (replicas, timeout_ms) = (self.replicas, self.timeout_ms);
        write!(
            f,
            "local={local} replicas={replicas} at={at} timeout={timeout_ms}"
        )
    }
}

/// The setting of a canonical text.
pub(in crate::config) fn durability(text: &[u8]) -> Durability {
    let words: Vec<&[u8]> = super::words(text).collect();
    Durability::parse(&words).expect("canonical text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        Durability::parse(&words).map(|durability| durability.to_string())
    }

    #[test]
    fn parts_come_in_any_order_and_have_defaults() {
        let default = "local=memory replicas=0 at=applied timeout=5000";
        assert_eq!(parsed(""), Ok(default.to_owned()));
        assert_eq!(parsed(default), Ok(default.to_owned()));
        assert_eq!(
            parsed("TIMEOUT=70 at=fsynced replicas=2 Local=FSYNC"),
            Ok("local=fsync replicas=2 at=fsynced timeout=70".to_owned())
        );
        assert!(Durability::default().is_nothing());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "local",
            "local=",
            "local=disk",
            "replicas=-1",
            "replicas=65536",
            "replicas=x",
            "at=received",
            "timeout=0",
            "timeout=3600001",
            "quorum=2",
            "local=fsync local=memory",
            "default",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
