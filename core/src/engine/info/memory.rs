//! Section memory.

use super::Source;
use super::fields::Fields;
use super::overhead::Overhead;

fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    };
    format!("{:.2}%", share.min(100.0))
}

pub(super) fn memory(out: &mut Fields, source: &Source<'_>) {
    let facts = source.facts;
    let overhead = Overhead::of(source);
    let (used, peak, dataset) = (overhead.used, overhead.peak, overhead.dataset());
    out.bytes("used_memory", used);
    out.bytes("used_memory_rss", facts.rss_bytes);
    out.bytes("used_memory_peak", peak);
    out.put("used_memory_peak_perc", percent(used, peak));
    out.put("used_memory_overhead", overhead.total());
    out.put("used_memory_startup", overhead.startup);
    out.put("used_memory_dataset", dataset);
    let share = percent(dataset, overhead.above_startup());
    out.put("used_memory_dataset_perc", share);
    out.put("allocator_allocated", used);
    out.put("allocator_active", facts.allocator_active_bytes);
    out.put("allocator_resident", facts.rss_bytes);
    out.bytes("total_system_memory", facts.total_memory_bytes);
    scripts(out);
    out.all_absent(&["maxmemory", "maxmemory_human"]);
    out.put("maxmemory_policy", source.server.config.maxmemory.policy);
    out.compared("allocator_frag", facts.allocator_active_bytes, used);
    out.compared(
        "allocator_rss",
        facts.rss_bytes,
        facts.allocator_active_bytes,
    );
    // The allocator does not tell what of the process is not its own.
    out.compared("rss_overhead", facts.rss_bytes, facts.rss_bytes);
    out.compared("mem_fragmentation", facts.rss_bytes, used);
    out.absent("mem_not_counted_for_evict");
    out.put("mem_replication_backlog", overhead.backlog);
    out.put(
        "mem_total_replication_buffers",
        overhead.backlog + overhead.replicas,
    );
    out.put("mem_clients_slaves", overhead.replicas);
    out.put("mem_clients_normal", overhead.normal_clients);
    out.absent("mem_cluster_links");
    out.put("mem_aof_buffer", source.server.append_only.queued_bytes);
    out.put("mem_allocator", facts.allocator);
    out.absent("active_defrag_running");
    out.put("lazyfree_pending_objects", facts.lazyfree_pending_objects);
    out.put("lazyfreed_objects", source.server.stats.lazyfreed_objects);
}

fn scripts(out: &mut Fields) {
    out.all_absent(&[
        "used_memory_lua",
        "used_memory_vm_eval",
        "used_memory_lua_human",
        "used_memory_scripts_eval",
        "number_of_cached_scripts",
        "number_of_functions",
        "number_of_libraries",
        "used_memory_vm_functions",
        "used_memory_vm_total",
        "used_memory_vm_total_human",
        "used_memory_functions",
        "used_memory_scripts",
        "used_memory_scripts_human",
    ]);
}
