//! From arguments to a handler: the gates that a command passes, then the call.
//!
//! The order of the gates is Redis's own, because a client that fails several of
//! them sees the first.

use super::client::ClientFlags;
use super::{observe, pause, redirect};
use crate::command::error::{CommandError, CommandResult};
use crate::command::spec::CommandSpec;
use crate::command::table::Found;
use crate::command::{Ctx, Flags};

/// Runs one command, or queues it in a transaction, or refuses it.
pub(super) fn run(ctx: &mut Ctx<'_>, args: &[&[u8]]) {
    match admit(ctx, args) {
        Ok(found) if pause::postpones(ctx, found.spec) => pause::postpone(ctx, found.spec, args),
        Ok(found) if queues(ctx, found.spec) => queue(ctx, args),
        Ok(found) => call(ctx, found, args),
        Err(error) => refuse(ctx, args, &error),
    }
}

fn admit(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult<Found> {
    let found = resolve(ctx, args)?;
    if ctx.client.is_primary() {
        return Ok(found);
    }
    let gates = [
        permitted,
        authenticated,
        redirect::at_home,
        durable,
        replicated,
        writable,
        assured,
        in_context,
        fresh,
        loaded,
        on_its_own,
        transactional,
    ];
    for gate in gates {
        gate(ctx, found.spec, args)?;
    }
    Ok(found)
}

fn resolve(ctx: &Ctx<'_>, args: &[&[u8]]) -> CommandResult<Found> {
    let Some(found) = ctx.server.table.resolve(args) else {
        return Err(unknown_command(args));
    };
    if !found.spec.subcommands.is_empty() && args.len() > 1 {
        return Err(CommandError::UnknownSubcommand {
            container: lossy(args[0]),
            subcommand: lossy(&args[1][..args[1].len().min(128)]),
        });
    }
    if found.spec.accepts(args.len()) && found.spec.handler.is_some() {
        return Ok(found);
    }
    Err(CommandError::Arity(found.spec.name.to_owned()))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Redis shows the first arguments, up to 128 bytes of them.
fn unknown_command(args: &[&[u8]]) -> CommandError {
    const SHOWN_BYTES: usize = 128;
    let mut shown = String::new();
    for arg in &args[1..] {
        if shown.len() >= SHOWN_BYTES {
            break;
        }
        let room = (SHOWN_BYTES - shown.len()).min(arg.len());
        shown.push_str(&format!("'{}' ", lossy(&arg[..room])));
    }
    let name = lossy(&args[0][..args[0].len().min(SHOWN_BYTES)]);
    CommandError::text(format!(
        "ERR unknown command '{name}', with args beginning with: {shown}"
    ))
}

fn permitted(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    if !spec.flags.contains(Flags::PROTECTED) {
        return Ok(());
    }
    let local = ctx.client.is_local();
    if ctx.server.config.enable_debug_command.allows(local) {
        return Ok(());
    }
    Err(CommandError::text(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server.",
    ))
}

fn authenticated(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let needed = ctx.client.must_authenticate(&ctx.server.config);
    if needed && !spec.flags.contains(Flags::NO_AUTH) {
        return Err(CommandError::text("NOAUTH Authentication required."));
    }
    Ok(())
}

/// True for what would change the dataset: a write, or EXEC of a queue with one.
fn writes(ctx: &Ctx<'_>, spec: &CommandSpec) -> bool {
    includes(ctx, spec, Flags::WRITE)
}

/// True for a command with one of these flags, or EXEC of a queue with one.
pub(super) fn includes(ctx: &Ctx<'_>, spec: &CommandSpec, flags: Flags) -> bool {
    spec.flags.intersects(flags)
        || (spec.name == "exec" && queued_any(ctx, |queued| queued.flags.intersects(flags)))
}

fn queued_any(ctx: &Ctx<'_>, test: impl Fn(&CommandSpec) -> bool) -> bool {
    let queued = ctx.client.multi.iter().flat_map(|multi| &multi.commands);
    queued
        .filter_map(|command| {
            let args: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
            ctx.server.table.resolve(&args)
        })
        .any(|found| test(found.spec))
}

/// True for a command without the flag, and for EXEC of a queue with such a one.
fn misses(ctx: &Ctx<'_>, spec: &CommandSpec, flag: Flags) -> bool {
    !spec.flags.contains(flag)
        || (spec.name == "exec" && queued_any(ctx, |queued| !queued.flags.contains(flag)))
}

/// A primary refuses writes while its log takes none, and where its last save failed
/// until one succeeds.
fn durable(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let settings = &ctx.server.config;
    let unsaved = settings.stop_writes_on_bgsave_error
        && !settings.save.is_empty()
        && !ctx.server.persistence.last_save_ok;
    let unlogged = ctx.server.append_only.failure.as_ref();
    let failing = unsaved || unlogged.is_some();
    if !failing || ctx.server.replication.is_replica() {
        return Ok(());
    }
    if writes(ctx, spec) || spec.name == "ping" {
        if let Some(reason) = unlogged.filter(|_| !unsaved) {
            return Err(CommandError::text(format!(
                "MISCONF Errors writing to the AOF file: {reason}"
            )));
        }
        return Err(CommandError::text(
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
             persist to disk. Commands that may modify the data set are disabled, because this \
             instance is configured to report errors during writes if RDB snapshotting fails \
             (stop-writes-on-bgsave-error option). Please check the Redis logs for details about \
             the RDB error.",
        ));
    }
    Ok(())
}

fn replicated(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let wanted = ctx.server.config.min_replicas;
    let replication = &ctx.server.replication;
    if !wanted.is_needed() || replication.is_replica() || !writes(ctx, spec) {
        return Ok(());
    }
    let good = replication.good_replicas(ctx.now_ms(), wanted.max_lag_s.into());
    if good < wanted.to_write as usize {
        return Err(CommandError::text(
            "NOREPLICAS Not enough good replicas to write.",
        ));
    }
    Ok(())
}

fn writable(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let read_only = ctx.server.replication.is_replica() && ctx.server.config.replica_read_only;
    if read_only && writes(ctx, spec) {
        return Err(CommandError::text(
            "READONLY You can't write against a read only replica.",
        ));
    }
    Ok(())
}

/// A write that cannot become as durable as its client asks for is not made.
fn assured(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let asked = ctx.server.durability_of(ctx.client);
    if asked.is_nothing() || !writes(ctx, spec) {
        return Ok(());
    }
    match ctx.server.why_not_durable(asked) {
        None => Ok(()),
        Some(why) => {
            ctx.server.stats.durability_refused += 1;
            Err(CommandError::NotDurable(why))
        }
    }
}

fn in_context(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    const ALLOWED: [&str; 9] = [
        "ping",
        "subscribe",
        "ssubscribe",
        "sunsubscribe",
        "psubscribe",
        "unsubscribe",
        "punsubscribe",
        "quit",
        "reset",
    ];
    if ctx.client.in_pubsub_mode() && !ALLOWED.contains(&spec.name) {
        return Err(CommandError::text(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context",
            spec.name
        )));
    }
    Ok(())
}

fn fresh(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let replication = &ctx.server.replication;
    let lost = replication.is_replica() && replication.dataset_lost;
    let stale = replication.is_replica()
        && !replication.link_is_up()
        && !ctx.server.config.replica_serve_stale_data;
    if (lost || stale) && misses(ctx, spec, Flags::STALE) {
        return Err(CommandError::text(match lost {
            true => "MASTERDOWN The dataset was damaged, and the MASTER has not sent it again yet.",
            false => {
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
            }
        }));
    }
    Ok(())
}

fn loaded(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let Some(loading) = ctx.server.persistence.loading else {
        return Ok(());
    };
    let refused = if loading.beside {
        spec.flags.contains(Flags::NO_ASYNC_LOADING)
            || (spec.name == "exec"
                && queued_any(ctx, |queued| queued.flags.contains(Flags::NO_ASYNC_LOADING)))
    } else {
        misses(ctx, spec, Flags::LOADING)
    };
    if refused {
        return Err(CommandError::text(
            "LOADING Redis is loading the dataset in memory",
        ));
    }
    Ok(())
}

/// A replica's connection, and one in MONITOR, is there to be told of commands.
fn on_its_own(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    let told = ClientFlags::MONITOR | ClientFlags::REPLICA;
    let touching = Flags::READONLY | Flags::WRITE | Flags::MAY_REPLICATE;
    if ctx.client.flags.intersects(told) && includes(ctx, spec, touching) {
        return Err(CommandError::text(
            "ERR Replica can't interact with the keyspace",
        ));
    }
    Ok(())
}

fn transactional(ctx: &mut Ctx<'_>, spec: &CommandSpec, _args: &[&[u8]]) -> CommandResult {
    if ctx.client.multi.is_some() && spec.flags.intersects(Flags::NO_MULTI | Flags::AWAITS_HOST) {
        return Err(CommandError::text(
            "ERR Command not allowed inside a transaction",
        ));
    }
    Ok(())
}

fn queues(ctx: &Ctx<'_>, spec: &CommandSpec) -> bool {
    const AT_ONCE: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];
    ctx.client.multi.is_some() && !AT_ONCE.contains(&spec.name)
}

