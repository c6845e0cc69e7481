//! Pauses: times in which commands of clients wait (CLIENT PAUSE, a shutdown that
//! lets its replicas catch up, a failover).
//!
//! ```text
//!   gates passed ─► paused? ─no─► runs
//!                      └yes─► postponed: kept as it came, not run
//!                                └─ the last pause that holds it ends ─► runs, in the order of arrival
//! ```
//! A postponed command has not begun, unlike one that waits for a key: it counts
//! for nothing, answers nothing and holds no place in any queue of keys. While a
//! pause lasts the dataset stays as it is: expired keys are hidden and not removed,
//! and replicas are not asked to acknowledge, since a pause has to keep the stream's
//! offset where it is.

use super::client::{ClientFlags, ClientId};
use super::dispatch;
use super::machine::Engine;
use crate::command::spec::CommandSpec;
use crate::command::{Ctx, Flags};
use crate::seams::Host;

/// Who asked for a pause. Each has one, and commands wait for the end of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// CLIENT PAUSE.
    Command,
    /// A shutdown that waits for replicas.
    Shutdown,
    /// A failover, until its target has taken over.
    Failover,
}

/// The end of a pause that only its reason ends.
pub const NO_END_MS: i64 = i64::MAX;

/// How much waits. The later mode is the stricter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseMode {
    /// What changes the dataset or enters the stream.
    Writes,
    /// Every command.
    All,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    mode: PauseMode,
    until_ms: i64,
}

/// See the module's comment.
#[derive(Debug, Default)]
pub struct Pauses {
    held: [Option<Pause>; 3],
    /// Clients whose command is kept, in the order in which they came.
    postponed: Vec<ClientId>,
    /// A pause ended: what is postponed has to be tried again.
    ended: bool,
}

impl Pauses {
    /// Begins a pause. One that this reason has already is never shortened nor
    /// made milder.
    pub fn begin(&mut self, reason: PauseReason, mode: PauseMode, until_ms: i64) {
        let held = &mut self.held[reason as usize];
        let (mode, until_ms) = match held {
            Some(pause) => (mode.max(pause.mode), until_ms.max(pause.until_ms)),
            None => (mode, until_ms),
        };
        *held = Some(Pause { mode, until_ms });
    }

    /// Ends a pause before its time.
    pub fn end(&mut self, reason: PauseReason) {
        self.ended |= self.held[reason as usize].take().is_some();
    }

    /// What waits at present.
    #[must_use]
    pub fn mode(&self) -> Option<PauseMode> {
        self.held.iter().flatten().map(|pause| pause.mode).max()
    }

    /// When the first pause ends by itself, unix milliseconds.
    #[must_use]
    pub fn next_end_ms(&self) -> Option<i64> {
        let ends = self.held.iter().flatten().map(|pause| pause.until_ms);
        ends.filter(|end| *end != NO_END_MS).min()
    }

    /// Ends the pauses whose time is over.
    fn expire(&mut self, now_ms: i64) {
        for held in &mut self.held {
            if held.is_some_and(|pause| pause.until_ms <= now_ms) {
                *held = None;
                self.ended = true;
            }
        }
    }

    /// Forgets a client that is gone.
    pub(super) fn forget(&mut self, id: ClientId) {
        self.postponed.retain(|postponed| *postponed != id);
    }
}

/// True where a command that passed its gates has to wait. Replicas never do: what
/// they say is how a pause is seen to have reached them.
pub(super) fn postpones(ctx: &Ctx<'_>, spec: &CommandSpec) -> bool {
    let Some(mode) = ctx.server.pauses.mode() else {
        return false;
    };
    !ctx.client.flags.contains(ClientFlags::REPLICA)
        && (mode == PauseMode::All
            || dispatch::includes(ctx, spec, Flags::WRITE | Flags::MAY_REPLICATE))
}

/// Keeps a command until the pause is over. The stream's own stays where it came
/// from: whoever applies the stream offers it again.
pub(super) fn postpone(ctx: &mut Ctx<'_>, spec: &CommandSpec, args: &[&[u8]]) {
    ctx.client.last_command = spec.name;
    if ctx.client.postponed.is_none() {
        ctx.server.pauses.postponed.push(ctx.client.id);
    }
    ctx.client.postponed = Some(if ctx.client.is_primary() {
        Vec::new()
    } else {
        args.iter().map(|arg| arg.to_vec()).collect()
    });
}

impl Engine {
    /// Ends the pauses whose time is over, and runs what no pause holds any more.
    pub(super) fn end_pauses(&mut self, now_ms: i64, host: &mut dyn Host) {
        self.server.pauses.expire(now_ms);
        while std::mem::take(&mut self.server.pauses.ended) {
            for id in std::mem::take(&mut self.server.pauses.postponed) {
                self.run_postponed(id, now_ms, host);
            }
        }
    }

    fn run_postponed(&mut self, id: ClientId, now_ms: i64, host: &mut dyn Host) {
        let Some(mut client) = self.server.clients.take(id) else {
            return;
        };
        let args = client.postponed.take().unwrap_or_default();
        if !args.is_empty() && !client.flags.contains(ClientFlags::CLOSE_NOW) {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            self.perform(&mut client, &args, now_ms, host);
        }
        self.server.clients.put_back(client);
        self.server.clients.wake(id);
    }
}
