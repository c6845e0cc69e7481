//! The buffers between a client's socket and the engine: what memory they take,
//! and when some of it is given back.
//!
//! A connection owns its buffers and reports them. At which sizes they are kept is
//! decided here, about once a second for every client, with the rules of Redis:
//!
//! ```text
//! buffer  situation                                  from then on it is kept at
//! input   more than 4 KiB unused, idle for 3 s       what is in it
//! input   above 32 KiB, under half of it was used    the most that was used
//! reply   under half of it was used                  the most that was used, 1 KiB at least
//! reply   it was full                                twice its size, 16 KiB at most
//! ```

use std::sync::atomic::Ordering;

use super::client::{Client, ClientFlags};
use super::machine::Engine;

/// The largest size at which a reply buffer is kept, and every client's first.
/// Replies beyond the buffer count against `client-output-buffer-limit`.
pub const REPLY_BUFFER_MAX_BYTES: usize = 16 * 1024;
const REPLY_BUFFER_MIN_BYTES: usize = 1024;
/// What a list of replies is counted in, as Redis has them in blocks of this size.
const REPLY_BLOCK_BYTES: usize = 16 * 1024;
/// What a connection asks of its socket at once, and thus its smallest buffer.
pub const INPUT_BUFFER_MIN_BYTES: usize = 16 * 1024;
/// An input buffer below this is left alone while its client is busy.
const INPUT_RESIZE_MIN_BYTES: usize = 32 * 1024;
/// An input buffer with less than this unused is not worth the work.
const INPUT_UNUSED_MIN_BYTES: usize = 4 * 1024;
/// A client that sent nothing for so long is idle.
const IDLE_MS: i64 = 3000;
/// The least clients looked at in one tick.
const CLIENTS_PER_TICK_MIN: usize = 5;

/// How reply buffers are fitted to their use; DEBUG REPLYBUFFER changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyBufferPolicy {
    /// They are fitted at all.
    pub resizing: bool,
    /// After so long the most that was used is measured anew; never where it is none.
    pub peak_reset_ms: Option<i64>,
}

impl Default for ReplyBufferPolicy {
    fn default() -> Self {
        Self {
            resizing: true,
            peak_reset_ms: Some(5000),
        }
    }
}

/// What a connection has to give back of its buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What the input's buffer may keep; none leaves it as it is.
    pub input_bytes: Option<usize>,
    /// What the output's buffer may keep.
    pub output_bytes: usize,
}

/// The buffers of one client, as its connection reported them last.
#[derive(Clone, Debug)]
pub struct Buffers {
    /// What the input's buffer takes.
    pub input_capacity_bytes: usize,
    /// The most input that was in it at once, of late.
    input_peak_bytes: usize,
    /// What the output's buffer takes.
    pub output_capacity_bytes: usize,
    /// The size at which the reply buffer is kept.
    pub reply_bytes: usize,
    /// The most of it that was used, since `reply_peak_since_ms`.
    pub reply_peak_bytes: usize,
    reply_peak_since_ms: i64,
    pub(super) trim: Option<Trim>,
}

impl Buffers {
    /// Those of a client that has just connected. Its peak is the whole buffer, so
    /// that nothing is taken from it before it was measured.
    pub(super) const fn new(now_ms: i64) -> Self {
        Self {
            input_capacity_bytes: 0,
            input_peak_bytes: 0,
            output_capacity_bytes: 0,
            reply_bytes: REPLY_BUFFER_MAX_BYTES,
            reply_peak_bytes: REPLY_BUFFER_MAX_BYTES,
            reply_peak_since_ms: now_ms,
            trim: None,
        }
    }

    pub(super) fn note_input(&mut self, used_bytes: usize, capacity_bytes: usize) {
        self.input_peak_bytes = self.input_peak_bytes.max(used_bytes);
        self.input_capacity_bytes = capacity_bytes;
    }

    /// What the input's buffer is to be kept at, where that is less than it takes.
    fn fit_input(&mut self, used_bytes: usize, idle_ms: i64) -> Option<usize> {
        let capacity = self.input_capacity_bytes;
        let peak = std::mem::replace(&mut self.input_peak_bytes, used_bytes);
        if capacity.saturating_sub(used_bytes) <= INPUT_UNUSED_MIN_BYTES {
            None
        } else if idle_ms >= IDLE_MS {
            Some(used_bytes)
        } else if capacity > INPUT_RESIZE_MIN_BYTES && capacity / 2 > peak {
            Some(peak.max(used_bytes).max(INPUT_BUFFER_MIN_BYTES))
        } else {
            None
        }
    }

