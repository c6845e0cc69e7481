//! How far the stream holds commands that only some peers know.
//!
//! A replica that does not know fields that expire answers such a command with
//! an error, goes on, and lacks what the command did from then on, with its link
//! up. So the stream remembers where the last such command ends, and a link to
//! such a replica is cut before any of it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::offset::Offset;

/// Whether only servers with fields that expire know this command.
#[must_use]
pub fn is_about_expiring_fields(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"hexpire",
        b"hexpireat",
        b"hgetdel",
        b"hgetex",
        b"hpersist",
        b"hpexpire",
        b"hpexpireat",
        b"hsetex",
    ];
    // Nearly all commands are told by their first letter.
    matches!(name.first(), Some(b'h' | b'H'))
        && NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The end of the last command about fields that expire, shared with those who
/// send the stream. It is told before the command's bytes are.
#[derive(Clone, Debug, Default)]
pub struct Novelty(Arc<AtomicU64>);

impl Novelty {
    /// Whether the stream behind `offset` holds such a command.
    #[must_use]
    pub fn is_behind(&self, offset: Offset) -> bool {
        self.end() > offset
    }

    /// The position behind the last such command, or the stream's beginning.
    #[must_use]
    pub fn end(&self) -> Offset {
        Offset(self.0.load(Ordering::Acquire))
    }

    fn set(&self, end: Offset) {
        self.0.store(end.0, Ordering::Release);
    }
}

/// Watches the stream for such commands.
#[derive(Debug, Default)]
pub(super) struct NoveltyWatch {
    told: Novelty,
    /// The name and the key of the last one.
    last: Option<(Vec<u8>, Vec<u8>)>,
    /// It is part of a unit that is not in the stream yet.
    pending: bool,
}

impl NoveltyWatch {
    pub(super) fn told(&self) -> Novelty {
        self.told.clone()
    }

    pub(super) fn last(&self) -> Option<(&[u8], &[u8])> {
        self.last.as_ref().map(|(name, key)| (&name[..], &key[..]))
    }

    /// This command will be in the stream.
    #[inline]
    pub(super) fn see(&mut self, name: &[u8], key: &[u8]) {
        if is_about_expiring_fields(name) {
            self.last = Some((name.to_vec(), key.to_vec()));
            self.pending = true;
        }
    }

    /// As `see`, of a command as it is written: a RESP array of bulk strings.
    pub(super) fn see_resp(&mut self, resp: &[u8]) {
        let mut words = resp
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end);
        // An array's head, then a length and a word in turn; names have no line ends.
        if let Some(name) = words.nth(2)
            && is_about_expiring_fields(name)
        {
            self.see(name, words.nth(1).unwrap_or_default());
        }
    }

    /// The unit with what was seen is in the stream, which ends at `end` now.
    #[inline]
    pub(super) fn written(&mut self, end: Offset) {
        if std::mem::take(&mut self.pending) {
            self.told.set(end);
        }
    }

    /// There may be such a command before `end`.
    pub(super) fn note(&mut self, end: Offset) {
        self.told.set(self.told.end().max(end));
    }

    /// The stream goes on in another history, of which nothing is known.
    pub(super) fn forget(&mut self) {
        self.pending = false;
        self.told.set(Offset::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use crate::offset::Offset;
    use crate::testing::TestEngine;

    #[test]
    fn the_stream_tells_where_the_last_command_about_expiring_fields_ends() {
        let mut t = TestEngine::new();
        let novelty = t.engine.server.log.novelty();
        for line in [
            "hset h a 1 b 2",
            "hsetex h fields 1 c 3",
            "hgetdel h fields 1 c",
        ] {
            t.run(line);
            assert_eq!(novelty.end(), Offset::ZERO, "{line}");
        }
        for line in [
            "hexpire h 9 fields 1 a",
            "hincrby h a 1",
            "hsetex h px 9 fields 1 b 3",
            "hpersist h fields 1 a",
        ] {
            let before = t.engine.server.log.offset();
            t.run(line);
            assert!(novelty.is_behind(before), "{line}");
            assert_eq!(novelty.end(), t.engine.server.log.offset(), "{line}");
        }
        let last = t.engine.server.log.last_novelty();
        assert_eq!(last, Some((&b"HPERSIST"[..], &b"h"[..])));
        let end = novelty.end();
        t.run("hset h a 1");
        t.run("hdel h b");
        assert_eq!(novelty.end(), end);
        t.run("multi");
        t.run("hexpire h 9 fields 1 a");
        t.run("set k v");
        assert_eq!(novelty.end(), end);
        t.run("exec");
        assert_eq!(novelty.end(), t.engine.server.log.offset());
        t.engine.server.log.reset(Offset(5));
        assert_eq!(novelty.end(), Offset::ZERO);
    }
}
