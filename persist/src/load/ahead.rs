//! Parts of a snapshot that are decoded on other threads before their turn comes.

use std::collections::VecDeque;

use futures::channel::oneshot;
use towline_core::keyspace::dataset::Dataset;
use towline_core::seams::snapshot::{DecodeError, DecodeFault, SnapshotPart};

use super::Work;
use crate::decode::{Event, Found};

/// So many parts are decoded at once: with the thread that takes them, and the one
/// that reads, a processor or two are never idle.
const RUNNING_MAX: usize = 3;

/// What was found, in order.
pub(super) struct Ahead<'a> {
    queue: VecDeque<Place>,
    running: usize,
    beside: &'a (dyn Fn(Work) + Send + Sync),
}

/// What stands at a place of the queue.
enum Place {
    Found(Found),
    Waiting(SnapshotPart),
    Running(oneshot::Receiver<Decoded>),
}

/// What was found in a part, and what ended it.
type Decoded = (Found, Result<(), DecodeError>);

impl<'a> Ahead<'a> {
    pub(super) fn new(beside: &'a (dyn Fn(Work) + Send + Sync)) -> Self {
        Self {
            queue: VecDeque::new(),
            running: 0,
            beside,
        }
    }

    /// Adds what was found last.
    pub(super) fn put(&mut self, found: Found) {
        let mut here = Vec::new();
        for event in found.0 {
            match event {
                Event::Part(part) => {
                    let before = std::mem::take(&mut here);
                    self.queue.push_back(Place::Found(Found(before)));
                    self.queue.push_back(Place::Waiting(part));
                }
                other => here.push(other),
            }
        }
        self.queue.push_back(Place::Found(Found(here)));
        self.start();
    }

    /// Starts parts, the next one first.
    fn start(&mut self) {
        let waits = |place: &&mut Place| matches!(place, Place::Waiting(_));
        while self.running < RUNNING_MAX {
            let Some(place) = self.queue.iter_mut().find(waits) else {
                return;
            };
            let (tell, told) = oneshot::channel();
            if let Place::Waiting(part) = std::mem::replace(place, Place::Running(told)) {
                self.running += 1;
                (self.beside)(Box::new(move || {
                    let mut found = Found::default();
                    let ended = part(&mut found);
                    // Nobody waits for it where the load was given up.
                    let _ = tell.send((found, ended));
                }));
            }
        }
    }

    /// Puts into the dataset what was found up to `offset`, but for the last parts,
    /// of which it leaves up to `parts` to those who decode them.
    pub(super) async fn take(
        &mut self,
        parts: usize,
        dataset: &mut Dataset,
        offset: u64,
    ) -> Result<(), DecodeError> {
        loop {
            let left = self.queue.iter().filter(|place| !place.is_found()).count();
            let may_take = left > parts || self.queue.front().is_some_and(Place::is_found);
            let Some(place) = self.queue.pop_front_if(|_| may_take) else {
                return Ok(());
            };
            let (found, ended) = match place {
                Place::Found(found) => (found, Ok(())),
                Place::Running(told) => {
                    let decoded = told.await.expect("a part that is begun is done");
                    self.running -= 1;
                    self.start();
                    decoded
                }
                Place::Waiting(_) => unreachable!("the next part is begun first"),
            };
            let here = DecodeError {
                offset,
                key: None,
                fault: DecodeFault::Truncated,
            };
            let delivered = found.deliver(dataset);
            delivered.map_err(|undelivered| undelivered.into_error(here))?;
            ended?;
        }
    }
}

impl Place {
    const fn is_found(&self) -> bool {
        matches!(self, Self::Found(_))
    }
}
