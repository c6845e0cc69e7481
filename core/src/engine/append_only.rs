//! What the engine knows of the log on disk: how far it holds the stream, and
//! whether it can go on. Whoever drives the log keeps this up to date; WAITAOF, the
//! gate of writes and INFO read it.

use super::client::ClientId;
use super::machine::Engine;
use crate::offset::Offset;

/// Whether there is a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogState {
    /// There is none.
    #[default]
    Off,
    /// It takes the stream, and what was there before the stream is yet to be
    /// written: nothing is durable before that.
    Starting,
    /// It holds the dataset.
    On,
}

/// See the module's comment.
#[derive(Clone, Debug, Default)]
pub struct AppendOnly {
    /// Whether there is a log.
    pub state: LogState,
    /// How far it survives a loss of power.
    pub durable: Offset,
    /// Why it takes no writes, if so.
    pub failure: Option<String>,
    /// The reason is an fsync: what was not durable before will not be told to be.
    pub fsync_failed: bool,
    /// Since when it is being rewritten, unix ms.
    pub rewriting_since_ms: Option<i64>,
    /// A rewrite is to begin once a save has ended.
    pub rewrite_scheduled: bool,
    /// When the last rewrite began, unix ms.
    pub last_rewrite_try_ms: i64,
    /// How long the last rewrite took, seconds.
    pub last_rewrite_took_s: Option<i64>,
    /// The last rewrite failed.
    pub last_rewrite_failed: bool,
    /// Rewrites that began.
    pub rewrites: u64,
    /// Rewrites that failed since the last that did not.
    pub rewrite_failures: u64,
    /// The length of its base, bytes.
    pub base_bytes: u64,
    /// Its length, bytes.
    pub size_bytes: u64,
    /// Its length when it was last rewritten or read, bytes.
    pub rewritten_bytes: u64,
    /// What waits to be written, bytes.
    pub queued_bytes: u64,
    /// Something was written and is not synced yet.
    pub syncs_pending: bool,
    /// How long what is to be written waits before (DEBUG AOF-FLUSH-SLEEP), microseconds.
    pub write_delay_us: u64,
}

impl AppendOnly {
    /// True where the stream goes to a log.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.state != LogState::Off
    }

    /// How far the dataset survives a loss of power; none without a log that holds
    /// all of it.
    #[must_use]
    pub fn durable_offset(&self) -> Option<Offset> {
        (self.state == LogState::On).then_some(self.durable)
    }

    /// Whether what was written up to `offset` survives a loss of power.
    #[must_use]
    pub fn is_durable(&self, offset: Offset) -> bool {
        self.durable_offset()
            .is_some_and(|durable| durable >= offset)
    }
}

impl AppendOnly {
    /// A log is about to begin with the dataset as it is now, or to end.
    pub const fn expect(&mut self, wanted: bool, now_ms: i64) {
        match (wanted, self.state) {
            (true, LogState::Off) => {
                self.state = LogState::Starting;
                self.rewriting_since_ms = Some(now_ms);
            }
            (true, _) => {}
            (false, _) => self.state = LogState::Off,
        }
    }

    /// The stream is another: nothing of it is durable before its driver says so.
    pub(super) fn begins_anew(&mut self) {
        self.durable = Offset::ZERO;
        if self.state == LogState::On {
            self.state = LogState::Starting;
        }
    }

    /// Notes that a rewrite begins.
    pub const fn rewrite_began(&mut self, now_ms: i64) {
        self.rewriting_since_ms = Some(now_ms);
        self.last_rewrite_try_ms = now_ms;
        self.rewrite_scheduled = false;
        self.rewrites += 1;
    }

    /// Notes how a rewrite ended. One that was given up tells nothing.
    pub fn rewrite_ended(&mut self, now_ms: i64, ok: Option<bool>) {
        let Some(since_ms) = self.rewriting_since_ms.take() else {
            return;
        };
        let Some(ok) = ok else {
            return;
        };
        self.last_rewrite_took_s = Some((now_ms - since_ms) / 1000);
        self.last_rewrite_failed = !ok;
        self.rewrite_failures = if ok { 0 } else { self.rewrite_failures + 1 };
    }

    /// Whether it has grown so much since it was rewritten that it is to be again.
    #[must_use]
    pub const fn has_outgrown(&self, percentage: u32, min_bytes: u64) -> bool {
        let base = if self.rewritten_bytes == 0 {
            1
        } else {
            self.rewritten_bytes
        };
        let growth = self.size_bytes.saturating_sub(self.rewritten_bytes) as u128 * 100;
        percentage > 0 && self.size_bytes > min_bytes && growth >= base as u128 * percentage as u128
    }
}

impl Engine {
    /// The end of what a client has written last, of that whose replies its driver has to
    /// hold with `appendfsync always`.
    #[must_use]
    pub fn gate_offset(&self, id: ClientId) -> Offset {
        let client = self.server.clients.get(id);
        client.map_or(Offset::ZERO, |client| client.gate_offset)
    }

    /// The log on disk is durable up to `offset`: clients that waited for it are
    /// answered.
    pub fn set_durable(&mut self, offset: Offset) {
        let log = &mut self.server.append_only;
        if log.durable != offset {
            log.durable = offset;
            self.check_waits();
        }
    }

    /// Notes whether an fsync of the log failed: replies that wait for one are not kept
    /// until their time is over.
    pub fn set_fsync_failed(&mut self, failed: bool) {
        self.server.append_only.fsync_failed = failed;
        self.check_waits();
    }

    /// The log begins, holds the dataset, or ends. Clients that wait for a log that
    /// is no more are told.
    pub fn set_log_state(&mut self, state: LogState) {
        self.server.append_only.state = state;
        self.check_waits();
    }
}
