//! Changes of role and of history: what REPLICAOF, a full sync and a partial
//! resync do to the engine. The links themselves are the drivers' business.

use super::machine::Engine;
use super::replication::Upstream;
use super::server::Server;
use crate::keyspace::delta::{DeltaFault, Leftover, WholeDelta};
use crate::keyspace::{Entry, Keyspace};
use crate::offset::{History, Offset, ReplicationId};
use crate::seams::Host;
use crate::seams::host::PrimaryAddress;

impl Server {
    /// REPLICAOF host port. What this node holds stays, and its own history is
    /// what it will ask its primary to continue. False where it follows that
    /// primary already.
    pub fn become_replica_of(&mut self, address: PrimaryAddress) -> bool {
        let upstream = self.replication.upstream.as_ref();
        if upstream.is_some_and(|upstream| upstream.address == address) {
            return false;
        }
        self.replication.role_epoch += 1;
        let mut upstream = Upstream::new(address);
        upstream.read_offset = self.log.offset();
        self.replication.upstream = Some(upstream);
        self.break_off_all();
        true
    }

    /// REPLICAOF NO ONE: a new history begins, in which the old one goes on up
    /// to here. False where this node is a primary already.
    pub fn become_primary(&mut self) -> bool {
        if self.replication.upstream.take().is_none() {
            return false;
        }
        self.replication.role_epoch += 1;
        self.replication.history_epoch += 1;
        let replid = self.draw_replication_id();
        let at = self.log.offset();
        self.replication.is_author = true;
        let history = &mut self.replication.history;
        // Writes of its own that were never in the stream: nobody may take what
        // comes after them for a continuation.
        *history = if std::mem::take(&mut self.replication.diverged) {
            History::new(replid)
        } else {
            history.shifted(replid, at)
        };
        self.log.history_changed(*history);
        self.log.force_select();
        true
    }

    /// True for an address at which this process itself accepts clients, as far as can
    /// be told without asking for names.
    #[must_use]
    pub fn names_itself(&self, address: &PrimaryAddress, host: &dyn Host) -> bool {
        let same = |name: &[u8]| name.eq_ignore_ascii_case(address.host.as_bytes());
        let loopback = [&b"127.0.0.1"[..], b"::1", b"localhost"];
        let is_own = loopback.iter().any(|name| same(name))
            || self.config.bind.iter().any(|name| same(name));
        // A program that embeds the engine need not listen where its settings say.
        let listens = |listener: &String| listener.ends_with(&format!(",port={}", address.port));
        is_own && host.facts().listeners.iter().any(listens)
    }

    /// A history that nobody has part in: the stream was not recorded for a
    /// while, so offsets of the present one no longer tell what a node has.
    pub fn begin_history(&mut self) {
        let history = History::new(self.draw_replication_id());
        self.replication.history = history;
        self.replication.is_author = true;
        self.replication.diverged = false;
        if self.append_only.is_on() {
            self.log.history_changed(history);
        }
    }

    /// A replication id that no node has drawn before.
    pub fn draw_replication_id(&mut self) -> ReplicationId {
        let mut random = [0; 20];
        for part in random.chunks_mut(8) {
            let bits = self.rng.next_u64().to_le_bytes();
            part.copy_from_slice(&bits[..part.len()]);
        }
        ReplicationId::from_random(random)
    }

    /// What PSYNC may ask to continue: history and position of what this node
    /// holds. None where it holds changes that were never in the stream.
    #[must_use]
    pub fn continues_from(&self) -> Option<(ReplicationId, Offset)> {
        let replid = self.replication.history.replid;
        (!self.replication.diverged).then(|| (replid, self.log.offset()))
    }

    /// The primary granted `+CONTINUE`, perhaps under a new name for what
    /// follows. True where the name is new.
    pub fn continue_history(&mut self, replid: Option<ReplicationId>) -> bool {
        let at = self.log.offset();
        let history = &mut self.replication.history;
        let Some(new) = replid.filter(|new| *new != history.replid) else {
            return false;
        };
        *history = history.shifted(new, at);
        self.log.history_changed(*history);
        self.replication.history_epoch += 1;
        self.replication.is_author = false;
        true
    }

    /// True where a primary that goes on under this name is fed by this very node: a
    /// cycle, in which nobody writes.
    #[must_use]
    pub fn closes_cycle(&self, replid: Option<ReplicationId>) -> bool {
        self.replication.is_author && replid == Some(self.replication.history.replid)
    }

