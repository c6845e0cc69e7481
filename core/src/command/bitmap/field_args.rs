//! The operations of BITFIELD as they are written.

use super::range::field_offset;
use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;

/// The type of a field: `u8`, `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldType {
    pub(super) signed: bool,
    /// 1 to 64, and to 63 if unsigned.
    pub(super) width: u32,
}

impl FieldType {
    fn parse(text: &[u8]) -> CommandResult<Self> {
        let (signed, digits) = match text {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return Err(BAD_TYPE),
        };
        let longest = if signed { 64 } else { 63 };
        let width = parse_i64(digits).filter(|width| (1..=longest).contains(width));
        let width = width.ok_or(BAD_TYPE)? as u32;
        Ok(Self { signed, width })
    }
}

const BAD_TYPE: CommandError = CommandError::Text(std::borrow::Cow::Borrowed(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 \
     is.",
));

/// What becomes of a value that the type cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Overflow {
    /// The lowest bits stay.
    #[default]
    Wrap,
    /// The nearest value is taken.
    Saturate,
    /// Nothing is written, and the reply is null.
    Fail,
}

impl Overflow {
    fn parse(text: &[u8]) -> CommandResult<Self> {
        match text.to_ascii_lowercase().as_slice() {
            b"wrap" => Ok(Self::Wrap),
            b"sat" => Ok(Self::Saturate),
            b"fail" => Ok(Self::Fail),
            _ => Err(CommandError::text("ERR Invalid OVERFLOW type specified")),
        }
    }
}

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldOp {
    pub(super) kind: FieldType,
    /// The field's first bit.
    pub(super) offset: u64,
    pub(super) action: Action,
}

impl FieldOp {
    /// How long a string that holds the field is.
    pub(super) const fn end_bytes(&self) -> u64 {
        (self.offset + self.kind.width as u64).div_ceil(8)
    }

    pub(super) const fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }
}

/// Reads all operations; `read_only` refuses writes.
pub(super) fn parse(ctx: &Ctx<'_>, args: &[&[u8]], read_only: bool) -> CommandResult<Vec<FieldOp>> {
    let mut ops = Vec::new();
    let mut overflow = Overflow::default();
    let mut rest = args;
    while let [name, operands @ ..] = rest {
        let is = |text: &[u8]| name.eq_ignore_ascii_case(text);
        let taken = match operands {
            [mode, ..] if is(b"overflow") => {
                overflow = Overflow::parse(mode)?;
                1
            }
            [kind, offset, ..] if is(b"get") => {
                ops.push(field(ctx, kind, offset, Action::Get)?);
                2
            }
            [kind, offset, value, ..] if is(b"set") || is(b"incrby") => {
                let mut op = field(ctx, kind, offset, Action::Get)?;
                let value = parse_i64(value).ok_or(CommandError::NotInteger)?;
                op.action = if is(b"set") {
                    Action::Set(value, overflow)
                } else {
                    Action::Add(value, overflow)
                };
                ops.push(op);
                3
            }
            _ => return Err(CommandError::Syntax),
        };
        rest = &operands[taken..];
    }
    if read_only && ops.iter().any(FieldOp::writes) {
        let message = "ERR BITFIELD_RO only supports the GET subcommand";
        return Err(CommandError::text(message));
    }
    Ok(ops)
}

fn field(ctx: &Ctx<'_>, kind: &[u8], offset: &[u8], action: Action) -> CommandResult<FieldOp> {
    let kind = FieldType::parse(kind)?;
    let offset = field_offset(ctx, offset, kind.width)?;
    Ok(FieldOp {
        kind,
        offset,
        action,
    })
}
