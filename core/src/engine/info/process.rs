//! Sections about the process: server, clients and CPU.

use super::Source;
use super::fields::Fields;
use crate::engine::client::Client;
use crate::engine::dialect::VOICE_FIELD;
use crate::version::{REDIS_VERSION, TOWLINE_VERSION};

/// Redis's clock for LRU: seconds in 24 bits.
const LRU_CLOCK_MAX: i64 = (1 << 24) - 1;

pub(super) fn server(out: &mut Fields, source: &Source<'_>) {
    let (config, facts) = (&source.server.config, source.facts);
    let uptime_s = source.seconds_since(source.server.started_ms);
    out.put("redis_version", REDIS_VERSION);
    out.put("server_name", "towline");
    out.put("towline_version", TOWLINE_VERSION);
    out.put(VOICE_FIELD, source.server.replication.voice().name());
    out.all_absent(&["redis_git_sha1", "redis_git_dirty", "redis_build_id"]);
    out.absent("redis_mode");
    out.put("os", &facts.os);
    out.put("arch_bits", usize::BITS);
    out.all_absent(&[
        "monotonic_clock",
        "multiplexing_api",
        "atomicvar_api",
        "gcc_version",
    ]);
    out.put("process_id", facts.pid);
    out.put("process_supervised", facts.supervised.unwrap_or("no"));
    out.put("run_id", source.server.run_id);
    out.put("tcp_port", config.port);
    out.put("server_time_usec", source.now_ms * 1000);
    out.put("uptime_in_seconds", uptime_s);
    out.put("uptime_in_days", uptime_s / 86_400);
    out.put("hz", config.hz);
    out.put("configured_hz", config.hz);
    out.put("lru_clock", (source.now_ms / 1000) & LRU_CLOCK_MAX);
    out.put("executable", &facts.executable);
    out.put("config_file", &facts.config_file);
    out.flag("io_threads_active", facts.io_threads_active);
    for (index, listener) in facts.listeners.iter().enumerate() {
        out.put(format_args!("listener{index}"), listener);
    }
    if let Some(left_ms) = source.server.shutdown.waits_ms(source.now_ms) {
        out.put("shutdown_in_milliseconds", left_ms);
    }
}

pub(super) fn clients(out: &mut Fields, source: &Source<'_>) {
    let largest_input = source
        .clients()
        .map(|client| (client.buffers.input_capacity_bytes).max(client.query_buffer_bytes))
        .max();
    let largest_output = source.clients().map(Client::waiting_bytes).max();
    let replicas = source.server.replication.replicas.len();
    out.put(
        "connected_clients",
        source.server.clients.len().saturating_sub(replicas),
    );
    out.absent("cluster_connections");
    out.put("maxclients", source.server.config.maxclients);
    out.put("client_recent_max_input_buffer", largest_input.unwrap_or(0));
    out.put(
        "client_recent_max_output_buffer",
        largest_output.unwrap_or(0),
    );
    let waiting = source.clients().filter(|client| client.is_waiting());
    out.put("blocked_clients", waiting.count());
    out.put("tracking_clients", source.server.tracking.client_count());
    let key_waits = &source.server.key_waits;
    out.put("clients_in_timeout_table", key_waits.deadline_count());
    out.put("total_blocking_keys", key_waits.key_count());
    out.put("total_blocking_keys_on_nokey", key_waits.keys_on_absence());
    // Our own field stands behind those of Redis.
    out.put("durability_waiting_clients", source.server.held.len());
}

pub(super) fn cpu(out: &mut Fields, source: &Source<'_>) {
    let facts = source.facts;
    out.seconds("used_cpu_sys", facts.cpu_sys_usec);
    out.seconds("used_cpu_user", facts.cpu_user_usec);
    out.all_absent(&["used_cpu_sys_children", "used_cpu_user_children"]);
    out.seconds("used_cpu_sys_main_thread", facts.main_cpu_sys_usec);
    out.seconds("used_cpu_user_main_thread", facts.main_cpu_user_usec);
}