    /// The stream is now another one, at `offset`: after a full sync.
    pub fn adopt_history(&mut self, replid: ReplicationId, offset: Offset, db: Option<usize>) {
        self.adopt(History::new(replid), offset, db);
    }

    /// The stream is now another one, at `offset`, which may have a part in common with
    /// one before: after a delta.
    pub fn adopt(&mut self, history: History, offset: Offset, db: Option<usize>) {
        self.replication.history = history;
        self.replication.history_epoch += 1;
        self.replication.is_author = false;
        self.replication.diverged = false;
        self.replication.dataset_lost = false;
        self.append_only.begins_anew();
        self.log.restart(history, offset, db);
        // What they wrote is no longer there to be waited for.
        for client in self.clients.iter_mut() {
            client.wrote_up_to(Offset::ZERO, false);
        }
    }

    /// Writes what keeps a link alive into the stream. Only a primary does; a
    /// replica passes its primary's on.
    pub fn ping_replicas(&mut self) {
        if !self.replication.is_replica() && !self.holds_stream() {
            self.log.write_bare(&[b"PING"]);
        }
    }

    /// Asks the replicas to acknowledge, if a WAIT needs it; during a pause, once
    /// that is over.
    pub(super) fn ask_for_acks(&mut self) {
        if self.pauses.mode().is_some() {
            return;
        }
        if std::mem::take(&mut self.replication.getack_wanted) {
            self.ask_for_acks_now();
        }
    }

    /// Asks the replicas to acknowledge, pause or not. Only a primary does.
    pub(super) fn ask_for_acks_now(&mut self) {
        if !self.replication.is_replica() {
            self.log.write_bare(&[b"REPLCONF", b"GETACK", b"*"]);
        }
    }
}

impl Engine {
    /// Puts another dataset in place of the present one. Snapshots of the old
    /// one go on; transactions that watch a key that one of the two holds fail.
    pub fn install_dataset(&mut self, dataset: Keyspace) {
        self.dataset_comes(&dataset);
        self.keyspace.begin_unit(self.server.log.offset().0 + 1);
        self.keyspace.replace_content(dataset);
    }

    /// Makes the dataset what the primary's was at the offset `at`.
    ///
    /// # Errors
    /// Where that is not what would come out. Nothing has changed then.
    pub fn install_delta(&mut self, delta: WholeDelta, at: Offset) -> Result<Leftover, DeltaFault> {
        self.watch_changes();
        let leftover = delta.apply(&mut self.keyspace, at)?;
        self.invalidate_touched();
        self.settle_touched(None);
        self.server.persistence.changes += 1;
        Ok(leftover)
    }

    /// Adds another dataset to the present one, whose keys give way where `replace`
    /// says so.
    ///
    /// # Errors
    /// A key that both hold and that may not be replaced; nothing has changed then.
    pub fn merge_dataset(&mut self, dataset: &Keyspace, replace: bool) -> Result<(), Vec<u8>> {
        let mut twice = None;
        for_each(dataset, |db, entry| {
            if self.keyspace.find(db, entry.key()).is_some() {
                twice = Some(entry.key().to_vec());
            }
        });
        if let Some(key) = twice.filter(|_| !replace) {
            return Err(key);
        }
        self.dataset_comes(dataset);
        self.keyspace.begin_unit(self.server.log.offset().0 + 1);
        for_each(dataset, |db, entry| {
            let copy = entry.with_key(entry.key(), entry.expire_ms());
            self.keyspace.put(db, copy);
        });
        Ok(())
    }

    /// Tells those who watch keys or wait for them of a dataset that comes.
    fn dataset_comes(&mut self, dataset: &Keyspace) {
        for client in self.server.clients.iter_mut() {
            let touched = client.watching.iter().any(|(db, key, _)| {
                let held =
                    |space: &Keyspace| *db < space.databases() && space.find(*db, key).is_some();
                held(&self.keyspace) || held(dataset)
            });
            client.dirty_watch |= touched;
        }
        let server = &mut self.server;
        server.tracking.flushed(&mut server.clients, None);
        for db in 0..self.keyspace.databases() {
            self.server.key_waits.note_database(db);
        }
        self.server.persistence.changes += 1;
    }
}

