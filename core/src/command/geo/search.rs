//! GEOSEARCH and GEORADIUS, with and without a destination.

use super::cell::Cell;
use super::cover::cells_of;
use super::earth::Point;
use super::partial_sort::sort_first;
use super::read::{reply_distance, reply_point};
use super::search_args::{Details, Order, Query, Source, Spelling};
use super::shape::Shape;
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::engine::effects::NotifyClass;
use crate::resp::reply::Reply;
use crate::value::zset::{Member, ScoreRange};
use crate::value::{Item, Value, ZSet};

/// A member inside of the shape.
#[derive(Clone, Copy)]
struct Found<'a> {
    member: Member<'a>,
    score: f64,
    place: Point,
    /// From the center.
    distance_m: f64,
}

pub(super) fn georadius(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    run(ctx, args, 1, Spelling::Radius, true)
}

pub(super) fn georadius_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    run(ctx, args, 1, Spelling::Radius, false)
}

pub(super) fn georadiusbymember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    run(ctx, args, 1, Spelling::RadiusByMember, true)
}

pub(super) fn georadiusbymember_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    run(ctx, args, 1, Spelling::RadiusByMember, false)
}

pub(super) fn geosearch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    run(ctx, args, 1, Spelling::Search, false)
}

pub(super) fn geosearchstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    run(ctx, args, 2, Spelling::SearchStore, false)
}

fn run(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    source_at: usize,
    spelling: Spelling,
    stores: bool,
) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset(args[source_at])?;
    let mut query = Query::parse(args, spelling, stores, Source { zset, seed })?;
    let shape = query.shape();
    let found = match (zset, &shape) {
        (Some(zset), Some(shape)) => select(zset, shape, &query),
        _ => Vec::new(),
    };
    let meters_per_unit = shape.map_or(1.0, |shape| shape.meters_per_unit);
    let Some(destination) = query.destination else {
        reply_found(ctx.reply, &found, query.details, meters_per_unit);
        return Ok(());
    };
    let items = found.iter().map(|one| {
        let score = if destination.by_distance {
            one.distance_m / meters_per_unit
        } else {
            one.score
        };
        Item::scored(one.member.text(&mut itoa::Buffer::new()), score)
    });
    let result = ZSet::from_members(seed, &ctx.server.config.encodings, items)
        .expect("cells do not overlap, and a distance is a number");
    let event = match spelling {
        Spelling::SearchStore => "geosearchstore",
        _ => "georadiusstore",
    };
    let numbers = std::mem::take(&mut query.numbers);
    store(ctx, destination.key, result, event);
    ctx.spell_plainly(args, numbers);
    Ok(())
}

/// Puts the result in the place of whatever is there; an empty one removes it.
fn store(ctx: &mut Ctx<'_>, key: &[u8], result: ZSet, event: &'static str) {
    let count = result.len();
    if count > 0 {
        ctx.keys.put(key, Value::ZSet(Box::new(result)), None);
        ctx.effects.changed(count);
        ctx.notify(NotifyClass::ZSET, event, key);
    } else if ctx.keys.remove(key) {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", key);
    }
    ctx.reply.count(count);
}

/// The members of a search, in order and cut to the limit.
fn select<'a>(zset: &'a ZSet, shape: &Shape, query: &Query<'_>) -> Vec<Found<'a>> {
    let limit = query.count.unwrap_or(usize::MAX);
    let enough = if query.any { limit } else { usize::MAX };
    let mut found = Vec::new();
    for cell in cells_of(shape) {
        if found.len() >= enough {
            break;
        }
        let inside = members_of(zset, cell).filter_map(|(member, score)| {
            let place = Cell::of_score(score).middle();
            let distance_m = shape.distance_inside_m(place)?;
            Some(Found {
                member,
                score,
                place,
                distance_m,
            })
        });
        found.extend(inside.take(enough - found.len()));
    }
    // The nearest are meant where a limit comes without an order.
    let nearest = query.count.is_some() && !query.any;
    match query.order.or(nearest.then_some(Order::Ascending)) {
        Some(Order::Ascending) => sort(&mut found, limit, |a, b| {
            a.distance_m.total_cmp(&b.distance_m)
        }),
        Some(Order::Descending) => sort(&mut found, limit, |a, b| {
            b.distance_m.total_cmp(&a.distance_m)
        }),
        None => {}
    }
    found.truncate(limit);
    found
}

/// Sorts all, members of one distance staying as they were, or only what is shown.
fn sort<'a>(
    found: &mut [Found<'a>],
    limit: usize,
    compare: impl Fn(&Found<'a>, &Found<'a>) -> std::cmp::Ordering,
) {
    if limit < found.len() {
        sort_first(found, limit, compare);
    } else {
        found.sort_by(compare);
    }
}

fn members_of(zset: &ZSet, cell: Cell) -> impl Iterator<Item = (Member<'_>, f64)> {
    let (min, max) = cell.scores();
    zset.range(zset.ranks_by_score(&ScoreRange {
        min,
        min_exclusive: false,
        max,
        max_exclusive: true,
    }))
}

fn reply_found(reply: &mut Reply, found: &[Found<'_>], details: Details, meters_per_unit: f64) {
    reply.array(found.len());
    let extra = [details.distance, details.hash, details.position];
    let extra = extra.into_iter().filter(|wanted| *wanted).count();
    for one in found {
        if extra > 0 {
            reply.array(1 + extra);
        }
        reply.bulk_entry(one.member);
        if details.distance {
            reply_distance(reply, one.distance_m / meters_per_unit);
        }
        if details.hash {
            reply.int(one.score as i64);
        }
        if details.position {
            reply_point(reply, one.place);
        }
    }
}
