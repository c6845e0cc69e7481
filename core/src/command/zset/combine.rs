//! Unions, intersections and differences of sorted sets and sets.

use std::cmp::Ordering;

use super::parse;
use super::reply::Form;
use super::store::store;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::keyspace::{Entry, HashSeed};
use crate::value::zset::Member;
use crate::value::{Item, Set, ValueRef, ZSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Reply,
    Store,
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(text: &[u8]) -> CommandResult<Self> {
        match text.to_ascii_lowercase().as_slice() {
            b"sum" => Ok(Self::Sum),
            b"min" => Ok(Self::Min),
            b"max" => Ok(Self::Max),
            _ => Err(CommandError::Syntax),
        }
    }

    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum => number_or_zero(a + b),
            // A NaN is neither less nor greater, and leaves the first.
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Infinities that cancel out leave 0, by convention.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// An input: a handle of its own, since all inputs are read together. What is
/// large is shared with the keyspace, not copied.
enum Values {
    None,
    Set(Set),
    ZSet(ZSet),
}

struct Input {
    values: Values,
    weight: f64,
}

impl Input {
    fn len(&self) -> usize {
        match &self.values {
            Values::None => 0,
            Values::Set(set) => set.len(),
            Values::ZSet(zset) => zset.len(),
        }
    }

    /// The weighted score of `member`, NaN where an infinity meets a 0; a set's
    /// members score 1.
    fn score(&self, seed: HashSeed, member: Member<'_>) -> Option<f64> {
        let score = match &self.values {
            Values::None => None,
            Values::Set(set) => set.contains_entry(seed, member).then_some(1.0),
            Values::ZSet(zset) => zset.score(seed, member.text(&mut itoa::Buffer::new())),
        };
        score.map(|score| self.weight * score)
    }

    fn weigh(&self, score: f64) -> f64 {
        number_or_zero(self.weight * score)
    }

    /// Visits the members with their weighted scores until `visit` has enough.
    fn try_for_each(&self, mut visit: impl FnMut(Member<'_>, f64) -> bool) {
        match &self.values {
            Values::None => {}
            Values::Set(set) => {
                let _ = set.iter().all(|member| visit(member, self.weigh(1.0)));
            }
            Values::ZSet(zset) => {
                let mut members = zset.iter();
                let _ = members.all(|(member, score)| visit(member, self.weigh(score)));
            }
        }
    }
}

/// A parsed command with its inputs.
struct Combination {
    operation: Operation,
    inputs: Vec<Input>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Where ZINTERCARD stops counting; 0 is nowhere.
    limit: usize,
    seed: HashSeed,
}

impl Combination {
    /// Reads the number of keys, which `args` starts with, the keys and the options.
    fn parse(
        ctx: &mut Ctx<'_>,
        (name, operation, target): (&str, Operation, Target),
        args: &[&[u8]],
    ) -> CommandResult<Self> {
        let count = parse::integer(args[0])?;
        if count < 1 {
            return Err(CommandError::text(format!(
                "ERR at least 1 input key is needed for '{name}' command"
            )));
        }
        let rest = &args[1..];
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > rest.len() {
            return Err(CommandError::Syntax);
        }
        let (keys, options) = rest.split_at(count);
        let mut parsed = Self {
            operation,
            inputs: inputs(ctx, keys)?,
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
            seed: *ctx.keys.space().seed(),
        };
        parsed.take_options(target, options)?;
        Ok(parsed)
    }

    fn take_options(&mut self, target: Target, mut rest: &[&[u8]]) -> CommandResult {
        let weighs = self.operation != Operation::Diff && target != Target::Count;
        while let [option, tail @ ..] = rest {
            let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
            rest = tail;
            if weighs && tail.len() >= self.inputs.len() && is("weights") {
                let (weights, behind) = tail.split_at(self.inputs.len());
                self.take_weights(weights)?;
                rest = behind;
            } else if target == Target::Reply && is("withscores") {
                self.with_scores = true;
            } else if let [value, behind @ ..] = tail
                && weighs
                && is("aggregate")
            {
                self.aggregate = Aggregate::parse(value)?;
                rest = behind;
            } else if let [value, behind @ ..] = tail
                && target == Target::Count
                && is("limit")
            {
                self.limit = parse::at_least(0, value, "ERR LIMIT can't be negative")?;
                rest = behind;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(())
    }

    fn take_weights(&mut self, weights: &[&[u8]]) -> CommandResult {
        for (input, weight) in self.inputs.iter_mut().zip(weights) {
            let weight = parse::score(weight);
            let message = "ERR weight value is not a float";
            input.weight = weight.map_err(|_| CommandError::text(message))?;
        }
        Ok(())
    }

    /// The result, in no particular order.
    fn items(mut self) -> Vec<Item> {
        match self.operation {
            Operation::Diff => self.difference(),
            Operation::Union => {
                // Sums depend on their order: smaller inputs come first.
                self.inputs.sort_by_key(Input::len);
                self.union()
            }
            Operation::Inter => {
                self.inputs.sort_by_key(Input::len);
                let mut items = Vec::new();
                let mut digits = itoa::Buffer::new();
                self.intersection(|member, score| {
                    items.push(Item::scored(member.text(&mut digits), score));
                    true
                });
                items
            }
        }
    }

    fn union(&self) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut digits = itoa::Buffer::new();
        for input in &self.inputs {
            input.try_for_each(|member, score| {
                items.push(Item::scored(member.text(&mut digits), score));
                true
            });
        }
        // A stable sort keeps the scores of a member in the order of inputs.
        items.sort_by(|a, b| a.field().cmp(b.field()));
        let mut merged: Vec<Item> = Vec::with_capacity(items.len());
        for item in items {
            match merged.last_mut() {
                Some(last) if last.field() == item.field() => {
                    let score = self.aggregate.of(score_of(last), score_of(&item));
                    *last = Item::scored(item.field(), score);
                }
                _ => merged.push(item),
            }
        }
        merged
    }

    /// Visits the members that all inputs have, with their scores, until
    /// `visit` has enough. The smallest input comes first.
    fn intersection(&self, mut visit: impl FnMut(Member<'_>, f64) -> bool) {
        let Some((first, others)) = self.inputs.split_first() else {
            return;
        };
        first.try_for_each(|member, score| {
            let mut scores = others.iter().map(|input| input.score(self.seed, member));
            let total = scores.try_fold(score, |sum, next| Some(self.aggregate.of(sum, next?)));
            total.is_none_or(|total| visit(member, total))
        });
    }

    fn difference(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut digits = itoa::Buffer::new();
        if let Some((first, others)) = self.inputs.split_first() {
            first.try_for_each(|member, score| {
                let mut scores = others.iter().map(|input| input.score(self.seed, member));
                if scores.all(|score| score.is_none()) {
                    items.push(Item::scored(member.text(&mut digits), score));
                }
                true
            });
        }
        items
    }

    /// The number of members of the intersection, up to the limit.
    fn cardinality(mut self) -> usize {
        self.inputs.sort_by_key(Input::len);
        let mut count = 0;
        self.intersection(|_, _| {
            count += 1;
            count != self.limit
        });
        count
    }
}

fn score_of(item: &Item) -> f64 {
    item.score().expect("results are scored items")
}

/// The values at `keys`; a key without any counts as empty.
fn inputs(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> CommandResult<Vec<Input>> {
    let input = |key: &&[u8]| {
        let values = match ctx.keys.entry(key).map(Entry::value) {
            None => Values::None,
            Some(ValueRef::Set(set)) => Values::Set(set.clone()),
            Some(ValueRef::ZSet(zset)) => Values::ZSet(zset.clone()),
            Some(_) => return Err(CommandError::WrongType),
        };
        let weight = 1.0;
        Ok(Input { values, weight })
    };
    keys.iter().map(input).collect()
}

fn reply(ctx: &mut Ctx<'_>, args: &[&[u8]], name: &str, operation: Operation) -> CommandResult {
    let parsed = Combination::parse(ctx, (name, operation, Target::Reply), &args[1..])?;
    let form = Form::of(parsed.with_scores, ctx.reply.protocol());
    let mut items = parsed.items();
    items.sort_unstable_by(|a, b| {
        let order = score_of(a).partial_cmp(&score_of(b));
        order
            .unwrap_or(Ordering::Equal)
            .then_with(|| a.field().cmp(b.field()))
    });
    form.start(ctx.reply, items.len());
    for item in &items {
        form.member(ctx.reply, Member::Str(item.field()), score_of(item));
    }
    Ok(())
}

fn store_result(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    name: &'static str,
    operation: Operation,
) -> CommandResult {
    let parsed = Combination::parse(ctx, (name, operation, Target::Store), &args[2..])?;
    let (seed, options_at) = (parsed.seed, 3 + parsed.inputs.len());
    let result = ZSet::from_members(seed, &ctx.server.config.encodings, parsed.items());
    let result = result.expect("results have distinct members and no score is NaN");
    store(ctx, args[1], result, name);
    let weights = |arg: &&[u8]| arg.eq_ignore_ascii_case(b"weights");
    if let Some(before) = args[options_at..].iter().position(weights) {
        ctx.spell_plainly(args, options_at + before + 1..args.len());
    }
    Ok(())
}

pub(super) fn zunion(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply(ctx, args, "zunion", Operation::Union)
}

pub(super) fn zinter(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply(ctx, args, "zinter", Operation::Inter)
}

pub(super) fn zdiff(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply(ctx, args, "zdiff", Operation::Diff)
}

pub(super) fn zunionstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    store_result(ctx, args, "zunionstore", Operation::Union)
}

pub(super) fn zinterstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    store_result(ctx, args, "zinterstore", Operation::Inter)
}

pub(super) fn zdiffstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    store_result(ctx, args, "zdiffstore", Operation::Diff)
}

pub(super) fn zintercard(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let kind = ("zintercard", Operation::Inter, Target::Count);
    let count = Combination::parse(ctx, kind, &args[1..])?.cardinality();
    ctx.reply.count(count);
    Ok(())
}
