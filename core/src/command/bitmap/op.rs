//! BITOP.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::value::Value;

/// What BITOP makes of the bits that stand at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// Set in the first string and in no other.
    Diff,
    /// Set in another string and not in the first.
    Diff1,
    /// Set in the first string and in another.
    AndOr,
    /// Set in exactly one string.
    One,
}

impl Operation {
    fn parse(name: &[u8]) -> CommandResult<Self> {
        const NAMES: [(&str, Operation); 8] = [
            ("and", Operation::And),
            ("or", Operation::Or),
            ("xor", Operation::Xor),
            ("not", Operation::Not),
            ("diff", Operation::Diff),
            ("diff1", Operation::Diff1),
            ("andor", Operation::AndOr),
            ("one", Operation::One),
        ];
        let is = |row: &&(&str, Self)| name.eq_ignore_ascii_case(row.0.as_bytes());
        NAMES
            .iter()
            .find(is)
            .map(|row| row.1)
            .ok_or(CommandError::Syntax)
    }

    fn check_sources(self, sources: usize) -> CommandResult {
        let message = match self {
            Self::Not if sources != 1 => "ERR BITOP NOT must be called with a single source key.",
            Self::Diff if sources < 2 => {
                "ERR BITOP DIFF must be called with at least two source keys."
            }
            Self::Diff1 if sources < 2 => {
                "ERR BITOP DIFF1 must be called with at least two source keys."
            }
            Self::AndOr if sources < 2 => {
                "ERR BITOP ANDOR must be called with at least two source keys."
            }
            _ => return Ok(()),
        };
        Err(CommandError::text(message))
    }

    /// True for what Redis before 8.2 and Valkey do not know.
    const fn is_new(self) -> bool {
        matches!(self, Self::Diff | Self::Diff1 | Self::AndOr | Self::One)
    }
}

/// The strings so far, all as long as the longest.
#[derive(Debug)]
struct Fold {
    operation: Operation,
    sources: usize,
    /// The first string, or the result so far where one is enough.
    result: Vec<u8>,
    /// What the others have together, or for ONE what two strings have.
    others: Vec<u8>,
}

impl Fold {
    const fn new(operation: Operation) -> Self {
        Self {
            operation,
            sources: 0,
            result: Vec::new(),
            others: Vec::new(),
        }
    }

    fn add(&mut self, source: &[u8]) {
        self.sources += 1;
        if self.sources == 1 {
            self.result.extend_from_slice(source);
            return;
        }
        let len = self.result.len().max(source.len());
        self.result.resize(len, 0);
        match self.operation {
            Operation::And => {
                self.result[source.len()..].fill(0);
                apply(&mut self.result, source, |a, b| a & b);
            }
            Operation::Or => apply(&mut self.result, source, |a, b| a | b),
            Operation::Xor => apply(&mut self.result, source, |a, b| a ^ b),
            Operation::Not => unreachable!("NOT has one source"),
            Operation::Diff | Operation::Diff1 | Operation::AndOr => {
                self.others.resize(len, 0);
                apply(&mut self.others, source, |a, b| a | b);
            }
            Operation::One => {
                self.others.resize(len, 0);
                let pairs = self.others.iter_mut().zip(&self.result);
                for ((twice, seen), byte) in pairs.zip(source) {
                    *twice |= seen & byte;
                }
                apply(&mut self.result, source, |a, b| a | b);
            }
        }
    }

    fn end(mut self) -> Vec<u8> {
        // The first string may be the only one, and shorter than the others.
        self.others.resize(self.result.len(), 0);
        match self.operation {
            Operation::And | Operation::Or | Operation::Xor => {}
            Operation::Not => self.result.iter_mut().for_each(|byte| *byte = !*byte),
            Operation::Diff | Operation::One => {
                apply(&mut self.result, &self.others, |a, b| a & !b);
            }
            Operation::Diff1 => apply(&mut self.result, &self.others, |a, b| !a & b),
            Operation::AndOr => apply(&mut self.result, &self.others, |a, b| a & b),
        }
        self.result
    }
}

/// Byte by byte, which the compiler turns into vectors.
fn apply(result: &mut [u8], source: &[u8], combine: impl Fn(u8, u8) -> u8) {
    for (byte, other) in result.iter_mut().zip(source) {
        *byte = combine(*byte, *other);
    }
}

pub(super) fn bitop(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let operation = Operation::parse(args[1])?;
    let (target, sources) = (args[2], &args[3..]);
    operation.check_sources(sources.len())?;
    let mut fold = Fold::new(operation);
    for source in sources {
        let mut digits = itoa::Buffer::new();
        fold.add(ctx.keys.string(source, &mut digits)?.unwrap_or(b""));
    }
    let result = fold.end();
    let len = result.len();
    // A replica of another family would refuse the newer operations, and miss the write.
    if operation.is_new() {
        propagate_result(ctx, target, &result);
    }
    store(ctx, target, result);
    ctx.reply.count(len);
    Ok(())
}

fn propagate_result(ctx: &mut Ctx<'_>, target: &[u8], result: &[u8]) {
    if !result.is_empty() {
        ctx.propagate(&[b"SET", target, result]);
    } else if ctx.keys.is_present(target) {
        ctx.propagate(&[b"DEL", target]);
    }
}

fn store(ctx: &mut Ctx<'_>, target: &[u8], result: Vec<u8>) {
    if !result.is_empty() {
        let mut entry = Entry::new(target, Value::Str(result), None);
        entry.mark_raw();
        ctx.keys.put_entry(entry);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::STRING, "set", target);
    } else if ctx.keys.remove(target) {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", target);
    }
}
