//! XCLAIM and XAUTOCLAIM.

use super::group::make_consumer;
use super::parse::{self, is, no_key_or_group};
use super::{propagate, reply};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;
use crate::value::Stream;
use crate::value::stream::{Delivery, Group, StreamId};

/// Entries that XAUTOCLAIM looks at for each one that it may return.
const ATTEMPTS_PER_ENTRY: usize = 10;
/// Entries that XAUTOCLAIM returns where no COUNT is given.
const COUNT: usize = 100;

/// What a process can address.
const ADDRESS_SPACE_BYTES: usize = 1 << 47;

/// Whose entries are claimed for whom.
#[derive(Clone, Copy, Debug)]
struct Claimant<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
}

/// What a claim makes of an entry.
#[derive(Clone, Copy, Debug)]
struct Claim {
    min_idle_ms: i64,
    /// None is now.
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

/// What became of one entry.
enum Outcome {
    /// It is not pending, or not for long enough.
    Left,
    /// It is not there, and pending no more.
    Dropped,
    /// It is the claimant's.
    Claimed,
}

impl Claimant<'_> {
    fn stream<'a>(&self, ctx: &'a mut Ctx<'_>) -> CommandResult<&'a mut Stream> {
        let stream = ctx.keys.stream_mut(self.key)?;
        stream.ok_or_else(|| no_key_or_group(self.key, self.group))
    }

    fn group<'a>(&self, ctx: &'a mut Ctx<'_>) -> CommandResult<&'a mut Group> {
        let group = self.stream(ctx)?.group_mut(self.group);
        group.ok_or_else(|| no_key_or_group(self.key, self.group))
    }

    /// Makes the consumer where it is new, and says that it was here.
    fn meet(&self, ctx: &mut Ctx<'_>) -> CommandResult {
        let now_ms = ctx.now_ms();
        make_consumer(ctx, self.key, (self.group, self.consumer))?;
        let consumer = self.group(ctx)?.consumer_mut(self.consumer);
        consumer.expect("there or just made").seen_ms = now_ms;
        Ok(())
    }

    /// Claims one entry, if it may be, and replies with it.
    fn claim(
        &self,
        ctx: &mut Ctx<'_>,
        (id, id_text): (StreamId, &[u8]),
        claim: &Claim,
    ) -> CommandResult<Outcome> {
        let now_ms = ctx.now_ms();
        let stream = self.stream(ctx)?;
        if stream.get(id).is_none() {
            return self.drop_missing(ctx, id, id_text);
        }
        let group = self.group(ctx)?;
        let before = group.pending_at(id);
        let idle = before.map(|pending| now_ms.wrapping_sub(pending.delivered_ms));
        let too_soon = idle.is_some_and(|idle| claim.min_idle_ms > 0 && idle < claim.min_idle_ms);
        if too_soon || before.is_none() && !claim.force {
            return Ok(Outcome::Left);
        }
        let count = before.map_or(1, |pending| pending.deliveries);
        let delivery = Delivery {
            delivered_ms: claim.delivered_ms.unwrap_or(now_ms),
            deliveries: claim.deliveries.unwrap_or(if claim.just_id {
                count
            } else {
                count.wrapping_add(1)
            }),
        };
        group.deliver(id, self.consumer, delivery);
        let consumer = group.consumer_mut(self.consumer);
        consumer.expect("it was met").active_ms = now_ms;
        self.reply(ctx, id, claim.just_id)?;
        propagate::claim(ctx, (self.key, self.group), id, id_text)?;
        ctx.effects.changed(1);
        Ok(Outcome::Claimed)
    }

    fn reply(&self, ctx: &mut Ctx<'_>, id: StreamId, just_id: bool) -> CommandResult {
        if just_id {
            reply::id(ctx.reply, id);
        } else {
            let stream = ctx.keys.stream(self.key)?;
            let entry = stream.and_then(|stream| stream.get(id));
            reply::entry(ctx.reply, entry.expect("it was found"));
        }
        Ok(())
    }

