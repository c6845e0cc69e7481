//! RESTORE: a key made of a payload.

use super::dump::codec;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::config::LogLevel;
use crate::engine::effects::NotifyClass;
use crate::seams::snapshot::{Access, DecodeOptions};
use crate::seams::value_codec::PayloadError;
use crate::value::Value;

/// What follows the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute_ttl: bool,
    idle_s: Option<i64>,
    frequency: Option<i64>,
}

impl Options {
    fn access(&self) -> Access {
        let frequency = self
            .frequency
            .and_then(|counter| u8::try_from(counter).ok());
        let idle_s = self.idle_s.and_then(|seconds| u64::try_from(seconds).ok());
        match (frequency, idle_s) {
            (Some(counter), _) => Access::Frequency(counter),
            (None, Some(seconds)) => Access::IdleSeconds(seconds),
            (None, None) => Access::Unknown,
        }
    }
}

fn parse(args: &[&[u8]]) -> CommandResult<Options> {
    let mut options = Options::default();
    let mut rest = args;
    while let [name, after @ ..] = rest {
        rest = after;
        match (name.to_ascii_lowercase().as_slice(), after) {
            (b"replace", _) => options.replace = true,
            (b"absttl", _) => options.absolute_ttl = true,
            (b"idletime", [seconds, after @ ..]) if options.frequency.is_none() => {
                let within = 0..=i64::MAX;
                let wrong = "ERR Invalid IDLETIME value, must be >= 0";
                options.idle_s = Some(parse_within(seconds, within, wrong)?);
                rest = after;
            }
            (b"freq", [frequency, after @ ..]) if options.idle_s.is_none() => {
                let wrong = "ERR Invalid FREQ value, must be >= 0 and <= 255";
                options.frequency = Some(parse_within(frequency, 0..=255, wrong)?);
                rest = after;
            }
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(options)
}

fn parse_within(
    text: &[u8],
    within: std::ops::RangeInclusive<i64>,
    wrong: &'static str,
) -> CommandResult<i64> {
    let number = parse_integer(text)?;
    if within.contains(&number) {
        Ok(number)
    } else {
        Err(CommandError::text(wrong))
    }
}

pub(super) fn restore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, ttl) = (args[1], args[2]);
    let options = parse(&args[4..])?;
    if !options.replace && ctx.keys.is_present(key) {
        return Err(CommandError::text(
            "BUSYKEY Target key name already exists.",
        ));
    }
    let wrong = "ERR Invalid TTL value, must be >= 0";
    let ttl = parse_within(ttl, 0..=i64::MAX, wrong)?;
    let value = decode(ctx, key, args[3])?;
    let moment = if options.absolute_ttl {
        ttl
    } else {
        ttl.saturating_add(ctx.now_ms())
    };
    let expire_ms = (ttl > 0).then_some(moment);
    if expire_ms.is_some_and(|at| ctx.keys.would_expire(at)) {
        replace_by_nothing(ctx, key);
    } else {
        put(ctx, key, value, expire_ms, options.access());
        if let Some(at) = expire_ms.filter(|_| !options.absolute_ttl) {
            propagate_absolute(ctx, args, at);
        }
    }
    ctx.reply.ok();
    Ok(())
}

fn decode(ctx: &mut Ctx<'_>, key: &[u8], payload: &[u8]) -> CommandResult<Value> {
    let options = DecodeOptions {
        verify_checksum: ctx.server.payload_checksums,
        encoding: ctx.server.config.encodings,
        adopt_hash_seed: false,
        ..DecodeOptions::new(*ctx.keys.space().seed())
    };
    codec(ctx)?.decode(payload, options).map_err(|error| {
        let (key, level) = (key.escape_ascii(), LogLevel::Verbose);
        let line = format!("RESTORE of key '{key}' is refused: {error}");
        ctx.host.log_at(level, &line);
        CommandError::text(match error {
            PayloadError::Envelope => "ERR DUMP payload version or checksum are wrong",
            PayloadError::Content(_) | PayloadError::Empty => "ERR Bad data format",
        })
    })
}

/// The value has expired already: all that is left to do is to remove the old one.
fn replace_by_nothing(ctx: &mut Ctx<'_>, key: &[u8]) {
    if ctx.keys.remove(key) {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", key);
        ctx.propagate(&[b"DEL", key]);
    }
}

fn put(ctx: &mut Ctx<'_>, key: &[u8], value: Value, expire_ms: Option<i64>, access: Access) {
    // What is replaced goes first, so that listeners hear of a new key.
    ctx.keys.remove(key);
    ctx.keys.put(key, value, expire_ms);
    ctx.keys.set_usage(key, access);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::GENERIC, "restore", key);
}

/// Replicas get the moment instead of the time that is left.
fn propagate_absolute(ctx: &mut Ctx<'_>, args: &[&[u8]], at: i64) {
    let moment = at.to_string();
    let mut absolute = args.to_vec();
    absolute[2] = moment.as_bytes();
    absolute.push(b"ABSTTL");
    ctx.propagate(&absolute);
}
