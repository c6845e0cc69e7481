//! DEBUG: what tests and operators ask of the inside.

use super::debug_htstats::htstats_key;
use super::debug_object::{debug_object, listpack};
use super::debug_protocol::protocol;
use super::debug_replybuffer::reply_buffer;
use super::digest;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::help::{HelpRow, help};
use crate::engine::client::Blocked;
use crate::seams::host::{Crash, Job, LOG_WRITE_DELAY, ReloadOptions};
use crate::text::double::parse_f64;
use crate::text::glob::{Case, matches};
use crate::text::number::{parse_i64, parse_memory, parse_usize};
use crate::value::Value;
use crate::value::limits::LIST_PLAIN_MIN_BYTES;

pub(super) fn debug(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let name = args[1].to_ascii_lowercase();
    match (name.as_slice(), &args[2..]) {
        (b"help", []) => help(ctx, "DEBUG", HELP),
        (b"sleep", [seconds]) => return sleep(ctx, seconds),
        (b"object", [key]) => return debug_object(ctx, key),
        (b"listpack", [key]) => return listpack(ctx, key),
        (b"htstats-key", [key]) => return htstats_key(ctx, key),
        (b"quicklist-packed-threshold", [bytes]) => return packed_threshold(ctx, bytes),
        (b"digest", []) => {
            let text = digest::of_dataset(ctx.keys.space()).to_string();
            ctx.reply.simple(&text);
        }
        (b"digest-value", keys) => digest_values(ctx, keys),
        (b"set-active-expire", [on]) => {
            ctx.server.active_expire = leading(on, parse_i64).unwrap_or_default() != 0;
            ctx.reply.ok();
        }
        (b"pause-cron", [on]) => {
            ctx.server.cron_paused = leading(on, parse_i64).unwrap_or_default() != 0;
            ctx.reply.ok();
        }
        (b"set-skip-checksum-validation", [skip]) => {
            let skip = leading(skip, parse_i64).unwrap_or_default() != 0;
            ctx.server.payload_checksums = !skip;
            ctx.reply.ok();
        }
        (b"config-rewrite-force-all", []) => return rewrite_all(ctx),
        (b"reload", options) => return reload(ctx, options),
        (b"loadaof", []) => return load_log(ctx),
        (b"assert", []) => return crash(ctx, Crash::Panic("DEBUG ASSERT")),
        (b"panic", []) => return crash(ctx, Crash::Panic("DEBUG PANIC")),
        (b"segfault", []) => return crash(ctx, Crash::Fault),
        (b"aof-flush-sleep", [micros]) => return delay_log(ctx, micros),
        (b"populate", [count, options @ ..]) if options.len() <= 2 => {
            return populate(ctx, count, options);
        }
        (b"change-repl-id", []) => {
            ctx.server.begin_history();
            ctx.reply.ok();
        }
        (b"replicate", words @ [_, ..]) => {
            ctx.effects.propagate_always(None, words);
            ctx.reply.ok();
        }
        (b"log", [text]) => {
            ctx.host
                .log(&format!("DEBUG LOG: {}", String::from_utf8_lossy(text)));
            ctx.reply.ok();
        }
        (b"protocol", [kind]) => return protocol(ctx, kind),
        (b"replybuffer", [what, value]) => return reply_buffer(ctx, what, value),
        (b"stringmatch-len", [len, pattern]) => return match_length(ctx, len, pattern),
        _ => return Err(CommandError::subcommand_syntax("DEBUG", args[1])),
    }
    Ok(())
}

/// A number is not read beyond this many bytes.
const NUMBER_MAX_BYTES: usize = 64;

/// The number that a word begins with, if it does: these subcommands read theirs as C
/// does, for which anything is a number.
fn leading<N>(word: &[u8], parse: impl Fn(&[u8]) -> Option<N>) -> Option<N> {
    let word = word.trim_ascii_start();
    let longest = word.len().min(NUMBER_MAX_BYTES);
    let mut ends = (1..=longest).rev();
    ends.find_map(|end| parse(&word[..end]))
}

