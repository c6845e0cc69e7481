//! Consumer groups.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::StreamId;
use crate::tree::{Element, Tree};

/// A consumer group: how far it has read, and what it has not acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last id delivered to any of its consumers.
    pub last_id: StreamId,
    /// How many entries it has read since the stream began; `None` where that
    /// cannot be known.
    pub entries_read: Option<u64>,
    /// Delivered and not acknowledged, by id.
    pending: Tree<Pending>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
}

/// A delivered entry that waits for its acknowledgement.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The entry.
    pub id: StreamId,
    /// When it was last delivered, in unix milliseconds.
    pub delivered_ms: i64,
    /// How often.
    pub deliveries: u64,
    /// To whom; empty only while a group is being loaded.
    pub consumer: Arc<[u8]>,
}

impl Element for Pending {
    type Key = StreamId;

    fn key(&self) -> StreamId {
        self.id
    }
}

impl Element for StreamId {
    type Key = Self;

    fn key(&self) -> Self {
        *self
    }
}

/// A consumer of a group.
#[derive(Clone, Debug, Default)]
pub struct Consumer {
    /// When it last asked for anything, in unix milliseconds.
    pub seen_ms: i64,
    /// When it last got anything; -1 for never.
    pub active_ms: i64,
    /// The ids of its pending entries.
    pending: Tree<StreamId>,
}

impl Consumer {
    /// A consumer that has nothing pending.
    #[must_use]
    pub fn new(seen_ms: i64, active_ms: i64) -> Self {
        Self {
            seen_ms,
            active_ms,
            pending: Tree::new(),
        }
    }

    /// The ids of its pending entries, in order.
    #[must_use]
    pub fn pending(&self) -> &Tree<StreamId> {
        &self.pending
    }
}

/// Why a group's parts do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupError {
    /// Pending ids do not ascend.
    Order,
    /// Two consumers have one name.
    DuplicateConsumer,
    /// A consumer's pending id is not pending in the group.
    NotPending,
    /// A consumer's pending id is another consumer's, or was named before.
    AlreadyAssigned,
    /// A pending entry belongs to no consumer.
    NoConsumer,
}

impl GroupError {
    /// What is wrong, in words.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Order => "pending ids of a consumer group that do not ascend",
            Self::DuplicateConsumer => "Duplicate stream consumer detected",
            Self::NotPending => "a consumer's pending id that is not the group's",
            Self::AlreadyAssigned => "Stream consumer PEL entry already has a consumer assigned",
            Self::NoConsumer => "a pending entry without a consumer",
        }
    }
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl std::error::Error for GroupError {}

impl Group {
    /// A group that has delivered nothing.
    #[must_use]
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self {
            last_id,
            entries_read,
            ..Self::default()
        }
    }

    /// Delivered and not acknowledged, in order.
    #[must_use]
    pub fn pending(&self) -> &Tree<Pending> {
        &self.pending
    }

    /// The consumers, by name.
    #[must_use]
    pub fn consumers(&self) -> &BTreeMap<Arc<[u8]>, Consumer> {
        &self.consumers
    }

    /// Loading: appends an entry that is pending, before its consumer is known.
    pub fn push_pending(
        &mut self,
        id: StreamId,
        delivered_ms: i64,
        deliveries: u64,
        nobody: &Arc<[u8]>,
    ) -> Result<(), GroupError> {
        if self.pending.last().is_some_and(|last| last.id >= id) {
            return Err(GroupError::Order);
        }
        self.pending.push_back(Pending {
            id,
            delivered_ms,
            deliveries,
            consumer: Arc::clone(nobody),
        });
        Ok(())
    }

    /// Adds a consumer.
    pub fn add_consumer(&mut self, name: &Arc<[u8]>, consumer: Consumer) -> Result<(), GroupError> {
        if self.consumers.contains_key(name) {
            return Err(GroupError::DuplicateConsumer);
        }
        self.consumers.insert(Arc::clone(name), consumer);
        Ok(())
    }

    /// Loading: gives the pending entry `id` to the consumer `name`. Ids come
    /// in order.
    pub fn assign_pending(
        &mut self,
        name: &Arc<[u8]>,
        id: StreamId,
        nobody: &Arc<[u8]>,
    ) -> Result<(), GroupError> {
        let consumer = self.consumers.get_mut(name).ok_or(GroupError::NoConsumer)?;
        if consumer.pending.last().is_some_and(|last| *last > id) {
            return Err(GroupError::Order);
        }
        let free = self.pending.update(&PendingAt(id), |pending| {
            let free = Arc::ptr_eq(&pending.consumer, nobody);
            if free {
                pending.consumer = Arc::clone(name);
            }
            free
        });
        match free {
            None => return Err(GroupError::NotPending),
            Some(false) => return Err(GroupError::AlreadyAssigned),
            Some(true) => {}
        }
        consumer.pending.push_back(id);
        Ok(())
    }

    /// Loading: checks that every pending entry was given to a consumer.
    pub fn check_pending(&self) -> Result<(), GroupError> {
        let assigned: usize = self.consumers.values().map(|c| c.pending.len()).sum();
        if assigned == self.pending.len() {
            Ok(())
        } else {
            Err(GroupError::NoConsumer)
        }
    }
}

