//! Requests.

use towline_replication::wire::command;

use super::{Corpus, boxed};
use crate::fixup;

/// Arrays, inline commands, and several of both at once.
#[must_use]
pub fn requests() -> Corpus {
    let long = vec![b'v'; 700];
    let many = vec![&b"k"[..]; 12];
    let seeds = [
        command(&[b"PING"]),
        command(&[b"SET", b"key", b"value"]),
        command(&[b"SET", b"key", b"", b"PX", b"1000"]),
        command(&[b"SET", b"key", &long]),
        command(&many),
        b"PING\r\n".to_vec(),
        b"set k \"a b\\x00\\n\" 'c\\'d'\n".to_vec(),
        b"*0\r\n*-1\r\n\r\n".to_vec(),
        [
            command(&[b"MULTI"]),
            command(&[b"INCR", b"n"]),
            b"GET n\r\n".to_vec(),
            command(&[b"EXEC"]),
        ]
        .concat(),
        [command(&[b"AUTH", b"secret"]), command(&[b"HELLO", b"3"])].concat(),
        b"*1\r\n$16384\r\n".to_vec(),
        b"*11\r\n$1\r\na\r\n".to_vec(),
    ];
    let tokens = [
        "\r\n",
        "\n",
        "\r",
        "*",
        "$",
        "*1\r\n",
        "*2\r\n",
        "$0\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "$16385\r\n",
        "*11\r\n",
        "$536870912\r\n",
        "$601\r\n",
        "+",
        "-",
        ":",
        "\"",
        "'",
        "\\x41",
        "*2147483647\r\n",
        "$9223372036854775807\r\n",
        "\0",
        "$01\r\n",
    ];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens),
        fixup: fixup::nothing,
    }
}
