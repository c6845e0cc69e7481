//! `shutdown-on-sigint` and `shutdown-on-sigterm`: how a signal stops the server.

use bitflags::bitflags;

use super::{Special, one_line, words};
use crate::config::value::parse_choice;

/// The grammar of both directives.
pub(in crate::config) const SHUTDOWN: Special = Special {
    many: true,
    parse,
    lines: one_line,
};

bitflags! {
    /// The options of SHUTDOWN.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct ShutdownFlags: u8 {
        /// Save even without save points.
        const SAVE = 1 << 0;
        /// Do not save even with save points.
        const NOSAVE = 1 << 1;
        /// Do not wait for lagging replicas.
        const NOW = 1 << 2;
        /// Stop even if saving fails.
        const FORCE = 1 << 3;
    }
}

/// In the order in which they are shown.
const WORDS: [&str; 5] = ["default", "save", "nosave", "now", "force"];

fn flag(word: &str) -> ShutdownFlags {
    match word {
        "save" => ShutdownFlags::SAVE,
        "nosave" => ShutdownFlags::NOSAVE,
        "now" => ShutdownFlags::NOW,
        "force" => ShutdownFlags::FORCE,
        _ => ShutdownFlags::empty(),
    }
}

fn parse(given: &[&[u8]], _current: &[u8], _adds: bool) -> Result<Vec<u8>, String> {
    let mut flags = ShutdownFlags::empty();
    let nothing: &[&[u8]] = &[b""];
    for word in if given.is_empty() { nothing } else { given } {
        flags |= flag(parse_choice(word, &WORDS)?);
    }
    if flags.contains(ShutdownFlags::SAVE | ShutdownFlags::NOSAVE) {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    if flags.is_empty() {
        return Ok(b"default".to_vec());
    }
    let held = |word: &&str| flags.intersects(flag(word));
    let shown: Vec<&str> = WORDS.into_iter().filter(held).collect();
    Ok(shown.join(" ").into())
}

/// The options of a canonical text.
pub(in crate::config) fn shutdown_flags(text: &[u8]) -> ShutdownFlags {
    words(text)
        .map(|word| flag(std::str::from_utf8(word).expect("canonical text")))
        .collect()
}