/// The longest pause: beyond it a mistyped number would look like a crash.
const SLEEP_MAX_SECONDS: f64 = 86_400.0;

fn sleep(ctx: &mut Ctx<'_>, seconds: &[u8]) -> CommandResult {
    let seconds = leading(seconds, parse_f64).unwrap_or_default();
    let seconds = seconds.clamp(0.0, SLEEP_MAX_SECONDS);
    ctx.host.sleep_us((seconds * 1e6) as u64);
    ctx.reply.ok();
    Ok(())
}

/// The longest element that Redis lets stand beside others.
const PACKED_THRESHOLD_MAX_BYTES: u64 = (4 << 30) - (1 << 20);

/// From which length on elements of large lists are kept apart; 0 for the default.
fn packed_threshold(ctx: &mut Ctx<'_>, bytes: &[u8]) -> CommandResult {
    let bytes = parse_memory(bytes).filter(|bytes| *bytes <= PACKED_THRESHOLD_MAX_BYTES);
    let bytes = bytes.ok_or(CommandError::text(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))?;
    let bytes = match bytes {
        0 => LIST_PLAIN_MIN_BYTES,
        bytes => usize::try_from(bytes).map_err(|_| CommandError::OutOfRange)?,
    };
    ctx.server.config.set_list_plain_min_bytes(bytes);
    ctx.reply.ok();
    Ok(())
}

fn digest_values(ctx: &mut Ctx<'_>, keys: &[&[u8]]) {
    ctx.reply.array(keys.len());
    for key in keys {
        let text = digest::of_value(ctx.keys.peek(key)).to_string();
        ctx.reply.simple(&text);
    }
}

/// CONFIG REWRITE with a line for every directive, its default or not.
fn rewrite_all(ctx: &mut Ctx<'_>) -> CommandResult {
    let mut entries = ctx.server.config.rewrite_entries();
    for entry in &mut entries {
        entry.is_default = false;
    }
    let written = ctx.host.rewrite_config(&entries);
    written.map_err(CommandError::text)?;
    ctx.reply.ok();
    Ok(())
}

