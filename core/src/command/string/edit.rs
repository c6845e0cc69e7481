//! Parts of strings: APPEND, SETRANGE, GETRANGE, STRLEN.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::engine::effects::NotifyClass;
use crate::keyspace::Entry;
use crate::text::number::parse_i64;
use crate::value::{Value, ValueMut, ValueRef};

pub(super) fn strlen(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let mut digits = itoa::Buffer::new();
    let len = ctx
        .keys
        .string(args[1], &mut digits)?
        .map_or(0, <[u8]>::len);
    ctx.reply.count(len);
    Ok(())
}

/// The length of the string about to be edited, and none where the key is absent.
///
/// # Errors
/// Where the key holds another type.
pub(in crate::command) fn edited_len(
    ctx: &mut Ctx<'_>,
    key: &[u8],
) -> CommandResult<Option<usize>> {
    match ctx.keys.peek(key).map(Entry::value) {
        None => Ok(None),
        Some(ValueRef::Str(bytes)) => Ok(Some(bytes.len())),
        Some(ValueRef::Int(number)) => Ok(Some(itoa::Buffer::new().format(number).len())),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// The length of a string that a command is about to make, if it is allowed.
pub(in crate::command) fn check_len(ctx: &Ctx<'_>, len: Option<usize>) -> CommandResult<usize> {
    let limit = ctx.server.config.proto_max_bulk_len;
    len.filter(|&len| len as u64 <= limit)
        .ok_or(CommandError::StringTooLong)
}

/// Lets `change` edit the string at `key` in a growable buffer. A long string is
/// edited where it is; a short one is put anew. Both are `raw` from then on.
///
/// The caller has made sure that the key holds a string, or nothing.
pub(in crate::command) fn edit<R>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    change: impl FnOnce(&mut Vec<u8>) -> R,
) -> R {
    let mut bytes = Vec::new();
    let mut expire_ms = None;
    if let Some(entry) = ctx.keys.entry_mut(key) {
        if let Some(shared) = entry.shared_string() {
            return change(shared);
        }
        expire_ms = entry.expire_ms();
        match entry.value() {
            ValueRef::Str(old) => bytes.extend_from_slice(old),
            ValueRef::Int(number) => {
                bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            _ => unreachable!("the caller checked that it is a string"),
        }
    }
    let result = change(&mut bytes);
    let mut entry = Entry::new(key, Value::Str(bytes), expire_ms);
    entry.mark_raw();
    ctx.keys.put_entry(entry);
    result
}

/// Lets `change` edit the bytes of the string at `key`, which zeros first lengthen to
/// `min_len`. Bytes that are there are changed where they are.
///
/// The caller has made sure that the key holds a string, or nothing.
pub(in crate::command) fn edit_bytes<R>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    min_len: usize,
    change: impl FnOnce(&mut [u8]) -> R,
) -> R {
    if let Some(entry) = ctx.keys.entry_mut(key)
        && let ValueRef::Str(bytes) = entry.value()
        && bytes.len() >= min_len
    {
        entry.mark_raw();
        if let ValueMut::Str(bytes) = entry.value_mut() {
            return change(bytes);
        }
    }
    edit(ctx, key, |bytes| {
        if bytes.len() < min_len {
            bytes.resize(min_len, 0);
        }
        change(bytes)
    })
}

pub(super) fn append(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, tail) = (args[1], args[2]);
    let len = match edited_len(ctx, key)? {
        None => {
            ctx.keys.put_string(key, tail, None);
            tail.len()
        }
        Some(old) => {
            check_len(ctx, old.checked_add(tail.len()))?;
            edit(ctx, key, |bytes| {
                bytes.extend_from_slice(tail);
                bytes.len()
            })
        }
    };
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "append", key);
    ctx.reply.count(len);
    Ok(())
}

pub(super) fn setrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let (key, patch) = (args[1], args[3]);
    let offset = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let offset =
        usize::try_from(offset).map_err(|_| CommandError::text("ERR offset is out of range"))?;
    let old = edited_len(ctx, key)?;
    if patch.is_empty() {
        ctx.reply.count(old.unwrap_or(0));
        return Ok(());
    }
    let end = check_len(ctx, offset.checked_add(patch.len()))?;
    edit_bytes(ctx, key, end, |bytes| {
        bytes[offset..end].copy_from_slice(patch);
    });
    let len = old.unwrap_or(0).max(end);
    ctx.effects.changed(1);
    ctx.notify(NotifyClass::STRING, "setrange", key);
    ctx.reply.count(len);
    Ok(())
}

pub(super) fn getrange(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    let start = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let end = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    let mut digits = itoa::Buffer::new();
    let bytes = ctx.keys.string(args[1], &mut digits)?.unwrap_or(b"");
    ctx.reply.bulk(&bytes[slice_of(start, end, bytes.len())]);
    Ok(())
}

pub(super) fn substr(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> CommandResult {
    getrange(ctx, args)
}

/// The bytes from `start` to `end`, both included and counted from the end if negative.
fn slice_of(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    let len_i = i64::try_from(len).expect("a length fits 63 bits");
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from = if start < 0 {
        (len_i + start).max(0)
    } else {
        start
    };
    let to = if end < 0 { (len_i + end).max(0) } else { end };
    let to = to.min(len_i - 1);
    if from > to || len == 0 {
        return 0..0;
    }
    from as usize..to as usize + 1
}
