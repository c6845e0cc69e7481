//! Sections stats and debug.

use super::Source;
use super::fields::Fields;
use crate::engine::full_syncs::FullSyncs;
use crate::engine::pubsub::Kind;
use crate::engine::stats::Stats;
use crate::offset::Offset;

/// Expired keys are counted no further; the share of more is not told apart.
const STALE_KEYS_MAX: usize = 10_000;

pub(super) fn stats(out: &mut Fields, source: &Source<'_>) {
    let stats = &source.server.stats;
    out.put("total_connections_received", stats.connections_received);
    out.put("total_commands_processed", stats.commands_processed);
    out.put(
        "instantaneous_ops_per_sec",
        stats.rates.commands.per_second(),
    );
    network(out, stats);
    out.put("rejected_connections", stats.rejected_connections);
    out.put("sync_full", stats.sync_full);
    out.put("sync_partial_ok", stats.sync_partial_ok);
    out.put("sync_partial_err", stats.sync_partial_err);
    keys(out, source);
    out.all_absent(&["latest_fork_usec", "total_forks"]);
    let cached_sockets = source.server.migrations.cached_sockets;
    out.put("migrate_cached_sockets", cached_sockets);
    let own = source.keyspace.own_expiries();
    out.put("slave_expires_tracked_keys", own.len());
    out.all_absent(&[
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    let tracking = &source.server.tracking;
    out.put("tracking_total_keys", tracking.key_count());
    out.put("tracking_total_items", tracking.item_count());
    out.put("tracking_total_prefixes", tracking.prefix_count());
    out.put("unexpected_error_replies", stats.unexpected_error_replies);
    out.put("total_error_replies", stats.error_replies);
    out.absent("dump_payload_sanitizations");
    sockets(out, source);
    buffers(out, stats);
    event_loop(out, source);
    out.put("acl_access_denied_auth", stats.access_denied_auth);
    out.all_absent(&[
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
    ]);
    // Our own fields stand behind those of Redis.
    out.put("sync_snapshots", stats.sync_snapshots);
    out.put("sync_delta", stats.sync_delta);
    out.put("sync_delta_bytes", stats.sync_delta_bytes);
    out.put("lock_held_max_usec", stats.lock_held_max_ns / 1000);
    out.put("lock_held_max_cpu_usec", stats.lock_held_max_cpu_ns / 1000);
    resyncs(out, source);
    full_syncs(out, "sync_full", &stats.full_syncs_served);
    out.put("durability_unknown_replies", stats.durability_unknown);
    out.put("durability_refused_writes", stats.durability_refused);
}

/// Why full syncs were made, and what the last of them cost.
pub(super) fn full_syncs(out: &mut Fields, prefix: &str, syncs: &FullSyncs) {
    out.put(format_args!("{prefix}_reasons"), syncs);
    let last = syncs.last();
    let cause = last.map_or("none", |last| last.cause.name());
    out.put(format_args!("{prefix}_last_reason"), cause);
    let bytes = last.map_or(0, |last| last.bytes);
    out.put(format_args!("{prefix}_last_bytes"), bytes);
    let took_ms = last.map_or(0, |last| last.took_ms);
    out.put(format_args!("{prefix}_last_duration_ms"), took_ms);
}

/// What replicas can continue from on disk, and what coming back
/// has cost.
fn resyncs(out: &mut Fields, source: &Source<'_>) {
    let server = source.server;
    let (start, end) = (server.log.archive_start(), server.log.offset());
    out.flag("repl_backlog_disk_active", start.is_some());
    out.put("repl_backlog_disk_size", server.config.aof.retained_bytes);
    let first = start.map_or(0, Offset::to_wire);
    out.put("repl_backlog_disk_first_byte_offset", first);
    let held = start.map_or(0, |start| end.since(start));
    out.put("repl_backlog_disk_histlen", held);
    let stats = &server.stats;
    out.put("repl_resync_from_disk", stats.sync_partial_from_disk);
    out.put("repl_resync_missed_bytes", stats.resync_missed_bytes);
    out.put("repl_resync_sent_bytes", stats.resync_sent_bytes);
}

/// The totals contain the stream and snapshots, which are told apart as well.
fn network(out: &mut Fields, stats: &Stats) {
    let rates = &stats.rates;
    let (stream_in, stream_out) = (
        rates.repl_input.per_second(),
        rates.repl_output.per_second(),
    );
    let input = rates.net_input.per_second() + stream_in;
    let output = rates.net_output.per_second() + stream_out;
    out.put(
        "total_net_input_bytes",
        stats.net_input_bytes + stats.repl_input_bytes,
    );
    out.put(
        "total_net_output_bytes",
        stats.net_output_bytes + stats.repl_output_bytes,
    );
    out.put("total_net_repl_input_bytes", stats.repl_input_bytes);
    out.put("total_net_repl_output_bytes", stats.repl_output_bytes);
    out.decimal("instantaneous_input_kbps", input as f64 / 1024.0);
    out.decimal("instantaneous_output_kbps", output as f64 / 1024.0);
    out.decimal("instantaneous_input_repl_kbps", stream_in as f64 / 1024.0);
    out.decimal("instantaneous_output_repl_kbps", stream_out as f64 / 1024.0);
}

fn keys(out: &mut Fields, source: &Source<'_>) {
    let (stats, key_stats) = (&source.server.stats, source.key_stats);
    let listeners = |kind| source.server.pubsub.of(kind).len();
    out.put("expired_keys", key_stats.expired_keys);
    out.put("expired_fields", key_stats.expired_fields);
    out.decimal("expired_stale_perc", stale_percent(source));
    out.decimal(
        "expired_keys_with_volatile_items_stale_perc",
        stale_hash_percent(source),
    );
    out.put(
        "expired_time_cap_reached_count",
        stats.expired_time_cap_reached,
    );
    out.put(
        "expire_cycle_cpu_milliseconds",
        stats.expire_cycle_usec / 1000,
    );
    out.absent("evicted_keys");
    out.put("evicted_clients", stats.evicted_clients);
    out.all_absent(&[
        "total_eviction_exceeded_time",
        "current_eviction_exceeded_time",
    ]);
    out.put("keyspace_hits", key_stats.hits);
    out.put("keyspace_misses", key_stats.misses);
    out.put("pubsub_channels", listeners(Kind::Channel));
    out.put("pubsub_patterns", listeners(Kind::Pattern));
    out.put("pubsubshard_channels", listeners(Kind::Shard));
}

/// How many of the keys with an expiry have expired and are still there.
fn stale_percent(source: &Source<'_>) -> f64 {
    let dbs = source.keyspace.dbs().iter();
    let counts = dbs.map(|db| {
        (
            db.count_expired(source.now_ms, STALE_KEYS_MAX),
            db.expires(),
        )
    });
    let (stale, all) = counts.fold((0, 0), |sum, db| (sum.0 + db.0, sum.1 + db.1));
    stale as f64 * 100.0 / all.max(1) as f64
}

/// How many of the hashes with fields that expire have expired ones still.
fn stale_hash_percent(source: &Source<'_>) -> f64 {
    let dbs = source.keyspace.dbs().iter();
    let counts = dbs.map(|db| {
        (
            db.count_with_expired_fields(source.now_ms, STALE_KEYS_MAX),
            db.hashes_with_expiring_fields(),
        )
    });
    let (stale, all) = counts.fold((0, 0), |sum, db| (sum.0 + db.0, sum.1 + db.1));
    stale as f64 * 100.0 / all.max(1) as f64
}

/// With several I/O threads it is always one of them that reads and writes.
fn sockets(out: &mut Fields, source: &Source<'_>) {
    let stats = &source.server.stats;
    let threaded = |count| {
        if source.facts.io_threads_active {
            count
        } else {
            0
        }
    };
    out.put("total_reads_processed", stats.reads_processed);
    out.put("total_writes_processed", stats.writes_processed);
    out.put(
        "io_threaded_reads_processed",
        threaded(stats.reads_processed),
    );
    out.put(
        "io_threaded_writes_processed",
        threaded(stats.writes_processed),
    );
}

fn buffers(out: &mut Fields, stats: &Stats) {
    out.put(
        "client_query_buffer_limit_disconnections",
        stats.query_buffer_disconnections,
    );
    out.put(
        "client_output_buffer_limit_disconnections",
        stats.output_buffer_disconnections,
    );
    out.put("reply_buffer_shrinks", stats.reply_buffer_shrinks);
    out.put("reply_buffer_expands", stats.reply_buffer_expands);
}

fn commands_usec(source: &Source<'_>) -> u64 {
    let all = source.server.command_stats.iter();
    all.map(|stats| stats.nanos).sum::<u64>() / 1000
}

/// A cycle of Redis's event loop is here a batch under the engine's lock.
fn event_loop(out: &mut Fields, source: &Source<'_>) {
    let stats = &source.server.stats;
    let cycles = stats.rates.batches.per_second();
    let usec = stats.rates.lock_usec.per_second() / cycles.max(1);
    out.put("eventloop_cycles", stats.batches);
    out.put("eventloop_duration_sum", stats.lock_held_ns / 1000);
    out.put("eventloop_duration_cmd_sum", commands_usec(source));
    out.put("instantaneous_eventloop_cycles_per_sec", cycles);
    out.put("instantaneous_eventloop_duration_usec", usec);
}

pub(super) fn debug(out: &mut Fields, source: &Source<'_>) {
    let stats = &source.server.stats;
    out.absent("eventloop_duration_aof_sum");
    out.put("eventloop_duration_cron_sum", stats.expire_cycle_usec);
    out.put("eventloop_duration_max", stats.lock_held_max_ns / 1000);
    out.put("eventloop_cmd_per_cycle_max", stats.batch_commands_max);
}
