//! PFADD, PFCOUNT and PFMERGE.

use super::sketch::{self, Corrupt, REGISTERS, Registers};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::string::edit::edit;
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::value::{Value, ValueRef};

impl From<Corrupt> for CommandError {
    fn from(_: Corrupt) -> Self {
        Self::text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The bytes of a HyperLogLog.
pub(super) fn check(value: ValueRef<'_>) -> CommandResult<&[u8]> {
    match value {
        ValueRef::Str(bytes) if sketch::is_valid(bytes) => Ok(bytes),
        ValueRef::Str(_) | ValueRef::Int(_) => Err(CommandError::text(
            "WRONGTYPE Key is not a valid HyperLogLog string value.",
        )),
        _ => Err(CommandError::WrongType),
    }
}

/// Makes an empty HyperLogLog where there is none; true if it did.
fn make_if_absent(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<bool> {
    if let Some(entry) = ctx.keys.peek(key) {
        check(entry.value())?;
        return Ok(false);
    }
    let mut entry = Entry::new(key, Value::Str(sketch::empty()), None);
    entry.mark_raw();
    ctx.keys.put_entry(entry);
    Ok(true)
}

pub(super) fn pfadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, elements) = (args[1], &args[2..]);
    let limit = ctx.server.config.hll_sparse_max_bytes;
    let created = make_if_absent(ctx, key)?;
    let mut updated = usize::from(created);
    let outcome = edit(ctx, key, |bytes| {
        for element in elements {
            let (register, rank) = sketch::place_of(element);
            updated += usize::from(sketch::raise(bytes, register, rank, limit)?);
        }
        if created {
            sketch::set_stale(bytes);
        }
        Ok::<(), Corrupt>(())
    });
    // What was added before a corrupt run was met stays, here and on replicas.
    ctx.effects.changed(updated);
    outcome?;
    if updated > 0 {
        ctx.notify(NotifyClass::STRING, "pfadd", key);
    }
    ctx.reply.int(i64::from(updated > 0));
    Ok(())
}

pub(super) fn pfcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let count = match args {
        [_, key] => count_one(ctx, key)?,
        [_, keys @ ..] => count_union(ctx, keys)?,
        [] => unreachable!("the name is there"),
    };
    ctx.reply.int(count.cast_signed());
    Ok(())
}

fn count_one(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<u64> {
    let Some(value) = ctx.keys.read(key) else {
        return Ok(0);
    };
    let bytes = check(value)?;
    if let Some(count) = sketch::cached(bytes) {
        return Ok(count);
    }
    let count = sketch::estimate(&sketch::histogram(bytes)?);
    edit(ctx, key, |bytes| sketch::set_cached(bytes, count));
    // What a replica remembers of its own is no change of the dataset: the same
    // elements are in it.
    if ctx.client.is_primary() || !ctx.server.replication.is_replica() {
        ctx.effects.changed(1);
    }
    Ok(count)
}

fn count_union(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> CommandResult<u64> {
    let mut registers = Box::new([0; REGISTERS]);
    merge_keys(ctx, keys, &mut registers)?;
    let mut histogram = sketch::Histogram::default();
    registers.iter().for_each(|rank| histogram.count(*rank, 1));
    Ok(sketch::estimate(&histogram))
}

/// Merges what the keys hold; true if one of them is dense.
fn merge_keys(ctx: &mut Ctx<'_>, keys: &[&[u8]], registers: &mut Registers) -> CommandResult<bool> {
    let mut any_dense = false;
    for key in keys {
        if let Some(value) = ctx.keys.read(key) {
            let bytes = check(value)?;
            any_dense |= sketch::is_dense(bytes);
            sketch::merge_into(bytes, registers)?;
        }
    }
    Ok(any_dense)
}

pub(super) fn pfmerge(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let target = args[1];
    let mut registers: Box<Registers> = Box::new([0; REGISTERS]);
    let any_dense = merge_keys(ctx, &args[1..], &mut registers)?;
    make_if_absent(ctx, target)?;
    let limit = ctx.server.config.hll_sparse_max_bytes;
    edit(ctx, target, |bytes| {
        if any_dense {
            sketch::make_dense(bytes)?;
        }
        for (register, rank) in registers.iter().enumerate().filter(|row| *row.1 > 0) {
            sketch::raise(bytes, register, *rank, limit)?;
        }
        sketch::set_stale(bytes);
        Ok::<(), Corrupt>(())
    })?;
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "pfadd", target);
    ctx.reply.ok();
    Ok(())
}