fn queue(ctx: &mut Ctx<'_>, args: &[&[u8]]) {
    if let Some(multi) = &mut ctx.client.multi {
        // What will not run need not be kept.
        if !multi.aborted && !ctx.client.dirty_watch {
            multi.bytes += args.iter().map(|arg| arg.len()).sum::<usize>();
            let command = args.iter().map(|arg| arg.to_vec());
            multi.commands.push(command.collect());
        }
        ctx.reply.simple("QUEUED");
    }
}

/// Answers a command that did not run; a transaction that held it will not either.
fn refuse(ctx: &mut Ctx<'_>, args: &[&[u8]], error: &CommandError) {
    if let Some(multi) = &mut ctx.client.multi {
        multi.aborted = true;
    }
    let found = ctx.server.table.resolve(args);
    if let Some(found) = found {
        ctx.server.command_stats[found.index].rejected_calls += 1;
        if found.spec.name == "exec" {
            // A refused EXEC ends its transaction, and says so.
            ctx.client.multi = None;
            ctx.server.watches.unwatch_all(ctx.client);
        }
        if found.spec.name == "exec" && error.code() != redirect::CODE {
            let message = error.message();
            count_error(ctx, "EXECABORT");
            ctx.reply.error(format!(
                "EXECABORT Transaction discarded because of: {}",
                message.strip_prefix("ERR ").unwrap_or(&message)
            ));
            return;
        }
    }
    count_error(ctx, &error.code());
    ctx.reply.error(&*error.message());
}

