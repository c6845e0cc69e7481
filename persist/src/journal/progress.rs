//! How far the log is, and whether it goes on.

use std::sync::Arc;

use towline_core::offset::Offset;

/// Whether the log takes what the engine gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogState {
    /// It does.
    #[default]
    Good,
    /// A write failed, as on a full disk. The file is as it was before, what
    /// was to be written is kept and tried again; until then writes of clients
    /// are to be refused. The text is the storage's.
    WriteFailed(Arc<str>),
    /// A sync failed, so nobody knows what the file holds. Nothing more is
    /// written to it; what the engine gives is dropped until a rewrite has made
    /// a new base and new files. The text is the storage's.
    Poisoned(Arc<str>),
}

impl LogState {
    /// Whether writes of clients are to be taken.
    #[must_use]
    pub const fn takes_writes(&self) -> bool {
        matches!(self, Self::Good)
    }
}

/// How far the log is. Offsets are those of the engine's present stream: they
/// begin anew, at once, when the dataset is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What was handed to the storage: a killed process does not lose it.
    pub written: Offset,
    /// What survives a crash of the machine. `None` before anything does, and
    /// while `attached` is false.
    pub durable: Option<Offset>,
    /// What waits to be written.
    pub queued_bytes: usize,
    /// The length of the file that is being written.
    pub file_bytes: u64,
    /// The length of all increments, this one included.
    pub increments_bytes: u64,
    /// Whether a restart would find what is written. It is false before the
    /// first base is complete, and for a log that replaces a poisoned one.
    pub attached: bool,
    /// Whether the log goes on.
    pub state: LogState,
    /// Why the side file is no longer written, if so. The log itself goes on;
    /// what comes is checked by its syntax alone until the next file.
    pub side_file_error: Option<Arc<str>>,
    /// The driver has ended.
    pub stopped: bool,
}

impl Progress {
    pub(super) fn new(start: Offset) -> Self {
        Self {
            written: start,
            durable: None,
            queued_bytes: 0,
            file_bytes: 0,
            increments_bytes: 0,
            attached: false,
            state: LogState::Good,
            side_file_error: None,
            stopped: false,
        }
    }
}
