//! Manifests and logs as Redis writes them.

use super::{Corpus, boxed};
use crate::fixup;

/// Manifests, and the words of one.
#[must_use]
pub fn manifests() -> Corpus {
    Corpus {
        seeds: boxed([
            "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n",
            "file a seq 2 type b\nfile b seq 1 type h\nfile c seq 2 type i\nfile d seq 3 type i\n",
            "# by hand\r\nfile \"a b\\x00\" seq 9223372036854775807 type i startoffset 12\r\n",
            "FILE 'a' SEQ 1 TYPE b k v k v\n",
        ]),
        tokens: boxed([
            "file ",
            " seq ",
            " type ",
            "b",
            "h",
            "i",
            "\n",
            "\"",
            "#",
            "/",
            " 0",
            " -1",
            "9223372036854775808",
        ]),
        fixup: fixup::nothing,
    }
}

/// Logs, and pieces of them.
#[must_use]
pub fn logs() -> Corpus {
    Corpus {
        seeds: boxed([
            "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
            "#TS:1700000000\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n",
            "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n",
            "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n#\n",
        ]),
        tokens: boxed([
            "*1\r\n",
            "*0\r\n",
            "*-1\r\n",
            "$5\r\nMULTI\r\n",
            "$4\r\nexec\r\n",
            "$-1\r\n",
            "$18446744073709551615\r\n",
            "#TS:",
            "#",
            "\r\n",
            "PING\r\n",
        ]),
        fixup: fixup::nothing,
    }
}
