//! Active expiry: removing what has expired before anybody looks for it.

use super::effects::Mark;
use super::key_view::{Expiry, KeyView};
use super::machine::Engine;
use crate::seams::Host;

/// Keys removed before the clock is asked again.
const KEYS_PER_LOOK: usize = 32;
/// The share of a tick that one cycle may take at the default effort, nanoseconds.
const BASE_CYCLE_NS: u64 = 1_000_000;

impl Engine {
    /// Removes expired keys for about a millisecond, soonest first, with a DEL in
    /// the stream for each. Only a primary does: a replica waits for the DEL.
    pub(super) fn expire_some(&mut self, now_ms: i64, host: &mut dyn Host) {
        if !self.server.active_expire || self.server.replication.is_replica() {
            return;
        }
        let started = host.monotonic_ns();
        let effort = u64::from(self.server.config.active_expire_effort);
        let budget = BASE_CYCLE_NS * effort;
        for db in 0..self.keyspace.databases() {
            while self.expire_batch(db, now_ms) {
                if host.monotonic_ns().saturating_sub(started) > budget {
                    self.server.stats.expired_time_cap_reached += 1;
                    break;
                }
            }
        }
        let took = host.monotonic_ns().saturating_sub(started);
        self.server.stats.expire_cycle_usec += took / 1000;
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
}
