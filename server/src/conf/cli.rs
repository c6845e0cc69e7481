//! The command line: `towline-server [redis.conf] [-] [--option value …]`.
//!
//! Options are turned into lines of redis.conf and read behind the file.

use towline_core::text::quote;
use towline_core::version::{REDIS_VERSION, TOWLINE_VERSION};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Run a server.
    Run {
        /// The configuration file.
        file: Option<Vec<u8>>,
        /// Read more of the configuration from standard input.
        stdin: bool,
        /// The options as lines.
        options: Vec<u8>,
    },
    /// Print this and leave.
    Print(String),
    /// Print this as an error and leave with a failure.
    Refuse(String),
}

/// What `--version` prints.
pub fn version() -> String {
    let bits = usize::BITS;
    format!("Towline server v={TOWLINE_VERSION} redis={REDIS_VERSION} bits={bits}\n")
}

/// What `--help` prints.
pub fn usage() -> String {
    "Usage: towline-server [/path/to/redis.conf] [options] [-]\n\
     \x20      towline-server - (read config from stdin)\n\
     \x20      towline-server -v or --version\n\
     \x20      towline-server -h or --help\n\n\
     Each directive of redis.conf is an option:\n\
     \x20      towline-server (run the server with default conf)\n\
     \x20      towline-server /etc/redis/6379.conf\n\
     \x20      towline-server --port 7777 --replicaof 127.0.0.1 8888\n\
     \x20      towline-server /etc/redis/6379.conf --loglevel verbose -\n"
        .into()
}

/// Reads the arguments behind the program's name.
pub fn parse(args: &[Vec<u8>]) -> Invocation {
    match args.first().map(Vec::as_slice) {
        Some(b"-v" | b"--version") => return Invocation::Print(version()),
        Some(b"-h" | b"--help") => return Invocation::Print(usage()),
        Some(b"--test-memory" | b"--check-system" | b"--sentinel") => return refuse(&args[0]),
        _ => {}
    }
    let named = args.first().filter(|arg| !arg.starts_with(b"-"));
    let rest = if named.is_some() { &args[1..] } else { args };
    // A dash stands for standard input as the first or the last argument only.
    let leading = args.first().is_some_and(|arg| arg == b"-");
    let rest = if leading { &rest[1..] } else { rest };
    let trailing = rest.last().is_some_and(|arg| arg == b"-");
    let rest = if trailing {
        &rest[..rest.len() - 1]
    } else {
        rest
    };
    Invocation::Run {
        file: named.cloned(),
        stdin: leading || trailing,
        options: options(rest),
    }
}

fn refuse(option: &[u8]) -> Invocation {
    let option = String::from_utf8_lossy(option);
    Invocation::Refuse(format!(
        "towline-server has no {option}; see towline-server --help\n"
    ))
}

/// One line for each option.
///
/// A word with two dashes begins an option only if the option before it has its
/// value, so that a value may begin with dashes. `--save` without a value is
/// `--save ""`, as scripts that build the command line from an empty list
/// write it.
fn options(args: &[Vec<u8>]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut has_value = true;
    for (index, arg) in args.iter().enumerate() {
        if !(has_value && arg.starts_with(b"--")) {
            quote::write_quoted(&mut lines, arg);
            lines.push(b' ');
            has_value = true;
            continue;
        }
        if !lines.is_empty() {
            lines.push(b'\n');
        }
        lines.extend_from_slice(&arg[2..]);
        lines.push(b' ');
        let next = args.get(index + 1);
        let bare_save =
            arg.eq_ignore_ascii_case(b"--save") && next.is_none_or(|next| next.starts_with(b"--"));
        if bare_save {
            lines.extend_from_slice(b"\"\"");
        }
        has_value = bare_save || quote::split(arg).is_ok_and(|words| words.len() != 1);
    }
    lines
}
