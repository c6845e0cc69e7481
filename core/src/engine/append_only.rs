//! What the engine knows of the log on disk: how far it holds the stream, and
//! whether it can go on. Whoever drives the log keeps this up to date; WAITAOF, the
//! gate of writes and INFO read it.

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

impl Engine {
    /// The log on disk is durable up to `offset`: clients that waited for it are
    /// answered.
    pub fn set_durable(&mut self, offset: Offset) {
        let log = &mut self.server.append_only;
        if log.durable != offset {
            log.durable = offset;
            self.check_waits();
        }
    }

    /// The log begins, holds the dataset, or ends. Clients that wait for a log that
    /// is no more are told.
    pub fn set_log_state(&mut self, state: LogState) {
        self.server.append_only.state = state;
        self.check_waits();
    }
}
