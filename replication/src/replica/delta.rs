//! A delta on its way in: what `crate::delta` says, seen from the replica.
//!
//! It is collected in memory beside the dataset, which is served meanwhile. Once it is
//! whole, what differs is applied under one hold of the engine's lock, so that nobody
//! sees a half.

use super::applier::StreamApplier;
use super::driver::{End, RunningLink, connected};
use super::loader::{LoadError, Loader};
use crate::delta::{Common, Offer, Place, REPORT_MAX_BYTES, Refusal};
use std::sync::Arc;
use towline_core::engine::Engine;
use towline_core::engine::replication::LinkState;
use towline_core::keyspace::delta::coding::encode_within;
use towline_core::keyspace::delta::{Delta, DeltaFault, NewerRanges, WholeDelta};
use towline_core::keyspace::{HashSeed, Walk};
use towline_core::offset::{History, Offset, ReplicationId};
use towline_core::seams::runtime::yield_now;
use towline_core::seams::snapshot::DecodeOptions;

/// How long the engine's lock is held at a time while ranges are looked for, and while
/// what came is compared with what is here, nanoseconds.
const HOLD_NS: u64 = 100_000;

/// What was asked for, and what of it has come.
pub(super) struct Arriving {
    loader: Loader<Delta>,
    /// Where this node stood, and what it has in common with its primary.
    place: Place,
    common: Common,
}

impl Arriving {
    /// Takes what arrived; answers how many keys that completed.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<u64, End> {
        let before = self.loader.keys();
        self.loader.feed(part).map_err(End::Delta)?;
        Ok(self.loader.keys() - before)
    }

    /// The history of what comes out: the primary's, and what it has in common with the
    /// one before, by which replicas of this node may go on in the same way.
    fn history(&self, replid: ReplicationId) -> History {
        let Common {
            replid: before,
            offset,
        } = self.common;
        match before == replid {
            true => History::new(replid),
            false => History::new(before).shifted(replid, offset),
        }
    }
}

/// Where this node stands, with what it needs in order to take a delta.
fn place(engine: &Engine) -> Result<(Place, HashSeed), Refusal> {
    let server = &engine.server;
    // A replica whose own clients have written to it, for one.
    let (_, offset) = server.continues_from().ok_or(Refusal::OwnChanges)?;
    let history = server.replication.history;
    Ok((Place { history, offset }, *engine.keyspace.seed()))
}

fn common(engine: &Engine, offer: &Offer) -> Result<(Place, Common), Refusal> {
    let (place, seed) = place(engine)?;
    if seed.fingerprint() != offer.seed {
        return Err(Refusal::OtherSeed);
    }
    let common = place.last_common(&offer.place);
    Ok((place, common.ok_or(Refusal::NothingInCommon)?))
}

fn unfit(fault: DeltaFault) -> End {
    End::Delta(LoadError::Delta(fault))
}

