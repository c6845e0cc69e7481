//! What WAIT, WAITAOF and `durability` ask: who has the writes of a client.

use super::append_only::AppendOnly;
use super::replication::Replication;
use super::server::Server;
use crate::config::ReplicaStage;
use crate::offset::Offset;
use crate::resp::Reply;

/// What a client that waits for a log is told where there is none.
pub(crate) const LOG_IS_OFF: &str =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The end of a write.
    pub offset: Offset,
    /// How many replicas have to have it.
    pub replicas: usize,
    /// Where they have to have it. WAITAOF asks for what survives a loss of power.
    pub stage: ReplicaStage,
    /// This node's own log has to have it as well.
    pub local_fsync: bool,
}

/// How much of it is the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    replicas: usize,
    stage: ReplicaStage,
    /// Whether this node's own log has it.
    local: bool,
}

impl Reached {
    /// WAIT's or WAITAOF's answer.
    pub(crate) fn reply_to(self, reply: &mut Reply) {
        if self.stage == ReplicaStage::Fsynced {
            reply.array(2);
            reply.count(usize::from(self.local));
        }
        reply.count(self.replicas);
    }
}

/// How much of `awaited` is the case.
pub(super) fn reached(
    awaited: Acknowledged,
    replication: &Replication,
    log: &AppendOnly,
) -> Reached {
    let offset = awaited.offset;
    Reached {
        replicas: match awaited.stage {
            ReplicaStage::Applied => replication.acknowledged(offset),
            ReplicaStage::Fsynced => replication.acknowledged_durable(offset),
        },
        stage: awaited.stage,
        local: log.is_durable(offset),
    }
}

impl Server {
    pub(crate) fn reached(&self, awaited: Acknowledged) -> Reached {
        reached(awaited, &self.replication, &self.append_only)
    }

    /// True where all of it is the case.
    pub(crate) fn has_reached(&self, awaited: Acknowledged) -> bool {
        let reached = self.reached(awaited);
        reached.replicas >= awaited.replicas && reached.local >= awaited.local_fsync
    }

    /// True where it will never be: no log is there to hold it.
    pub(crate) fn waits_in_vain(&self, awaited: Acknowledged) -> bool {
        awaited.local_fsync && !self.append_only.is_on()
    }
}
