//! ZADD and ZINCRBY.

use super::parse;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::HashSeed;
use crate::value::{EncodingLimits, ZSet};

/// The options of ZADD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AddOptions {
    only_new: bool,
    only_existing: bool,
    only_greater: bool,
    only_less: bool,
    count_changed: bool,
    increment: bool,
}

impl AddOptions {
    /// Reads the options in front of the pairs and returns the pairs.
    fn parse<'a>(args: &'a [&'a [u8]]) -> CommandResult<(Self, &'a [&'a [u8]])> {
        let mut options = Self::default();
        let mut rest = args;
        while let [option, tail @ ..] = rest {
            let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
            match () {
                () if is("nx") => options.only_new = true,
                () if is("xx") => options.only_existing = true,
                () if is("gt") => options.only_greater = true,
                () if is("lt") => options.only_less = true,
                () if is("ch") => options.count_changed = true,
                () if is("incr") => options.increment = true,
                () => break,
            }
            rest = tail;
        }
        if rest.is_empty() || !rest.len().is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        options.check(rest.len() / 2)?;
        Ok((options, rest))
    }

    fn check(self, pairs: usize) -> CommandResult {
        let conditions = [self.only_new, self.only_greater, self.only_less];
        let conditions = conditions.into_iter().filter(|given| *given).count();
        let message = if self.only_new && self.only_existing {
            "ERR XX and NX options at the same time are not compatible"
        } else if conditions > 1 {
            "ERR GT, LT, and/or NX options at the same time are not compatible"
        } else if self.increment && pairs > 1 {
            "ERR INCR option supports a single increment-element pair"
        } else {
            return Ok(());
        };
        Err(CommandError::text(message))
    }
}

/// What one pair did.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The options forbade it.
    Nothing,
    /// The member has this score; it was there with the same.
    Unchanged(f64),
    /// The member is new.
    Added(f64),
    /// The member has another score now.
    Updated(f64),
}

fn add_one(
    zset: &mut ZSet,
    (seed, limits): (HashSeed, &EncodingLimits),
    (score, member): (f64, &[u8]),
    options: AddOptions,
) -> CommandResult<Outcome> {
    let Some(old) = zset.score(seed, member) else {
        if options.only_existing {
            return Ok(Outcome::Nothing);
        }
        zset.set(seed, limits, member, score);
        return Ok(Outcome::Added(score));
    };
    if options.only_new {
        return Ok(Outcome::Nothing);
    }
    let score = if options.increment {
        old + score
    } else {
        score
    };
    if score.is_nan() {
        let message = "ERR resulting score is not a number (NaN)";
        return Err(CommandError::text(message));
    }
    if (options.only_less && score >= old) || (options.only_greater && score <= old) {
        return Ok(Outcome::Nothing);
    }
    if score == old {
        return Ok(Outcome::Unchanged(score));
    }
    zset.set(seed, limits, member, score);
    Ok(Outcome::Updated(score))
}

pub(in crate::command) fn zadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (options, pairs) = AddOptions::parse(&args[2..])?;
    add(ctx, args, args.len() - pairs.len(), options)
}

pub(super) fn zincrby(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let options = AddOptions {
        increment: true,
        ..AddOptions::default()
    };
    add(ctx, args, 2, options)
}

/// Adds the pairs of a score and a member that stand from `first` on.
fn add(ctx: &mut Ctx<'_>, args: &[&[u8]], first: usize, options: AddOptions) -> CommandResult {
    let (key, pairs) = (args[1], &args[first..]);
    let scores = pairs.chunks_exact(2).map(|pair| parse::score(pair[0]));
    let scores = scores.collect::<CommandResult<Vec<f64>>>()?;
    if options.only_existing && ctx.keys.zset_mut(key)?.is_none() {
        reply(ctx, options, Outcome::Nothing, 0);
        return Ok(());
    }
    let setting = (*ctx.keys.space().seed(), &ctx.server.config.encodings);
    let zset = ctx.keys.zset_or_new(key)?;
    zset.expect_members(scores.len(), setting.0, setting.1);
    let (mut added, mut updated) = (0, 0);
    let mut last = Outcome::Nothing;
    for (score, pair) in scores.into_iter().zip(pairs.chunks_exact(2)) {
        last = add_one(zset, setting, (score, pair[1]), options)?;
        added += usize::from(matches!(last, Outcome::Added(_)));
        updated += usize::from(matches!(last, Outcome::Updated(_)));
    }
    let counted = if options.count_changed {
        added + updated
    } else {
        added
    };
    reply(ctx, options, last, counted);
    if added + updated > 0 {
        ctx.effects.changed(added + updated);
        ctx.spell_plainly(args, (first..args.len()).step_by(2));
        let event = if options.increment { "zincr" } else { "zadd" };
        ctx.notify(NotifyClass::ZSET, event, key);
    }
    Ok(())
}

fn reply(ctx: &mut Ctx<'_>, options: AddOptions, last: Outcome, counted: usize) {
    match last {
        _ if !options.increment => ctx.reply.count(counted),
        Outcome::Nothing => ctx.reply.null(),
        Outcome::Unchanged(score) | Outcome::Added(score) | Outcome::Updated(score) => {
            ctx.reply.double(score);
        }
    }
}