/// Marks the reload for the engine: it needs the whole dataset, which a handler
/// has only a view of.
fn reload(ctx: &mut Ctx<'_>, words: &[&[u8]]) -> CommandResult {
    if ctx.in_exec {
        return Err(CommandError::text(
            "ERR DEBUG RELOAD is not allowed inside a transaction",
        ));
    }
    let mut options = ReloadOptions::default();
    for word in words {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => options.save = false,
            b"noflush" => options.flush = false,
            b"merge" => options.merge = true,
            _ => {
                return Err(CommandError::text(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    ctx.server.reload_wanted = Some(options);
    Ok(())
}

/// The host reads the log, and nobody else is served meanwhile.
fn load_log(ctx: &mut Ctx<'_>) -> CommandResult {
    if ctx.in_exec {
        return Err(CommandError::text(
            "ERR DEBUG LOADAOF is not allowed inside a transaction",
        ));
    }
    let started = ctx.host.start(Job::LoadLog(ctx.client.id));
    started.map_err(CommandError::text)?;
    ctx.client.blocked = Some(Blocked::Host);
    Ok(())
}

/// The host ends the process, and does not come back.
fn crash(ctx: &mut Ctx<'_>, how: Crash) -> CommandResult {
    ctx.host.start(Job::Crash(how)).map_err(CommandError::text)
}

/// Lets the log's writes wait, as a slow disk does.
fn delay_log(ctx: &mut Ctx<'_>, micros: &[u8]) -> CommandResult {
    let micros = leading(micros, parse_i64).unwrap_or_default();
    let longest_us = (SLEEP_MAX_SECONDS * 1e6) as u64;
    let micros = u64::try_from(micros).unwrap_or_default().min(longest_us);
    ctx.server.append_only.write_delay_us = micros;
    let noted = ctx.host.start(Job::Reconfigure(LOG_WRITE_DELAY));
    noted.map_err(CommandError::text)?;
    ctx.reply.ok();
    Ok(())
}

/// Keys are made in one go, so that their number is bounded.
const POPULATE_MAX_KEYS: u64 = 100_000_000;

fn positive(text: &[u8], max: u64) -> CommandResult<usize> {
    let number = parse_usize(text).filter(|number| *number as u64 <= max);
    number.ok_or(CommandError::text(
        "ERR value is out of range, must be positive",
    ))
}

/// Makes keys to test with. Measured: neither family repeats them to its replicas.
fn populate(ctx: &mut Ctx<'_>, count: &[u8], options: &[&[u8]]) -> CommandResult {
    let count = positive(count, POPULATE_MAX_KEYS)?;
    let prefix: &[u8] = options.first().copied().unwrap_or(b"key");
    let size_max = ctx.server.config.proto_max_bulk_len;
    let size = match options.get(1) {
        None => 0,
        Some(size) => positive(size, size_max)?,
    };
    for number in 0..count {
        let mut key = prefix.to_vec();
        key.extend_from_slice(format!(":{number}").as_bytes());
        if ctx.keys.is_present(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        ctx.keys.put(&key, Value::Str(value), None);
    }
    ctx.reply.ok();
    Ok(())
}

/// Matches a pattern against as many bytes as asked for: pattern matching has to
/// end in bounded time whatever the pattern.
fn match_length(ctx: &mut Ctx<'_>, len: &[u8], pattern: &[u8]) -> CommandResult {
    let len = parse_usize(len).filter(|len| *len <= 1 << 30);
    let text = vec![b'a'; len.ok_or(CommandError::OutOfRange)?];
    let found = matches(pattern, &text, Case::Sensitive);
    ctx.reply.int(i64::from(found));
    Ok(())
}

const HELP: &[HelpRow] = &[
    ("ASSERT", "Ends the server by a failed assertion."),
    (
        "AOF-FLUSH-SLEEP <microseconds>",
        "Lets what is written to the log wait before it is.",
    ),
    (
        "CHANGE-REPL-ID",
        "Begins a new history, as if nobody had part in the old one.",
    ),
    ("DIGEST", "Answers one number for the whole dataset."),
    (
        "DIGEST-VALUE [<key> ...]",
        "Answers a number for each value.",
    ),
    (
        "CONFIG-REWRITE-FORCE-ALL",
        "Writes every directive to the configuration file, its default or not.",
    ),
    (
        "HTSTATS-KEY <key>",
        "Tells how the items of a large value are spread.",
    ),
    (
        "LISTPACK <key>",
        "Writes the elements of a packed value to the log.",
    ),
    (
        "LOADAOF",
        "Writes the log out and reads the dataset from it.",
    ),
    ("LOG <text>", "Writes a line to the log."),
    ("OBJECT <key>", "Tells how a value is kept."),
    (
        "PAUSE-CRON <0|1>",
        "Stops what is done from time to time, or lets it go on.",
    ),
    ("PANIC", "Ends the server by a panic."),
    (
        "POPULATE <count> [<prefix>] [<size>]",
        "Makes keys that are not there.",
    ),
    ("PROTOCOL <type>", "Answers something of a RESP type."),
    (
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "Keeps elements of large lists apart from this length on; 0 for the default.",
    ),
    (
        "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
        "Writes the dataset out and reads it back.",
    ),
    (
        "REPLYBUFFER PEAK-RESET-TIME <never|reset|milliseconds>",
        "Changes how long the use of a reply buffer is measured before it is fitted to it.",
    ),
    (
        "REPLYBUFFER RESIZING <0|1>",
        "Turns the fitting of reply buffers off or on.",
    ),
    ("SEGFAULT", "Ends the server by SIGSEGV."),
    ("SET-ACTIVE-EXPIRE <0|1>", "Turns active expiry off or on."),
    (
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "Lets RESTORE take payloads with a wrong checksum, or no longer.",
    ),
    ("SLEEP <seconds>", "Stops everything for a while."),
    (
        "STRINGMATCH-LEN <len> <pattern>",
        "Matches a pattern against a long text.",
    ),
];
