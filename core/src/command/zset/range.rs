//! Ranges in all their spellings: by rank, by score and by member; forward and
//! backward; to the client and to another key. Each becomes a range of ranks.

use std::ops::Range;

use super::parse;
use super::reply::Form;
use super::store::store;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::value::ZSet;
use crate::value::zset::{LexRange, Member, ScoreRange};

/// What the bounds of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// Parsed bounds, the lower one first where they are scores or members.
pub(super) enum Bounds<'a> {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

impl<'a> Bounds<'a> {
    pub(super) fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> CommandResult<Self> {
        match by {
            By::Rank => Ok(Self::Rank(parse::integer(min)?, parse::integer(max)?)),
            By::Score => parse::score_range(min, max).map(Self::Score),
            By::Lex => parse::lex_range(min, max).map(Self::Lex),
        }
    }

    /// The ranks in `zset` that lie within; ranks given count from the end
    /// that a walk would start at.
    pub(super) fn ranks(&self, zset: &ZSet, reverse: bool) -> Range<usize> {
        match self {
            Self::Rank(start, stop) => {
                let len = zset.len();
                let Range { start, end } = ranks_between(*start, *stop, len);
                if reverse {
                    len - end..len - start
                } else {
                    start..end
                }
            }
            Self::Score(range) => zset.ranks_by_score(range),
            Self::Lex(range) => zset.ranks_by_lex(range),
        }
    }
}

/// Indices as ZRANGE takes them: negative ones count from the end, the last
/// one is inside, and what lies beyond the ends is cut off.
fn ranks_between(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_start = |index: i64| {
        if index < 0 {
            i128::from(index) + len as i128
        } else {
            i128::from(index)
        }
    };
    let cut = |index: i128| index.clamp(0, len as i128) as usize;
    let (start, end) = (cut(from_start(start)), cut(from_start(stop) + 1));
    start.min(end)..end
}

/// What the command's own name settles; ZRANGE leaves it to its options.
#[derive(Clone, Copy)]
struct Spelling {
    by: Option<By>,
    reverse: Option<bool>,
    stores: bool,
}

/// A parsed range command.
struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    limit: i64,
}

/// The options behind the bounds.
struct Options {
    by: Option<By>,
    reverse: Option<bool>,
    with_scores: bool,
    offset: i64,
    /// -1 is no limit, as is any negative number.
    limit: i64,
}

impl Options {
    fn parse(spelling: Spelling, args: &[&[u8]]) -> CommandResult<Self> {
        let mut options = Self {
            by: spelling.by,
            reverse: spelling.reverse,
            with_scores: false,
            offset: 0,
            limit: -1,
        };
        let mut rest = args;
        while let [option, tail @ ..] = rest {
            let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
            rest = tail;
            if !spelling.stores && is("withscores") {
                options.with_scores = true;
            } else if let [offset, limit, behind @ ..] = tail
                && is("limit")
            {
                options.offset = parse::integer(offset)?;
                options.limit = parse::integer(limit)?;
                rest = behind;
            } else if options.reverse.is_none() && is("rev") {
                options.reverse = Some(true);
            } else if options.by.is_none() && is("bylex") {
                options.by = Some(By::Lex);
            } else if options.by.is_none() && is("byscore") {
                options.by = Some(By::Score);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    fn check(&self, by: By) -> CommandResult {
        let message = if self.limit != -1 && by == By::Rank {
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
        } else if self.with_scores && by == By::Lex {
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
        } else {
            return Ok(());
        };
        Err(CommandError::text(message))
    }
}

impl<'a> Query<'a> {
    /// Reads bounds and options: `args` starts with the two bounds.
    fn parse(spelling: Spelling, args: &[&'a [u8]]) -> CommandResult<Self> {
        let options = Options::parse(spelling, &args[2..])?;
        let by = options.by.unwrap_or(By::Rank);
        let reverse = options.reverse.unwrap_or(false);
        options.check(by)?;
        let (min, max) = match (by, reverse) {
            (By::Score | By::Lex, true) => (args[1], args[0]),
            _ => (args[0], args[1]),
        };
        Ok(Self {
            bounds: Bounds::parse(by, min, max)?,
            reverse,
            with_scores: options.with_scores,
            offset: options.offset,
            limit: options.limit,
        })
    }

    /// The ranks that the query names, its limit applied.
    fn ranks(&self, zset: &ZSet) -> Range<usize> {
        let Range { start, end } = self.bounds.ranks(zset, self.reverse);
        if matches!(self.bounds, Bounds::Rank(..)) {
            return start..end;
        }
        let len = end - start;
        // A negative offset skips everything, a negative limit is none.
        let skipped = usize::try_from(self.offset).unwrap_or(len).min(len);
        let taken = usize::try_from(self.limit)
            .unwrap_or(len)
            .min(len - skipped);
        if self.reverse {
            end - skipped - taken..end - skipped
        } else {
            start + skipped..start + skipped + taken
        }
    }

    fn for_each(&self, zset: &ZSet, ranks: Range<usize>, mut visit: impl FnMut(Member<'_>, f64)) {
        let members = zset.range(ranks);
        if self.reverse {
            members
                .rev()
                .for_each(|(member, score)| visit(member, score));
        } else {
            members.for_each(|(member, score)| visit(member, score));
        }
    }
}

fn range(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    by: Option<By>,
    reverse: Option<bool>,
) -> CommandResult {
    let spelling = Spelling {
        by,
        reverse,
        stores: false,
    };
    let query = Query::parse(spelling, &args[2..])?;
    let Some(zset) = ctx.keys.zset(args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(zset);
    let form = Form::of(query.with_scores, ctx.reply.protocol());
    form.start(ctx.reply, ranks.len());
    query.for_each(zset, ranks, |member, score| {
        form.member(ctx.reply, member, score);
    });
    Ok(())
}

pub(super) fn zrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, None, None)
}

pub(super) fn zrevrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, Some(By::Rank), Some(true))
}

pub(super) fn zrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, Some(By::Score), Some(false))
}

pub(super) fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, Some(By::Score), Some(true))
}

pub(super) fn zrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, Some(By::Lex), Some(false))
}

pub(super) fn zrevrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    range(ctx, args, Some(By::Lex), Some(true))
}

pub(super) fn zrangestore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let spelling = Spelling {
        by: None,
        reverse: None,
        stores: true,
    };
    let query = Query::parse(spelling, &args[3..])?;
    let seed = *ctx.keys.space().seed();
    let limits = ctx.server.config.encodings;
    // Member by member, as Redis does it: a score of -0 that went through a
    // listpack is 0 ever after.
    let mut result = ZSet::new();
    if let Some(zset) = ctx.keys.zset(args[2])? {
        let ranks = query.ranks(zset);
        if matches!(query.bounds, Bounds::Rank(..)) {
            result.expect_members(ranks.len(), seed, &limits);
        }
        let mut digits = itoa::Buffer::new();
        query.for_each(zset, ranks, |member, score| {
            result.set(seed, &limits, member.text(&mut digits), score);
        });
    }
    let by_score = matches!(query.bounds, Bounds::Score(_));
    store(ctx, args[1], result, "zrangestore");
    if by_score {
        ctx.spell_plainly(args, [3, 4]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_cut_to_the_set() {
        for (start, stop, want) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-2, -1, 3..5),
            (-100, 100, 0..5),
            (5, 9, 5..5),
            (3, 1, 2..2),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
        ] {
            assert_eq!(ranks_between(start, stop, 5), want, "{start} {stop}");
        }
    }
}