impl RunningLink<'_> {
    /// The primary cannot continue. Tells it what is newer here than what both have in
    /// common, or asks for everything.
    pub(super) async fn consider(&mut self, offer: &Offer) -> Result<(), End> {
        // It has answered, so that it has taken over where it was asked to.
        self.end_failover();
        self.refuse_cycle(Some(offer.place.history.replid))?;
        match self.with(|engine, _| common(engine, offer))? {
            Ok((place, common)) => self.ask_delta(place, common).await,
            Err(refusal) => {
                self.log(&format!(
                    "MASTER offers a delta, which is not possible: {refusal}"
                ));
                self.session.refuse_delta(refusal);
                Ok(())
            }
        }
    }

    async fn ask_delta(&mut self, place: Place, common: Common) -> Result<(), End> {
        let mut newer = NewerRanges::new(common.offset);
        while self.look_for(&mut newer) == Walk::More {
            yield_now().await;
        }
        let found = newer.into_found();
        let runs = found.iter().map(|one| one.ranges.runs().len());
        let runs: usize = runs.sum();
        let ranges = encode_within(found, REPORT_MAX_BYTES);
        let Common { replid, offset } = common;
        self.log(&format!(
            "Asking MASTER for a delta from offset {offset} of {replid}, with {runs} ranges of hashes that have changed here since then"
        ));
        self.session.ask_delta(offset, &ranges);
        let formats = self.node().parts.formats.readable().to_vec();
        let loader = self.with(|engine, _| {
            let options = DecodeOptions {
                verify_checksum: engine.server.config.rdbchecksum,
                encoding: engine.server.config.encodings,
                ..DecodeOptions::new(*engine.keyspace.seed())
            };
            Loader::of_delta(&formats, engine.keyspace.databases(), options)
        })?;
        self.asked = Some(Arriving {
            loader,
            place,
            common,
        });
        Ok(())
    }

    fn look_for(&self, newer: &mut NewerRanges) -> Walk {
        self.node().parts.store.with(|engine, host| {
            let end_ns = host.monotonic_ns().saturating_add(HOLD_NS);
            newer.collect(&engine.keyspace, &mut || host.monotonic_ns() < end_ns)
        })
    }

    /// Compares some of what came with what is here.
    fn compare(&self, delta: &mut WholeDelta) -> Result<Walk, End> {
        let compared = self.node().parts.store.with(|engine, host| {
            let end_ns = host.monotonic_ns().saturating_add(HOLD_NS);
            delta.compare(&engine.keyspace, &mut || host.monotonic_ns() < end_ns)
        });
        compared.map_err(unfit)
    }

    /// What was asked for will come.
    pub(super) fn delta_begins(&mut self, position: (ReplicationId, Offset)) -> Result<(), End> {
        self.refuse_cycle(Some(position.0))?;
        self.delta = self.asked.take();
        self.position = Some(position);
        self.with(|_, upstream| upstream.state = LinkState::Sync)?;
        let (replid, offset) = position;
        self.log(&format!("Delta resync from master: {replid}:{offset}"));
        Ok(())
    }

    /// The dataset becomes the primary's, with its history. Replicas of ours have to
    /// come back, since the stream they follow is another now.
    pub(super) async fn install_delta(&mut self, arriving: Arriving) -> Result<(), End> {
        let (replid, offset) = self.position.expect("a delta is announced with it");
        let (before, history) = (arriving.place, arriving.history(replid));
        let mut delta = arriving.loader.finish().map_err(End::Delta)?;
        while self.compare(&mut delta)? == Walk::More {
            self.tick()?;
            self.flush().await?;
            yield_now().await;
        }
        let stream_db = delta
            .meta()
            .position
            .and_then(|position| position.stream_db);
        let keys = delta.keys();
        let address = self.upstream.address.to_string();
        let unix_ms = self.node().unix_ms();
        let node = Arc::clone(&self.upstream.node);
        let (applier, leftover) = self.with(|engine, upstream| {
            let unchanged = place(engine).is_ok_and(|(place, _)| place == before);
            if !unchanged {
                return Err(End::Changed);
            }
            let leftover = engine.install_delta(delta, offset).map_err(unfit)?;
            let db = stream_db.map(|db| db as usize);
            engine.server.adopt(history, offset, db);
            node.begin_backlog(engine);
            connected(upstream, unix_ms, self.session.voice());
            upstream.read_offset = offset;
            Ok((StreamApplier::new(engine, &address, unix_ms), leftover))
        })??;
        // Not under the lock, for it may be a lot.
        drop(leftover);
        self.applier = Some(applier);
        self.loading = false;
        self.applied = offset;
        self.session.loaded(offset, self.node().now_ms());
        node.hang_up.notify(usize::MAX);
        let bytes = self.received_bytes;
        self.log(&format!(
            "MASTER <-> REPLICA delta resync: Finished with success, {keys} keys in {bytes} bytes"
        ));
        Ok(())
    }
}
