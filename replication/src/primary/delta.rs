//! A delta for one replica: what `crate::delta` says, with bytes moved around it.

use super::admission::{Admission, caps, codec, enlist, forbidden, session_config};
use super::link::{End, Shared, Stream};
use super::session::PrimarySession;
use super::source::Source;
use super::sync::{Hub, Ticket, launch_part};
use crate::delta::{Answer, Offer, Place, Refusal};
use crate::node::Inner;
use futures::io::AsyncWrite;
use std::sync::Arc;
use towline_core::engine::Engine;
use towline_core::engine::client::{RdbFilter, ReplicaOptions};
use towline_core::engine::full_syncs::FullSyncCause;
use towline_core::engine::replication::Replica;
use towline_core::keyspace::delta::{DbRanges, Selection};
use towline_core::offset::Offset;
use towline_core::seams::SnapshotCodec;

/// A replica whose answer is waited for.
pub(super) struct Offered {
    codec: Arc<dyn SnapshotCodec>,
}

/// Whether a replica with these options takes one.
pub(super) fn is_taken_by(options: &ReplicaOptions) -> bool {
    options.capa_delta && !options.rdb_only && options.rdb_filter == RdbFilter::Everything
}

/// Offers a delta to a replica that would have to get everything.
pub(super) fn offer(
    node: &Arc<Inner>,
    engine: &mut Engine,
    replica: Replica,
    options: &ReplicaOptions,
    cause: FullSyncCause,
) -> Admission {
    // It comes first, because the history that may begin with it is the one to tell of.
    let name = enlist(node, engine, replica);
    let server = &engine.server;
    let offer = Offer {
        place: Place {
            history: server.replication.history,
            offset: server.log.offset(),
        },
        seed: engine.keyspace.seed().fingerprint(),
    };
    let caps = caps(options, true);
    let config = session_config(&engine.server);
    Admission {
        session: PrimarySession::offering(caps, config, &offer, node.now_ms()),
        stream: Stream::Offered(Offered {
            codec: codec(node, options),
        }),
        uses_mark: caps.eof && engine.server.config.repl_diskless_sync,
        caught_up: Offset::ZERO,
        forbidden: forbidden(engine, options),
        own: None,
        history_epoch: engine.server.replication.history_epoch,
        name,
        cause: Some(cause),
    }
}

/// Takes the snapshot of a delta, if one is of use.
fn start(
    node: &Arc<Inner>,
    codec: &Arc<dyn SnapshotCodec>,
    common: Offset,
    theirs: Vec<DbRanges>,
) -> Result<Ticket, Refusal> {
    node.parts.store.with(|engine, _| {
        if common > engine.server.log.offset() {
            return Err(Refusal::Ahead);
        }
        match engine.keyspace.is_all_newer(common, &theirs) {
            true => Err(Refusal::AllNewer),
            false => Ok(()),
        }
    })?;
    let part = Selection { common, theirs };
    Ok(launch_part(node, Arc::clone(codec), part))
}

impl Shared {
    /// Waits for the replica's answer, and sends it what follows from that.
    pub(super) async fn offered(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        offered: Offered,
    ) -> Result<Source, End> {
        let answer = self.while_alive(writer, self.answer()).await?;
        let Offered { codec } = offered;
        let (common, ranges) = match answer {
            Answer::Ranges { common, ranges } => (common, ranges),
            Answer::Refused(reason) => return self.everything(writer, codec, &reason).await,
        };
        match start(&self.node, &codec, common, ranges) {
            Ok(ticket) => self.delta(writer, ticket, common).await,
            Err(refusal) => {
                let reason = refusal.to_string();
                self.everything(writer, codec, &reason).await
            }
        }
    }

    async fn answer(&self) -> Answer {
        loop {
            let poked = self.poke.listen();
            if let Some(answer) = self.session().take_answer() {
                return answer;
            }
            poked.await;
        }
    }

    async fn delta(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        ticket: Ticket,
        common: Offset,
    ) -> Result<Source, End> {
        let (replid, offset) = (ticket.replid, ticket.offset);
        self.node.parts.store.with(|engine, host| {
            engine.server.stats.sync_delta += 1;
            let name = &self.name;
            host.log(&format!(
                "Delta resync of replica {name}: what has changed since offset {common}, here or there, at offset {offset}"
            ));
        });
        let now_ms = self.node.now_ms();
        self.session().delta_started(replid, offset, common, now_ms);
        self.send_ticket(writer, ticket, Self::delta_completed)
            .await
    }

    fn delta_completed(&self, bytes: u64) {
        self.node.parts.store.with(|engine, _| {
            engine.server.stats.sync_delta_bytes += bytes;
        });
    }

    async fn everything(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        codec: Arc<dyn SnapshotCodec>,
        reason: &str,
    ) -> Result<Source, End> {
        let replid = self.node.parts.store.with(|engine, host| {
            let stats = &mut engine.server.stats;
            stats.sync_full += 1;
            let cause = self
                .cause
                .expect("a delta is offered in place of a full sync");
            stats.full_syncs_served.begins(cause);
            let name = &self.name;
            host.log(&format!(
                "Full resync of replica {name}, a delta is not possible: {reason}"
            ));
            engine.server.replication.history.replid
        });
        let ticket = Hub::join(&self.node, codec, replid);
        self.full_sync(writer, ticket).await
    }
}
