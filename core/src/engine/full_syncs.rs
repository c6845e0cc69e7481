//! Full syncs as an operator sees them: how many were made and why, what the last one
//! cost, on either side of a link.

use std::fmt;

/// Why a replica got the whole dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FullSyncCause {
    /// It asked with SYNC, or was answered by a primary that knows nothing else.
    PlainSync,
    /// It had nothing to continue from.
    FirstContact,
    /// Its history is not one that the primary knows.
    OtherHistory,
    /// It went on in a history that the primary had left.
    Diverged,
    /// It holds writes of its own, or lost what it had.
    OwnDataset,
    /// The primary has no backlog.
    NoBacklog,
    /// What it lacks is no longer in the backlog, nor on disk.
    BeyondBacklog,
    /// It asked for what the primary has not written yet.
    Ahead,
    /// The stream that it lacks has commands that it may not know.
    UnknownCommands,
}

impl FullSyncCause {
    /// All of them, in the order in which INFO counts them.
    pub const ALL: [Self; 9] = [
        Self::PlainSync,
        Self::FirstContact,
        Self::OtherHistory,
        Self::Diverged,
        Self::OwnDataset,
        Self::NoBacklog,
        Self::BeyondBacklog,
        Self::Ahead,
        Self::UnknownCommands,
    ];

    /// The name in INFO.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PlainSync => "plain_sync",
            Self::FirstContact => "first_contact",
            Self::OtherHistory => "other_history",
            Self::Diverged => "diverged",
            Self::OwnDataset => "own_dataset",
            Self::NoBacklog => "no_backlog",
            Self::BeyondBacklog => "beyond_backlog",
            Self::Ahead => "ahead",
            Self::UnknownCommands => "unknown_commands",
        }
    }
}

/// A full sync that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullSync {
    /// Why it was made.
    pub cause: FullSyncCause,
    /// The snapshot's length.
    pub bytes: u64,
    /// From the request until the replica followed the stream.
    pub took_ms: u64,
}

/// The full syncs of one side of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FullSyncs {
    begun: [u64; FullSyncCause::ALL.len()],
    last: Option<FullSync>,
}

impl FullSyncs {
    /// Counts one that begins.
    pub const fn begins(&mut self, cause: FullSyncCause) {
        self.begun[cause as usize] += 1;
    }

    /// Notes one that was completed.
    pub const fn completed(&mut self, sync: FullSync) {
        self.last = Some(sync);
    }

    /// The last that was completed.
    #[must_use]
    pub const fn last(&self) -> Option<FullSync> {
        self.last
    }
}

/// How many began for each cause, as in `plain_sync=0,first_contact=2`.
impl fmt::Display for FullSyncs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (cause, count)) in FullSyncCause::ALL.iter().zip(self.begun).enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}={count}", cause.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_counted_under_their_names() {
        let mut syncs = FullSyncs::default();
        for cause in FullSyncCause::ALL {
            syncs.begins(cause);
            let counted = format!("{}=1", cause.name());
            assert!(syncs.to_string().split(',').any(|part| part == counted));
        }
        syncs.begins(FullSyncCause::Ahead);
        assert!(syncs.to_string().contains("diverged=1") && syncs.to_string().contains("ahead=2"));
    }
}