    /// An entry that is not there cannot be pending any longer.
    fn drop_missing(
        &self,
        ctx: &mut Ctx<'_>,
        id: StreamId,
        id_text: &[u8],
    ) -> CommandResult<Outcome> {
        let group = self.group(ctx)?;
        let last_id = group.last_id;
        let Some(pending) = group.acknowledge(id) else {
            return Ok(Outcome::Left);
        };
        propagate::claim_of(ctx, (self.key, self.group), (&pending, id_text), last_id);
        ctx.effects.changed(1);
        Ok(Outcome::Dropped)
    }
}

/// An integer whose error names the option and the command.
fn integer_of(text: &[u8], what: &str, command: &str) -> CommandResult<i64> {
    parse_i64(text)
        .ok_or_else(|| CommandError::text(format!("ERR Invalid {what} argument for {command}")))
}

/// Checks that there is a stream with the group.
fn check_group(ctx: &mut Ctx<'_>, key: &[u8], group: &[u8]) -> CommandResult {
    let stream = ctx.keys.stream(key)?;
    let found = stream.is_some_and(|stream| stream.groups().contains_key(group));
    if found {
        Ok(())
    } else {
        Err(no_key_or_group(key, group))
    }
}

fn parse_claim(args: &[&[u8]], now_ms: i64) -> CommandResult<(Vec<StreamId>, Claim)> {
    let mut claim = Claim {
        min_idle_ms: integer_of(args[4], "min-idle-time", "XCLAIM")?.max(0),
        delivered_ms: None,
        deliveries: None,
        force: false,
        just_id: false,
        last_id: StreamId::ZERO,
    };
    // The first word that is no id is an option.
    let ids: Vec<StreamId> = args[5..]
        .iter()
        .map_while(|id| parse::id(id).ok())
        .collect();
    let mut rest = &args[5 + ids.len()..];
    while let [option, tail @ ..] = rest {
        rest = match tail {
            _ if is(option, "force") => {
                claim.force = true;
                tail
            }
            _ if is(option, "justid") => {
                claim.just_id = true;
                tail
            }
            [argument, tail @ ..] => {
                claim.read_option(option, argument, now_ms)?;
                tail
            }
            [] => return Err(unrecognized(option)),
        };
    }
    // A time out of the ordinary is taken for now; clocks differ.
    claim.delivered_ms = claim.delivered_ms.filter(|at| (0..=now_ms).contains(at));
    Ok((ids, claim))
}

fn unrecognized(option: &[u8]) -> CommandError {
    CommandError::text(format!(
        "ERR Unrecognized XCLAIM option '{}'",
        String::from_utf8_lossy(option)
    ))
}

impl Claim {
    fn read_option(&mut self, option: &[u8], argument: &[u8], now_ms: i64) -> CommandResult {
        if is(option, "idle") {
            let idle = integer_of(argument, "IDLE option", "XCLAIM")?;
            self.delivered_ms = Some(now_ms.wrapping_sub(idle));
        } else if is(option, "time") {
            self.delivered_ms = Some(integer_of(argument, "TIME option", "XCLAIM")?);
        } else if is(option, "retrycount") {
            let count = integer_of(argument, "RETRYCOUNT option", "XCLAIM")?;
            self.deliveries = u64::try_from(count).ok();
        } else if is(option, "lastid") {
            self.last_id = parse::id(argument)?;
        } else {
            return Err(unrecognized(option));
        }
        Ok(())
    }
}

