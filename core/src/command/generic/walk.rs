//! KEYS, SCAN and RANDOMKEY.

use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::scan_args::{ScanArgs, ScanOf, parse_cursor};
use crate::text::glob::{Case, matches};

pub(super) fn keys(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let pattern = args[1];
    let all = pattern == b"*";
    let view = &ctx.keys;
    let mut found: Vec<&[u8]> = Vec::new();
    view.db().table().for_each(&mut |_, entry| {
        let fits = all || matches(pattern, entry.key(), Case::Sensitive);
        if fits && !view.is_expired(entry) {
            found.push(entry.key());
        }
    });
    ctx.reply.array(found.len());
    for key in found {
        ctx.reply.bulk(key);
    }
    Ok(())
}

pub(super) fn randomkey(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    match ctx.keys.random_key(&mut ctx.server.rng) {
        Some(key) => ctx.reply.bulk(&key),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// A cursor is the upper 53 bits of a hash, because clients read it as a double.
const CURSOR_SHIFT: u32 = 11;
/// Groups that may be empty before a call answers all the same, per element asked for.
const GROUPS_PER_COUNT: usize = 10;

/// What one call of SCAN has met.
#[derive(Default)]
struct Met {
    visited: usize,
    found: Vec<Vec<u8>>,
    expired: Vec<Vec<u8>>,
}

pub(super) fn scan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let cursor = parse_cursor(args[1])?;
    let options = ScanArgs::parse(ScanOf::Keys, &args[2..])?;
    let (next, met) = visit(ctx, cursor << CURSOR_SHIFT, &options);
    for key in &met.expired {
        // Looking is what removes an expired key, on a primary.
        ctx.keys.is_present(key);
    }
    ctx.reply.array(2);
    ctx.reply
        .bulk((next >> CURSOR_SHIFT).to_string().as_bytes());
    ctx.reply.array(met.found.len());
    for key in &met.found {
        ctx.reply.bulk(key);
    }
    Ok(())
}

/// Visits from a position on; answers where to go on, 0 at the end.
fn visit(ctx: &Ctx<'_>, start: u64, options: &ScanArgs<'_>) -> (u64, Met) {
    let view = &ctx.keys;
    let mut met = Met::default();
    let mut position = Some(start);
    let mut groups = 0;
    let most_groups = options.count.saturating_mul(GROUPS_PER_COUNT);
    while let Some(at) = position.filter(|_| met.visited < options.count && groups < most_groups) {
        groups += 1;
        position = view.db().table().visit_home(at, &mut |_, entry| {
            met.visited += 1;
            let typed = options
                .type_name
                .is_none_or(|name| name.eq_ignore_ascii_case(entry.value().type_name().as_bytes()));
            if view.is_expired(entry) {
                met.expired.push(entry.key().to_vec());
            } else if typed && options.admits(entry.key()) {
                met.found.push(entry.key().to_vec());
            }
        });
    }
    (position.unwrap_or(0), met)
}
