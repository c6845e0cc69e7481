//! Sections persistence and keyspace.

use super::Source;
use super::fields::Fields;
use crate::engine::append_only::AppendOnly;
use crate::engine::persistence::Loading;

pub(super) fn persistence(out: &mut Fields, source: &Source<'_>) {
    let state = &source.server.persistence;
    let loads = |beside| {
        state
            .loading
            .is_some_and(|loading| loading.beside == beside)
    };
    out.flag("loading", loads(false));
    let upstream = source.server.replication.upstream.as_ref();
    let transfer = upstream.and_then(|upstream| upstream.transfer);
    let syncs = transfer.is_some_and(|transfer| transfer.loading);
    out.flag("async_loading", loads(true) || syncs);
    out.all_absent(&[
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    saving(out, source);
    out.all_absent(&["rdb_last_cow_size"]);
    out.put("rdb_last_load_keys_expired", state.loaded_expired);
    out.put("rdb_last_load_keys_loaded", state.loaded_keys);
    out.put("rdb_last_load_skipped", state.loaded_skipped);
    rewriting(out, source);
    out.all_absent(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
    if source.server.append_only.is_on() {
        log_on_disk(out, &source.server.append_only);
    }
    if let Some(progress) = state.loading {
        loading(out, source, progress);
    }
}

fn saving(out: &mut Fields, source: &Source<'_>) {
    let state = &source.server.persistence;
    let now = state.saving.unwrap_or_default();
    let share = now.keys_processed as f64 / now.keys_total.max(1) as f64;
    let running_s = state
        .saving
        .map(|saving| source.seconds_since(saving.start_ms));
    out.decimal("current_fork_perc", share * 100.0);
    out.put("current_save_keys_processed", now.keys_processed);
    out.put("current_save_keys_total", now.keys_total);
    out.put("rdb_changes_since_last_save", state.changes);
    out.flag("rdb_bgsave_in_progress", state.saving.is_some());
    out.put("rdb_last_save_time", state.last_save_s);
    out.put(
        "rdb_last_bgsave_status",
        if state.last_save_ok { "ok" } else { "err" },
    );
    out.put(
        "rdb_last_bgsave_time_sec",
        state.last_save_took_s.unwrap_or(-1),
    );
    out.put("rdb_current_bgsave_time_sec", running_s.unwrap_or(-1));
    out.put("rdb_saves", state.saves);
}

fn rewriting(out: &mut Fields, source: &Source<'_>) {
    let log = &source.server.append_only;
    let status = |ok| if ok { "ok" } else { "err" };
    let since = log.rewriting_since_ms;
    let running_s = since.map(|since| source.seconds_since(since));
    out.flag("aof_enabled", log.is_on());
    out.flag("aof_rewrite_in_progress", since.is_some());
    out.flag("aof_rewrite_scheduled", log.rewrite_scheduled);
    out.put(
        "aof_last_rewrite_time_sec",
        log.last_rewrite_took_s.unwrap_or(-1),
    );
    out.put("aof_current_rewrite_time_sec", running_s.unwrap_or(-1));
    out.put(
        "aof_last_bgrewrite_status",
        status(!log.last_rewrite_failed),
    );
    out.put("aof_rewrites", log.rewrites);
    out.put("aof_rewrites_consecutive_failures", log.rewrite_failures);
    out.put("aof_last_write_status", status(log.failure.is_none()));
}

fn log_on_disk(out: &mut Fields, log: &AppendOnly) {
    out.put("aof_current_size", log.size_bytes);
    out.put("aof_base_size", log.rewritten_bytes);
    out.flag("aof_pending_rewrite", false);
    out.put("aof_buffer_length", log.queued_bytes);
    out.flag("aof_pending_bio_fsync", log.syncs_pending);
    out.put("aof_delayed_fsync", 0);
}

fn loading(out: &mut Fields, source: &Source<'_>, progress: Loading) {
    let elapsed_s = source.now_ms / 1000 - progress.start_s;
    let (loaded, total) = (progress.loaded_bytes, progress.total_bytes.max(1));
    let left = total.saturating_sub(loaded);
    let eta_s = match loaded {
        0 => 1.0,
        _ => elapsed_s as f64 * left as f64 / loaded as f64,
    };
    out.put("loading_start_time", progress.start_s);
    out.put("loading_total_bytes", progress.total_bytes);
    out.absent("loading_rdb_used_mem");
    out.put("loading_loaded_bytes", loaded);
    out.decimal("loading_loaded_perc", loaded as f64 * 100.0 / total as f64);
    out.put("loading_eta_seconds", eta_s as i64);
}

pub(super) fn keyspace(out: &mut Fields, source: &Source<'_>) {
    for (index, db) in source.keyspace.dbs().iter().enumerate() {
        if !db.is_empty() {
            let (keys, expires) = (db.len(), db.expires());
            let avg_ttl = db.average_ttl_ms(source.now_ms);
            let volatile = db.hashes_with_expiring_fields();
            out.put(
                format_args!("db{index}"),
                format_args!(
                    "keys={keys},expires={expires},avg_ttl={avg_ttl},\
                     keys_with_volatile_items={volatile}"
                ),
            );
        }
    }
}
