//! What is not put in the place of a dataset that is there.
//!
//! A primary that lost its disk comes back empty, under a history of its own. Its
//! replicas, which hold all that there is, would empty themselves as soon as they found
//! it again. They keep what they have instead, until an operator says otherwise.

use towline_core::offset::{History, ReplicationId};

/// What is known when a verified dataset has arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The history it is of, where the primary told.
    pub(super) replid: Option<ReplicationId>,
    /// Keys in it.
    pub(super) keys: u64,
    /// Whether there are keys here.
    pub(super) holds_keys: bool,
    /// Whether an operator named this primary since it was last followed.
    pub(super) is_asked_for: bool,
    /// The history of what is here.
    pub(super) history: History,
}

/// True for a dataset that has to be asked for.
pub(super) fn is_suspicious(arrival: &Arrival) -> bool {
    let History {
        replid, replid2, ..
    } = arrival.history;
    let related = |id: ReplicationId| !id.is_none() && (id == replid || id == replid2);
    arrival.keys == 0
        && arrival.holds_keys
        && !arrival.is_asked_for
        && !arrival.replid.is_some_and(related)
}

#[cfg(test)]
mod tests {
    use super::*;
    use towline_core::offset::Offset;

    fn id(seed: u8) -> ReplicationId {
        ReplicationId::from_random([seed; 20])
    }

    #[test]
    fn only_an_empty_dataset_of_strangers_that_nobody_asked_for_is_kept_out() {
        let history = History::new(id(1)).shifted(id(2), Offset(5));
        let stranger = Arrival {
            replid: Some(id(3)),
            keys: 0,
            holds_keys: true,
            is_asked_for: false,
            history,
        };
        assert!(is_suspicious(&stranger));
        let untold = Arrival {
            replid: None,
            ..stranger
        };
        assert!(is_suspicious(&untold));
        for harmless in [
            Arrival {
                keys: 1,
                ..stranger
            },
            Arrival {
                holds_keys: false,
                ..stranger
            },
            Arrival {
                is_asked_for: true,
                ..stranger
            },
            Arrival {
                replid: Some(id(1)),
                ..stranger
            },
            Arrival {
                replid: Some(id(2)),
                ..stranger
            },
        ] {
            assert!(!is_suspicious(&harmless), "{harmless:?}");
        }
    }
}
