//! Counters that INFO shows. Each is counted where the thing happens.

use std::collections::HashMap;

use super::full_syncs::FullSyncs;
use super::traffic::Overrun;

/// Counters of key look-ups.
#[derive(Clone, Debug, Default)]
pub struct KeyStats {
    /// Look-ups that found a key.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Keys removed because their time had come.
    pub expired_keys: u64,
    /// Fields of hashes removed because they had expired.
    pub expired_fields: u64,
}

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    /// Calls that ran.
    pub calls: u64,
    /// Time spent in them, nanoseconds.
    pub nanos: u64,
    /// Calls refused before they ran.
    pub rejected_calls: u64,
    /// Calls that ran and failed.
    pub failed_calls: u64,
    /// How long calls took, for the percentiles of INFO latencystats.
    pub latency: super::histogram::Histogram,
}

/// All counters that CONFIG RESETSTAT clears.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections_received: u64,
    /// Commands that ran.
    pub commands_processed: u64,
    /// Bytes read from clients.
    pub net_input_bytes: u64,
    /// Bytes written to clients.
    pub net_output_bytes: u64,
    /// Bytes of the stream read from the primary.
    pub repl_input_bytes: u64,
    /// Bytes of the stream and of snapshots sent to replicas.
    pub repl_output_bytes: u64,
    /// Connections refused at maxclients or by protected mode.
    pub rejected_connections: u64,
    /// Full syncs served.
    pub sync_full: u64,
    /// The same by cause, and what the last of them cost.
    pub full_syncs_served: FullSyncs,
    /// Full syncs that this node got from its primaries.
    pub full_syncs_received: FullSyncs,
    /// Partial resyncs served.
    pub sync_partial_ok: u64,
    /// Partial resyncs asked for and refused.
    pub sync_partial_err: u64,
    /// Delta resyncs served.
    pub sync_delta: u64,
    /// What was sent in them, without the stream behind, bytes.
    pub sync_delta_bytes: u64,
    /// Partial resyncs that began with the log on disk.
    pub sync_partial_from_disk: u64,
    /// How far the stream was ahead of replicas when they came back, bytes.
    pub resync_missed_bytes: u64,
    /// What they were sent until they were there, bytes.
    pub resync_sent_bytes: u64,
    /// Snapshot walks made for full syncs; one may serve many replicas.
    pub sync_snapshots: u64,
    /// Cycles of active expiry that ran out of time.
    pub expired_time_cap_reached: u64,
    /// Time spent in active expiry, microseconds.
    pub expire_cycle_usec: u64,
    /// Error replies sent.
    pub error_replies: u64,
    /// Errors of a replica's own about its primary's stream.
    pub unexpected_error_replies: u64,
    /// Reads from client sockets.
    pub reads_processed: u64,
    /// Writes to client sockets.
    pub writes_processed: u64,
    /// Clients dropped at `client-query-buffer-limit`.
    pub query_buffer_disconnections: u64,
    /// Clients dropped at `client-output-buffer-limit`.
    pub output_buffer_disconnections: u64,
    /// Clients dropped at `maxmemory-clients`.
    pub evicted_clients: u64,
    /// Reply buffers made smaller because their clients got little.
    pub reply_buffer_shrinks: u64,
    /// Reply buffers made larger because their clients filled them.
    pub reply_buffer_expands: u64,
    /// Authentication failures.
    pub access_denied_auth: u64,
    /// Batches run.
    pub batches: u64,
    /// The most commands run in one batch.
    pub batch_commands_max: u64,
    /// Time the engine's lock was held, nanoseconds.
    pub lock_held_ns: u64,
    /// The longest time the engine's lock was held at once, nanoseconds.
    pub lock_held_max_ns: u64,
    /// The most processor time of one hold, nanoseconds, of those for which it was
    /// measured: while a snapshot is taken, and while large values are dropped.
    pub lock_held_max_cpu_ns: u64,
    /// Objects freed off the engine's path.
    pub lazyfreed_objects: u64,
    /// Replies to writes that gave way to an error, because nobody can tell how durable
    /// the write is.
    pub durability_unknown: u64,
    /// Writes that were not made, because they could not be as durable as asked for.
    pub durability_refused: u64,
    /// Error replies by code.
    pub errors: HashMap<String, u64>,
    /// Counters sampled ten times a second, for the instantaneous figures.
    pub rates: super::rates::Rates,
}

impl Stats {
    /// Notes for how long the engine's lock was held, by the clock and, where
    /// that was measured, in processor time of the thread that held it.
    pub fn note_lock_held(&mut self, held_ns: u64, cpu_ns: Option<u64>) {
        self.lock_held_ns += held_ns;
        self.lock_held_max_ns = self.lock_held_max_ns.max(held_ns);
        self.lock_held_max_cpu_ns = self.lock_held_max_cpu_ns.max(cpu_ns.unwrap_or(0));
    }
}

impl Stats {
    /// Counts a client that was dropped at one of its limits.
    pub(super) const fn note_overrun(&mut self, overrun: Overrun) {
        match overrun {
            Overrun::QueryBuffer => self.query_buffer_disconnections += 1,
            Overrun::Output => self.output_buffer_disconnections += 1,
        }
    }
}

/// Codes that errorstats keeps apart; more of them would be a client's mischief.
const ERROR_CODES_MAX: usize = 128;

impl Stats {
    /// Counts an error reply under its code.
    pub(super) fn count_error(&mut self, code: &str) {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_owned(), 1);
        }
    }
}