fn for_each(space: &Keyspace, mut visit: impl FnMut(usize, &Entry)) {
    for db in 0..space.databases() {
        let table = space.db(db).table();
        table.for_each(&mut |_, entry| visit(db, entry));
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Entry, HashSeed, Keyspace};
    use crate::offset::{Offset, ReplicationId};
    use crate::seams::host::PrimaryAddress;
    use crate::testing::TestEngine;

    fn address(port: u16) -> PrimaryAddress {
        PrimaryAddress {
            host: "a".to_owned(),
            port,
        }
    }

    #[test]
    fn a_promotion_keeps_the_old_history_up_to_where_it_was() {
        let mut test = TestEngine::new();
        test.run("SET a 1");
        let server = &mut test.engine.server;
        let (old, at) = (server.replication.history.replid, server.log.offset());
        assert!(!server.become_primary(), "it is one");
        assert!(server.become_replica_of(address(1)));
        assert!(!server.become_replica_of(address(1)));
        assert_eq!(server.continues_from(), Some((old, at)));
        assert!(server.become_primary());
        let history = server.replication.history;
        assert_ne!(history.replid, old);
        assert_eq!((history.replid2, history.second_offset), (old, Some(at)));
    }

    #[test]
    fn a_new_name_from_the_primary_is_taken_where_the_old_one_ended() {
        let mut test = TestEngine::new();
        let server = &mut test.engine.server;
        server.become_replica_of(address(1));
        let [first, second] = [3, 4].map(|seed| ReplicationId::from_random([seed; 20]));
        server.adopt_history(first, Offset(70), Some(2));
        assert!(!server.continue_history(None));
        assert!(!server.continue_history(Some(first)));
        assert!(server.continue_history(Some(second)));
        let history = server.replication.history;
        assert_eq!((history.replid, history.replid2), (second, first));
        assert_eq!(history.second_offset, Some(Offset(70)));
        assert_eq!(server.log.selected_db(), Some(2));
    }

    #[test]
    fn writes_of_a_replicas_own_end_its_history() {
        let mut test = TestEngine::new();
        test.engine.server.become_replica_of(address(1));
        let old = test.engine.server.replication.history.replid;
        assert!(test.run("SET a 1").starts_with("-READONLY"));
        assert!(test.engine.server.continues_from().is_some());
        let writable = test
            .engine
            .server
            .config
            .load(b"replica-read-only", &[b"no"]);
        writable.expect("a directive and its value");
        test.run("SET a 1");
        assert_eq!(test.engine.server.continues_from(), None);
        test.engine.server.become_primary();
        let history = test.engine.server.replication.history;
        assert!(history.replid2.is_none() && history.replid != old);
    }

    #[test]
    fn what_nobody_recorded_is_in_no_history() {
        let mut test = TestEngine::new();
        test.stop_stream();
        assert!(test.engine.server.continues_from().is_some());
        test.run("SET a 1");
        assert_eq!(test.engine.server.continues_from(), None);
        test.engine.server.begin_history();
        assert!(test.engine.server.continues_from().is_some());
    }

    #[test]
    fn a_replica_that_lost_its_dataset_serves_nothing_before_it_has_another() {
        let mut test = TestEngine::new();
        test.engine.server.become_replica_of(address(1));
        assert_eq!(test.run("GET a"), "$-1");
        test.engine.server.replication.dataset_lost = true;
        assert!(test.run("GET a").starts_with("-MASTERDOWN"));
        assert!(!test.run("INFO replication").starts_with('-'));
        let server = &mut test.engine.server;
        server.adopt_history(ReplicationId::from_random([3; 20]), Offset(70), None);
        assert_eq!(test.run("GET a"), "$-1");
    }

    fn dataset(keys: &[(usize, &[u8])]) -> Keyspace {
        let mut space = Keyspace::new(16, HashSeed::new(5, 6));
        for (db, key) in keys {
            space.put(*db, Entry::string(key, b"new", None));
        }
        space
    }

    #[test]
    fn a_merged_dataset_replaces_keys_only_where_it_may() {
        let mut t = TestEngine::new();
        t.run("mset a old b old");
        let both = dataset(&[(0, b"b"), (1, b"c")]);
        let refused = t.engine.merge_dataset(&both, false);
        assert_eq!(refused, Err(b"b".to_vec()));
        assert_eq!(t.run("mget a b"), "*2 $3 old $3 old");
        let watcher = t.connect();
        t.run_as(watcher, "watch b");
        assert_eq!(t.engine.merge_dataset(&both, true), Ok(()));
        assert_eq!(t.run("mget a b"), "*2 $3 old $3 new");
        t.run("select 1");
        assert_eq!(t.run("get c"), "$3 new");
        t.run_as(watcher, "multi");
        assert_eq!(t.run_as(watcher, "exec"), "*-1");
    }
}
