//! The one stream: every effect, encoded once, at one offset.

use super::effects::{Propagated, encode_command};
use super::novelty::{Novelty, NoveltyWatch};
use super::replication::BacklogFacts;
use crate::offset::{History, Offset};
use crate::seams::LogSink;
use crate::seams::log_sink::StreamPlace;

/// Names one taker of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkId(u64);

/// Collects the stream of a batch and hands it to the sinks.
#[derive(Default)]
pub struct StreamLog {
    /// The offset behind the last byte, pending ones included.
    offset: Offset,
    pending: Vec<u8>,
    /// The database that the stream's reader has selected; none forces a SELECT.
    selected: Option<usize>,
    sinks: Vec<(SinkId, Box<dyn LogSink>)>,
    next_sink: u64,
    /// Somebody waits until what was written survives a loss of power.
    sync_wanted: bool,
    novelty: NoveltyWatch,
}

impl StreamLog {
    /// The offset behind everything written so far.
    #[must_use]
    pub const fn offset(&self) -> Offset {
        self.offset
    }

    /// True where somebody takes the stream. Without takers nothing is encoded
    /// and the offset stands still.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !self.sinks.is_empty()
    }

    /// Adds a taker, which gets what is written from here on.
    pub fn add_sink(&mut self, sink: Box<dyn LogSink>) -> SinkId {
        self.flush();
        self.next_sink += 1;
        let id = SinkId(self.next_sink);
        self.sinks.push((id, sink));
        id
    }

    /// Removes one taker, which has then got what was written so far. The others stay.
    pub fn remove_sink(&mut self, id: SinkId) {
        self.flush();
        self.sinks.retain(|(held, _)| *held != id);
    }

    /// Continues at another offset, without a word to the sinks.
    pub fn reset(&mut self, offset: Offset) {
        self.flush();
        self.offset = offset;
        self.selected = None;
        self.novelty.forget();
    }

    /// Makes the next command carry a SELECT, as a new reader needs it.
    pub const fn force_select(&mut self) {
        self.selected = None;
    }

    /// The database the stream has selected, for a snapshot's `repl-stream-db`.
    #[must_use]
    pub const fn selected_db(&self) -> Option<usize> {
        self.selected
    }

    /// Notes what the verbatim stream of our primary has selected.
    pub const fn set_selected_db(&mut self, db: Option<usize>) {
        self.selected = db;
    }

    fn append(&mut self, resp: &[u8]) {
        self.pending.extend_from_slice(resp);
        self.offset = self.offset.advance(resp.len());
    }

    fn select(&mut self, db: usize) {
        if self.selected != Some(db) {
            let mut resp = Vec::new();
            encode_command(&[b"SELECT", db.to_string().as_bytes()], &mut resp);
            self.append(&resp);
            self.selected = Some(db);
        }
    }

    /// Writes one unit: one command as it is, several wrapped in MULTI and EXEC.
    pub fn write_unit(&mut self, commands: Vec<Propagated>) {
        if !self.is_active() || commands.is_empty() {
            return;
        }
        let wrapped = commands.len() > 1;
        if wrapped {
            // SELECT goes in front, so that MULTI never splits from its first command's database.
            if let Some(db) = commands.iter().find_map(|command| command.db) {
                self.select(db);
            }
            self.append(b"*1\r\n$5\r\nMULTI\r\n");
        }
        for command in commands {
            if let Some(db) = command.db {
                self.select(db);
            }
            self.novelty.see_resp(&command.resp);
            self.append(&command.resp);
        }
        if wrapped {
            self.append(b"*1\r\n$4\r\nEXEC\r\n");
        }
        self.novelty.written(self.offset);
    }

    /// Writes a command that carries no SELECT: PING and REPLCONF GETACK.
    pub fn write_bare(&mut self, args: &[&[u8]]) {
        if self.is_active() {
            let mut resp = Vec::new();
            encode_command(args, &mut resp);
            self.append(&resp);
        }
    }

    /// Writes bytes of our primary's stream as they came.
    pub fn write_verbatim(&mut self, bytes: &[u8]) {
        if self.is_active() {
            self.pending.extend_from_slice(bytes);
        }
        self.offset = self.offset.advance(bytes.len());
        self.novelty.written(self.offset);
    }

    /// A command of our primary's stream, whose bytes come with `write_verbatim`.
    #[inline]
    pub(super) fn expect_verbatim(&mut self, args: &[&[u8]]) {
        let key = args.get(1).copied().unwrap_or_default();
        self.novelty.see(args[0], key);
    }

    /// How far the stream holds commands that only some peers know.
    #[must_use]
    pub fn novelty(&self) -> Novelty {
        self.novelty.told()
    }

    /// The name and the key of the last such command.
    #[must_use]
    pub fn last_novelty(&self) -> Option<(&[u8], &[u8])> {
        self.novelty.last()
    }

    /// Tells the sinks that the history has another name from here on.
    pub fn history_changed(&mut self, history: History) {
        self.flush();
        let place = self.place(history);
        for (_, sink) in &mut self.sinks {
            sink.history_changed(place);
        }
    }

    /// Goes on at another offset in another history, as after a full sync, with `db`
    /// selected.
    pub fn restart(&mut self, history: History, offset: Offset, db: Option<usize>) {
        self.reset(offset);
        self.selected = db;
        let place = self.place(history);
        for (_, sink) in &mut self.sinks {
            sink.restarted(place);
        }
    }

    /// Where the stream stands, in this history.
    #[must_use]
    pub const fn place(&self, history: History) -> StreamPlace {
        StreamPlace {
            history,
            offset: self.offset,
            db: self.selected,
        }
    }

    /// What the backlog holds, if one of the sinks is one.
    #[must_use]
    pub fn backlog(&self) -> BacklogFacts {
        let facts = self.sinks.iter().find_map(|(_, sink)| sink.backlog());
        facts.unwrap_or_default()
    }

    /// From where the log on disk serves replicas, if one of the sinks does.
    #[must_use]
    pub fn archive_start(&self) -> Option<Offset> {
        self.sinks.iter().find_map(|(_, sink)| sink.archive_start())
    }

    /// Notes that the stream before `end` holds a command about fields that expire,
    /// or may hold one: what was written before this process began.
    pub fn note_novelty(&mut self, end: Offset) {
        self.novelty.note(end);
    }

    /// Has what was written so far synced soon.
    pub(super) const fn want_sync(&mut self) {
        self.sync_wanted = true;
    }

    /// Hands the batch's bytes to the sinks; false where there were none.
    pub fn flush(&mut self) -> bool {
        if std::mem::take(&mut self.sync_wanted) {
            for (_, sink) in &mut self.sinks {
                sink.sync_soon(self.offset);
            }
        }
        if self.pending.is_empty() {
            return false;
        }
        let start = Offset(self.offset.0 - self.pending.len() as u64);
        for (_, sink) in &mut self.sinks {
            sink.append(start, &self.pending);
        }
        self.pending.clear();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Taker(Arc<Mutex<Vec<u8>>>);

    impl LogSink for Taker {
        fn append(&mut self, _start: Offset, bytes: &[u8]) {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
        }
    }

    impl Taker {
        fn taken(&self) -> String {
            String::from_utf8(self.0.lock().expect("one thread").clone()).expect("RESP of words")
        }
    }

    #[test]
    fn a_taker_that_is_removed_leaves_the_others_theirs() {
        let (mut log, takers) = (StreamLog::default(), [Taker::default(), Taker::default()]);
        let ids = takers.clone().map(|taker| log.add_sink(Box::new(taker)));
        log.write_bare(&[b"ONE"]);
        log.remove_sink(ids[0]);
        log.write_bare(&[b"TWO"]);
        log.flush();
        assert_eq!(takers[0].taken(), "*1\r\n$3\r\nONE\r\n");
        assert_eq!(takers[1].taken(), "*1\r\n$3\r\nONE\r\n*1\r\n$3\r\nTWO\r\n");
        assert!(log.is_active());
        log.remove_sink(ids[1]);
        assert!(!log.is_active());
    }
}
