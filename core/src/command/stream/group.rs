//! XGROUP and XACK.

use super::parse::{self, is, no_group_of_key};
use super::remove::parse_ids;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::engine::effects::NotifyClass;
use crate::value::Stream;
use crate::value::stream::{Consumer, Group, StreamId};

/// The group of a stream, to be changed.
///
/// # Errors
/// Where the key holds another type, and Redis's own text where there is no key
/// or no group.
pub(super) fn group_mut<'a>(
    ctx: &'a mut Ctx<'_>,
    key: &[u8],
    name: &[u8],
) -> CommandResult<&'a mut Group> {
    let stream = ctx.keys.stream_mut(key)?;
    let group = stream.and_then(|stream| stream.group_mut(name));
    group.ok_or_else(|| parse::no_key_or_group(key, name))
}

/// Makes a consumer, unless there is one of that name.
pub(super) fn make_consumer(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    (group, name): (&[u8], &[u8]),
) -> CommandResult<bool> {
    let now_ms = ctx.now_ms();
    let held = group_mut(ctx, key, group)?;
    let made = held
        .add_consumer(&name.into(), Consumer::new(now_ms, -1))
        .is_ok();
    if made {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STREAM, "xgroup-createconsumer", key);
    }
    Ok(made)
}

/// The options behind the fixed arguments of XGROUP CREATE and SETID.
#[derive(Default)]
struct GroupOptions {
    make_stream: bool,
    entries_read: Option<u64>,
}

fn wrong_arguments(subcommand: &[u8]) -> CommandError {
    CommandError::text(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try XGROUP HELP.",
        String::from_utf8_lossy(subcommand)
    ))
}

fn parse_options(args: &[&[u8]], may_make_stream: bool) -> CommandResult<GroupOptions> {
    let mut options = GroupOptions::default();
    let mut rest = &args[5..];
    while !rest.is_empty() {
        rest = match rest {
            [word, rest @ ..] if may_make_stream && is(word, "mkstream") => {
                options.make_stream = true;
                rest
            }
            [word, count, rest @ ..] if is(word, "entriesread") => {
                options.entries_read = parse_entries_read(count)?;
                rest
            }
            _ => return Err(wrong_arguments(args[1])),
        };
    }
    Ok(options)
}

/// A count of entries; -1 says that it is not known.
fn parse_entries_read(count: &[u8]) -> CommandResult<Option<u64>> {
    match parse_integer(count)? {
        -1 => Ok(None),
        count => u64::try_from(count)
            .map(Some)
            .map_err(|_| CommandError::text("ERR value for ENTRIESREAD must be positive or -1")),
    }
}

fn key_required() -> CommandError {
    CommandError::text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want \
         to use the MKSTREAM option to create an empty stream automatically.",
    )
}

/// The stream of a subcommand that needs its group.
fn stream_with_group<'a>(
    ctx: &'a mut Ctx<'_>,
    key: &[u8],
    group: &[u8],
) -> CommandResult<&'a mut Stream> {
    let stream = ctx.keys.stream_mut(key)?.ok_or_else(key_required)?;
    if stream.groups().contains_key(group) {
        Ok(stream)
    } else {
        Err(no_group_of_key(group, key))
    }
}

/// Where a group starts: at an id, or at the stream's end.
fn parse_start(text: &[u8], stream: Option<&Stream>) -> CommandResult<StreamId> {
    match text {
        b"$" => Ok(stream.map_or(StreamId::ZERO, |stream| stream.last_id)),
        _ => parse::id(text),
    }
}

pub(super) fn xgroup_create(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = parse_options(args, true)?;
    let (key, name) = (args[2], args[3]);
    let stream = ctx.keys.stream_mut(key)?;
    if stream.is_none() && !options.make_stream {
        return Err(key_required());
    }
    // Redis takes four options at most, whichever they are.
    if args.len() > 8 {
        return Err(wrong_arguments(args[1]));
    }
    let start = parse_start(args[4], stream.as_deref())?;
    let stream = ctx.keys.stream_or_new(key)?;
    if !stream.add_group(name, Group::new(start, options.entries_read)) {
        return Err(CommandError::text(
            "BUSYGROUP Consumer Group name already exists",
        ));
    }
    ctx.reply.ok();
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STREAM, "xgroup-create", key);
    Ok(())
}

pub(super) fn xgroup_setid(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = parse_options(args, false)?;
    let stream = stream_with_group(ctx, args[2], args[3])?;
    if !matches!(args.len(), 5 | 7) {
        return Err(wrong_arguments(args[1]));
    }
    let last_id = match args[4] {
        b"$" => stream.last_id,
        text => parse::id_or_end(text, 0)?,
    };
    let group = stream.group_mut(args[3]).expect("it was found");
    group.last_id = last_id;
    group.entries_read = options.entries_read;
    ctx.reply.ok();
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STREAM, "xgroup-setid", args[2]);
    Ok(())
}

pub(super) fn xgroup_destroy(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let stream = ctx.keys.stream_mut(args[2])?.ok_or_else(key_required)?;
    let removed = stream.remove_group(args[3]);
    if removed {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STREAM, "xgroup-destroy", args[2]);
    }
    ctx.reply.count(usize::from(removed));
    Ok(())
}

pub(super) fn xgroup_createconsumer(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    stream_with_group(ctx, args[2], args[3])?;
    let made = make_consumer(ctx, args[2], (args[3], args[4]))?;
    ctx.reply.count(usize::from(made));
    Ok(())
}

pub(super) fn xgroup_delconsumer(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let stream = stream_with_group(ctx, args[2], args[3])?;
    let group = stream.group_mut(args[3]).expect("it was found");
    let pending = group.remove_consumer(args[4]);
    if pending.is_some() {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STREAM, "xgroup-delconsumer", args[2]);
    }
    ctx.reply.count(pending.unwrap_or(0));
    Ok(())
}

/// What XGROUP HELP answers; a subcommand may take several lines.
const HELP: &[&str] = &[
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
    "HELP",
    "    Print this help.",
];

pub(super) fn xgroup_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.array(HELP.len());
    for line in HELP {
        ctx.reply.simple(line);
    }
    Ok(())
}

pub(super) fn xack(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let stream = ctx.keys.stream_mut(args[1])?;
    let Some(group) = stream.and_then(|stream| stream.group_mut(args[2])) else {
        ctx.reply.count(0);
        return Ok(());
    };
    let ids = parse_ids(&args[3..])?;
    let acknowledged = ids.into_iter();
    let acknowledged = acknowledged.filter(|id| group.acknowledge(*id).is_some());
    let acknowledged = acknowledged.count();
    ctx.effects.changed(acknowledged);
    ctx.reply.count(acknowledged);
    Ok(())
}
