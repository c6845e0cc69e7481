//! What WAIT and WAITAOF ask: who has the writes of a client.

use super::append_only::AppendOnly;
use super::replication::Replication;
use super::server::Server;
use crate::offset::Offset;
use crate::resp::Reply;

/// What a client that waits for a log is told where there is none.
pub(crate) const LOG_IS_OFF: &str =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// What WAIT and WAITAOF wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The end of the client's last write.
    pub offset: Offset,
    /// How many replicas have to have it.
    pub replicas: usize,
    /// For WAITAOF, which asks for what survives a loss of power: whether this node's
    /// own log has to have it as well.
    pub durable: Option<bool>,
}

/// How much of it is the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    replicas: usize,
    /// For WAITAOF: whether this node's own log has it.
    local: Option<bool>,
}

impl Reached {
    /// WAIT's or WAITAOF's answer.
    pub(crate) fn reply_to(self, reply: &mut Reply) {
        if let Some(local) = self.local {
            reply.array(2);
            reply.count(usize::from(local));
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
    match awaited.durable {
        None => Reached {
            replicas: replication.acknowledged(offset),
            local: None,
        },
        Some(_) => Reached {
            replicas: replication.acknowledged_durable(offset),
            local: Some(log.is_durable(offset)),
        },
    }
}

impl Server {
    pub(crate) fn reached(&self, awaited: Acknowledged) -> Reached {
        reached(awaited, &self.replication, &self.append_only)
    }

    /// True where all of it is the case.
    pub(crate) fn has_reached(&self, awaited: Acknowledged) -> bool {
        let reached = self.reached(awaited);
        let local = reached.local.unwrap_or_default();
        reached.replicas >= awaited.replicas && local >= awaited.durable.unwrap_or_default()
    }

    /// True where it will never be: no log is there to hold it.
    pub(crate) fn waits_in_vain(&self, awaited: Acknowledged) -> bool {
        awaited.durable == Some(true) && !self.append_only.is_on()
    }
}
