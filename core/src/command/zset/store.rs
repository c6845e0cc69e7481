//! Putting a result at a key.

use crate::command::Ctx;
use crate::engine::effects::NotifyClass;
use crate::value::{Value, ZSet};

/// Puts `zset` at `key`, in the place of whatever is there, and replies with
/// its length. If it is empty, the key goes.
pub(super) fn store(ctx: &mut Ctx<'_>, key: &[u8], zset: ZSet, event: &'static str) {
    let count = zset.len();
    if count > 0 {
        ctx.keys.put(key, Value::ZSet(Box::new(zset)), None);
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::ZSET, event, key);
    } else if ctx.keys.remove(key) {
        ctx.effects.changed(1);
        ctx.notify(NotifyClass::GENERIC, "del", key);
    }
    ctx.reply.count(count);
}
