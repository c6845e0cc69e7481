//! Replies that wait until what they tell of is as durable as their client asked for
//! (`durability`), in the client's own buffer.
//!
//! ```text
//!  ├─ read ─┤ +OK ├─ read, push ─┤ +OK ├─ read ─┤
//!           └first┘              └second┘             held replies, each at an offset
//!  leaves    reached? ─yes─► leaves, with all up to the second
//!                     └timeout, role, fsync─► leaves as an error
//! ```
//! The server goes on meanwhile, and so does the client whose replies wait: its next
//! commands run, and what they answer stands behind. So does what others push to it;
//! an invalidation in front of the value that it concerns would be lost to a cache.
//!
//! The wait is WAIT's and WAITAOF's: looked at when a replica acknowledges, and when the
//! log has been synced.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use super::acknowledged::Acknowledged;
use super::client::{Client, ClientId};
use super::machine::Engine;
use super::server::Server;
use crate::command::error::CommandError;
use crate::config::{Durability, ReplicaStage};
use crate::resp::reply::Reply;

/// So many replies of one client wait at a time, and so many bytes stand behind the
/// first of them; its next command runs when some have left.
const REPLIES_MAX: usize = 4096;
const BYTES_MAX: usize = 1 << 20;

/// What became of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It goes on.
    Waits,
    /// The write is as durable as was asked for.
    Reached,
    /// Nobody will ever tell.
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct HeldReply {
    /// Bytes between the end of the reply that is held before and this one.
    before: usize,
    len: usize,
    awaited: Acknowledged,
    deadline_ms: i64,
    /// The role in which the write was made. Offsets of another one tell nothing of it.
    role_epoch: u64,
    /// The reply has given way to the error.
    failed: bool,
}

/// The replies of one client that wait, in the order in which they leave.
#[derive(Debug, Default)]
pub struct HeldReplies {
    replies: VecDeque<HeldReply>,
    /// How many of them wait no longer and have not been taken yet.
    settled: usize,
    /// Where the last one ends in the buffer.
    end: usize,
}

impl HeldReplies {
    /// True where none was held since the output was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// True where one waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.settled < self.replies.len()
    }

    /// True where so much waits that the client's next command does.
    pub(super) fn is_full(&self, buffered: usize) -> bool {
        self.is_waiting() && (self.replies.len() >= REPLIES_MAX || buffered >= BYTES_MAX)
    }

    fn first(&self) -> Option<&HeldReply> {
        self.replies.get(self.settled)
    }

    fn push(&mut self, at: &Range<usize>, held: HeldReply) {
        let before = at.start - self.end;
        self.end = at.end;
        self.replies.push_back(HeldReply { before, ..held });
    }

    fn settle_first(&mut self, failed: bool) {
        self.replies[self.settled].failed = failed;
        self.settled += 1;
    }

    /// Moves what may leave from `reply` to `out`; answers how many bytes that were.
    pub(super) fn take(&mut self, reply: &mut Reply, out: &mut Vec<u8>) -> usize {
        let (bytes, out_before) = (reply.as_bytes(), out.len());
        let mut taken = 0;
        for held in self.replies.drain(..self.settled) {
            let start = taken + held.before;
            out.extend_from_slice(&bytes[taken..start]);
            taken = start + held.len;
            if held.failed {
                let mut error = Reply::new(reply.protocol());
                error.error(&*CommandError::DurabilityUnknown.message());
                out.extend_from_slice(error.as_bytes());
            } else {
                out.extend_from_slice(&bytes[start..taken]);
            }
        }
        self.settled = 0;
        let free = match self.replies.front_mut() {
            Some(first) => taken + std::mem::take(&mut first.before),
            None => bytes.len(),
        };
        out.extend_from_slice(&bytes[taken..free]);
        self.end = self.end.saturating_sub(free);
        reply.drop_front(free);
        out.len() - out_before
    }
}

/// The clients whose replies wait, each with the moment at which the first of them does
/// so no longer.
#[derive(Debug, Default)]
pub struct HeldClients(BTreeSet<(i64, ClientId)>);

impl HeldClients {
    /// How many clients have replies that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without such a client.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the first of them waits no longer, unix milliseconds.
    pub(super) fn next_deadline_ms(&self) -> Option<i64> {
        self.0.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    fn note(&mut self, client: &Client) {
        let first = client.held.first();
        self.0
            .extend(first.map(|held| (held.deadline_ms, client.id)));
    }

    pub(super) fn forget(&mut self, client: &Client) {
        if let Some(held) = client.held.first() {
            self.0.remove(&(held.deadline_ms, client.id));
        }
    }
}

impl Server {
    /// What the replies to this client's writes wait for.
    pub(crate) fn durability_of(&self, client: &Client) -> Durability {
        client.durability.unwrap_or(self.config.durability)
    }

