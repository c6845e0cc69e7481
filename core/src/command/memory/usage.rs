//! MEMORY USAGE.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::keyspace::Db;
use crate::text::number::parse_i64;

/// How many elements of a collection are looked at unless SAMPLES says otherwise.
const SAMPLES: usize = 5;

pub(super) fn memory_usage(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let samples = samples(&args[3..])?;
    match ctx.keys.peek(args[2]) {
        Some(entry) => ctx.reply.count(Db::entry_bytes(entry, samples)),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// The last SAMPLES wins; 0 asks for all elements.
fn samples(options: &[&[u8]]) -> CommandResult<usize> {
    let mut samples = SAMPLES;
    for option in options.chunks(2) {
        let [name, count] = option else {
            return Err(CommandError::Syntax);
        };
        if !name.eq_ignore_ascii_case(b"samples") {
            return Err(CommandError::Syntax);
        }
        let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
        samples = match usize::try_from(count) {
            Ok(0) => usize::MAX,
            Ok(count) => count,
            Err(_) => return Err(CommandError::Syntax),
        };
    }
    Ok(samples)
}
