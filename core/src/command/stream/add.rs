//! XADD.

use super::parse::{self, is};
use super::references::References;
use super::reply;
use super::trim::{TrimArgs, TrimOptions, Trimmed, own_words};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::value::Stream;
use crate::value::stream::{AppendError, StreamId};

/// The id that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// `*`
    Any,
    /// `5-*`
    InMs(u64),
    /// `5-1`, and `5`, which is `5-0`.
    Exactly(StreamId),
}

/// The arguments of XADD.
struct AddArgs {
    make_stream: bool,
    trim: Option<TrimArgs>,
    /// The index of the word that says what becomes of references.
    references_at: Option<usize>,
    wanted: Wanted,
    /// The index of the id among the arguments; fields and values follow.
    id_at: usize,
}

fn parse_args(ctx: &Ctx<'_>, args: &[&[u8]]) -> CommandResult<AddArgs> {
    let mut options = TrimOptions::default();
    let mut make_stream = true;
    let mut wanted = Wanted::Any;
    let mut at = 2;
    while at < args.len() && args[at] != b"*" {
        if let Some(next) = options.read(args, at)? {
            at = next;
        } else if is(args[at], "nomkstream") {
            make_stream = false;
            at += 1;
        } else {
            wanted = match parse::id_to_add(args[at])? {
                (id, true) => Wanted::Exactly(id),
                (id, false) => Wanted::InMs(id.ms),
            };
            break;
        }
    }
    let references_at = options.references_at;
    let trim = options.finish(ctx)?;
    let words = args.len().saturating_sub(at + 1);
    if words < 2 || !words.is_multiple_of(2) {
        return Err(CommandError::Arity(String::from("xadd")));
    }
    if wanted == Wanted::Exactly(StreamId::ZERO) {
        return Err(CommandError::text(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    Ok(AddArgs {
        make_stream,
        trim,
        references_at,
        wanted,
        id_at: at,
    })
}

fn too_small() -> CommandError {
    CommandError::text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    )
}

/// The id that the entry gets.
fn choose_id(stream: &Stream, wanted: Wanted, now_ms: i64) -> CommandResult<StreamId> {
    let last = stream.last_id;
    if last == StreamId::MAX {
        return Err(CommandError::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    match wanted {
        Wanted::Any => {
            let id = stream.next_id(now_ms.max(0) as u64);
            Ok(id.expect("the last possible id is not taken"))
        }
        Wanted::InMs(ms) if ms == last.ms => match last.seq.checked_add(1) {
            Some(seq) => Ok(StreamId::new(ms, seq)),
            None => Err(too_small()),
        },
        Wanted::InMs(ms) => Ok(StreamId::new(ms, 0)),
        Wanted::Exactly(id) => Ok(id),
    }
}

pub(super) fn xadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let parsed = parse_args(ctx, args)?;
    let key = args[1];
    let (now_ms, limits) = (ctx.now_ms(), ctx.server.config.encodings.stream_node);
    let is_new = ctx.keys.stream_mut(key)?.is_none();
    if is_new && !parsed.make_stream {
        ctx.reply.null();
        return Ok(());
    }
    let stream = ctx.keys.stream_or_new(key)?;
    let id = choose_id(stream, parsed.wanted, now_ms)?;
    if let Err(error) = stream.append(id, &args[parsed.id_at + 1..], limits) {
        if is_new {
            ctx.keys.remove(key);
        }
        return Err(match error {
            AppendError::Order => too_small(),
            AppendError::TooLarge => CommandError::text("ERR Elements are too large to be stored"),
        });
    }
    let mut words = own_words(&args[..=parsed.id_at]);
    words[parsed.id_at] = id.to_string().into_bytes();
    let trimmed = parsed.trim.map_or_else(Trimmed::default, |trim| {
        let trimmed = trim.apply(stream);
        trim.make_exact(stream, &mut words);
        trimmed
    });
    let len = stream.len();
    reply::id(ctx.reply, id);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STREAM, "xadd", key);
    let is_trimmed = trimmed.count > 0;
    if is_trimmed {
        ctx.notify(NotifyClass::STREAM, "xtrim", key);
    }
    if (parsed.trim).is_none_or(|trim| trim.references == References::Keep) {
        propagate_added(ctx, args, &parsed, words);
        return Ok(());
    }
    let id = &words[parsed.id_at];
    let tail = &args[parsed.id_at + 1..];
    ctx.propagate(&[&[b"XADD", key, id], tail].concat());
    if is_trimmed {
        trimmed.propagate(ctx, key, len);
    }
    Ok(())
}

/// Propagates the command with the id that the entry got and with exact trimming.
fn propagate_added(ctx: &mut Ctx<'_>, args: &[&[u8]], parsed: &AddArgs, words: Vec<Vec<u8>>) {
    // The client's own spelling stays where it says all, and nothing that is too new.
    let is_exact = matches!(parsed.wanted, Wanted::Exactly(_));
    let is_trim_exact = parsed.trim.is_none_or(|trim| !trim.approximate);
    if is_exact && is_trim_exact && parsed.references_at.is_none() {
        return;
    }
    let mut command = words;
    if is_exact {
        command[parsed.id_at] = args[parsed.id_at].to_vec();
    }
    if let Some(at) = parsed.references_at {
        command.remove(at);
    }
    let tail = &args[parsed.id_at + 1..];
    let mut all: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
    all.extend(tail);
    ctx.propagate(&all);
}
