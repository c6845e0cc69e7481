//! The fields of INFO that have no meaning here, with what a Redis prints that
//! does not have the feature either. All other fields are measured.

/// Name and value of each.
const ABSENT: &[(&str, &str)] = &[
    // The build of Redis itself.
    ("redis_git_sha1", "00000000"),
    ("redis_git_dirty", "0"),
    ("redis_build_id", "0"),
    ("atomicvar_api", "none"),
    ("gcc_version", "0.0.0"),
    // How every server of ours waits and keeps time.
    ("monotonic_clock", "POSIX clock_gettime"),
    ("multiplexing_api", "epoll"),
    // Redis Cluster.
    ("redis_mode", "standalone"),
    ("cluster_connections", "0"),
    ("cluster_enabled", "0"),
    ("mem_cluster_links", "0"),
    // Scripts and functions.
    ("used_memory_lua", "0"),
    ("used_memory_vm_eval", "0"),
    ("used_memory_lua_human", "0B"),
    ("used_memory_scripts_eval", "0"),
    ("number_of_cached_scripts", "0"),
    ("number_of_functions", "0"),
    ("number_of_libraries", "0"),
    ("used_memory_vm_functions", "0"),
    ("used_memory_vm_total", "0"),
    ("used_memory_vm_total_human", "0B"),
    ("used_memory_functions", "0"),
    ("used_memory_scripts", "0"),
    ("used_memory_scripts_human", "0B"),
    // Limits of memory and defragmentation.
    ("maxmemory", "0"),
    ("maxmemory_human", "0B"),
    ("mem_not_counted_for_evict", "0"),
    ("evicted_keys", "0"),
    ("total_eviction_exceeded_time", "0"),
    ("current_eviction_exceeded_time", "0"),
    ("active_defrag_running", "0"),
    ("active_defrag_hits", "0"),
    ("active_defrag_misses", "0"),
    ("active_defrag_key_hits", "0"),
    ("active_defrag_key_misses", "0"),
    ("total_active_defrag_time", "0"),
    ("current_active_defrag_time", "0"),
    // Child processes: snapshots are walked, not forked.
    ("current_cow_peak", "0"),
    ("current_cow_size", "0"),
    ("current_cow_size_age", "0"),
    ("rdb_last_cow_size", "0"),
    ("module_fork_in_progress", "0"),
    ("module_fork_last_cow_size", "0"),
    ("latest_fork_usec", "0"),
    ("total_forks", "0"),
    ("used_cpu_sys_children", "0.000000"),
    ("used_cpu_user_children", "0.000000"),
    ("loading_rdb_used_mem", "0"),
    // The append-only file.
    ("aof_last_cow_size", "0"),
    ("eventloop_duration_aof_sum", "0"),
    // RESTORE, and users other than the default one.
    ("dump_payload_sanitizations", "0"),
    ("acl_access_denied_cmd", "0"),
    ("acl_access_denied_key", "0"),
    ("acl_access_denied_channel", "0"),
];

/// The value of a field in the table.
pub(super) fn absent_value(name: &str) -> &'static str {
    let row = ABSENT.iter().find(|row| row.0 == name);
    row.expect("a field that is written as absent is in the table")
        .1
}

/// The names in the table.
pub fn absent_fields() -> impl Iterator<Item = &'static str> {
    ABSENT.iter().map(|row| row.0)
}