    /// Why a write of a client that asks for this would never be as durable, where that
    /// is known before it is made.
    pub(super) fn why_not_durable(&self, asked: Durability) -> Option<&'static str> {
        if self.replication.is_replica() {
            return Some("what a replica writes itself is in no log and goes to no replica");
        }
        if asked.local_fsync && !self.append_only.is_on() {
            return Some("local=fsync was asked for, and appendonly is off");
        }
        let lacking = asked.at == ReplicaStage::Fsynced
            && self.replication.tellers_of_fsync() < asked.replicas as usize;
        lacking
            .then_some("at=fsynced was asked for, and too few replicas tell what they have fsynced")
    }

    fn standing(&self, held: &HeldReply) -> Standing {
        let awaited = held.awaited;
        if held.role_epoch != self.replication.role_epoch {
            Standing::Lost
        } else if self.has_reached(awaited) {
            Standing::Reached
        } else if awaited.local_fsync
            && (self.append_only.fsync_failed || self.waits_in_vain(awaited))
        {
            Standing::Lost
        } else {
            Standing::Waits
        }
    }

    /// Lets those replies of a client go that wait no longer.
    pub(super) fn settle_held(&mut self, client: &mut Client, now_ms: Option<i64>) {
        self.held.forget(client);
        let mut settled = false;
        while let Some(first) = client.held.first() {
            let late = now_ms.is_some_and(|now_ms| first.deadline_ms <= now_ms);
            let failed = match self.standing(first) {
                Standing::Reached => false,
                Standing::Lost => true,
                Standing::Waits if late => true,
                Standing::Waits => break,
            };
            client.held.settle_first(failed);
            settled = true;
            if failed {
                self.stats.durability_unknown += 1;
                self.stats
                    .count_error(&CommandError::DurabilityUnknown.code());
            }
        }
        self.held.note(client);
        if settled {
            self.clients.wake(client.id);
        }
    }

    /// Looks at all replies that wait.
    pub(super) fn settle_all_held(&mut self) {
        let waiting: Vec<ClientId> = self.held.0.iter().map(|(_, id)| *id).collect();
        for id in waiting {
            // The client whose command runs looks for itself, once that is over.
            if let Some(mut client) = self.clients.take(id) {
                self.settle_held(&mut client, None);
                self.clients.put_back(client);
            }
        }
    }

    /// Ends the waits whose time is over.
    pub(super) fn expire_held(&mut self, now_ms: i64) {
        while let Some(&(deadline_ms, id)) = self.held.0.first()
            && deadline_ms <= now_ms
        {
            let client = self.clients.take(id);
            let mut client = client.expect("no command runs while waits are ended");
            self.settle_held(&mut client, Some(now_ms));
            self.clients.put_back(client);
        }
    }
}

impl Engine {
    /// Holds a reply to a write back that was just made, `at` this place of the client's
    /// buffer, until the write is as durable as `asked`. False where it is already, or
    /// there is no reply.
    pub(super) fn hold_reply(
        &mut self,
        client: &mut Client,
        at: Range<usize>,
        asked: Durability,
        now_ms: i64,
    ) -> bool {
        let server = &mut self.server;
        if asked.is_nothing() || at.is_empty() || server.replication.is_replica() {
            return false;
        }
        let awaited = Acknowledged {
            offset: server.log.offset(),
            replicas: asked.replicas as usize,
            stage: asked.at,
            local_fsync: asked.local_fsync,
        };
        let held = HeldReply {
            before: 0,
            len: at.len(),
            awaited,
            deadline_ms: now_ms.saturating_add(asked.timeout_ms.into()),
            role_epoch: server.replication.role_epoch,
            failed: false,
        };
        if server.standing(&held) == Standing::Reached {
            return false;
        }
        server.held.forget(client);
        client.held.push(&at, held);
        server.held.note(client);
        server.replication.getack_wanted |= asked.replicas > 0;
        if asked.local_fsync {
            server.log.want_sync();
        }
        true
    }
}

impl Engine {
    /// What a client has not been sent yet, bytes.
    pub(super) fn buffered(&self, id: ClientId) -> usize {
        let client = self.server.clients.get(id);
        client.map_or(0, |client| client.reply.len())
    }

    /// As `hold_reply`, for a reply from `start` on that did not come with its command.
    pub(super) fn hold_from(&mut self, id: ClientId, start: usize, now_ms: i64) {
        if let Some(mut client) = self.server.clients.take(id) {
            let (asked, end) = (self.server.durability_of(&client), client.reply.len());
            let held = self.hold_reply(&mut client, start..end, asked, now_ms);
            client.wrote_up_to(client.write_offset, held && asked.local_fsync);
            self.server.clients.put_back(client);
        }
    }
}