pub(super) fn xclaim(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let claimant = Claimant {
        key: args[1],
        group: args[2],
        consumer: args[3],
    };
    check_group(ctx, claimant.key, claimant.group)?;
    let (ids, claim) = parse_claim(args, ctx.now_ms())?;
    ctx.effects.suppress();
    let group = claimant.group(ctx)?;
    let mut moved = claim.last_id > group.last_id;
    group.last_id = group.last_id.max(claim.last_id);
    claimant.meet(ctx)?;
    let mark = ctx.reply.begin_array();
    let mut count = 0;
    for (id, text) in ids.into_iter().zip(&args[5..]) {
        let outcome = claimant.claim(ctx, (id, text), &claim)?;
        // Every propagated claim tells the group's last id as well.
        moved &= matches!(outcome, Outcome::Left);
        count += usize::from(matches!(outcome, Outcome::Claimed));
    }
    ctx.reply.end_array(mark, count);
    if moved {
        propagate::group_id(ctx, claimant.key, claimant.group)?;
        ctx.effects.changed(1);
    }
    Ok(())
}

/// The arguments of XAUTOCLAIM behind the consumer.
struct AutoClaim {
    claim: Claim,
    start: StreamId,
    count: usize,
}

fn parse_autoclaim(args: &[&[u8]]) -> CommandResult<AutoClaim> {
    let mut parsed = AutoClaim {
        claim: Claim {
            min_idle_ms: integer_of(args[4], "min-idle-time", "XAUTOCLAIM")?.max(0),
            delivered_ms: None,
            deliveries: None,
            force: false,
            just_id: false,
            last_id: StreamId::ZERO,
        },
        start: parse::start(args[5])?,
        count: COUNT,
    };
    let mut rest = &args[6..];
    while !rest.is_empty() {
        rest = match rest {
            [option, count, tail @ ..] if is(option, "count") => {
                parsed.count = parse_count(count)?;
                tail
            }
            [option, tail @ ..] if is(option, "justid") => {
                parsed.claim.just_id = true;
                tail
            }
            _ => return Err(CommandError::Syntax),
        };
    }
    Ok(parsed)
}

fn parse_count(text: &[u8]) -> CommandResult<usize> {
    let max = i64::MAX as usize / size_of::<StreamId>();
    let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| (1..=max).contains(count));
    let count = count.ok_or(CommandError::text("ERR COUNT must be > 0"))?;
    // Redis sets memory aside for so many ids. Nothing is set aside here, but a
    // count that no machine can honour is told so.
    if count * size_of::<StreamId>() > ADDRESS_SPACE_BYTES {
        return Err(CommandError::text(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    Ok(count)
}

pub(super) fn xautoclaim(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let parsed = parse_autoclaim(args)?;
    let claimant = Claimant {
        key: args[1],
        group: args[2],
        consumer: args[3],
    };
    check_group(ctx, claimant.key, claimant.group)?;
    ctx.effects.suppress();
    claimant.meet(ctx)?;
    // One more than may be looked at: where to go on.
    let attempts = parsed.count.saturating_mul(ATTEMPTS_PER_ENTRY);
    let group = claimant.group(ctx)?;
    let pending = group.pending_range(parsed.start, StreamId::MAX);
    let ids = pending.take(attempts.saturating_add(1));
    let ids: Vec<StreamId> = ids.map(|pending| pending.id).collect();
    let start = ctx.reply.len();
    let mark = ctx.reply.begin_array();
    let (mut claimed, mut dropped) = (0, Vec::new());
    let mut looked_at = 0;
    for id in ids.iter().take(attempts) {
        if claimed + dropped.len() == parsed.count {
            break;
        }
        looked_at += 1;
        let text = id.to_string();
        match claimant.claim(ctx, (*id, text.as_bytes()), &parsed.claim)? {
            Outcome::Left => {}
            Outcome::Dropped => dropped.push(*id),
            Outcome::Claimed => claimed += 1,
        }
    }
    ctx.reply.end_array(mark, claimed);
    let entries = ctx.reply.as_bytes()[start..].to_vec();
    ctx.reply.truncate(start);
    ctx.reply.array(3);
    let next = ids.get(looked_at).copied();
    reply::id(ctx.reply, next.unwrap_or(StreamId::ZERO));
    ctx.reply.raw(&entries);
    ctx.reply.array(dropped.len());
    for id in dropped {
        reply::id(ctx.reply, id);
    }
    Ok(())
}
