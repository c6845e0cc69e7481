//! Section replication. Sentinel and client libraries read it to find out who
//! is the primary and how far its replicas are.

use super::Source;
use super::fields::Fields;
use super::stats::full_syncs;
use crate::engine::replication::{
    LinkState, Replica, ReplicaState, Replication, Spoken, TransferProgress, Upstream,
};
use std::fmt;
use std::sync::atomic::Ordering;

pub(super) fn replication(out: &mut Fields, source: &Source<'_>) {
    let state = &source.server.replication;
    match &state.upstream {
        None => out.put("role", "master"),
        Some(upstream) => replica_role(out, source, upstream),
    }
    out.put("connected_slaves", state.replicas.len());
    let config = &source.server.config;
    if config.min_replicas.is_needed() {
        let good = state.good_replicas(source.now_ms, config.min_replicas.max_lag_s.into());
        out.put("min_slaves_good_slaves", good);
    }
    for (index, replica) in state.replicas.iter().enumerate() {
        replica_line(out, source, index, replica);
    }
    out.put("master_failover_state", source.server.failover.name());
    out.put("master_replid", state.history.replid);
    out.put("master_replid2", state.history.replid2);
    out.put("master_repl_offset", source.server.log.offset().0);
    out.put("second_repl_offset", state.history.second_repl_offset());
    let backlog = source.server.log.backlog();
    out.flag("repl_backlog_active", backlog.active);
    out.put("repl_backlog_size", config.repl_backlog_size);
    out.put("repl_backlog_first_byte_offset", backlog.first_byte_offset);
    out.put("repl_backlog_histlen", backlog.history_bytes);
    // Our own fields stand behind those of Redis.
    dialects(out, state);
    if let Some(upstream) = &state.upstream {
        if let Some(transfer) = transfer_of(upstream) {
            let left_s = transfer.left_s(source.now_ms);
            let left_s = left_s.map_or(-1, i128::from);
            out.put("master_sync_left_seconds", left_s);
        }
        let received = &source.server.stats.full_syncs_received;
        full_syncs(out, "master_sync", received);
    }
}

fn replica_role(out: &mut Fields, source: &Source<'_>, upstream: &Upstream) {
    let config = &source.server.config;
    let up = upstream.state == LinkState::Connected;
    let idle_s = source.seconds_since(upstream.last_io_ms);
    out.put("role", "slave");
    out.put("master_host", &upstream.address.host);
    out.put("master_port", upstream.address.port);
    out.put("master_link_status", if up { "up" } else { "down" });
    out.put("master_last_io_seconds_ago", if up { idle_s } else { -1 });
    out.flag("master_sync_in_progress", upstream.state == LinkState::Sync);
    out.put("slave_read_repl_offset", upstream.read_offset.0);
    out.put("slave_repl_offset", source.server.log.offset().0);
    transfer(out, source, upstream);
    if !up {
        let since = upstream
            .down_since_ms
            .map(|since| source.seconds_since(since));
        out.put("master_link_down_since_seconds", since.unwrap_or(-1));
        if upstream.refused_empty {
            out.put("master_empty_dataset_refused", 1);
        }
    }
    out.put("slave_priority", config.replica_priority);
    out.flag("slave_read_only", config.replica_read_only);
    out.flag("replica_announced", config.announced.to_others);
}

/// What is known of a full sync while it lasts.
fn transfer_of(upstream: &Upstream) -> Option<TransferProgress> {
    let syncs = upstream.state == LinkState::Sync;
    syncs.then(|| upstream.transfer.unwrap_or_default())
}

/// The sizes are unknown, and told as in Redis, while the primary does not say
/// how long its snapshot will be.
fn transfer(out: &mut Fields, source: &Source<'_>, upstream: &Upstream) {
    let Some(progress) = transfer_of(upstream) else {
        return;
    };
    let total = progress.total_bytes.unwrap_or(0);
    let read = progress.read_bytes;
    let percent = if total == 0 {
        0.0
    } else {
        read as f64 * 100.0 / total as f64
    };
    out.put("master_sync_total_bytes", total);
    out.put("master_sync_read_bytes", read);
    out.put(
        "master_sync_left_bytes",
        i128::from(total) - i128::from(read),
    );
    out.decimal("master_sync_perc", percent);
    out.put(
        "master_sync_last_io_seconds_ago",
        source.seconds_since(progress.last_io_ms),
    );
}

fn replica_line(out: &mut Fields, source: &Source<'_>, index: usize, replica: &Replica) {
    let lag_s = match replica.state {
        ReplicaState::Online => source.seconds_since(replica.ack_ms),
        _ => 0,
    };
    let Replica {
        ip,
        port,
        state,
        ack_offset,
        served_from,
        spoken,
        ..
    } = replica;
    // Behind the fields of Redis stand ours: how much the replica has not acknowledged,
    // how old the first of that is, and where it is served from.
    let lag_bytes = source.server.log.offset().0.saturating_sub(ack_offset.0);
    let times = &source.server.replication.times;
    let lag_ms = times.since_beyond_ms(*ack_offset, source.now_ms);
    out.put(
        format_args!("slave{index}"),
        format_args!(
            "ip={ip},port={port},state={},offset={},lag={lag_s},\
             lag_bytes={lag_bytes},lag_ms={lag_ms},served_from={}{}",
            state.name(),
            ack_offset.0,
            served_from.name(),
            OwnHistory(spoken.as_ref())
        ),
    );
}

/// What the line of a replica says where it has a history of its own.
struct OwnHistory<'a>(Option<&'a Spoken>);

impl fmt::Display for OwnHistory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(spoken) = self.0 else {
            return Ok(());
        };
        let (name, offset) = (spoken.dialect.name(), spoken.ack_offset);
        write!(f, ",dialect={name},dialect_offset={offset}")
    }
}

/// The histories in dialects, and what was left out in them, if ever one was there.
fn dialects(out: &mut Fields, state: &Replication) {
    for (index, history) in state.dialects.iter().enumerate() {
        let (name, replid) = (history.dialect.name(), history.replid);
        let offset = history.offset.load(Ordering::Relaxed);
        out.put(
            format_args!("dialect{index}"),
            format_args!("name={name},replid={replid},offset={offset}"),
        );
    }
    let left_out = &state.left_out;
    let counts = [&left_out.commands, &left_out.hashes].map(|count| count.load(Ordering::Relaxed));
    if !state.dialects.is_empty() || counts != [0; 2] {
        out.put("dialect_left_out_commands", counts[0]);
        out.put("dialect_left_out_hashes", counts[1]);
    }
}
