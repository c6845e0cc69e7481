//! DEBUG PROTOCOL: one reply of each RESP type, for those who write clients.

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::resp::Protocol;

/// What Redis answers; it happens to resemble pi.
#[allow(clippy::approx_constant, reason = "it is not meant as pi")]
const SOME_DOUBLE: f64 = 3.141;

pub(super) fn protocol(ctx: &mut Ctx<'_>, kind: &[u8]) -> CommandResult {
    let reply = &mut *ctx.reply;
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(SOME_DOUBLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.int(number);
                reply.bool(number == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if reply.protocol() == Protocol::Resp2 => {
            return Err(CommandError::text(
                "ERR RESP2 is not supported by this command",
            ));
        }
        b"push" => {
            let pushes = &mut ctx.client.pushes;
            pushes.push(2);
            pushes.bulk(b"server-cpu-usage");
            pushes.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim(*b"txt", b"This is a verbatim\nstring"),
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        _ => {
            return Err(CommandError::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
