//! GEOADD, which is a ZADD of scores made from positions.

use super::cell::{Cell, STEP_MAX};
use super::parse_point;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::zset::add::zadd;

pub(super) fn geoadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let is = |option: &[u8], name: &[u8]| option.eq_ignore_ascii_case(name);
    let is_option = |option: &&&[u8]| {
        [&b"nx"[..], b"xx", b"ch"]
            .iter()
            .any(|name| is(option, name))
    };
    let count = args[2..].iter().take_while(is_option).count();
    let (options, places) = args[2..].split_at(count);
    let given = |name: &[u8]| options.iter().any(|option| is(option, name));
    if !places.len().is_multiple_of(3) || (given(b"nx") && given(b"xx")) {
        return Err(CommandError::Syntax);
    }
    let mut scores = Vec::with_capacity(places.len() / 3);
    for place in places.chunks_exact(3) {
        let point = parse_point(place[0], place[1])?;
        scores.push(Cell::around(point, STEP_MAX).bits().to_string());
    }
    let members = places.chunks_exact(3).map(|place| place[2]);
    let pairs = scores.iter().zip(members);
    let mut zadd_args: Vec<&[u8]> = vec![b"ZADD", args[1]];
    zadd_args.extend_from_slice(options);
    zadd_args.extend(pairs.flat_map(|(score, member)| [score.as_bytes(), member]));
    zadd(ctx, &zadd_args)?;
    if ctx.effects.changes() > 0 {
        ctx.propagate(&zadd_args);
    }
    Ok(())
}
