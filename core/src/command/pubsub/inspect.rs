//! PUBSUB: who listens to what.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::help::{HelpRow, help};
use crate::engine::pubsub::Kind;
use crate::text::glob::{Case, matches};

fn channels(ctx: &mut Ctx<'_>, kind: Kind, args: &[&[u8]]) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::subcommand_syntax("PUBSUB", args[1]));
    }
    let pattern = args.get(2);
    let listened = ctx.server.pubsub.of(kind).keys();
    let fits =
        |name: &&Vec<u8>| pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive));
    let found: Vec<&Vec<u8>> = listened.filter(fits).collect();
    ctx.reply.array(found.len());
    for name in found {
        ctx.reply.bulk(name);
    }
    Ok(())
}

fn listeners(ctx: &mut Ctx<'_>, kind: Kind, names: &[&[u8]]) {
    ctx.reply.array(names.len() * 2);
    for name in names {
        ctx.reply.bulk(name);
        let listened = ctx.server.pubsub.of(kind).get(*name);
        ctx.reply
            .count(listened.map_or(0, std::collections::BTreeSet::len));
    }
}

pub(super) fn pubsub_channels(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    channels(ctx, Kind::Channel, args)
}

pub(super) fn pubsub_shardchannels(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    channels(ctx, Kind::Shard, args)
}

pub(super) fn pubsub_numsub(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    listeners(ctx, Kind::Channel, &args[2..]);
    Ok(())
}

pub(super) fn pubsub_shardnumsub(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    listeners(ctx, Kind::Shard, &args[2..]);
    Ok(())
}

pub(super) fn pubsub_numpat(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    ctx.reply.count(ctx.server.pubsub.of(Kind::Pattern).len());
    Ok(())
}

const HELP: &[HelpRow] = &[
    ("CHANNELS [<pattern>]", "Lists the channels with listeners."),
    ("NUMPAT", "Counts the patterns that are listened to."),
    (
        "NUMSUB [<channel> ...]",
        "Counts the listeners of channels, patterns aside.",
    ),
    (
        "SHARDCHANNELS [<pattern>]",
        "Lists the shard channels with listeners.",
    ),
    (
        "SHARDNUMSUB [<channel> ...]",
        "Counts the listeners of shard channels.",
    ),
];

pub(super) fn pubsub_help(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    help(ctx, "PUBSUB", HELP);
    Ok(())
}
