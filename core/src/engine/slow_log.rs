//! The slow log: the latest commands that took longer than a directive allows.

use std::collections::VecDeque;

/// Arguments of a command that an entry keeps; the last of them counts the rest.
const ARGS_MAX: usize = 32;
/// Bytes of an argument that an entry keeps.
const ARG_MAX_BYTES: usize = 128;

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCommand {
    /// Counts the entries since the start.
    pub id: u64,
    /// When it ended, unix seconds.
    pub time_s: i64,
    /// How long it took, microseconds.
    pub took_usec: u64,
    /// Its arguments, shortened.
    pub args: Vec<Vec<u8>>,
    /// The address of the client.
    pub addr: String,
    /// The name of the client.
    pub name: Vec<u8>,
}

/// See the module's comment. The newest comes first.
#[derive(Debug, Default)]
pub struct SlowLog {
    entries: VecDeque<SlowCommand>,
    next_id: u64,
}

impl SlowLog {
    /// Enters a command, whose id it draws, and forgets the oldest beyond `max_len`.
    pub fn enter(&mut self, mut command: SlowCommand, max_len: usize) {
        command.id = self.next_id;
        self.next_id += 1;
        self.entries.push_front(command);
        self.entries.truncate(max_len);
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &SlowCommand> {
        self.entries.iter()
    }

    /// Forgets all entries; ids go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Arguments as an entry keeps them: of many the first, of long ones the beginning.
#[must_use]
pub fn shorten<T: AsRef<[u8]>>(args: &[T]) -> Vec<Vec<u8>> {
    let kept = if args.len() > ARGS_MAX {
        ARGS_MAX - 1
    } else {
        args.len()
    };
    let mut shown: Vec<Vec<u8>> = args[..kept].iter().map(|arg| cut(arg.as_ref())).collect();
    if kept < args.len() {
        shown.push(format!("... ({} more arguments)", args.len() - kept).into());
    }
    shown
}

fn cut(arg: &[u8]) -> Vec<u8> {
    if arg.len() <= ARG_MAX_BYTES {
        return arg.to_vec();
    }
    let mut shown = arg[..ARG_MAX_BYTES].to_vec();
    shown.extend_from_slice(format!("... ({} more bytes)", arg.len() - ARG_MAX_BYTES).as_bytes());
    shown
}
