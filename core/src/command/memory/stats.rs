//! MEMORY STATS.

use crate::command::{CommandResult, Ctx};
use crate::engine::info::{DbOverhead, Overhead};
use crate::resp::reply::Reply;
use crate::seams::host::ProcessFacts;

/// Pairs of the reply beside one for each database that has keys.
const PAIRS: usize = 27;

pub(super) fn memory_stats(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let facts = ctx.host.facts();
    let overhead = Overhead::of(&super::source(ctx, &facts));
    let with_keys = overhead.dbs.iter().filter(|db| db.keys > 0);
    let out = &mut *ctx.reply;
    out.map(PAIRS + with_keys.clone().count());
    allocated(out, &overhead);
    with_keys.for_each(|db| database(out, db));
    dataset(out, &overhead);
    allocator(out, &facts);
    Ok(())
}

fn put(out: &mut Reply, name: &str, value: u64) {
    out.bulk(name.as_bytes());
    out.int(value.cast_signed());
}

fn put_ratio(out: &mut Reply, name: &str, part: u64, whole: u64) {
    out.bulk(name.as_bytes());
    out.double(ratio(part, whole));
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

fn put_percentage(out: &mut Reply, name: &str, part: u64, whole: u64) {
    out.bulk(name.as_bytes());
    out.double(ratio(part, whole) * 100.0);
}

fn allocated(out: &mut Reply, overhead: &Overhead) {
    put(out, "peak.allocated", overhead.peak);
    put(out, "total.allocated", overhead.used);
    put(out, "startup.allocated", overhead.startup);
    put(out, "replication.backlog", overhead.backlog);
    put(out, "clients.slaves", overhead.replicas);
    put(out, "clients.normal", overhead.normal_clients);
    // What this server does not have takes nothing.
    let absent = [
        "cluster.links",
        "aof.buffer",
        "lua.caches",
        "functions.caches",
    ];
    for name in absent {
        put(out, name, 0);
    }
}

fn database(out: &mut Reply, db: &DbOverhead) {
    out.bulk(format!("db.{}", db.number).as_bytes());
    out.map(3);
    put(out, "overhead.hashtable.main", db.main);
    put(out, "overhead.hashtable.expires", db.expires);
    // Of a cluster.
    put(out, "overhead.hashtable.slot-to-keys", 0);
}

fn dataset(out: &mut Reply, overhead: &Overhead) {
    let (keys, above) = (overhead.keys() as u64, overhead.above_startup());
    put(out, "overhead.total", overhead.total());
    put(out, "keys.count", keys);
    put(
        out,
        "keys.bytes-per-key",
        above.checked_div(keys).unwrap_or(0),
    );
    put(out, "dataset.bytes", overhead.dataset());
    put_percentage(out, "dataset.percentage", overhead.dataset(), above.max(1));
    put_percentage(out, "peak.percentage", overhead.used, overhead.peak);
}

fn allocator(out: &mut Reply, facts: &ProcessFacts) {
    let (used, active) = (facts.allocated_bytes, facts.allocator_active_bytes);
    let resident = facts.rss_bytes;
    put(out, "allocator.allocated", used);
    put(out, "allocator.active", active);
    put(out, "allocator.resident", resident);
    compared(out, "allocator-fragmentation", active, used);
    compared(out, "allocator-rss", resident, active);
    // The allocator does not tell what of the process is not its own.
    compared(out, "rss-overhead", resident, resident);
    put_ratio(out, "fragmentation", resident, used);
    put_difference(out, "fragmentation.bytes", resident, used);
}

fn compared(out: &mut Reply, name: &str, more: u64, less: u64) {
    put_ratio(out, &format!("{name}.ratio"), more, less);
    put_difference(out, &format!("{name}.bytes"), more, less);
}

fn put_difference(out: &mut Reply, name: &str, more: u64, less: u64) {
    out.bulk(name.as_bytes());
    out.int(more.wrapping_sub(less).cast_signed());
}