/// Counts an error reply under its code.
pub(crate) fn count_error(ctx: &mut Ctx<'_>, code: &str) {
    ctx.server.stats.count_error(code);
}

/// Calls the handler of a command that passed its gates.
pub(crate) fn call(ctx: &mut Ctx<'_>, found: Found, args: &[&[u8]]) {
    let spec = found.spec;
    let handler = spec.handler.expect("resolve answers only rows that run");
    let mark = ctx.effects.mark();
    let touched_mark = ctx.keys.space().touched_mark();
    let db = ctx.keys.db_index();
    ctx.effects.start_command();
    if !ctx.in_exec {
        ctx.client.last_command = spec.name;
    }
    if !ctx.in_exec && spec.flags.contains(Flags::TOUCHES_ARBITRARY_KEYS) {
        ctx.effects.keep_apart();
    }
    let started = ctx.server.clock_ns;
    let result = handler(ctx, args);
    let failed = result.is_err();
    if let Err(error) = result {
        count_error(ctx, &error.code());
        ctx.reply.error(&*error.message());
    }
    ctx.keys.flush_expired(ctx.effects, mark);
    // What EXEC touched was settled command by command.
    if ctx.effects.changes() == 0 && spec.name != "exec" {
        ctx.keys.space_mut().forget_unchanged(touched_mark);
    }
    if !ctx.server.tracking.is_idle() {
        track(ctx, spec, args, touched_mark);
    }
    ctx.effects.finish(db, args);
    let now = ctx.host.monotonic_ns();
    ctx.server.clock_ns = now;
    observe::show(ctx, spec, args);
    // A command that waits counts when it is answered.
    if ctx.client.blocked.is_some() {
        ctx.server.command_stats[found.index].nanos += now.saturating_sub(started);
        observe::remember_host_wait(ctx, spec, args, now);
        return;
    }
    let tracking = ctx.server.config.latency_tracking;
    let stats = &mut ctx.server.command_stats[found.index];
    stats.calls += 1;
    stats.failed_calls += u64::from(failed);
    let elapsed = now.saturating_sub(started);
    stats.nanos += elapsed;
    if tracking {
        stats.latency.record(elapsed);
    }
    observe::note_duration(ctx, spec, args, elapsed);
    ctx.server.stats.commands_processed += 1;
}

/// Tells those who keep copies of what the command changed, and remembers what it
/// read for a client that keeps copies itself.
fn track(ctx: &mut Ctx<'_>, spec: &CommandSpec, args: &[&[u8]], touched_mark: usize) {
    let server = &mut *ctx.server;
    // EXEC's commands have told of theirs.
    if spec.name != "exec" {
        for (_, key) in ctx.keys.space().touched_since(touched_mark) {
            let own = Some(&mut *ctx.client);
            server.tracking.changed(&mut server.clients, own, key);
        }
    }
    let mut found = Vec::new();
    if ctx.client.tracking.is_none()
        || !spec.flags.contains(Flags::READONLY)
        || spec.find_keys(args, &mut found).is_err()
    {
        return;
    }
    let keys = found.iter().map(|key| args[key.index]);
    let keys_max = server.config.tracking_table_max_keys;
    server
        .tracking
        .remember(&mut server.clients, ctx.client, keys, keys_max);
}
