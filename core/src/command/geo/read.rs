//! GEOPOS, GEODIST and GEOHASH.

use super::cell::{ALL_LATITUDES, Cell, STEP_MAX};
use super::earth::{Point, distance_m};
use super::parse_unit;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::resp::reply::{Protocol, Reply};

/// A position, as two doubles with up to 17 decimals.
pub(super) fn reply_point(reply: &mut Reply, point: Point) {
    reply.array(2);
    for degrees in [point.longitude, point.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let text = if text == "-0" { "0" } else { text };
        match reply.protocol() {
            Protocol::Resp2 => reply.bulk(text.as_bytes()),
            Protocol::Resp3 => reply.raw(format!(",{text}\r\n").as_bytes()),
        }
    }
}

/// A distance, with four decimals.
pub(super) fn reply_distance(reply: &mut Reply, distance: f64) {
    reply.bulk_fmt(format_args!("{distance:.4}"));
}

/// Replies to each member with what `show` makes of its cell.
fn reply_each(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    show: impl Fn(&mut Reply, Option<Cell>),
) -> CommandResult {
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset(args[1])?;
    ctx.reply.array(args.len() - 2);
    for member in &args[2..] {
        let score = zset.and_then(|zset| zset.score(seed, member));
        show(ctx.reply, score.map(Cell::of_score));
    }
    Ok(())
}

pub(super) fn geopos(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_each(ctx, args, |reply, cell| match cell {
        Some(cell) => reply_point(reply, cell.middle()),
        None => reply.null_array(),
    })
}

pub(super) fn geohash(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    reply_each(ctx, args, |reply, cell| match cell {
        Some(cell) => reply.bulk(&text_of(cell)),
        None => reply.null(),
    })
}

/// A cell's middle as geohash text, whose latitudes go from pole to pole. There are
/// bits for ten letters and a rest, and the eleventh is always the first of them.
fn text_of(cell: Cell) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::around_in(cell.middle(), STEP_MAX, ALL_LATITUDES).bits();
    std::array::from_fn(|place| match place {
        10 => ALPHABET[0],
        _ => ALPHABET[(bits >> (47 - place * 5)) as usize & 31],
    })
}

pub(super) fn geodist(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let meters_per_unit = match args {
        [_, _, _, _] => 1.0,
        [_, _, _, _, unit] => parse_unit(unit)?,
        _ => return Err(CommandError::Syntax),
    };
    let seed = *ctx.keys.space().seed();
    let zset = ctx.keys.zset(args[1])?;
    let place = |member: &[u8]| {
        let score = zset.and_then(|zset| zset.score(seed, member));
        score.map(|score| Cell::of_score(score).middle())
    };
    match (place(args[2]), place(args[3])) {
        (Some(a), Some(b)) => reply_distance(ctx.reply, distance_m(a, b) / meters_per_unit),
        _ => ctx.reply.null(),
    }
    Ok(())
}
