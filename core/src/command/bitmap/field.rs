//! BITFIELD: integers of any width at any bit.

use super::field_args::{Action, FieldOp, FieldType, Overflow, parse};
use super::kernel::{read_field, write_field};
use crate::command::Ctx;
use crate::command::error::CommandResult;
use crate::command::string::edit::{edit_bytes, edited_len};
use crate::engine::effects::NotifyClass;

impl FieldType {
    /// The value that these bits stand for.
    fn decode(self, bits: u64) -> i128 {
        let unused = u64::BITS - self.width;
        if self.signed {
            i128::from((bits << unused).cast_signed() >> unused)
        } else {
            i128::from(bits)
        }
    }

    fn min(self) -> i128 {
        if self.signed {
            -(1 << (self.width - 1))
        } else {
            0
        }
    }

    fn max(self) -> i128 {
        (1 << (self.width - u32::from(self.signed))) - 1
    }

    /// What is stored for `value`, as the type holds it; none if that is refused.
    fn fit(self, value: i128, overflow: Overflow) -> Option<i128> {
        if (self.min()..=self.max()).contains(&value) {
            return Some(value);
        }
        match overflow {
            Overflow::Wrap => {
                let mask = (1i128 << self.width) - 1;
                Some(self.decode((value & mask) as u64))
            }
            Overflow::Saturate => Some(value.clamp(self.min(), self.max())),
            Overflow::Fail => None,
        }
    }

    /// SET's operand: an unsigned field takes a negative number for a huge one.
    fn operand(self, value: i64) -> i128 {
        if self.signed {
            i128::from(value)
        } else {
            i128::from(value.cast_unsigned())
        }
    }
}

/// What an operation replies, and whether it wrote.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// Null where an overflow was refused.
    reply: Option<i64>,
    wrote: bool,
    /// Whether the field has another value than before.
    changed: bool,
}

fn int(value: i128) -> i64 {
    i64::try_from(value).expect("a field is at most 63 bits, or signed")
}

fn read_one(op: &FieldOp, bytes: &[u8]) -> i128 {
    op.kind.decode(read_field(bytes, op.offset, op.kind.width))
}

/// Does one operation on bytes that are long enough if it writes.
fn run(op: &FieldOp, bytes: &mut [u8]) -> Outcome {
    let FieldOp { kind, offset, .. } = *op;
    let old = read_one(op, bytes);
    let untouched = |reply| Outcome {
        reply,
        wrote: false,
        changed: false,
    };
    let (wanted, overflow, shows_old) = match op.action {
        Action::Get => return untouched(Some(int(old))),
        Action::Set(value, overflow) => (kind.operand(value), overflow, true),
        Action::Add(by, overflow) => (old + i128::from(by), overflow, false),
    };
    let Some(new) = kind.fit(wanted, overflow) else {
        return untouched(None);
    };
    write_field(bytes, offset, kind.width, new as u64);
    Outcome {
        reply: Some(int(if shows_old { old } else { new })),
        wrote: true,
        changed: new != old,
    }
}

pub(super) fn bitfield(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let ops = parse(ctx, &args[2..], false)?;
    let writers = ops.iter().filter(|op| op.writes());
    let Some(end_bytes) = writers.map(FieldOp::end_bytes).max() else {
        return read(ctx, args[1], &ops);
    };
    let key = args[1];
    let end = usize::try_from(end_bytes).expect("an offset is below proto-max-bulk-len");
    let grows = edited_len(ctx, key)?.is_none_or(|len| len < end);
    let outcomes: Vec<Outcome> = edit_bytes(ctx, key, end, |bytes| {
        ops.iter().map(|op| run(op, bytes)).collect()
    });
    // A string that grew counts every write in it as a change, as Redis does.
    let counts = |outcome: &&Outcome| outcome.changed || (grows && outcome.wrote);
    let changes = outcomes.iter().filter(counts).count();
    if changes > 0 {
        ctx.effects.changed(changes);
        ctx.notify(NotifyClass::STRING, "setbit", key);
    } else if grows {
        // All writes were refused, but the zeros are there, and replicas need them too.
        ctx.effects.changed(1);
    }
    ctx.reply.array(outcomes.len());
    for outcome in outcomes {
        match outcome.reply {
            Some(value) => ctx.reply.int(value),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn bitfield_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let ops = parse(ctx, &args[2..], true)?;
    read(ctx, args[1], &ops)
}

fn read(ctx: &mut Ctx<'_>, key: &[u8], ops: &[FieldOp]) -> CommandResult {
    let mut digits = itoa::Buffer::new();
    let bytes = ctx.keys.string(key, &mut digits)?.unwrap_or(b"");
    ctx.reply.array(ops.len());
    for op in ops {
        ctx.reply.int(int(read_one(op, bytes)));
    }
    Ok(())
}
