//! What INFO and the log are told of a link.

use super::link::Shared;
use crate::decision::{FullSyncReason, SyncRequest};
use towline_core::engine::Server;
use towline_core::engine::full_syncs::FullSync;
use towline_core::engine::replication::ServedFrom;

/// A full sync begins that was decided on at once.
pub(super) fn count_full(server: &mut Server, asked: &SyncRequest, reason: FullSyncReason) {
    server.stats.sync_full += 1;
    server.stats.full_syncs_served.begins(reason.cause(asked));
    if matches!(asked, SyncRequest::Partial { .. }) {
        server.stats.sync_partial_err += 1;
    }
}

impl Shared {
    /// Shows where the stream comes from.
    pub(super) fn set_served_from(&self, is_disk: bool) {
        let from = if is_disk {
            ServedFrom::Disk
        } else {
            ServedFrom::Memory
        };
        self.node.parts.store.with(|engine, _| {
            if let Some(replica) = engine.server.replication.replica_mut(self.client.id) {
                replica.served_from = from;
            }
        });
    }

    /// Tells what a full sync has cost, once the replica follows the stream.
    pub(super) fn completed(&self, bytes: u64) {
        let took_ms = self.node.now_ms().saturating_sub(self.began_ms);
        let cause = self.cause.expect("a snapshot is sent for a reason");
        let (name, why) = (&self.name, cause.name());
        self.node.parts.store.with(|engine, host| {
            engine.server.stats.full_syncs_served.completed(FullSync {
                cause,
                bytes,
                took_ms,
            });
            host.log(&format!(
                "Full sync of replica {name} completed: {bytes} bytes in {took_ms} ms, reason: {why}"
            ));
        });
    }
}
