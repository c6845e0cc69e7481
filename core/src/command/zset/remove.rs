//! Removing members by name and by range.

use super::range::{Bounds, By};
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::engine::effects::NotifyClass;

/// Tells what follows from the removal of `count` members, and replies with it.
fn removed(ctx: &mut Ctx<'_>, key: &[u8], count: usize, event: &'static str) {
    if count > 0 {
        ctx.effects.changed(count);
        ctx.notify(NotifyClass::ZSET, event, key);
        ctx.remove_if_empty(key);
    }
    ctx.reply.count(count);
}

pub(super) fn zrem(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let count = match ctx.keys.zset_mut(args[1])? {
        None => 0,
        Some(zset) => {
            let members = args[2..].iter();
            members
                .filter(|member| zset.remove(seed, member).is_some())
                .count()
        }
    };
    removed(ctx, args[1], count, "zrem");
    Ok(())
}

fn remove_range(ctx: &mut Ctx<'_>, args: &[&[u8]], by: By, event: &'static str) -> CommandResult {
    let bounds = Bounds::parse(by, args[2], args[3])?;
    let seed = *ctx.keys.space().seed();
    let count = match ctx.keys.zset_mut(args[1])? {
        None => 0,
        Some(zset) => {
            let ranks = bounds.ranks(zset, false);
            zset.remove_range(seed, ranks.clone());
            ranks.len()
        }
    };
    removed(ctx, args[1], count, event);
    if by == By::Score {
        ctx.spell_plainly(args, [2, 3]);
    }
    Ok(())
}

pub(super) fn zremrangebyrank(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    remove_range(ctx, args, By::Rank, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    remove_range(ctx, args, By::Score, "zremrangebyscore")
}

pub(super) fn zremrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    remove_range(ctx, args, By::Lex, "zremrangebylex")
}
