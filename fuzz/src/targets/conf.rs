//! redis.conf: its grammar, the loader and CONFIG REWRITE; and the command line.

use std::io;

use towline_core::config::{Config, SetRules};
use towline_server::conf::cli::{Invocation, parse};
use towline_server::conf::{ConfError, Loaded, SourceFile, Sources, load, rewrite};

/// Separates the files of an input. The first is the one that the server is
/// started with, and `include 1` reads the second.
pub const FILE_SEPARATOR: u8 = 0x1e;

/// Files that one configuration may read before an operator gets an error.
const MAX_FILES: usize = 1000;

/// Directives that an input may set at runtime.
const MAX_PAIRS: usize = 8;

/// A configuration is refused with its line, or is one that CONFIG REWRITE keeps:
/// the new file loads to the same values, and is not changed a second time.
pub fn files(input: &[u8]) {
    let files: Vec<&[u8]> = input.split(|byte| *byte == FILE_SEPARATOR).collect();
    command_line(input);
    let (loaded, read) = loaded(&files);
    assert!(read <= MAX_FILES, "{read} files");
    match loaded {
        Err(error) => check_error(&error),
        Ok(loaded) => {
            set_at_runtime(&loaded.config, files[0]);
            rewritten(&loaded, &files, read > 1);
        }
    }
}

/// What the files load to, and how many were read.
fn loaded(files: &[&[u8]]) -> (Result<Loaded, ConfError>, usize) {
    let mut count = 0;
    let mut read = |name: &[u8]| {
        let named: Vec<(usize, &&[u8])> = match name {
            b"*" => files.iter().enumerate().skip(1).collect(),
            _ => {
                let number = std::str::from_utf8(name).ok().and_then(|n| n.parse().ok());
                let file = number.and_then(|number: usize| Some((number, files.get(number)?)));
                vec![file.ok_or_else(|| io::Error::from_raw_os_error(2))?]
            }
        };
        count += named.len();
        let source = |(number, text): (usize, &&[u8])| SourceFile {
            path: number.to_string().into_bytes(),
            text: text.to_vec(),
        };
        Ok(named.into_iter().map(source).collect())
    };
    let loaded = load(Sources {
        file: Some(b"0"),
        stdin: None,
        options: b"",
        read: &mut read,
        is_command: &is_command,
    });
    (loaded, count)
}

fn is_command(name: &[u8]) -> bool {
    [&b"get"[..], b"set", b"config", b"flushall"].contains(&name)
}

fn check_error(error: &ConfError) {
    assert!(!error.to_string().is_empty());
    if let ConfError::Line { at, reason } = error {
        assert!(at.line > 0 && !reason.is_empty());
    }
}

fn rewritten(wanted: &Loaded, files: &[&[u8]], includes: bool) {
    let text = rewrite(files[0], &wanted.config.rewrite_entries());
    let mut again = files.to_vec();
    again[0] = &text;
    let found = match loaded(&again).0 {
        Ok(found) => found,
        Err(error) => panic!("the new file does not load: {error}"),
    };
    assert_eq!(found.renames, wanted.renames);
    // Lines that join earlier ones join those of an included file once more.
    if !includes {
        let (found_entries, entries) = (
            found.config.rewrite_entries(),
            wanted.config.rewrite_entries(),
        );
        let differs = found_entries.iter().zip(&entries).find(|(a, b)| a != b);
        assert_eq!(differs, None, "another value came back");
        assert!(*found.config == *wanted.config, "another setting came back");
        assert_eq!(rewrite(&text, &entries), text, "rewritten once more");
    }
}

/// CONFIG SET takes all pairs or none, and CONFIG GET any pattern.
fn set_at_runtime(config: &Config, text: &[u8]) {
    let words: Vec<&[u8]> = text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .take(2 * MAX_PAIRS)
        .collect();
    config.get(&words);
    for pairs in [&words[..], &words[..words.len().min(2)]] {
        let mut changed = config.clone();
        match changed.set(pairs, SetRules::default()) {
            Err(_) => {
                assert!(changed == *config, "some of the pairs were taken");
            }
            Ok(changes) => {
                changed.undo(changes);
                assert!(changed == *config, "taken back, and not as before");
            }
        }
    }
}

/// The input as the arguments of the program.
fn command_line(input: &[u8]) {
    let args: Vec<Vec<u8>> = input
        .split(|byte| matches!(byte, b' ' | b'\n'))
        .map(<[u8]>::to_vec)
        .collect();
    let Invocation::Run { options, .. } = parse(&args) else {
        return;
    };
    let result = load(Sources {
        file: None,
        stdin: None,
        options: &options,
        read: &mut |_| Err(io::Error::from_raw_os_error(2)),
        is_command: &is_command,
    });
    if let Err(error) = result {
        check_error(&error);
    }
}
