//! PFSELFTEST: that registers keep what they are told, and that estimates are near.

use super::sketch::{self, REGISTERS, Registers};
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};

/// Enough to pass from nearly empty registers to full ones, and quick.
const ELEMENTS: u64 = 200_000;

fn failed(text: &str) -> CommandError {
    CommandError::text(format!("TESTFAILED {text}"))
}

pub(super) fn pfselftest(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    registers_hold()?;
    estimates_are_near(ctx.server.config.hll_sparse_max_bytes)?;
    ctx.reply.ok();
    Ok(())
}

/// Writes a rank to every dense register, in an order that mixes neighbours.
fn registers_hold() -> CommandResult {
    let mut bytes = sketch::empty();
    sketch::make_dense(&mut bytes)?;
    let rank_of = |register: usize| (register % 51) as u8 + 1;
    for step in 0..REGISTERS {
        let register = step * 5 % REGISTERS;
        sketch::raise(&mut bytes, register, rank_of(register), 0)?;
    }
    let mut registers: Box<Registers> = Box::new([0; REGISTERS]);
    sketch::merge_into(&bytes, &mut registers)?;
    for (register, rank) in registers.iter().enumerate() {
        let wanted = rank_of(register);
        if *rank != wanted {
            let text = format!("Register {register} should be {wanted} but is {rank}");
            return Err(failed(&text));
        }
    }
    Ok(())
}

/// Counts a growing set in both encodings.
fn estimates_are_near(sparse_max_bytes: usize) -> CommandResult {
    let mut grown = sketch::empty();
    let mut dense = sketch::empty();
    sketch::make_dense(&mut dense)?;
    let mut checkpoint = 1;
    for element in 1..=ELEMENTS {
        let (register, rank) = sketch::place_of(&element.to_le_bytes());
        sketch::raise(&mut grown, register, rank, sparse_max_bytes)?;
        sketch::raise(&mut dense, register, rank, sparse_max_bytes)?;
        if element == checkpoint {
            checkpoint *= 10;
            compare(&grown, &dense, element)?;
        }
    }
    Ok(())
}

fn compare(grown: &[u8], dense: &[u8], elements: u64) -> CommandResult {
    // Four times the standard error, with room for collisions of a few elements.
    let allowed = (elements as f64 * 4.0 * 1.04 / (REGISTERS as f64).sqrt()).ceil() as u64;
    let estimate = sketch::estimate(&sketch::histogram(dense)?);
    if estimate != sketch::estimate(&sketch::histogram(grown)?) {
        return Err(failed(&format!("dense/sparse disagree at {elements}")));
    }
    if estimate.abs_diff(elements) > allowed {
        let text = format!("Too big error. card:{elements} estimate:{estimate}");
        return Err(failed(&text));
    }
    Ok(())
}
