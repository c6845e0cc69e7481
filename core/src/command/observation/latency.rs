//! LATENCY: what kept clients waiting, and how long commands take.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::help::{HelpRow, help};
use crate::engine::stats::CommandStats;

pub(super) fn latency_latest(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let events = ctx.server.latency.events();
    ctx.reply.array(events.len());
    for (name, series) in events {
        let latest = series.latest().expect("an event begins with a sample");
        ctx.reply.array(4);
        ctx.reply.bulk(name.as_bytes());
        ctx.reply.int(latest.time_s);
        ctx.reply.int(latest.took_ms.cast_signed());
        ctx.reply.int(series.max_ms().cast_signed());
    }
    Ok(())
}

pub(super) fn latency_history(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let Some(series) = ctx.server.latency.find(args[2]) else {
        ctx.reply.array(0);
        return Ok(());
    };
    let samples = series.samples();
    ctx.reply.array(samples.len());
    for sample in samples {
        ctx.reply.array(2);
        ctx.reply.int(sample.time_s);
        ctx.reply.int(sample.took_ms.cast_signed());
    }
    Ok(())
}

pub(super) fn latency_reset(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let latency = &mut ctx.server.latency;
    let forgotten = match &args[2..] {
        [] => latency.clear(),
        names => names.iter().filter(|name| latency.forget(name)).count(),
    };
    ctx.reply.count(forgotten);
    Ok(())
}

pub(super) fn latency_histogram(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut rows = Vec::new();
    let table = &ctx.server.table;
    if args.len() == 2 {
        rows.extend(0..table.rows().len());
    }
    for name in &args[2..] {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if let Some(index) = table.index_of(&name) {
            let subcommands = table.rows()[index].subcommands.len();
            rows.extend(index..=index + subcommands);
        }
    }
    let stats = &ctx.server.command_stats;
    rows.retain(|row| stats[*row].latency.count() > 0);
    ctx.reply.map(rows.len());
    for row in rows {
        ctx.reply.bulk(table.rows()[row].name.as_bytes());
        describe(ctx.reply, &stats[row]);
    }
    Ok(())
}

/// Durations up to this are not told apart, nanoseconds.
const FINEST_NS: u64 = 1024;

/// How many calls took at most so many microseconds, by powers of two.
fn describe(reply: &mut crate::resp::reply::Reply, stats: &CommandStats) {
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    for (bound_ns, calls) in stats.latency.cumulative_by_power() {
        let bound_usec = bound_ns.max(FINEST_NS) / 1000;
        match buckets.last_mut() {
            Some((last, count)) if *last == bound_usec => *count = calls,
            _ => buckets.push((bound_usec, calls)),
        }
    }
    reply.map(2);
    reply.bulk(b"calls");
    reply.int(stats.latency.count().cast_signed());
    reply.bulk(b"histogram_usec");
    reply.map(buckets.len());
    for (bound_usec, calls) in buckets {
        reply.int(bound_usec.cast_signed());
        reply.int(calls.cast_signed());
    }
}

pub(super) fn latency_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(ctx, "LATENCY", HELP);
    Ok(())
}

const HELP: &[HelpRow] = &[
    ("DOCTOR", "Says what the delays may come from."),
    ("GRAPH <event>", "Draws the samples of an event."),
    (
        "HISTOGRAM [<command> ...]",
        "Answers how many calls took how long, by command.",
    ),
    ("HISTORY <event>", "Answers the samples of an event."),
    ("LATEST", "Answers the newest sample of each event."),
    ("RESET [<event> ...]", "Forgets events, or all of them."),
];
