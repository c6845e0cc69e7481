//! What the engine knows of snapshots: INFO's persistence section, the save
//! points, and the gate that a failed save closes.

/// A dataset being loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// When it began, unix seconds.
    pub start_s: i64,
    /// Bytes to read.
    pub total_bytes: u64,
    /// Bytes read.
    pub loaded_bytes: u64,
    /// True where it is loaded beside a dataset that keeps serving.
    pub beside: bool,
}

/// A snapshot being written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saving {
    /// When it began, unix ms.
    pub start_ms: i64,
    /// Keys written so far.
    pub keys_processed: u64,
    /// Keys to write.
    pub keys_total: u64,
}

/// See the module's comment.
#[derive(Clone, Debug)]
pub struct Persistence {
    /// Changes since the last snapshot that succeeded.
    pub changes: u64,
    /// Changes when the snapshot being written was frozen.
    pub changes_at_freeze: u64,
    /// The dataset being loaded.
    pub loading: Option<Loading>,
    /// The snapshot being written.
    pub saving: Option<Saving>,
    /// True where another is to follow it.
    pub save_scheduled: bool,
    /// When the last snapshot succeeded, unix seconds.
    pub last_save_s: i64,
    /// When one was last tried, unix seconds.
    pub last_try_s: i64,
    /// Whether the last one succeeded.
    pub last_save_ok: bool,
    /// How long the last one took, seconds.
    pub last_save_took_s: Option<i64>,
    /// Snapshots written.
    pub saves: u64,
    /// Keys that the last load found expired and removed.
    pub loaded_expired: u64,
    /// Keys that the last load brought.
    pub loaded_keys: u64,
    /// Things that the last load left out, as rdb-skip-unknown asks for.
    pub loaded_skipped: u64,
}

impl Persistence {
    pub(super) const fn new(now_ms: i64) -> Self {
        Self {
            changes: 0,
            changes_at_freeze: 0,
            loading: None,
            saving: None,
            save_scheduled: false,
            last_save_s: now_ms / 1000,
            last_try_s: 0,
            last_save_ok: true,
            last_save_took_s: None,
            saves: 0,
            loaded_expired: 0,
            loaded_keys: 0,
            loaded_skipped: 0,
        }
    }

    /// Notes that a snapshot was frozen.
    pub const fn save_began(&mut self, now_ms: i64, keys_total: u64) {
        self.changes_at_freeze = self.changes;
        self.last_try_s = now_ms / 1000;
        self.saving = Some(Saving {
            start_ms: now_ms,
            keys_processed: 0,
            keys_total,
        });
    }

    /// Notes that a snapshot was given up, which says nothing of whether one can be
    /// written.
    pub const fn save_cancelled(&mut self) {
        self.saving = None;
    }

    /// Notes how a snapshot ended.
    pub fn save_ended(&mut self, now_ms: i64, ok: bool) {
        let Some(saving) = self.saving.take() else {
            return;
        };
        self.last_save_ok = ok;
        self.last_save_took_s = Some((now_ms - saving.start_ms) / 1000);
        if ok {
            self.changes = self.changes.saturating_sub(self.changes_at_freeze);
            self.last_save_s = now_ms / 1000;
            self.saves += 1;
        }
    }
}
