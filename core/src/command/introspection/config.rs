//! CONFIG GET, SET, RESETSTAT and REWRITE.

use std::path::PathBuf;

use crate::command::help::{HelpRow, help};
use crate::command::{CommandError, CommandResult, Ctx};
use crate::config::{Change, ProcessTitle, SetError, SetRules};
use crate::engine::stats::{CommandStats, KeyStats, Stats};
use crate::seams::host::{Job, ListenAddresses, OomScore, PrimaryAddress};

pub(super) fn config_get(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let found = ctx.server.config.get(&args[2..]);
    ctx.reply.map(found.len());
    for (name, value) in found {
        ctx.reply.bulk(&name);
        ctx.reply.bulk(&value);
    }
    Ok(())
}

/// All directives are set before any is put into effect; one that the host
/// cannot put into effect takes all of them back.
pub(super) fn config_set(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let local = ctx.client.is_local();
    let rules = SetRules {
        protected: ctx.server.config.enable_protected_configs.allows(local),
        loading: ctx.server.persistence.loading.is_some(),
    };
    let changes = ctx
        .server
        .config
        .set(&args[2..], rules)
        .map_err(|error| reply_of(&error))?;
    for (index, change) in changes.iter().enumerate() {
        let Err(reason) = put_into_effect(ctx, change) else {
            continue;
        };
        let name = change.name;
        ctx.server.config.undo(changes.clone());
        // Those before it are in effect already, and go back as well.
        for change in &changes[..index] {
            put_into_effect(ctx, change).map_err(CommandError::text)?;
        }
        let reason = reason.strip_prefix("ERR ").unwrap_or(&reason).to_owned();
        let error = SetError::Failed {
            name: name.as_bytes().to_vec(),
            reason,
        };
        return Err(reply_of(&error));
    }
    ctx.reply.ok();
    Ok(())
}

fn put_into_effect(ctx: &mut Ctx<'_>, change: &Change) -> Result<(), String> {
    let job = match change.name {
        "replicaof" => {
            let primary = ctx.server.config.replicaof.as_ref();
            Job::Follow(primary.map(|primary| PrimaryAddress {
                host: String::from_utf8_lossy(&primary.host).into_owned(),
                port: primary.port,
            }))
        }
        "appendonly" => {
            // What follows in the same breath, such as WAITAOF, finds it so.
            let (wanted, now_ms) = (ctx.server.config.aof.enabled, ctx.now_ms());
            if wanted && !ctx.server.append_only.is_on() {
                try_log_directory(ctx)?;
            }
            ctx.server.append_only.expect(wanted, now_ms);
            Job::Reconfigure("appendonly")
        }
        "port" => return listen(ctx, "Unable to listen on this port. Check server logs."),
        "bind" => return listen(ctx, "Failed to bind to specified addresses."),
        "oom-score-adj" | "oom-score-adj-values" => return adjust_oom_score(ctx),
        "proc-title-template" => match ProcessTitle::of(&ctx.server.config) {
            Some(title) => Job::SetTitle(title),
            None => return Ok(()),
        },
        name => Job::Reconfigure(name),
    };
    ctx.host.start(job)
}

/// Why it cannot be used is for the log.
fn try_log_directory(ctx: &mut Ctx<'_>) -> Result<(), String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let config = &ctx.server.config;
    let path = PathBuf::from(text(&config.dir)).join(text(&config.aof.directory));
    let tried = ctx.host.start(Job::TryLogDirectory(path));
    tried.map_err(|reason| {
        ctx.host.log(&reason);
        "Unable to turn on AOF. Check server logs.".to_owned()
    })
}

/// Why it cannot be had is for the log.
fn adjust_oom_score(ctx: &mut Ctx<'_>) -> Result<(), String> {
    let is_replica = ctx.server.replication.is_replica();
    let score = OomScore::of(&ctx.server.config, is_replica);
    ctx.host
        .start(Job::AdjustOomScore(score))
        .map_err(|reason| {
            ctx.host.log(&reason);
            "Failed to set current oom_score_adj. Check server logs.".to_owned()
        })
}

/// Why not all addresses could be had is for the log.
fn listen(ctx: &mut Ctx<'_>, refusal: &str) -> Result<(), String> {
    let addresses = ListenAddresses::of(&ctx.server.config);
    ctx.host.start(Job::Listen(addresses)).map_err(|reason| {
        ctx.host.log(&reason);
        refusal.to_owned()
    })
}

fn reply_of(error: &SetError) -> CommandError {
    CommandError::text(String::from_utf8_lossy(&error.reply()).into_owned())
}

pub(super) fn config_resetstat(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.server.stats = Stats::default();
    ctx.server.command_stats.fill(CommandStats::default());
    *ctx.keys.stats_mut() = KeyStats::default();
    ctx.reply.ok();
    Ok(())
}

pub(super) fn config_rewrite(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let entries = ctx.server.config.rewrite_entries();
    ctx.host
        .rewrite_config(&entries)
        .map_err(CommandError::text)?;
    ctx.reply.ok();
    Ok(())
}

pub(super) fn config_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    const ROWS: &[HelpRow] = &[
        (
            "GET <pattern> [<pattern> ...]",
            "Read the directives whose names match.",
        ),
        (
            "SET <directive> <value> [<directive> <value> ...]",
            "Change directives, all or none.",
        ),
        ("RESETSTAT", "Set the counters of INFO to zero."),
        (
            "REWRITE",
            "Write the directives back to the configuration file.",
        ),
    ];
    help(ctx, "CONFIG", ROWS);
    Ok(())
}
