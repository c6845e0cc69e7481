//! COPY: the same value at another key, perhaps in another database.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_db;
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;

/// Where to, and whether what is there gives way.
struct Options {
    db: usize,
    replace: bool,
}

fn parse(ctx: &Ctx<'_>, args: &[&[u8]]) -> CommandResult<Options> {
    let mut options = Options {
        db: ctx.keys.db_index(),
        replace: false,
    };
    let mut rest = args.iter();
    while let Some(option) = rest.next() {
        if option.eq_ignore_ascii_case(b"replace") {
            options.replace = true;
        } else if option.eq_ignore_ascii_case(b"db") {
            let number = rest.next().ok_or(CommandError::Syntax)?;
            options.db = parse_db(number, ctx.keys.space().databases())?;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok(options)
}

pub(super) fn copy(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (from, to) = (args[1], args[2]);
    let options = parse(ctx, &args[3..])?;
    let db = ctx.keys.db_index();
    if db == options.db && from == to {
        return Err(CommandError::text(
            "ERR source and destination objects are the same",
        ));
    }
    let found = ctx.keys.entry(from);
    let entry = found.map(|entry| {
        let mut copy = entry.with_key(to, entry.expire_ms());
        // It is a key of its own, and nobody has used it yet.
        copy.set_access(0);
        copy
    });
    let copied = match entry {
        Some(entry) => put(ctx, entry, &options),
        None => false,
    };
    ctx.reply.int(i64::from(copied));
    Ok(())
}

/// Puts the copy where it belongs, if it may.
fn put(ctx: &mut Ctx<'_>, entry: Entry, options: &Options) -> bool {
    let key = entry.key().to_vec();
    let db = ctx.keys.db_index();
    ctx.keys.select(options.db);
    let free = options.replace || !ctx.keys.is_present(&key);
    if free {
        // What is replaced was another key.
        ctx.keys.remove(&key);
        ctx.keys.put_entry(entry);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "copy_to", &key);
    }
    ctx.keys.select(db);
    free
}
