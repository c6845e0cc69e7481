//! Who looks on: the slow log, the latency monitor, and clients in MONITOR.

use std::borrow::Cow;

use super::client::{Blocked, Client, ClientId};
use super::latency::Sample;
use super::server::Server;
use super::slow_log::{SlowCommand, shorten};
use crate::command::spec::CommandSpec;
use crate::command::{Ctx, Flags};
use crate::config::find;
use crate::text::quote::write_quoted;

const REDACTED: &[u8] = b"(redacted)";

/// Tells the slow log and the latency monitor of a command that ran.
pub(super) fn note_duration(ctx: &mut Ctx<'_>, spec: &CommandSpec, args: &[&[u8]], nanos: u64) {
    let (now_ms, took_usec) = (ctx.now_ms(), nanos / 1000);
    let server = &mut *ctx.server;
    let event = if spec.flags.contains(Flags::FAST) {
        "fast-command"
    } else {
        "command"
    };
    server.note_latency(event, now_ms, took_usec / 1000);
    if server.is_slow(took_usec) && !spec.flags.contains(Flags::SKIP_SLOWLOG) {
        let args = shorten(&redacted(spec, args));
        server.enter_slow(ctx.client, now_ms, took_usec, args);
    }
}

/// A command that the host carries out: what the slow log will need when it is done.
#[derive(Debug)]
pub(crate) struct HostWait {
    since_ms: i64,
    since_ns: u64,
    args: Vec<Vec<u8>>,
}

/// Remembers a command that waits for the host.
pub(super) fn remember_host_wait(
    ctx: &mut Ctx<'_>,
    spec: &CommandSpec,
    args: &[&[u8]],
    since_ns: u64,
) {
    if matches!(ctx.client.blocked, Some(Blocked::Host)) {
        ctx.client.host_wait = Some(Box::new(HostWait {
            since_ms: ctx.now_ms(),
            since_ns,
            args: shorten(&redacted(spec, args)),
        }));
    }
}

impl Server {
    /// Tells the latency monitor how long something took.
    pub(super) fn note_latency(&mut self, event: &'static str, now_ms: i64, took_ms: u64) {
        let sample = Sample {
            time_s: now_ms / 1000,
            took_ms,
        };
        let threshold_ms = self.config.latency_monitor_threshold_ms;
        self.latency.note(event, sample, threshold_ms);
    }

    fn is_slow(&self, took_usec: u64) -> bool {
        let threshold_usec = u64::try_from(self.config.slow_log.slower_than_us);
        threshold_usec.is_ok_and(|threshold| took_usec >= threshold)
    }

    fn enter_slow(&mut self, client: &Client, now_ms: i64, took_usec: u64, args: Vec<Vec<u8>>) {
        let command = SlowCommand {
            id: 0,
            time_s: now_ms / 1000,
            took_usec,
            args,
            addr: client.peer.addr.clone(),
            name: client.name.clone(),
        };
        let max_len = self.config.slow_log.max_len;
        self.slow_log.enter(command, max_len);
    }

    /// The host has done what a client waited for: it took until now.
    pub(super) fn note_host_wait(&mut self, client: ClientId) {
        let Some(mut client) = self.clients.take(client) else {
            return;
        };
        if let Some(wait) = client.host_wait.take() {
            let took_ns = self.clock_ns.saturating_sub(wait.since_ns);
            let took_usec = took_ns / 1000;
            let now_ms = wait.since_ms.saturating_add_unsigned(took_usec / 1000);
            self.note_latency("command", now_ms, took_usec / 1000);
            if self.is_slow(took_usec) {
                self.enter_slow(&client, now_ms, took_usec, wait.args);
            }
            if let Some(index) = self.table.index_of(client.last_command) {
                self.command_stats[index].nanos += took_ns;
            }
        }
        self.clients.put_back(client);
    }

    /// A client looks on no longer.
    pub(crate) fn stop_monitoring(&mut self, id: ClientId) {
        self.monitors.retain(|monitor| *monitor != id);
    }
}

/// Shows a command to clients in MONITOR, but for what only administrators run.
pub(super) fn show(ctx: &mut Ctx<'_>, spec: &CommandSpec, args: &[&[u8]]) {
    let hidden = Flags::SKIP_MONITOR | Flags::ADMIN;
    // A command that waited was shown when it came.
    if ctx.server.monitors.is_empty()
        || spec.flags.intersects(hidden)
        || ctx.client.retrying.is_some()
    {
        return;
    }
    let line = describe(ctx, spec, args);
    for id in &ctx.server.monitors {
        if *id == ctx.client.id {
            ctx.client.pushes.simple(&line);
        } else if let Some(client) = ctx.server.clients.get_mut(*id) {
            client.reply.simple(&line);
            ctx.server.clients.wake(*id);
        }
    }
}

/// `<seconds>.<microseconds> [<db> <address>] "<argument>" …`
fn describe(ctx: &Ctx<'_>, spec: &CommandSpec, args: &[&[u8]]) -> String {
    let now_us = ctx.now_ms().saturating_mul(1000);
    let now_us = ctx.host.unix_us().map_or(now_us, |us| us.max(now_us));
    let peer = &ctx.client.peer;
    let addr = if peer.unix_socket {
        format!("unix:{}", peer.addr.trim_end_matches(":0"))
    } else {
        peer.addr.clone()
    };
    let mut line = format!(
        "{}.{:06} [{} {addr}]",
        now_us / 1_000_000,
        now_us % 1_000_000,
        ctx.client.db
    )
    .into_bytes();
    for arg in redacted(spec, args) {
        line.push(b' ');
        write_quoted(&mut line, &arg);
    }
    String::from_utf8_lossy(&line).into_owned()
}

/// What follows AUTH, and both that follow AUTH2, before the keys.
fn is_migrate_secret(args: &[&[u8]], at: usize) -> bool {
    let options = args.get(6..at).unwrap_or_default();
    let is = |arg: &[u8], name: &[u8]| arg.eq_ignore_ascii_case(name);
    let before = |back: usize, name: &[u8]| {
        let arg = options.len().checked_sub(back).map(|at| options[at]);
        arg.is_some_and(|arg| is(arg, name))
    };
    let in_keys = options.iter().any(|arg| is(arg, b"keys"));
    !in_keys && (before(1, b"auth") || before(1, b"auth2") || before(2, b"auth2"))
}

/// The arguments without secrets.
fn redacted<'a>(spec: &CommandSpec, args: &[&'a [u8]]) -> Vec<Cow<'a, [u8]>> {
    let mut shown: Vec<Cow<'a, [u8]>> = args.iter().copied().map(Cow::Borrowed).collect();
    let is_secret = |at: usize| match spec.name {
        "auth" => at > 0,
        "migrate" => is_migrate_secret(args, at),
        "hello" => {
            let is_auth = |at: usize| args[at].eq_ignore_ascii_case(b"auth");
            (at > 2 && is_auth(at - 1)) || (at > 3 && is_auth(at - 2))
        }
        // Names and values take turns behind the subcommand.
        "config|set" => {
            at > 2 && at % 2 == 1 && find(args[at - 1]).is_some_and(|(_, row)| row.sensitive)
        }
        _ => false,
    };
    for (at, arg) in shown.iter_mut().enumerate() {
        if is_secret(at) {
            *arg = Cow::Borrowed(REDACTED);
        }
    }
    shown
}
