//! Active expiry: removing what has expired before anybody looks for it.

use super::effects::Mark;
use super::key_view::{Expiry, KeyView};
use super::machine::Engine;
use crate::seams::Host;

/// Keys removed before the clock is asked again.
const KEYS_PER_LOOK: usize = 32;
/// Fields removed before the clock is asked again, which is the most that one HDEL names.
const FIELDS_PER_LOOK: usize = 128;
/// The share of a tick that one cycle may take at the default effort, nanoseconds.
const BASE_CYCLE_NS: u64 = 1_000_000;

impl Engine {
    /// Removes expired keys and fields for about a millisecond, soonest first,
    /// with a DEL or HDEL in the stream. Only a primary does: a replica waits for
    /// what the stream says, and a pause keeps the dataset as it is.
    pub(super) fn expire_some(&mut self, now_ms: i64, host: &mut dyn Host) {
        let server = &self.server;
        let paused = server.pauses.mode().is_some();
        if !server.active_expire || server.replication.is_replica() || paused {
            return;
        }
        let started = host.monotonic_ns();
        let effort = u64::from(self.server.config.active_expire_effort);
        let budget = BASE_CYCLE_NS * effort;
        for db in 0..self.keyspace.databases() {
            while self.expire_batch(db, now_ms) || self.expire_fields(db, now_ms) {
                if host.monotonic_ns().saturating_sub(started) > budget {
                    self.server.stats.expired_time_cap_reached += 1;
                    break;
                }
            }
        }
        let took = host.monotonic_ns().saturating_sub(started);
        self.server.stats.expire_cycle_usec += took / 1000;
        self.server
            .note_latency("expire-cycle", now_ms, took / 1_000_000);
    }

    /// Removes some expired keys of one database; true where more may be left.
    fn expire_batch(&mut self, db: usize, now_ms: i64) -> bool {
        if self.keyspace.db(db).first_expired(now_ms).is_none() {
            return false;
        }
        self.start_unit();
        let mut view = KeyView::new(
            &mut self.keyspace,
            &mut self.key_stats,
            db,
            now_ms,
            Expiry::Remove,
        );
        let mut removed = 0;
        while removed < KEYS_PER_LOOK {
            let Some(key) = view.db().first_expired(now_ms).map(<[u8]>::to_vec) else {
                break;
            };
            view.expire(&key);
            removed += 1;
        }
        view.flush_expired(&mut self.effects, Mark::default());
        self.end_unit_singly();
        removed == KEYS_PER_LOOK
    }

    /// Removes some expired fields of one database; true where more may be left.
    fn expire_fields(&mut self, db: usize, now_ms: i64) -> bool {
        let first = self.keyspace.db(db).first_with_expired_fields(now_ms);
        if first.is_none() {
            return false;
        }
        self.start_unit();
        let mut view = KeyView::new(
            &mut self.keyspace,
            &mut self.key_stats,
            db,
            now_ms,
            Expiry::Remove,
        );
        let mut left = FIELDS_PER_LOOK;
        while left > 0 {
            let first = view.db().first_with_expired_fields(now_ms);
            let Some(key) = first.map(<[u8]>::to_vec) else {
                break;
            };
            left -= view.expire_fields(&mut self.effects, &key, left);
        }
        self.end_unit_singly();
        left == 0
    }
}