/// What a delivery or a claim makes of a pending entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When, in unix milliseconds.
    pub delivered_ms: i64,
    /// How often by now.
    pub deliveries: u64,
}

impl Group {
    /// A pending entry.
    #[must_use]
    pub fn pending_at(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&PendingAt(id))
    }

    /// Pending entries from `start` to `end`, both included.
    pub fn pending_range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = &Pending> {
        let first = self.pending.index_of(&PendingAt(start));
        let rest = self.pending.range(first..self.pending.len());
        rest.take_while(move |pending| pending.id <= end)
    }

    /// A consumer.
    #[must_use]
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// A consumer, to be changed.
    pub fn consumer_mut(&mut self, name: &[u8]) -> Option<&mut Consumer> {
        self.consumers.get_mut(name)
    }

    /// Makes an entry pending at a consumer that is there, whoever had it.
    ///
    /// # Panics
    /// If there is no such consumer.
    pub fn deliver(&mut self, id: StreamId, name: &[u8], delivery: Delivery) -> Pending {
        let (name, _) = self
            .consumers
            .get_key_value(name)
            .expect("the consumer is made before it gets anything");
        let pending = Pending {
            id,
            delivered_ms: delivery.delivered_ms,
            deliveries: delivery.deliveries,
            consumer: Arc::clone(name),
        };
        let before = self.pending.insert(&PendingAt(id), pending.clone());
        if let Some(before) = before.filter(|before| before.consumer != pending.consumer) {
            self.take_from_consumer(&before);
        }
        let consumer = self.consumers.get_mut(&pending.consumer);
        let consumer = consumer.expect("just found");
        consumer.pending.insert(&id.probe(), id);
        pending
    }

    /// Says that an entry was delivered once more to the consumer that has it.
    pub fn deliver_again(&mut self, id: StreamId, now_ms: i64) {
        self.pending.update(&PendingAt(id), |pending| {
            pending.delivered_ms = now_ms;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        });
    }

    /// Takes an entry out of those that are pending.
    pub fn acknowledge(&mut self, id: StreamId) -> Option<Pending> {
        let pending = self.pending.remove(&PendingAt(id))?;
        self.take_from_consumer(&pending);
        Some(pending)
    }

    fn take_from_consumer(&mut self, pending: &Pending) {
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.remove(&pending.id.probe());
        }
    }

    /// Removes a consumer with all that is pending at it, and returns how much
    /// that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.pending.remove(&PendingAt(*id));
        }
        Some(consumer.pending.len())
    }
}

impl Consumer {
    /// The ids of its pending entries from `start` to `end`, both included.
    pub fn pending_range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = StreamId> + '_ {
        let first = self.pending.index_of(&start.probe());
        let rest = self.pending.range(first..self.pending.len());
        rest.copied().take_while(move |id| *id <= end)
    }
}

impl StreamId {
    /// Searches a tree of ids for this one.
    fn probe(self) -> impl Fn(&Self) -> std::cmp::Ordering {
        move |id| id.cmp(&self)
    }
}

/// Searches pending entries by id.
pub(super) struct PendingAt(pub(super) StreamId);

impl crate::tree::Probe<Pending> for PendingAt {
    fn compare_key(&self, key: &StreamId) -> Option<std::cmp::Ordering> {
        Some(key.cmp(&self.0))
    }

    fn compare(&self, item: &Pending) -> std::cmp::Ordering {
        item.id.cmp(&self.0)
    }
}
