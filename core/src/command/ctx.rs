//! What a handler works on. The fields are apart, so that a value borrowed from
//! `keys` can be written to `reply` without a copy.

use crate::engine::client::Client;
use crate::engine::effects::{Effects, NotifyClass};
use crate::engine::key_view::KeyView;
use crate::engine::server::Server;
use crate::resp::reply::Reply;
use crate::seams::Host;
use crate::text::double::plain_spelling;

/// See the module's comment.
pub struct Ctx<'e> {
    /// The selected database.
    pub keys: KeyView<'e>,
    /// Where the reply goes.
    pub reply: &'e mut Reply,
    /// What replicas, the log and subscribers of notifications get.
    pub effects: &'e mut Effects,
    /// The client who sent the command.
    pub client: &'e mut Client,
    /// Everything shared but the keyspace.
    pub server: &'e mut Server,
    /// The process around the engine.
    pub host: &'e mut dyn Host,
    /// True inside EXEC.
    pub(crate) in_exec: bool,
}

impl Ctx<'_> {
    /// The logical time of this command, unix milliseconds.
    #[must_use]
    pub const fn now_ms(&self) -> i64 {
        self.keys.now_ms()
    }

    /// Tells listeners what happened to a key of the selected database.
    #[inline]
    pub fn notify(&mut self, class: NotifyClass, event: &'static str, key: &[u8]) {
        self.effects.notify(class, event, self.keys.db_index(), key);
    }

    /// Tells listeners of the keys made so far, ahead of what is told next. Without
    /// it a key's event `new` comes right before the first event of that key.
    pub fn notify_created(&mut self) {
        self.keys
            .flush_created(self.effects, self.effects.mark_events());
    }

    /// Propagates this command, in the selected database, instead of the client's own.
    pub fn propagate(&mut self, args: &[&[u8]]) {
        self.effects.propagate(self.keys.db_index(), args);
    }

    /// Propagates this command, where it has changed something, with those of its
    /// arguments that are doubles spelled as every server reads them. What is no double
    /// stays as it is.
    pub fn spell_plainly(&mut self, args: &[&[u8]], numbers: impl IntoIterator<Item = usize>) {
        if self.effects.changes() == 0 {
            return;
        }
        let numbers = numbers.into_iter();
        let spelled = numbers.filter_map(|at| Some((at, plain_spelling(args[at])?)));
        let spelled: Vec<(usize, Vec<u8>)> = spelled.collect();
        if spelled.is_empty() {
            return;
        }
        let mut args = args.to_vec();
        for (at, plain) in &spelled {
            args[*at] = plain;
        }
        self.propagate(&args);
    }

    /// A collection may have lost its last element: removes the key then, and says so.
    pub fn remove_if_empty(&mut self, key: &[u8]) -> bool {
        let removed = self.keys.remove_if_empty(key);
        if removed {
            self.notify(NotifyClass::GENERIC, "del", key);
        }
        removed
    }
}
