//! Configurations.

use super::{Corpus, boxed};
use crate::fixup;

const SEEDS: [&str; 14] = [
    "bind 127.0.0.1 -::1 192.168.1.2\nport 6380\nprotected-mode no\n",
    "requirepass Sid@123\nmasterauth \"Sid@123\"\nslaveof localhost 6379\n",
    "# a comment\n\n  save 3600 1 300 100\nsave 60 10000\n",
    "save \"\"\nappendonly no\ndir /tmp\ndbfilename \"dump \\x41.rdb\"\n",
    "client-output-buffer-limit replica 256mb 64mb 60\nclient-output-buffer-limit normal 0 0 0\n",
    "rename-command CONFIG \"\"\nrename-command flushall 'gone'\n",
    "notify-keyspace-events KEA\noom-score-adj-values 0 200 800\n",
    "repl-backlog-size 1mb\nrepl-timeout 60\nrepl-diskless-sync yes\nmin-replicas-to-write 1\n",
    "include 1\nport 7000\n\u{1e}port 7001\ninclude 2\n\u{1e}timeout 5\n",
    "include *\n\u{1e}loglevel verbose\n\u{1e}logfile \"\"\n",
    "unixsocket /tmp/s\nunixsocketperm 700\nmaxclients 100\ntcp-keepalive 300\n",
    "maxmemory 0\nhash-max-listpack-entries 128\nlist-max-listpack-size -2\nproto-max-bulk-len 1gb\n",
    "shutdown-on-sigterm save now\nproc-title-template \"{title} {listen-addr}\"\nio-threads 2\n",
    "--port 7777 --replicaof 127.0.0.1 8888 --save --loglevel verbose",
];

const TOKENS: [&str; 44] = [
    "\n",
    " ",
    "\t",
    "\r\n",
    "\"",
    "'",
    "\\",
    "\\x00",
    "\\xff",
    "#",
    "\0",
    "\u{1e}",
    "yes",
    "no",
    "\"\"",
    "0",
    "-1",
    "1gb",
    "64mb",
    "100%",
    "18446744073709551615",
    "9223372036854775808gb",
    "include 1\n",
    "include *\n",
    "include 0\n",
    "rename-command get ",
    "save ",
    "slaveof no one\n",
    "replicaof ",
    "port ",
    "bind ",
    "*",
    "[a-",
    "?",
    "dir ",
    "maxmemory ",
    "databases ",
    "client-output-buffer-limit ",
    "notify-keyspace-events ",
    "hz ",
    "user default on\n",
    "tls-port 1\n",
    "oom-score-adj-values ",
    "shutdown-on-sigint ",
];

/// Whole configurations, of one file or several.
#[must_use]
pub fn files() -> Corpus {
    Corpus {
        seeds: boxed(SEEDS),
        tokens: boxed(TOKENS),
        fixup: fixup::nothing,
    }
}

/// Lines with words and quotes.
#[must_use]
pub fn lines() -> Corpus {
    let seeds = [
        "set key value",
        "set \"a b\" 'c\\'d'",
        "\"\\n\\r\\t\\a\\b\\x41\\q\\\"\" ''",
        "  a\t\"b\"\t 'c'  ",
        "'it\\'s' \"\\xZZ\"",
    ];
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(&TOKENS[..11]),
        fixup: fixup::nothing,
    }
}