    /// The new size of the reply buffer, where it is to have one.
    fn fit_reply(&self) -> Option<usize> {
        let (size, peak) = (self.reply_bytes, self.reply_peak_bytes);
        if size / 2 >= REPLY_BUFFER_MIN_BYTES && peak < size / 2 {
            Some(REPLY_BUFFER_MIN_BYTES.max(peak + 1))
        } else if size < REPLY_BUFFER_MAX_BYTES && peak == size {
            Some(REPLY_BUFFER_MAX_BYTES.min(size * 2))
        } else {
            None
        }
    }
}

impl Client {
    /// Replies that nobody has read.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.unsent.load(Ordering::Relaxed) + self.reply.len()
    }

    /// Whether so many bytes fit in the reply buffer.
    const fn fits_reply_buffer(&self, waiting: usize) -> bool {
        waiting <= self.buffers.reply_bytes
    }

    /// Replies that wait in the reply buffer; none where they have outgrown it.
    #[must_use]
    pub fn reply_buffer_used_bytes(&self) -> usize {
        let waiting = self.waiting_bytes();
        if self.fits_reply_buffer(waiting) {
            waiting
        } else {
            0
        }
    }

    /// Replies that wait and have outgrown the reply buffer. They take one larger
    /// buffer, so that they are either all in here or none of them.
    #[must_use]
    pub fn output_backlog_bytes(&self) -> usize {
        let waiting = self.waiting_bytes();
        if self.fits_reply_buffer(waiting) {
            0
        } else {
            waiting
        }
    }

    /// The same in blocks, as Redis counts it.
    #[must_use]
    pub fn output_backlog_blocks(&self) -> usize {
        self.output_backlog_bytes().div_ceil(REPLY_BLOCK_BYTES)
    }

    /// What the client's connection and its state take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let input = self.buffers.input_capacity_bytes;
        let output = self.buffers.output_capacity_bytes;
        let names = self.name.capacity() + self.lib_name.capacity() + self.lib_ver.capacity();
        size_of::<Self>()
            + input.max(self.query_buffer_bytes)
            + output.max(self.unsent.load(Ordering::Relaxed))
            + self.reply.capacity()
            + names
            + self.queued_bytes()
            + self.watching.len() * size_of::<(usize, Vec<u8>, bool)>()
            + self.subscriptions() * size_of::<Vec<u8>>()
            + self.tracked_prefixes() * size_of::<Vec<u8>>()
    }

    /// The transaction that is being queued.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.multi.as_ref().map_or(0, |multi| multi.bytes)
    }

    /// Notes the buffers after a batch, at which the replies are the most they were.
    pub(super) fn note_buffers(&mut self, input_capacity: usize, output_capacity: usize) {
        self.buffers.input_capacity_bytes = input_capacity;
        self.buffers.output_capacity_bytes = output_capacity;
        let used = self.waiting_bytes().min(self.buffers.reply_bytes);
        self.buffers.reply_peak_bytes = self.buffers.reply_peak_bytes.max(used);
    }

    fn fit_buffers(&mut self, policy: ReplyBufferPolicy, now_ms: i64) -> Fitted {
        let idle_ms = now_ms - self.last_active_ms;
        let input_bytes = self.buffers.fit_input(self.query_buffer_bytes, idle_ms);
        let reply = self.buffers.fit_reply().filter(|_| policy.resizing);
        let used = self.waiting_bytes().min(self.buffers.reply_bytes);
        let buffers = &mut self.buffers;
        let age_ms = now_ms - buffers.reply_peak_since_ms;
        if policy
            .peak_reset_ms
            .is_some_and(|after_ms| age_ms > after_ms)
        {
            buffers.reply_peak_bytes = used;
            buffers.reply_peak_since_ms = now_ms;
        }
        let before = buffers.reply_bytes;
        buffers.reply_bytes = reply.unwrap_or(before);
        let shrunk = buffers.reply_bytes < before;
        if shrunk {
            self.reply.shrink_to(self.buffers.reply_bytes);
        }
        if shrunk || input_bytes.is_some() {
            self.buffers.trim = Some(Trim {
                input_bytes,
                output_bytes: self.buffers.reply_bytes,
            });
        }
        Fitted {
            shrunk,
            grown: self.buffers.reply_bytes > before,
        }
    }
}

/// What became of a reply buffer.
struct Fitted {
    shrunk: bool,
    grown: bool,
}

