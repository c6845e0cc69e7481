//! Active expiry: removing what has expired before anybody looks for it.
//!
//! It goes in turns, each of which holds the engine's lock for a fraction of a
//! millisecond whatever there is to remove, in however many databases. As long
//! as there is more, the driver rests after a turn and comes back, so that
//! expiry as a whole takes the share of one processor that Redis' cycle takes.

use core::time::Duration;

use super::client::{Client, ClientFlags};
use super::effects::Mark;
use super::key_view::{Expiry, KeyView};
use super::machine::Engine;
use super::server::Server;
use crate::seams::Host;

/// Keys removed before the clock is asked again.
const KEYS_PER_LOOK: usize = 16;
/// Fields removed before the clock is asked again, which is the most that one HDEL names.
const FIELDS_PER_LOOK: usize = 128;
/// For how long one turn holds the engine's lock, nanoseconds; what is begun then
/// is ended.
const TURN_NS: u64 = 200_000;
/// The share of a processor at `active-expire-effort 1`, and what each step beyond
/// it adds, percent: Redis' ACTIVE_EXPIRE_CYCLE_SLOW_TIME_PERC.
const BASE_SHARE_PERCENT: u32 = 25;
const STEP_SHARE_PERCENT: u32 = 2;

/// How long to rest after a turn, so that turns get their share and no more.
fn rest_after(turn: Duration, effort: u32) -> Duration {
    let share = BASE_SHARE_PERCENT + STEP_SHARE_PERCENT * effort.saturating_sub(1);
    turn * (100 - share.min(99)) / share
}

impl Server {
    /// True while this node takes over data whose expiry is decided where they come
    /// from (import-mode). A replica has its primary for that.
    pub(super) fn imports(&self) -> bool {
        self.config.import_mode && !self.replication.is_replica()
    }

    /// Who decides of the expired keys that a client meets.
    pub(super) fn expiry_for(&self, client: &Client) -> Expiry {
        let imported = client.flags.contains(ClientFlags::IMPORT_SOURCE) && self.imports();
        if client.is_primary() || imported {
            Expiry::Ignore
        } else if self.replication.is_replica() || self.pauses.mode().is_some() {
            Expiry::Hide
        } else if self.imports() {
            Expiry::HideUntilWritten
        } else {
            Expiry::Remove
        }
    }
}

impl Engine {
    /// Removes expired keys and fields, soonest first in each database, with a DEL
    /// or HDEL in the stream, for about `TURN_NS`. Where more may be left, it
    /// answers how long to rest before the next turn. A replica waits for what the
    /// stream says, except for the keys that its own clients made expire; a pause
    /// keeps the dataset as it is, and so does an import.
    pub fn expire_turn(&mut self, now_ms: i64, host: &mut dyn Host) -> Option<Duration> {
        let server = &self.server;
        let paused = server.pauses.mode().is_some();
        if !server.active_expire || paused || server.imports() {
            return None;
        }
        let started = host.monotonic_ns();
        let until_ns = started + TURN_NS;
        let ran_out = if server.replication.is_replica() {
            self.expire_own_until(now_ms, until_ns, host)
        } else {
            self.expire_until(now_ms, until_ns, host)
        };
        let took_ns = host.monotonic_ns().saturating_sub(started);
        let server = &mut self.server;
        server.stats.expire_cycle_usec += took_ns / 1000;
        server.note_latency("expire-cycle", now_ms, took_ns / 1_000_000);
        if !ran_out {
            return None;
        }
        server.stats.expired_time_cap_reached += 1;
        let effort = server.config.active_expire_effort;
        Some(rest_after(Duration::from_nanos(took_ns), effort))
    }

    /// Goes round the databases, from where the last turn stopped, until nothing
    /// that has expired is left or the time is up; true where the time was up first.
    fn expire_until(&mut self, now_ms: i64, until_ns: u64, host: &mut dyn Host) -> bool {
        let databases = self.keyspace.databases();
        let mut idle = 0;
        while idle < databases {
            let db = self.server.expire_db % databases;
            self.server.expire_db = (db + 1) % databases;
            // Neither keys nor fields wait until there are none of the others.
            let found = self.expire_batch(db, now_ms) | self.expire_fields(db, now_ms);
            if !found {
                idle += 1;
                continue;
            }
            idle = 0;
            if host.monotonic_ns() >= until_ns {
                return true;
            }
        }
        false
    }

    /// The same for the keys that a replica's own clients made expire.
    fn expire_own_until(&mut self, now_ms: i64, until_ns: u64, host: &mut dyn Host) -> bool {
        while self.expire_own_batch(now_ms) {
            if host.monotonic_ns() >= until_ns {
                return true;
            }
        }
        false
    }

    /// Removes some expired keys of a replica's own; false where it had none. They
    /// never were in the stream, and their removal is not either.
    fn expire_own_batch(&mut self, now_ms: i64) -> bool {
        let Some((db, _)) = self.keyspace.own_expiries().first_expired(now_ms) else {
            return false;
        };
        self.start_unit();
        let mut view = KeyView::new(
            &mut self.keyspace,
            &mut self.key_stats,
            db,
            now_ms,
            Expiry::Remove,
        );
        for _ in 0..KEYS_PER_LOOK {
            let Some((db, key)) = view.space().own_expiries().first_expired(now_ms) else {
                break;
            };
            view.select(db);
            view.expire(&key);
        }
        view.flush_expired(&mut self.effects, Mark::default());
        self.end_unit_singly();
        true
    }

    /// Removes some keys that had expired before this server read them, and answers how
    /// many: none when there are no more, or when this node imports. They are no expiries of its own time, which
    /// `expired_keys` counts.
    pub fn expire_loaded(&mut self, now_ms: i64) -> u64 {
        if self.server.imports() {
            return 0;
        }
        let (keys, counted) = (self.keyspace.len(), self.key_stats.expired_keys);
        for db in 0..self.keyspace.databases() {
            self.expire_batch(db, now_ms);
        }
        self.key_stats.expired_keys = counted;
        (keys - self.keyspace.len()) as u64
    }

    /// Removes some expired keys of one database; false where it had none.
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
        for _ in 0..KEYS_PER_LOOK {
            let Some(key) = view.db().first_expired(now_ms).map(<[u8]>::to_vec) else {
                break;
            };
            view.expire(&key);
        }
        view.flush_expired(&mut self.effects, Mark::default());
        self.end_unit_singly();
        true
    }

    /// Removes some expired fields of one database; false where it had none.
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
        true
    }
}

#[cfg(test)]
#[path = "expire_tests.rs"]
mod tests;