impl Engine {
    /// Fits the buffers of some clients to their use, so that each has its turn
    /// about once a second.
    pub(super) fn fit_buffers(&mut self, now_ms: i64) {
        let server = &mut self.server;
        let share = server.clients.len() / server.config.hz.max(1) as usize;
        for id in server.clients.next_in_turn(share.max(CLIENTS_PER_TICK_MIN)) {
            let Some(client) = server.clients.get_mut(id) else {
                continue;
            };
            if client.flags.contains(ClientFlags::PRIMARY) {
                continue;
            }
            let fitted = client.fit_buffers(server.reply_buffer_policy, now_ms);
            let wakes = client.buffers.trim.is_some() || client.is_overdue(&server.config, now_ms);
            server.stats.reply_buffer_shrinks += u64::from(fitted.shrunk);
            server.stats.reply_buffer_expands += u64::from(fitted.grown);
            if wakes {
                server.clients.wake(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::traffic::Traffic;
    use crate::testing::TestEngine;

    const CAPACITY: usize = 100_000;

    fn client(t: &TestEngine) -> &Client {
        t.engine.server.clients.get(t.id).expect("connected")
    }

    /// A batch that read so much and left so much to write.
    fn batch(t: &mut TestEngine, read: usize, unsent: usize) {
        t.engine.note_input(t.id, read, CAPACITY);
        t.run("PING");
        let traffic = Traffic {
            unsent_bytes: unsent,
            input_capacity_bytes: CAPACITY,
            ..Traffic::default()
        };
        t.engine.note_traffic(t.id, traffic, t.now_ms);
    }

    fn tick_later(t: &mut TestEngine, ms: i64) -> Option<Trim> {
        t.now_ms += ms;
        t.tick();
        t.engine.take_trim(t.id)
    }

    #[test]
    fn an_idle_client_gives_its_input_back() {
        let mut t = TestEngine::new();
        batch(&mut t, CAPACITY, 0);
        assert_eq!(tick_later(&mut t, 100), None, "all of it was used just now");
        let trim = tick_later(&mut t, 2900).expect("it has been idle");
        assert_eq!(trim.input_bytes, Some(0));
        assert_eq!(t.engine.take_wakeups(), [t.id]);
    }

    #[test]
    fn a_busy_client_keeps_what_it_uses_of_its_input() {
        let mut t = TestEngine::new();
        batch(&mut t, CAPACITY, 0);
        tick_later(&mut t, 100);
        batch(&mut t, 40_000, 0);
        let trim = tick_later(&mut t, 100).expect("less than half of it was used");
        assert_eq!(trim.input_bytes, Some(40_000));
        batch(&mut t, 10, 0);
        let trim = tick_later(&mut t, 100).expect("next to nothing of it was used");
        assert_eq!(trim.input_bytes, Some(INPUT_BUFFER_MIN_BYTES));
    }

    #[test]
    fn reply_buffers_follow_their_use() {
        let mut t = TestEngine::new();
        let size = |t: &TestEngine| client(t).buffers.reply_bytes;
        batch(&mut t, 10, 100);
        tick_later(&mut t, 5001);
        tick_later(&mut t, 100);
        assert_eq!(size(&t), REPLY_BUFFER_MIN_BYTES);
        // What does not fit fills it whole.
        batch(&mut t, 10, 9000);
        assert_eq!(client(&t).output_backlog_bytes(), 9000);
        for larger in [2048, 4096, 8192, 16_384, 16_384] {
            batch(&mut t, 10, 20_000);
            tick_later(&mut t, 100);
            assert_eq!(size(&t), larger);
        }
        let stats = &t.engine.server.stats;
        assert_eq!(
            (stats.reply_buffer_shrinks, stats.reply_buffer_expands),
            (1, 4)
        );
        assert_eq!(t.run("DEBUG REPLYBUFFER RESIZING 0"), "+OK");
        batch(&mut t, 10, 0);
        tick_later(&mut t, 5001);
        tick_later(&mut t, 100);
        assert_eq!(size(&t), 16_384, "it was told to leave them alone");
    }

    #[test]
    fn memory_counts_buffers_and_what_is_queued() {
        let mut t = TestEngine::new();
        let bare = client(&t).memory_bytes();
        batch(&mut t, 10, 0);
        let with_buffers = client(&t).memory_bytes();
        assert!(with_buffers >= bare + CAPACITY);
        t.run("MULTI");
        t.run("SET key value");
        assert!(client(&t).memory_bytes() >= with_buffers + "setkeyvalue".len());
        assert_eq!(client(&t).queued_bytes(), "setkeyvalue".len());
    }

    #[test]
    fn a_client_that_reads_nothing_is_found_without_traffic() {
        let mut t = TestEngine::new();
        t.run("CONFIG SET client-output-buffer-limit \"normal 0 20000 3\"");
        batch(&mut t, 10, 30_000);
        tick_later(&mut t, 3999);
        t.engine.take_wakeups();
        tick_later(&mut t, 1);
        assert_eq!(t.engine.take_wakeups(), [t.id]);
    }
}
